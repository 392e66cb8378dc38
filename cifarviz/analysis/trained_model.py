"""Trained networks of stored runs: predictions, activations and Keras files."""

import math
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.ideal_image import STEPS, IdealImage, noise_images
from cifarviz.analysis.predictions import check_probabilities
from cifarviz.analysis.top_activations import TopActivations, TopActivationsCollector
from cifarviz.errors import ArtifactDamaged, ArtifactMissing, ExperimentInvalid
from cifarviz.experiment.activation_images import activation_images
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.prediction_views import ONLY_THE_IMAGE, PredictionViews
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.network import adversarial
from cifarviz.network.activation_maximization import (
    activation,
    maximize_activation,
    peak_activation,
)
from cifarviz.network.attribution import class_probabilities, score_gradients
from cifarviz.network.keras_file import keras_file, weights_file
from cifarviz.network.last_hidden import features_and_log_probabilities
from cifarviz.network.layer_samples import (
    sample_activations,
    sample_weights,
    to_samples,
)
from cifarviz.network.layer_statistics import layer_statistics
from cifarviz.network.layer_variables import layer_variables
from cifarviz.network.muting import muted_log_probabilities
from cifarviz.network.stateless import LayerOutput, stateless_network
from cifarviz.network.threads import batch_parts
from cifarviz.people.person import require_change
from cifarviz.runs.layer_histograms import HistogramKind, Histograms, make_histogram
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice, load_weights, snapshot_epochs
from cifarviz.runs.store import RunStore

# Batch size for activations: more images are no faster, and all values of a layer's maps must fit
# into memory.
_MAX_BATCH = 100
_MAX_VALUES = 20_000_000
# A smaller batch reports progress more often, and is as fast.
_FEATURE_BATCH = 250
# For a gradient those of all layers are in memory together.
_MAX_GRADIENT_VALUES = 50_000_000


