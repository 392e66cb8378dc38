"""Every layer's output for an image, as files to take away."""

import io
import zipfile
from collections.abc import Sequence

import numpy as np
from PIL import Image

from cifarviz.analysis.feature_maps import LayerView
from cifarviz.escaping import safe_file_name
from cifarviz.figures.channel_grid import channel_grid
from cifarviz.ui.inside.drawing import drawn, limits
from cifarviz.ui.inside.manner import Manner


def numbers_file(views: Sequence[LayerView]) -> bytes:
    """An ``.npz`` with each layer's values, float32, by its name."""
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **{view.name: view.values for view in views})
    return file.getvalue()


def picture_file(view: LayerView, manner: Manner) -> bytes:
    """A PNG of all channels of a layer with maps, by number, scaled and coloured as shown."""
    file = io.BytesIO()
    Image.fromarray(channel_grid(drawn(view, manner, limits(manner, view)).rgb)).save(file, "PNG")
    return file.getvalue()


def pictures_file(views: Sequence[LayerView], manner: Manner) -> bytes:
    """A ``.zip`` with a PNG for each layer with maps, named as ``feature-maps`` names them."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number, view in enumerate(views, 1):
            if view.maps is not None:
                archive.writestr(
                    safe_file_name(f"{number:02d}-{view.name}", ".png"), picture_file(view, manner)
                )
    return file.getvalue()
