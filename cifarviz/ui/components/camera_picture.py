"""A camera that takes a picture, or a few a second."""

import binascii
import json
from base64 import b64decode
from collections.abc import Callable
from typing import Any, Final

from cifarviz.ui import state
from cifarviz.ui.components.loading import component

PICTURE_SIDE: Final = 448
"""Pixels of each side of a picture, which is square, at most."""
_MAX_TEXT: Final = 1_000_000


def camera_picture(*, key: str, number: int, on_picture: Callable[[int, bytes], None]) -> None:
    """Show the camera. ``on_picture`` gets a picture, a JPEG file, before the next run.

    It also gets the picture's number. The next of continuous pictures comes when ``number`` is
    that of the last.
    """

    def receive() -> None:
        picture = parse_picture(state.get(key).get("picture"))
        if picture is not None:
            on_picture(*picture)

    component("camera_picture", shared=("camera_stream",))(
        key=key,
        data=json.dumps({"number": number, "side": PICTURE_SIDE}).encode(),
        on_picture_change=receive,
    )


def parse_picture(value: Any) -> tuple[int, bytes] | None:
    """Return the number and content of what a browser has sent; ``None`` if it is neither."""
    if not isinstance(value, dict):
        return None
    number, text = value.get("number"), value.get("picture")
    if type(number) is not int or not 0 < number < 2**53 or not isinstance(text, str):
        return None
    if len(text) > _MAX_TEXT:
        return None
    try:
        return number, b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