class TrainedModel:
    """An immutable network with the weights of a checkpoint, for any number of threads.

    ``arrays`` come from ``network.variables.to_arrays``; the optimizer's are ignored. The network
    always computes in float32; ``prediction_views`` is passed to ``stateless_network``. Creating
    one takes a few milliseconds, except for the first of an architecture.

    Raises ``ArtifactDamaged`` if arrays or scaling do not fit the architecture, or a weight is
    not a number.
    """

    def __init__(
        self,
        architecture: Architecture,
        scaling: Scaling,
        arrays: Mapping[str, np.ndarray],
        prediction_views: PredictionViews = ONLY_THE_IMAGE,
    ) -> None:
        _check_scaling(scaling, architecture.input_shape[-1])
        self.architecture = architecture
        self._prediction_views = prediction_views
        self._network = stateless_network(architecture, prediction_views)
        self._weights = self._network.weights(arrays, scaling)
        kernels = {
            name.split("/")[2]: value
            for name, value in arrays.items()
            if name.startswith("model/") and name.endswith("/kernel")
        }
        self._kernels = {
            name: layer.channel_kernels(kernels[name])
            for name, layer, _ in architecture.walk()
            if layer.has_filters and name in kernels
        }

    def compute(
        self,
        function: Callable[..., Any],
        *inputs: NDArray[Any] | np.generic | float,
        **options: Hashable,
    ) -> Any:
        """Call a function of the forward pass, as ``StatelessNetwork.compute`` does.

        Raises ``ExperimentInvalid`` if an input of four axes is no batch of images as trained.
        """
        for value in inputs:
            if np.ndim(value) == 4:
                self._network.check_images(np.asarray(value))
        return self._network.compute(self._weights, function, *inputs, **options)

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Class probabilities, float32 (n, classes), of raw images; raises as ``predictions``."""
        return self.predictions(images).probabilities

    def predictions(
        self,
        images: NDArray[np.uint8],
        *,
        batch_size: int = 500,
        on_progress: Callable[[int], None] | None = None,
    ) -> Predictions:
        """Predictions for raw images, uint8 (n, height, width, channels).

        ``on_progress`` is called after each batch with the number of images done; an exception
        that it raises ends the work. Raises ``ExperimentInvalid`` for images of another shape, and
        ``ArtifactDamaged`` if a prediction is not a number.
        """
        _check_pixels(images)
        result = np.empty((len(images), self.architecture.classes), np.float32)
        for start in range(0, max(len(images), 1), batch_size):
            part = self._network.log_probabilities(
                self._weights, images[start : start + batch_size]
            )
            done = start + len(part)
            result[start:done] = part
            if on_progress is not None and done:
                on_progress(done)
        predictions = Predictions(result)
        check_probabilities(predictions.probabilities)
        return predictions

    def features(
        self, images: NDArray[np.uint8], *, on_progress: Callable[[int], None] | None = None
    ) -> tuple[NDArray[np.float32], Predictions]:
        """The last hidden layer's vectors, float32 (n, features), and the predictions.

        Without a hidden layer they are the scaled pixels. ``images`` are as in ``predictions``,
        at least one, ``on_progress`` too; a vector may hold values that are not numbers. Raises
        ``ExperimentInvalid`` for images of another shape.
        """
        _check_pixels(images)
        features: list[NDArray[np.float32]] = []
        logs: list[NDArray[np.float32]] = []
        for start in range(0, len(images), _FEATURE_BATCH):
            batch = images[start : start + _FEATURE_BATCH]
            parts = batch_parts(len(batch))
            found = self.compute(
                features_and_log_probabilities,
                batch,
                parts=parts,
                prediction_views=self._prediction_views,
            )
            features.append(found[0].numpy())
            logs.append(found[1].numpy())
            if on_progress is not None:
                on_progress(start + len(batch))
        return np.concatenate(features), Predictions(np.concatenate(logs))

    def layer_statistics(
        self, images: NDArray[np.uint8], *, on_progress: Callable[[int], None] | None = None
    ) -> tuple[NDArray[np.float32], ...]:
        """The statistics of ``network.layer_statistics``: (n, values) of the pixels and layers.

        ``images`` are as in ``features``, and ``on_progress``, too. Raises ``ExperimentInvalid``
        for images of another shape.
        """
        _check_pixels(images)
        found: list[list[NDArray[np.float32]]] = []
        for start in range(0, len(images), _FEATURE_BATCH):
            batch = images[start : start + _FEATURE_BATCH]
            layers = self.compute(layer_statistics, batch, parts=batch_parts(len(batch)))
            found.append([layer.numpy() for layer in layers])
            if on_progress is not None:
                on_progress(start + len(batch))
        return tuple(np.concatenate(layer) for layer in zip(*found, strict=True))

    def muted_predictions(
        self,
        images: NDArray[np.uint8],
        mask: NDArray[np.float32],
        *,
        batch_size: int = 500,
        on_progress: Callable[[int], None] | None = None,
    ) -> Predictions:
        """The ``predictions`` of the network with the channels set to 0 that are 0 in ``mask``.

        ``mask`` is that of ``analysis.muting.channel_mask``.
        """
        _check_pixels(images)
        parts = [np.empty((0, self.architecture.classes), np.float32)]
        for start in range(0, len(images), batch_size):
            batch = images[start : start + batch_size]
            logs = self.compute(
                muted_log_probabilities,
                batch,
                mask,
                parts=batch_parts(len(batch)),
                prediction_views=self._prediction_views,
            )
            parts.append(logs.numpy())
            if on_progress is not None:
                on_progress(start + len(batch))
        predictions = Predictions(np.concatenate(parts))
        check_probabilities(predictions.probabilities)
        return predictions

    def observe(self, image: NDArray[np.uint8]) -> tuple[LayerOutput, ...]:
        """Every layer's output for one raw image, uint8 (height, width, channels), in order.

        Raises ``ExperimentInvalid`` for an image of another shape.
        """
        _check_pixels(image)
        return self._network.observe(self._weights, image)

    def top_activations(
        self, images: NDArray[np.uint8], on_progress: Callable[[int], None] | None = None
    ) -> dict[str, TopActivations]:
        """Top activations of all layers with maps, by layer name.

        ``images`` uint8 (n, height, width, channels); ``on_progress`` as in ``predictions``.
        Raises ``ExperimentInvalid`` for images of another shape.
        """
        _check_pixels(images)
        shapes = [row.output_shape or () for row in self.architecture.trace().all_rows]
        largest = max(math.prod(shape) for shape in shapes)
        size = max(min(_MAX_BATCH, _MAX_VALUES // largest), 1)
        collector = TopActivationsCollector()
        for start in range(0, len(images), size):
            batch = images[start : start + size]
            collector.add(self._network.peaks(self._weights, batch))
            if on_progress is not None:
                on_progress(start + len(batch))
        return collector.layers()

    def attention(
        self, image: NDArray[np.uint8], layer: str, class_index: int
    ) -> NDArray[np.float32]:
        """Grad-CAM of a class in a layer's maps, float32 (h, w), from 0.

        Raises ``ArtifactMissing`` if there is no such layer with maps, and ``ExperimentInvalid``
        for an image of another shape or an unknown class.
        """
        _check_pixels(image)
        self._check_class(class_index)
        return self._network.attention(self._weights, image, layer, class_index)

    def perturb(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.integer],
        epsilons: NDArray[np.integer],
        *,
        steps: int,
        targeted: bool,
    ) -> NDArray[np.uint8]:
        """Adversarial images for raw images, uint8 (n, h, w, c), as ``adversarial.perturb`` makes.

        They are made against what ``predictions`` gives, so also against its views of the images.
        Raises ``ExperimentInvalid`` for images of another shape or an unknown class.
        """
        _check_pixels(images)
        for label in np.unique(labels):
            self._check_class(int(label))
        shapes = [row.output_shape or () for row in self.architecture.trace().all_rows]
        size = max(min(_MAX_BATCH, _MAX_GRADIENT_VALUES // sum(map(math.prod, shapes))), 1)
        result = np.empty_like(images)
        for start in range(0, len(images), size):
            part = slice(start, start + size)
            result[part] = self.compute(
                adversarial.perturb,
                images[part],
                labels[part].astype(np.int32),
                epsilons[part].astype(np.float32),
                steps=steps,
                targeted=targeted,
                prediction_views=self._prediction_views,
                parts=batch_parts(len(images[part])),
            ).numpy()
        return result

    def plain_probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Class probabilities, float32 (n, classes), of raw images as they are.

        Raises ``ExperimentInvalid`` for images of another shape.
        """
        _check_pixels(images)
        parts = [
            self.compute(class_probabilities, part, parts=batch_parts(len(part)))
            for part in self._split(images)
        ]
        return np.concatenate(parts)

    def score_gradients(
        self, pixels: NDArray[np.float32], class_index: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """A class's scores (n,) and their gradients (n, h, w, c) with respect to the pixels.

        ``pixels`` float32 (n, h, w, c) from 0 to 255; the score is the input of the last softmax.
        Raises ``ExperimentInvalid`` for images of another shape.
        """
        index = np.int32(class_index)
        parts = [
            self.compute(score_gradients, part, index) for part in self._split(pixels.astype("f4"))
        ]
        scores, gradients = zip(*parts, strict=True)
        return np.concatenate(scores), np.concatenate(gradients)

    def ideal_image(
        self, layer: str, channel: int, color: NDArray[np.float32], *, seed: int = 0
    ) -> IdealImage:
        """The image that a channel of a layer responds to most, by gradient ascent from noise.

        The noise is around a ``color`` (c,), from 0 to 255. Of the last layer it is the image for
        the score of the class ``channel``.
        """
        index = np.int32(channel)
        starts = noise_images(self.architecture.input_shape, color, seed)
        seeds = np.array([seed, channel], np.int32)
        found = self.compute(
            maximize_activation, starts, index, seeds, layer=layer, steps=STEPS
        ).numpy()
        # What is measured is what is shown: whole grey levels.
        pixels = np.rint(found[0]).astype(np.uint8)
        means = self.compute(activation, starts, index, layer=layer).numpy()
        images = np.stack([starts[int(means.argmax())], pixels.astype(np.float32)])
        start, value = self.peak_activations(images, layer, channel).tolist()
        return IdealImage(pixels, value, start)

    def peak_activations(
        self, images: NDArray[Any], layer: str, channel: int
    ) -> NDArray[np.float32]:
        """The highest value (n,) of a channel's map for images (n, h, w, c) from 0 to 255.

        Of the last layer they are the scores of the class ``channel``.
        """
        pixels = images.astype(np.float32)
        found = self.compute(peak_activation, pixels, np.int32(channel), layer=layer)
        return np.asarray(found.numpy())

    def layer_histograms(self, images: NDArray[np.uint8] | None) -> Histograms:
        """Histograms of each layer's weights and, with ``images``, of its activations.

        ``images`` are raw, uint8 (n, h, w, c); no more of them are taken than fit into memory.
        Raises ``ExperimentInvalid`` for images of another shape.
        """
        found: dict[HistogramKind, dict[str, Any]] = {"weights": self.compute(sample_weights)}
        if images is not None:
            _check_pixels(images)
            size = activation_images(self.architecture)
            found["activations"] = self.compute(sample_activations, images[:size])
        return {
            kind: tuple(map(make_histogram, to_samples(facts))) for kind, facts in found.items()
        }

    def kernel(self, layer_name: str) -> NDArray[np.float32]:
        """A convolution's weights, float32 (height, width, input channels, output channels).

        Raises ``ArtifactMissing`` if there is no convolution of that name.
        """
        if layer_name not in self._kernels:
            raise ArtifactMissing(
                "This network has no convolution “{layer_name}”. Choose one of its convolutions.",
                layer_name=layer_name,
            )
        return self._kernels[layer_name]

    def _check_class(self, class_index: int) -> None:
        if not 0 <= class_index < self.architecture.classes:
            raise ExperimentInvalid(
                "This network has no class {class_index}. Choose one of its {classes} classes, "
                "counted from 0.",
                classes=self.architecture.classes,
                class_index=class_index,
            )

    def layer_variables(self, layer_name: str) -> dict[str, NDArray[np.float32]]:
        """The arrays of one of its layers by Keras' short name: ``kernel``, ``gamma``, …"""
        variables = self.compute(layer_variables, layer=layer_name)
        return {name: value.numpy() for name, value in variables.items()}

    def _split(self, images: NDArray[Any]) -> Iterator[NDArray[Any]]:
        """Batches whose layers' outputs fit into memory together."""
        shapes = [row.output_shape or () for row in self.architecture.trace().all_rows]
        size = max(_MAX_VALUES // sum(math.prod(shape) for shape in shapes), 1)
        for start in range(0, max(len(images), 1), size):
            yield images[start : start + size]


def _check_scaling(scaling: Scaling, channels: int) -> None:
    fits = len(scaling.scale) == len(scaling.offset) == channels
    if not fits or not all(map(math.isfinite, (*scaling.scale, *scaling.offset))):
        raise ArtifactDamaged(
            "The scaling stored with this run must have a finite scale and offset for each of "
            "{channels} channels, but has {scales} and {offsets}. Train the run again.",
            channels=channels,
            scales=list(scaling.scale),
            offsets=list(scaling.offset),
        )


def _check_pixels(images: NDArray[np.uint8]) -> None:
    # Pixels already scaled to 0..1 would silently be truncated to black.
    if images.dtype != np.uint8:
        raise ValueError(f"images must be raw pixels, uint8, not {images.dtype}")


def open_checkpoint(store: RunStore, run: Run, which: WeightsChoice) -> TrainedModel:
    """Open a run's network with the weights of a checkpoint or a snapshot.

    Raises ``ArtifactMissing`` if there is none and ``ArtifactDamaged`` if it cannot be used.
    """
    if run.scaling is None:
        raise ArtifactMissing(
            "“{run_name}” has no weights, since its training has not started. Choose another run.",
            run_name=run.name,
        )
    arrays, _facts = load_weights(store.folder(run.id), which)
    return TrainedModel(
        run.experiment.architecture,
        run.scaling,
        arrays,
        prediction_views=run.experiment.prediction_views,
    )


def network_file(
    store: RunStore, run: Run, which: WeightsChoice, *, weights_only: bool = False
) -> bytes:
    """A ``.keras`` file, or a ``.weights.h5`` one, of a checkpoint or a snapshot.

    The model takes raw pixels and returns probabilities, averaged over the
    views of the run. Raises ``AccessRefused``, ``ArtifactMissing`` and ``ArtifactDamaged``.
    """
    require_change(run.owner, run.name)
    if run.scaling is None:
        raise ArtifactMissing(
            "“{run_name}” has no weights, since its training has not started. Choose another run.",
            run_name=run.name,
        )
    folder = store.folder(run.id)
    if isinstance(which, int) and which not in (saved := snapshot_epochs(folder, "weights")):
        raise ArtifactMissing(
            "“{run_name}” ({run_id}) has no saved weights of epoch {epoch}. Choose one of epochs "
            "{saved}."
            if saved
            else "“{run_name}” ({run_id}) has no saved weights of epoch {epoch}, nor of any other.",
            run_name=run.name,
            run_id=run.id,
            epoch=which,
            saved=", ".join(map(str, saved)),
        )
    arrays, _facts = load_weights(folder, which)
    network = run.experiment.architecture
    if weights_only:
        return weights_file(network, run.scaling, arrays)
    return keras_file(network, run.scaling, arrays, run.experiment.prediction_views)
