"""Read-only results, since several sessions share them."""

from dataclasses import fields
from typing import Any, TypeVar

import numpy as np

Dataclass = TypeVar("Dataclass", bound=Any)


def read_only(result: Dataclass) -> Dataclass:
    """``result``, a dataclass, with all its arrays made read-only."""
    for field in fields(result):
        value = getattr(result, field.name)
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    return result
