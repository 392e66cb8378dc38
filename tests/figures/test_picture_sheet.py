"""A sheet's tiles are the images as they went in, with clear gaps."""

import io

import numpy as np
import pytest
from PIL import Image

from cifarviz.figures.pictures import picture_sheet


@pytest.mark.parametrize(("size", "channels"), [(8, 1), (32, 3), (100, 3)])
def test_tiles_come_back_enlarged_by_whole_pixels(size: int, channels: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, size, size, channels), np.uint8)
    sheet = np.asarray(Image.open(io.BytesIO(picture_sheet(images, 3))))
    scale = max(1, -(-64 // size))
    wide = size * scale
    gap = (sheet.shape[1] - 3 * wide) // 2
    assert sheet.shape == (2 * wide + gap, 3 * wide + 2 * gap, channels + 1)
    for place, image in enumerate(images):
        top, left = place // 3 * (wide + gap), place % 3 * (wide + gap)
        tile = sheet[top : top + wide, left : left + wide]
        assert np.array_equal(tile[::scale, ::scale, :channels], image)
        assert (tile[..., channels] == 255).all()
    assert (sheet[:, wide : wide + gap, channels] == 0).all()
    # The sixth place is empty.
    assert (sheet[wide + gap :, 2 * (wide + gap) :, channels] == 0).all()


def test_no_images_are_refused() -> None:
    with pytest.raises(ValueError, match="0 images"):
        picture_sheet(np.zeros((0, 8, 8, 1), np.uint8), 3)
