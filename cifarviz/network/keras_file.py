"""Export a stored network as Keras files, which open without cifarviz."""

import tempfile
from collections.abc import Callable, Mapping
from functools import reduce
from pathlib import Path

import keras
import numpy as np

from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.prediction_views import ONLY_THE_IMAGE, PredictionViews
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.network.build import build
from cifarviz.network.variables import assign


def keras_file(
    architecture: Architecture,
    scaling: Scaling,
    arrays: Mapping[str, np.ndarray],
    prediction_views: PredictionViews = ONLY_THE_IMAGE,
) -> bytes:
    """A ``.keras`` file: raw pixels 0 to 255 in, float32 probabilities out, nothing to compile.

    ``arrays`` come from ``network.variables.to_arrays``. The model returns the mean prediction for
    the ``prediction_views`` of each image. Layers and functions are Keras' own, so it loads
    anywhere. The last of them is always a softmax, so that Keras evaluates its loss from logits.
    Raises ``ArtifactDamaged`` when the arrays don't fit.
    """
    model = _network(architecture, scaling, arrays)
    if prediction_views.count > 1:
        # The softmax gets the logarithms of the sum of all views' probabilities.
        model.layers[-1].activation = keras.activations.log_softmax
        image = keras.Input(architecture.input_shape, name="image", dtype="float32")
        logs = [model(view) for view in _make_views(image, prediction_views)]
        mean = keras.layers.Softmax(name="mean_of_views")(reduce(keras.ops.logaddexp, logs))
        model = keras.Model(image, mean, name="mean_prediction")
    return _saved_bytes("network.keras", model.save)


def weights_file(
    architecture: Architecture, scaling: Scaling, arrays: Mapping[str, np.ndarray]
) -> bytes:
    """A ``.weights.h5`` file for the ``load_weights`` of a model with the same layers in order."""
    return _saved_bytes("network.weights.h5", _network(architecture, scaling, arrays).save_weights)


def _network(
    architecture: Architecture, scaling: Scaling, arrays: Mapping[str, np.ndarray]
) -> keras.Model:
    model = build(architecture, scaling, drawn_by_keras=True)
    assign(model, arrays)
    return model


def _make_views(
    image: keras.KerasTensor, prediction_views: PredictionViews
) -> list[keras.KerasTensor]:
    found = [image]
    if prediction_views.shift:
        height, width = image.shape[1:3]
        shift = prediction_views.shift
        around = shift, shift
        padded = keras.ops.pad(image, [(0, 0), around, around, (0, 0)], mode="reflect")
        found.append(padded[:, 2 * shift :, 2 * shift :])
        found.append(padded[:, :height, :width])
    if prediction_views.mirrored:
        found += [keras.ops.flip(view, axis=2) for view in found]
    return found


def _saved_bytes(name: str, write: Callable[[Path], object]) -> bytes:
    # Keras writes only to files, and chooses the format by the name.
    with tempfile.TemporaryDirectory(prefix="cifarviz-") as folder:
        path = Path(folder) / name
        write(path)
        return path.read_bytes()
