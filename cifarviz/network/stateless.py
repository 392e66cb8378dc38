"""A network whose weights are an argument.

Building and compiling a Keras model takes 0.1 s; passing other weights to a compiled graph takes
1 ms. So the graphs of each architecture are cached, for the weights of any epoch of any run.
"""

import functools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from cifarviz.errors import ArtifactDamaged, ArtifactMissing
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.network.build import build
from cifarviz.network.graph import Node, run
from cifarviz.network.inference import check_images, compute_logits, mean_log_probabilities
from cifarviz.network.threads import batch_parts, split_batch
from cifarviz.network.variables import match_arrays

_MAX_CACHED = 16
_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class LayerOutput:
    """A layer's output for one image, or for several."""

    name: str
    type: str
    """As in the architecture: ``"conv2d"``, ``"max_pool2d"``, …"""
    values: NDArray[np.float32]
    """(height, width, channels) of a layer with maps, else (values,); for several images (n, …)."""


@dataclass(frozen=True, eq=False)
class Peaks:
    """Where each channel of a layer with maps is highest in each of n images.

    ``values`` float32 (n, channels); ``places`` int32 (n, channels): row · width + column, the
    first of equals; ``silent`` bool (n, channels): the map has the same value everywhere, or on a
    1×1 map 0, as in ``ScaledMaps.dead``.
    """

    name: str
    values: NDArray[np.float32]
    places: NDArray[np.int32]
    silent: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class NetworkWeights:
    """The weights of a network and its pixel scaling, as tensors."""

    values: tuple[tf.Tensor, ...]
    scale: tf.Tensor
    offset: tf.Tensor


