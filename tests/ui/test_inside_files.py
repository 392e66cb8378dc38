"""Files of every layer's output."""

import io
import zipfile

import numpy as np
from PIL import Image

from cifarviz.analysis.feature_maps import LayerView, scale_channels
from cifarviz.ui.inside.files import numbers_file, pictures_file

MAPS = np.random.default_rng(0).normal(size=(4, 4, 6)).astype(np.float32)
VIEWS = (
    LayerView("conv2d_1", "conv2d", MAPS, scale_channels(MAPS)),
    LayerView("dense_1", "dense", np.arange(3, dtype=np.float32), None),
)


def test_all_values_are_in_one_file() -> None:
    with np.load(io.BytesIO(numbers_file(VIEWS)), allow_pickle=False) as found:
        assert sorted(found.files) == ["conv2d_1", "dense_1"]
        np.testing.assert_array_equal(found["conv2d_1"], MAPS)


def test_each_layer_with_maps_is_a_picture() -> None:
    with zipfile.ZipFile(io.BytesIO(pictures_file(VIEWS))) as archive:
        assert archive.namelist() == ["01-conv2d_1.png"]
        picture = Image.open(io.BytesIO(archive.read("01-conv2d_1.png")))
        # Six tiles of 64 pixels in three columns, with gaps around them.
        assert picture.size == (3 * 68 + 4, 2 * 68 + 4)
