"""Every layer's output for an image, as files to take away."""

import io
import zipfile
from collections.abc import Sequence

import numpy as np
from PIL import Image

from cifarviz.analysis.feature_maps import LayerView
from cifarviz.figures.channel_grid import channel_grid


def numbers_file(views: Sequence[LayerView]) -> bytes:
    """An ``.npz`` with each layer's values, float32, by its name."""
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **{view.name: view.values for view in views})
    return file.getvalue()


def pictures_file(views: Sequence[LayerView]) -> bytes:
    """A ``.zip`` with a PNG for each layer with maps, as ``feature-maps`` writes them."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number, view in enumerate(views, 1):
            if view.maps is None:
                continue
            picture = io.BytesIO()
            Image.fromarray(channel_grid(view.maps.images)).save(picture, "PNG")
            archive.writestr(f"{number:02d}-{view.name}.png", picture.getvalue())
    return file.getvalue()
