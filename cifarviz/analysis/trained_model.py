"""A stored run's network, opened: its predictions, activations and Keras files."""

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.predictions import check_probabilities
from cifarviz.analysis.top_activations import TopActivations, TopActivationsCollector
from cifarviz.errors import ArtifactDamaged, ArtifactMissing, ExperimentInvalid
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.network.keras_file import keras_file, weights_file
from cifarviz.network.stateless import LayerOutput, stateless_network
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice, load_weights, snapshot_epochs
from cifarviz.runs.store import RunStore

# Images that are looked into at once: more are no faster, and the values of a layer's maps for all
# of them are to fit into memory.
_MOST_AT_ONCE = 100
_MOST_VALUES = 20_000_000


class TrainedModel:
    """A network with the weights of a checkpoint; nothing changes it any more.

    ``arrays`` are what ``network.variables.to_arrays`` gave; the optimizer's are passed over.
    It always calculates in float32, whatever it was trained in; ``mirrored_answers`` are those of
    ``StatelessNetwork.log_probabilities``. Making one takes a few milliseconds, but for the first
    of an architecture. Any number of threads may use it.

    Raises ``ArtifactDamaged`` when arrays or scaling do not fit the architecture, or a weight is
    not a number.
    """

    def __init__(
        self,
        architecture: Architecture,
        scaling: Scaling,
        arrays: Mapping[str, np.ndarray],
        *,
        mirrored_answers: bool = False,
    ) -> None:
        _check_scaling(scaling, architecture.input_shape[-1])
        self.architecture = architecture
        self._network = stateless_network(architecture, mirrored_answers=mirrored_answers)
        self._weights = self._network.weights(arrays, scaling)
        layers = dict(zip(architecture.layer_names, architecture.layers, strict=True))
        kernels = {
            name.split("/")[2]: value
            for name, value in arrays.items()
            if name.startswith("model/") and name.endswith("/kernel")
        }
        self._kernels = {
            name: layer.channel_kernels(kernels[name])
            for name, layer in layers.items()
            if layer.has_filters and name in kernels
        }

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
        """What it predicts for raw images, uint8 (n, height, width, channels).

        ``on_progress`` is told after each batch how many images are done; what it raises ends
        the work. Raises ``ExperimentInvalid`` for images of another shape, and
        ``ArtifactDamaged`` if an answer is not a number, its weights being too large.
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
        found = Predictions(result)
        check_probabilities(found.probabilities)
        return found

    def observe(self, image: NDArray[np.uint8]) -> tuple[LayerOutput, ...]:
        """Every layer's output for one raw image, uint8 (height, width, channels), in order.

        Raises ``ExperimentInvalid`` for an image of another shape.
        """
        _check_pixels(image)
        return self._network.observe(self._weights, image)

    def top_activations(
        self, images: NDArray[np.uint8], on_progress: Callable[[int], None] | None = None
    ) -> dict[str, TopActivations]:
        """What the channels of every layer with maps make of raw images, by the layers' names.

        ``images`` uint8 (n, height, width, channels); ``on_progress`` as in ``predictions``.
        Raises ``ExperimentInvalid`` for images of another shape.
        """
        _check_pixels(images)
        shapes = [row.output_shape or () for row in self.architecture.trace().rows]
        largest = max(math.prod(shape) for shape in shapes)
        size = max(min(_MOST_AT_ONCE, _MOST_VALUES // largest), 1)
        found = TopActivationsCollector()
        for start in range(0, len(images), size):
            batch = images[start : start + size]
            found.add(self._network.peaks(self._weights, batch))
            if on_progress is not None:
                on_progress(start + len(batch))
        return found.layers()

    def attention(
        self, image: NDArray[np.uint8], layer: str, class_index: int
    ) -> NDArray[np.float32]:
        """Where in a layer's maps the evidence for a class lies: Grad-CAM, float32 (h, w), from 0.

        Raises ``ArtifactMissing`` if there is no layer with maps of that name, and
        ``ExperimentInvalid`` for an image of another shape or a class that there is not.
        """
        _check_pixels(image)
        if not 0 <= class_index < self.architecture.classes:
            raise ExperimentInvalid(
                "This network tells {classes} classes apart, from 0 on, and "
                "class {class_index} was asked for.",
                classes=self.architecture.classes,
                class_index=class_index,
            )
        return self._network.attention(self._weights, image, layer, class_index)

    def kernel(self, layer_name: str) -> NDArray[np.float32]:
        """A convolution's weights, float32 (height, width, input channels, output channels).

        Raises ``ArtifactMissing`` if there is no convolution of that name.
        """
        if layer_name not in self._kernels:
            raise ArtifactMissing(
                "This network has no convolution called “{layer_name}”, so no kernel.",
                layer_name=layer_name,
            )
        return self._kernels[layer_name]


def _check_scaling(scaling: Scaling, channels: int) -> None:
    fits = len(scaling.scale) == len(scaling.offset) == channels
    if not fits or not all(map(math.isfinite, (*scaling.scale, *scaling.offset))):
        raise ArtifactDamaged(
            "The scaling stored with this run does not fit its network: it needs a scale and an "
            "offset for each of {channels} channels, and {scales} and "
            "{offsets} came. Train the run again.",
            channels=channels,
            scales=list(scaling.scale),
            offsets=list(scaling.offset),
        )


def _check_pixels(images: NDArray[np.uint8]) -> None:
    # The network would cut pixels already scaled to 0..1 down to black without a word.
    if images.dtype != np.uint8:
        raise ValueError(f"images must be raw pixels, uint8, not {images.dtype}")


def open_checkpoint(store: RunStore, run: Run, which: WeightsChoice) -> TrainedModel:
    """Rebuild a run's network with the weights of a checkpoint or a snapshot.

    Raises ``ArtifactMissing`` while there is none and ``ArtifactDamaged`` when it can't be used.
    """
    if run.scaling is None:
        raise ArtifactMissing(
            "“{run_name}” has not begun to train, so it has no weights yet.", run_name=run.name
        )
    arrays, _facts = load_weights(store.folder(run.id), which)
    return TrainedModel(
        run.experiment.architecture,
        run.scaling,
        arrays,
        mirrored_answers=run.experiment.mirrored_answers,
    )


def network_file(
    store: RunStore, run: Run, which: WeightsChoice, *, weights_only: bool = False
) -> bytes:
    """A ``.keras`` file, or a ``.weights.h5`` one, of a checkpoint or a snapshot.

    The model takes raw pixels and gives probabilities; it gives mirrored answers if the run does.
    Raises ``ArtifactMissing`` and ``ArtifactDamaged``.
    """
    if run.scaling is None:
        raise ArtifactMissing(
            "“{run_name}” has not begun to train, so it has no weights yet.", run_name=run.name
        )
    folder = store.folder(run.id)
    if isinstance(which, int) and which not in (there := snapshot_epochs(folder, "weights")):
        listed = ", ".join(map(str, there))
        raise ArtifactMissing(
            "“{run_name}” ({run_id}) has kept no weights of epoch {epoch}; those kept are of "
            "epochs {kept}."
            if there
            else "“{run_name}” ({run_id}) has kept no weights of epoch {epoch}; it has kept none "
            "of any epoch.",
            run_name=run.name,
            run_id=run.id,
            epoch=which,
            kept=listed,
        )
    arrays, _facts = load_weights(folder, which)
    network = run.experiment.architecture
    if weights_only:
        return weights_file(network, run.scaling, arrays)
    mirrored = run.experiment.mirrored_answers
    return keras_file(network, run.scaling, arrays, mirrored_answers=mirrored)
