"""A network whose weights are an argument.

Building and compiling a Keras model takes 0.1 s; passing other weights to a compiled graph takes
1 ms. So the graphs of each architecture are cached, for the weights of any epoch of any run.
"""

import functools
import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from cifarviz.errors import ArtifactDamaged, ArtifactMissing
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.prediction_views import ONLY_THE_IMAGE, PredictionViews
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.network.build import build
from cifarviz.network.graph import Node, OnOutput, run
from cifarviz.network.inference import check_images, compute_logits, mean_log_probabilities
from cifarviz.network.threads import batch_parts, split_batch
from cifarviz.network.variables import match_arrays

_MAX_CACHED = 16
_MAX_TRACES = 5
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


@dataclass(frozen=True, eq=False)
class ForwardPass:
    """The forward pass of a network inside a graph, with the weights of one call.

    ``nodes`` are the network's layers in order; their variables have the weights of the call.
    """

    nodes: tuple[Node, ...]
    scale: tf.Tensor
    offset: tf.Tensor

    def inputs(self, pixels: tf.Tensor) -> tf.Tensor:
        """The input of the first layer for raw pixels from 0 to 255, of any numeric type."""
        return tf.cast(pixels, tf.float32) * self.scale + self.offset

    def features(self, pixels: tf.Tensor, on_output: OnOutput | None = None) -> tf.Tensor:
        """The input of the last layer, (n, features); ``on_output`` as in ``graph.run``."""
        return run(self.nodes[:-1], self.inputs(pixels), on_output)

    def logits(self, pixels: tf.Tensor, on_output: OnOutput | None = None) -> tf.Tensor:
        """The inputs of the last softmax, float32 (n, classes).

        ``on_output`` is not called for the last layer.
        """
        return compute_logits(self.nodes[-1].layer, self.features(pixels, on_output))


