"""Export a stored network as Keras files, which open without cifarviz."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np

from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.network.build import build
from cifarviz.network.variables import assign


def keras_file(
    architecture: Architecture,
    scaling: Scaling,
    arrays: Mapping[str, np.ndarray],
    *,
    mirrored_answers: bool = False,
) -> bytes:
    """A ``.keras`` file: raw pixels 0 to 255 in, float32 probabilities out, nothing to compile.

    ``arrays`` come from ``network.variables.to_arrays``. With ``mirrored_answers`` the model
    returns the mean prediction for the image and its mirror image. Layers and functions are Keras'
    own, so it loads anywhere. The last of them is always a softmax, so that Keras evaluates its
    loss from logits. Raises ``ArtifactDamaged`` when the arrays don't fit.
    """
    model = _network(architecture, scaling, arrays)
    if mirrored_answers:
        # The softmax gets the logarithms of the sum of both images' probabilities.
        model.layers[-1].activation = keras.activations.log_softmax
        image = keras.Input(architecture.input_shape, name="image", dtype="float32")
        mirror_image = keras.ops.flip(image, axis=2)
        both = keras.ops.logaddexp(model(image), model(mirror_image))
        mean = keras.layers.Softmax(name="mean_of_both")(both)
        model = keras.Model(image, mean, name="mirrored_answers")
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


def _saved_bytes(name: str, write: Callable[[Path], object]) -> bytes:
    # Keras writes only to files, and chooses the format by the name.
    with tempfile.TemporaryDirectory(prefix="cifarviz-") as folder:
        path = Path(folder) / name
        write(path)
        return path.read_bytes()
