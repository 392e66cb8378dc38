"""Files of every layer's output."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from cifarviz.analysis.feature_maps import LayerView, scale_channels
from cifarviz.figures.color_maps import ColorMap, color_table
from cifarviz.ui.inside.display import ChannelDisplay, picture_file, pictures_file, values_file

MAPS = np.random.default_rng(0).normal(size=(4, 4, 6)).astype(np.float32)
MAPS[..., 5] = 0
VIEWS = (
    LayerView("conv2d_1", "conv2d", MAPS, scale_channels(MAPS)),
    LayerView("dense_1", "dense", np.arange(3, dtype=np.float32), None),
)
GREY = ChannelDisplay("index", "own", "grey")


def test_all_values_are_in_one_file() -> None:
    with np.load(io.BytesIO(values_file(VIEWS)), allow_pickle=False) as found:
        assert sorted(found.files) == ["conv2d_1", "dense_1"]
        np.testing.assert_array_equal(found["conv2d_1"], MAPS)


def test_each_layer_with_maps_is_a_picture() -> None:
    with zipfile.ZipFile(io.BytesIO(pictures_file(VIEWS, GREY))) as archive:
        assert archive.namelist() == ["01-conv2d_1.png"]
        picture = Image.open(io.BytesIO(archive.read("01-conv2d_1.png")))
        # Six tiles of 64 pixels in three columns, with gaps around them.
        assert picture.size == (3 * 68 + 4, 2 * 68 + 4)


@pytest.mark.parametrize("colors", ["magma", "purple-green"])
def test_a_picture_is_scaled_and_coloured_as_shown(colors: ColorMap) -> None:
    png = picture_file(VIEWS[0], ChannelDisplay("strength", "layer", colors))
    picture = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    low, high = float(MAPS.min()), float(MAPS.max())
    if colors == "purple-green":
        low, high = -max(-low, high), max(-low, high)
    # The middle of the first cell of each tile, which are in the channels' own order.
    for channel in range(5):
        share = (MAPS[0, 0, channel] - low) / (high - low)
        found = picture[12 + 68 * (channel // 3), 12 + 68 * (channel % 3)].astype(int)
        np.testing.assert_allclose(found, color_table(colors)[int(255 * share)], atol=6)
    assert picture[12 + 68, 12 + 2 * 68].tolist() == [128, 128, 128]  # dead