class StatelessNetwork:
    """The graphs of an architecture, in float32; any number of threads may use them."""

    def __init__(self, architecture: Architecture, *, mirrored_answers: bool) -> None:
        channels = architecture.input_shape[-1]
        self.architecture = architecture
        self._model = build(architecture, Scaling((1.0,) * channels, (0.0,) * channels))
        self._mirrored = mirrored_answers
        self._nodes = self._model.nodes
        self._all_nodes = [inner for node in self._nodes for inner in node.all_nodes()]
        # Without dropout's random generators, which predictions do not need.
        self._variables = [
            variable for variable in self._model.variables if variable.dtype == "float32"
        ]
        self._outputs = self._graph(self._all_outputs, images=None)
        self._predictions: dict[int, Callable[..., tf.Tensor]] = {}
        self._attention: dict[str, Callable[..., tf.Tensor]] = {}
        self._peaks: dict[int, Callable[..., list[tuple[tf.Tensor, ...]]]] = {}

    def weights(self, arrays: Mapping[str, np.ndarray], scaling: Scaling) -> NetworkWeights:
        """Check and convert the arrays of ``variables.to_arrays``; raises ``ArtifactDamaged``."""
        values = {id(variable): value for variable, value in match_arrays(self._model, arrays)}
        for variable in self._variables:
            # ReLU may turn NaN into 0: the layer would look dead and the predictions valid.
            if not np.isfinite(values[id(variable)]).all():
                raise ArtifactDamaged(
                    "These weights cannot be used: “{path}” holds NaN or infinite values, as "
                    "training diverged. Choose another run, or train again with a lower learning "
                    "rate.",
                    path=variable.path,
                )
        return NetworkWeights(
            tuple(tf.constant(values[id(variable)]) for variable in self._variables),
            tf.constant(scaling.scale, tf.float32),
            tf.constant(scaling.offset, tf.float32),
        )

    def log_probabilities(
        self, weights: NetworkWeights, batch: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """Log-probabilities, float32 (n, classes), of one batch of raw images.

        With ``mirrored_answers``, each is of the mean of the probabilities for the image and for
        its mirror image. Raises ``ExperimentInvalid`` for images of another
        shape.
        """
        check_images(self._model, batch)
        if not len(batch):
            return np.empty((0, self.architecture.classes), np.float32)
        # A copy, or other threads would read the memory-mapped slice.
        pixels = tf.constant(np.array(batch, dtype=np.uint8))
        graph = self._prediction_graph(batch_parts(len(batch)))
        return graph(weights.values, weights.scale, weights.offset, pixels).numpy()

    def observe(self, weights: NetworkWeights, image: NDArray[np.uint8]) -> tuple[LayerOutput, ...]:
        """Every layer's output for one raw image, uint8 (height, width, channels), in order.

        The scaling before the first layer is not among them. Raises ``ExperimentInvalid`` if the
        image has another shape than the network takes.
        """
        outputs = self.observe_all(weights, image[np.newaxis])
        return tuple(LayerOutput(output.name, output.type, output.values[0]) for output in outputs)

    def observe_all(
        self, weights: NetworkWeights, images: NDArray[np.uint8]
    ) -> tuple[LayerOutput, ...]:
        """The same of a few images, uint8 (n, height, width, channels), at once."""
        batch = np.array(images, dtype=np.uint8)
        check_images(self._model, batch)
        outputs = self._outputs(weights.values, weights.scale, weights.offset, tf.constant(batch))
        return tuple(
            LayerOutput(node.name, node.spec.type, output.numpy())
            for node, output in zip(self._all_nodes, outputs, strict=True)
        )

    def peaks(self, weights: NetworkWeights, batch: NDArray[np.uint8]) -> tuple[Peaks, ...]:
        """Where the channels of all layers with maps are highest, in each image of one batch.

        The images are taken as they are, not mirrored. Raises ``ExperimentInvalid`` for images of
        another shape.
        """
        check_images(self._model, batch)
        pixels = tf.constant(np.array(batch, dtype=np.uint8))
        parts = batch_parts(len(batch))
        if parts not in self._peaks:
            self._peaks[parts] = self._graph(functools.partial(self._find_peaks, parts), None)
        peaks = self._peaks[parts](weights.values, weights.scale, weights.offset, pixels)
        return tuple(
            Peaks(node.name, *(tensor.numpy() for tensor in tensors))
            for node, tensors in zip(self._nodes_with_maps, peaks, strict=True)
        )

    def attention(
        self, weights: NetworkWeights, image: NDArray[np.uint8], layer: str, class_index: int
    ) -> NDArray[np.float32]:
        """Compute Grad-CAM for a class at a layer with maps: float32 (height, width), from 0.

        After Selvaraju et al., arXiv 1610.02391: the sum of the layer's channels, each weighted by
        the mean gradient of the class's score with respect to it; negative sums, which speak
        against the class, become 0. The score is the input of the last softmax. Raises
        ``ArtifactMissing`` if there is no layer with maps of that name, and ``ExperimentInvalid``
        for an image of another shape.
        """
        batch = np.array(image[np.newaxis], dtype=np.uint8)
        check_images(self._model, batch)
        if layer not in self._attention:
            if layer not in (node.name for node in self._nodes_with_maps):
                raise ArtifactMissing(
                    "This network has no layer with maps called “{layer}”.", layer=layer
                )
            self._attention[layer] = self._graph(
                functools.partial(self._compute_attention, layer), 1, tf.TensorSpec((), tf.int32)
            )
        found = self._attention[layer](
            weights.values, weights.scale, weights.offset, tf.constant(batch), class_index
        )
        return np.array(found.numpy(), np.float32)

    def _prediction_graph(self, parts: int) -> Callable[..., tf.Tensor]:
        # Two threads may both make a graph; then one graph is discarded.
        if parts not in self._predictions:

            def predict(
                values: tuple[tf.Tensor, ...], scale: tf.Tensor, offset: tf.Tensor, batch: tf.Tensor
            ) -> tf.Tensor:
                *hidden, output = self._nodes

                def logits_of(part: tf.Tensor) -> tf.Tensor:
                    inputs = run(hidden, tf.cast(part, tf.float32) * scale + offset)
                    return compute_logits(output.layer, inputs)

                with self._with_weights(values):
                    return mean_log_probabilities(logits_of, batch, parts, mirrored=self._mirrored)

            self._predictions[parts] = self._graph(predict, images=None)
        return self._predictions[parts]

    def _graph(
        self, function: Callable[..., Any], images: int | None, *more: tf.TensorSpec
    ) -> Callable[..., Any]:
        # A fixed signature, so that it is traced once for all inputs.
        channels = tf.TensorSpec(self.architecture.input_shape[-1:], tf.float32)
        signature = [
            tuple(tf.TensorSpec(variable.shape, tf.float32) for variable in self._variables),
            channels,
            channels,
            tf.TensorSpec((images, *self.architecture.input_shape), tf.uint8),
            *more,
        ]
        return tf.function(function, input_signature=signature, jit_compile=False)

    def _all_outputs(
        self,
        weights: tuple[tf.Tensor, ...],
        scale: tf.Tensor,
        offset: tf.Tensor,
        batch: tf.Tensor,
    ) -> list[tf.Tensor]:
        values = tf.cast(batch, tf.float32) * scale + offset
        outputs: list[tf.Tensor] = []
        with self._with_weights(weights):
            run(self._nodes, values, lambda _, output: outputs.append(output))
        return outputs

    @property
    def _nodes_with_maps(self) -> list[Node]:
        return [node for node in self._all_nodes if len(node.layer.output.shape) == 4]

    def _find_peaks(
        self,
        parts: int,
        weights: tuple[tf.Tensor, ...],
        scale: tf.Tensor,
        offset: tf.Tensor,
        batch: tf.Tensor,
    ) -> list[tuple[tf.Tensor, ...]]:
        # Layer by layer: all maps of a batch together would not fit into memory.
        found = []
        for part in split_batch(batch, parts):
            outputs = self._all_outputs(weights, scale, offset, part)
            found.append([_map_peaks(maps) for maps in outputs if len(maps.shape) == 4])
        return [
            tuple(tf.concat(tensors, 0) for tensors in zip(*layer, strict=True))
            for layer in zip(*found, strict=True)
        ]

    def _compute_attention(
        self,
        layer: str,
        weights: tuple[tf.Tensor, ...],
        scale: tf.Tensor,
        offset: tf.Tensor,
        batch: tf.Tensor,
        class_index: tf.Tensor,
    ) -> tf.Tensor:
        values = tf.cast(batch, tf.float32) * scale + offset
        with self._with_weights(weights):
            with tf.GradientTape() as tape:

                def watch(node: Node, output: tf.Tensor) -> None:
                    # What comes before is not recorded, as it does not depend on it.
                    if node.name == layer:
                        tape.watch(output)
                        found.append(output)

                found: list[tf.Tensor] = []
                values = run(self._nodes[:-1], values, watch)
                # Without the softmax, which would mix in the other classes.
                score = compute_logits(self._nodes[-1].layer, values)[0, class_index]
            (maps,) = found
            gradient = tape.gradient(score, maps)
        weight = tf.reduce_mean(gradient, axis=(1, 2), keepdims=True)
        return tf.nn.relu(tf.reduce_sum(weight * maps, axis=-1))[0]

    def _with_weights(self, weights: tuple[tf.Tensor, ...]) -> keras.StatelessScope:
        return keras.StatelessScope(state_mapping=list(zip(self._variables, weights, strict=True)))


def _map_peaks(maps: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    _, height, width, channels = maps.shape
    flat = tf.reshape(maps, (-1, height * width, channels))
    highest = tf.reduce_max(flat, axis=1)
    places = tf.argmax(flat, axis=1, output_type=tf.int32)
    # A map of a single value is silent only if it is 0.
    level = tf.zeros_like(highest) if height * width == 1 else tf.reduce_min(flat, axis=1)
    silent = tf.math.is_finite(highest) & (highest == level)
    return highest, places, silent


def stateless_network(architecture: Architecture, *, mirrored_answers: bool) -> StatelessNetwork:
    """Return the cached graphs of this architecture."""
    # Otherwise several threads could each build their own.
    with _lock:
        return _stateless_network(architecture, mirrored_answers)


@functools.lru_cache(maxsize=_MAX_CACHED)
def _stateless_network(architecture: Architecture, mirrored_answers: bool) -> StatelessNetwork:
    return StatelessNetwork(architecture, mirrored_answers=mirrored_answers)
