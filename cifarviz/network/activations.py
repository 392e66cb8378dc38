"""What every layer of a network puts out for one image, and the kernels that made it."""

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from cifarviz.errors import ArtifactMissing
from cifarviz.experiment.layers import LAYER_TYPES
from cifarviz.network.build import RESCALING
from cifarviz.network.inference import check_images

_TYPES = {made.keras_name: type_ for type_, made in LAYER_TYPES.items()}


@dataclass(frozen=True, eq=False)
class LayerOutput:
    """One layer's output for one image."""

    name: str
    type: str
    """As in the architecture: ``"conv2d"``, ``"max_pool2d"``, …"""
    values: NDArray[np.float32]
    """(height, width, channels) of a layer with maps, else (values,)."""


class Observer:
    """Looks into every layer of a model at once.

    Making one costs a fraction of a second, looking a few milliseconds: keep it. It sees the
    weights as they are at each look, so it may watch a model that trains.
    """

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self._layers = [
            layer
            for layer in model.layers
            if not isinstance(layer, keras.layers.InputLayer) and layer.name != RESCALING
        ]
        self._graph = tf.function(
            self._all_outputs,
            input_signature=[tf.TensorSpec((1, *model.input_shape[1:]), tf.uint8)],
            jit_compile=False,
        )
        self.observe(np.zeros(model.input_shape[1:], np.uint8))  # so that the first look is quick

    def observe(self, image: NDArray[np.uint8]) -> tuple[LayerOutput, ...]:
        """Every layer's output for one raw image, uint8 (height, width, channels), in order.

        The rescaling before the first layer is not among them. Raises ``ExperimentInvalid`` if
        the image has another shape than the network takes.
        """
        batch = np.array(image[np.newaxis], dtype=np.uint8)
        check_images(self._model, batch)
        outputs = self._graph(tf.constant(batch))
        return tuple(
            LayerOutput(layer.name, _TYPES[layer.name.rpartition("_")[0]], output.numpy()[0])
            for layer, output in zip(self._layers, outputs, strict=True)
        )

    def _all_outputs(self, batch: tf.Tensor) -> list[tf.Tensor]:
        values = self._model.get_layer(RESCALING)(batch)
        outputs = []
        for layer in self._layers:
            values = layer(values, training=False)
            outputs.append(tf.cast(values, tf.float32))
        return outputs


def conv_kernel(model: keras.Model, name: str) -> NDArray[np.float32]:
    """A convolution's weights, float32 (height, width, input channels, filters).

    Raises ``ArtifactMissing`` if there is no convolution of that name.
    """
    layer = next((layer for layer in model.layers if layer.name == name), None)
    if not isinstance(layer, keras.layers.Conv2D):
        raise ArtifactMissing(f"This network has no convolution called “{name}”, so no kernel.")
    return np.array(layer.kernel.numpy(), dtype=np.float32)
