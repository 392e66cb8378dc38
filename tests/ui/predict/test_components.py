"""What a browser sends from the camera and the cropper is read, or ignored."""

from base64 import b64encode
from typing import Any

import pytest

from cifarviz.data.pictures import Crop
from cifarviz.ui.components.camera_picture import parse_picture
from cifarviz.ui.components.cropper import parse_crop


def test_a_part_and_a_picture_are_read() -> None:
    assert parse_crop([0.25, 0.5, 1]) == Crop(0.25, 0.5, 1.0)
    text = b64encode(b"jpeg").decode()
    assert parse_picture({"number": 3, "picture": text}) == (3, b"jpeg")


@pytest.mark.parametrize(
    "value",
    [None, "0.5", [0.5, 0.5], [0.5, 0.5, 2], [-1, 0, 1], [float("nan"), 0, 1], [0, 0, 0],
     [True, 0.5, 1], [0.5, "0", 1]],
)  # fmt: skip
def test_anything_else_is_no_part(value: Any) -> None:
    assert parse_crop(value) is None


@pytest.mark.parametrize(
    "value",
    [None, {}, {"number": 1}, {"number": 0, "picture": ""}, {"number": "1", "picture": ""},
     {"number": 1, "picture": "no base64!"}, {"number": 1, "picture": "A" * 2_000_000}],
)  # fmt: skip
def test_anything_else_is_no_picture(value: Any) -> None:
    assert parse_picture(value) is None
