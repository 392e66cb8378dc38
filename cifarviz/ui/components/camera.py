"""A camera that collects pictures of classes while a button is held."""

import binascii
import json
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from cifarviz.data.importing.camera_pictures import (
    MAX_PICTURE_BYTES,
    MAX_PICTURES,
    unreadable_error,
)
from cifarviz.data.importing.options import MAX_CLASSES
from cifarviz.data.importing.reading import LONGEST_CLASS
from cifarviz.ui import state
from cifarviz.ui.components.loading import component

PICTURE_SIDE: Final = 192
"""Pixels of each side of a picture: at least as many as a data set may have."""
_MAX_PARTS: Final = 1000


@dataclass(frozen=True)
class CameraPart:
    """Part ``number`` of ``count``, from 0, of the pictures that a browser sends as ``capture``.

    ``names`` are those of the classes, as typed. Each of ``pictures`` is the number of its class,
    how often a button had been held, and a JPEG file.
    """

    capture: str
    number: int
    count: int
    names: tuple[str, ...]
    pictures: tuple[tuple[int, int, bytes], ...]


def camera(
    *, key: str, memory: state.CameraMemory, forget: str, on_part: Callable[[Any], None]
) -> None:
    """Show the camera, and classes with their pictures, which stay in the browser until used.

    ``on_part`` gets, before the next run of the script, what ``parse_part`` reads; the next part
    comes when ``memory`` has received it. The browser forgets the pictures of the capture
    ``forget``.
    """
    data = {
        "capture": memory.capture,
        "forget": forget,
        "longest": LONGEST_CLASS,
        "most": MAX_PICTURES,
        "mostClasses": MAX_CLASSES,
        "problem": memory.problem,
        "received": memory.received,
        "side": PICTURE_SIDE,
    }
    component("camera", shared=("camera_collection", "camera_stream"))(
        key=key,
        data=json.dumps(data).encode(),
        on_part_change=lambda: on_part(state.get(key).get("part")),
    )


def parse_part(value: Any) -> CameraPart:
    """Return what a browser has sent; raises ``ImportRefused`` if it is something else."""
    try:
        number, count = value["part"], value["parts"]
        names, capture = tuple(value["classes"]), value["capture"]
        pictures = tuple(
            (label, hold, _decode(content)) for label, hold, content in value["pictures"]
        )
    except (TypeError, LookupError, ValueError) as error:
        raise unreadable_error() from error
    whole = (number, count, *(n for label, hold, _ in pictures for n in (label, hold)))
    if (
        not all(type(n) is int for n in whole)
        or not all(isinstance(text, str) for text in (capture, *names))
        or not 0 <= number < count <= _MAX_PARTS
    ):
        raise unreadable_error()
    return CameraPart(capture, number, count, names, pictures)


def _decode(content: str) -> bytes:
    # A little more is refused with a reason, where all is checked.
    if len(content) > 2 * MAX_PICTURE_BYTES:
        raise ValueError("too large")
    try:
        return b64decode(content, validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error