class StatelessNetwork:
    """The graphs of an architecture, in float32; any number of threads may use them."""

    def __init__(self, architecture: Architecture, prediction_views: PredictionViews) -> None:
        channels = architecture.input_shape[-1]
        self.architecture = architecture
        self._model = build(architecture, Scaling((1.0,) * channels, (0.0,) * channels))
        self._prediction_views = prediction_views
        self._nodes = self._model.nodes
        self._all_nodes = [inner for node in self._nodes for inner in node.all_nodes()]
        # Without dropout's random generators, which predictions do not need.
        self._variables = [
            variable for variable in self._model.variables if variable.dtype == "float32"
        ]
        self._graphs: dict[Hashable, Callable[..., Any]] = {}

    def compute(
        self,
        weights: NetworkWeights,
        function: Callable[..., Any],
        *inputs: NDArray[Any] | np.generic | float,
        **options: Hashable,
    ) -> Any:
        """Call ``function(forward_pass, *inputs, **options)`` as a graph with these weights.

        ``function`` is one of a module, with TensorFlow operations only; ``inputs`` become its
        tensors, ``options`` stay Python values. The graph is traced at the first call with such
        options and such inputs, where only the length of the inputs' first axis may differ.
        Returns what ``function`` does, with tensors as they are.
        """
        # A copy, or other threads would read a memory-mapped slice.
        arrays = [np.array(value) for value in inputs]
        kinds = tuple((array.dtype.str, array.ndim, array.shape[1:]) for array in arrays)
        key = function, kinds, tuple(sorted(options.items()))
        # Two threads may both make a graph; then one graph is discarded.
        if key not in self._graphs:
            self._graphs[key] = self._trace(functools.partial(function, **options), arrays)
        tensors = map(tf.constant, arrays)
        return self._graphs[key](weights.values, weights.scale, weights.offset, *tensors)

    def check_images(self, images: NDArray[Any]) -> None:
        """Raise ``ExperimentInvalid`` unless they are (n, height, width, channels) as trained."""
        check_images(self._model, images)

    def check_layer_with_maps(self, layer: str) -> None:
        """Raise ``ArtifactMissing`` if there is no layer with maps of that name."""
        if layer not in (node.name for node in self._nodes_with_maps):
            raise ArtifactMissing(
                "This network has no layer with maps called “{layer}”.", layer=layer
            )

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

        Each is of the mean of the probabilities for the network's views of the image. Raises
        ``ExperimentInvalid`` for images of another shape.
        """
        self.check_images(batch)
        if not len(batch):
            return np.empty((0, self.architecture.classes), np.float32)
        parts = batch_parts(len(batch))
        return self.compute(
            weights, _log_probabilities, batch, parts=parts, prediction_views=self._prediction_views
        ).numpy()

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
        self.check_images(images)
        outputs = self.compute(weights, _all_outputs, images)
        return tuple(
            LayerOutput(node.name, node.spec.type, output.numpy())
            for node, output in zip(self._all_nodes, outputs, strict=True)
        )

    def peaks(self, weights: NetworkWeights, batch: NDArray[np.uint8]) -> tuple[Peaks, ...]:
        """Where the channels of all layers with maps are highest, in each image of one batch.

        The images are taken as they are. Raises ``ExperimentInvalid`` for images of
        another shape.
        """
        self.check_images(batch)
        peaks = self.compute(weights, _find_peaks, batch, parts=batch_parts(len(batch)))
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
        batch = image[np.newaxis]
        self.check_images(batch)
        self.check_layer_with_maps(layer)
        index = np.int32(class_index)
        return self.compute(weights, _compute_attention, batch, index, layer=layer).numpy()

    def _trace(
        self, function: Callable[..., Any], arrays: Sequence[NDArray[Any]]
    ) -> Callable[..., Any]:
        for _ in range(_MAX_TRACES):
            graph = self._make_graph(function, arrays)
            # Where another thread clears Keras' session meanwhile, its scopes are gone, and the
            # graph would calculate with the weights of ``build``, whatever it is given.
            captured = graph.get_concrete_function().captured_inputs
            if not any(tensor.dtype == tf.resource for tensor in captured):
                return graph
        raise RuntimeError(f"{function} reads variables of the model.")

    def _make_graph(self, function: Callable[..., Any], arrays: Sequence[NDArray[Any]]) -> Any:
        # A fixed signature, so that it is traced once for all inputs.
        channels = tf.TensorSpec(self.architecture.input_shape[-1:], tf.float32)
        signature = [
            tuple(tf.TensorSpec(variable.shape, tf.float32) for variable in self._variables),
            channels,
            channels,
            *(
                tf.TensorSpec((None, *array.shape[1:]) if array.ndim else (), array.dtype)
                for array in arrays
            ),
        ]

        def call(
            values: tuple[tf.Tensor, ...], scale: tf.Tensor, offset: tf.Tensor, *inputs: tf.Tensor
        ) -> Any:
            mapping = list(zip(self._variables, values, strict=True))
            with keras.StatelessScope(state_mapping=mapping):
                return function(ForwardPass(self._nodes, scale, offset), *inputs)

        return tf.function(call, input_signature=signature, jit_compile=False)

    @property
    def _nodes_with_maps(self) -> list[Node]:
        return [node for node in self._all_nodes if len(node.layer.output.shape) == 4]


def _log_probabilities(
    forward: ForwardPass, batch: tf.Tensor, *, parts: int, prediction_views: PredictionViews
) -> tf.Tensor:
    return mean_log_probabilities(forward.logits, batch, parts, prediction_views=prediction_views)


def _all_outputs(forward: ForwardPass, batch: tf.Tensor) -> list[tf.Tensor]:
    outputs: list[tf.Tensor] = []
    run(forward.nodes, forward.inputs(batch), lambda _, output: outputs.append(output))
    return outputs


def _find_peaks(
    forward: ForwardPass, batch: tf.Tensor, *, parts: int
) -> list[tuple[tf.Tensor, ...]]:
    # Layer by layer: all maps of a batch together would not fit into memory.
    found = []
    for part in split_batch(batch, parts):
        outputs = _all_outputs(forward, part)
        found.append([_map_peaks(maps) for maps in outputs if len(maps.shape) == 4])
    return [
        tuple(tf.concat(tensors, 0) for tensors in zip(*layer, strict=True))
        for layer in zip(*found, strict=True)
    ]


def _compute_attention(
    forward: ForwardPass, batch: tf.Tensor, class_index: tf.Tensor, *, layer: str
) -> tf.Tensor:
    found: list[tf.Tensor] = []
    with tf.GradientTape() as tape:

        def watch(node: Node, output: tf.Tensor) -> None:
            # What comes before is not recorded, as it does not depend on it.
            if node.name == layer:
                tape.watch(output)
                found.append(output)

        # Without the softmax, which would mix in the other classes.
        score = forward.logits(batch, watch)[0, class_index]
    (maps,) = found
    gradient = tape.gradient(score, maps)
    weight = tf.reduce_mean(gradient, axis=(1, 2), keepdims=True)
    return tf.nn.relu(tf.reduce_sum(weight * maps, axis=-1))[0]


def _map_peaks(maps: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    _, height, width, channels = maps.shape
    flat = tf.reshape(maps, (-1, height * width, channels))
    highest = tf.reduce_max(flat, axis=1)
    places = tf.argmax(flat, axis=1, output_type=tf.int32)
    # A map of a single value is silent only if it is 0.
    level = tf.zeros_like(highest) if height * width == 1 else tf.reduce_min(flat, axis=1)
    silent = tf.math.is_finite(highest) & (highest == level)
    return highest, places, silent


def stateless_network(
    architecture: Architecture, prediction_views: PredictionViews = ONLY_THE_IMAGE
) -> StatelessNetwork:
    """Return the cached graphs of this architecture."""
    # Otherwise several threads could each build their own.
    with _lock:
        return _stateless_network(architecture, prediction_views)


@functools.lru_cache(maxsize=_MAX_CACHED)
def _stateless_network(
    architecture: Architecture, prediction_views: PredictionViews
) -> StatelessNetwork:
    return StatelessNetwork(architecture, prediction_views)
