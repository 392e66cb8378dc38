"""The formats in which experiments have been stored, and older ones brought up to date."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from cifarviz.errors import ExperimentInvalid, UnknownFormat

FORMAT: Literal[2] = 2
"""What is written now. Format 1 knew no callbacks."""

# What the runs of format 1 did. It is written out, so that a default changed later alters none.
_ADDED_IN_2: Mapping[str, Any] = MappingProxyType(
    {
        "monitor": "loss",
        "early_stopping": None,
        "best_only": False,
        "tensorboard": False,
        "test_epochs": [],
    }
)


def current_text(text: str) -> str:
    """``text``, as some version wrote it, in the format that is written now.

    Raises ``UnknownFormat``, and ``ExperimentInvalid`` for what is no stored experiment at all.
    """
    fields = _parsed(text)
    written = fields["format"]
    # True equals 1, and 1.0 does.
    if type(written) is int and written == FORMAT:
        return text
    if type(written) is int and written == 1:
        return json.dumps({**_ADDED_IN_2, **fields, "format": FORMAT})
    raise UnknownFormat(
        f"This experiment has format {_short(written)} and this version of cifarviz reads "
        f"formats 1 and {FORMAT}: open it with the version that wrote it."
    )


def _parsed(text: str) -> dict[str, Any]:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ExperimentInvalid("This is not an experiment: it is not valid JSON.") from error
    if not isinstance(fields, dict) or "format" not in fields:
        raise ExperimentInvalid("This is not an experiment: it has no format number.")
    return fields


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 20 else f"{text[:20]}…"
