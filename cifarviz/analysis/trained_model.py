"""A run's network, rebuilt from its own experiment and stored arrays, ready to be asked."""

import math
import threading
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.predictions import check_probabilities
from cifarviz.errors import ArtifactDamaged
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.network.activations import LayerOutput, Observer, conv_kernel
from cifarviz.network.build import build
from cifarviz.network.inference import probability_batches
from cifarviz.network.variables import assign


class TrainedModel:
    """A network with the weights of a checkpoint; nothing changes it any more.

    ``arrays`` are what ``network.variables.to_arrays`` gave; the optimizer's are passed over.
    It always calculates in float32, whatever it was trained in; ``mirrored_answers`` are those of
    ``inference.answer``. Making one takes a fraction of a second and so does the first call of
    each method: keep it. Any number of threads may use it.

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
        self._model = build(
            architecture, scaling, precision="float32", mirrored_answers=mirrored_answers
        )
        assign(self._model, arrays)
        self._check_weights()
        self._observer: Observer | None = None
        self._lock = threading.Lock()

    def probabilities(
        self,
        images: NDArray[np.uint8],
        *,
        batch_size: int = 500,
        on_progress: Callable[[int], None] | None = None,
    ) -> NDArray[np.float32]:
        """Class probabilities, float32 (n, classes), of raw images, uint8 (n, height, width, c).

        ``on_progress`` is told after each batch how many images are done; what it raises ends
        the work. Raises ``ExperimentInvalid`` for images of another shape, and
        ``ArtifactDamaged`` if an answer is not a number, its weights being too large.
        """
        _check_pixels(images)
        result = np.empty((len(images), self.architecture.classes), np.float32)
        done = 0
        for part in probability_batches(self._model, images, batch_size):
            result[done : done + len(part)] = part
            done += len(part)
            if on_progress is not None:
                on_progress(done)
        check_probabilities(result)
        return result

    def observe(self, image: NDArray[np.uint8]) -> tuple[LayerOutput, ...]:
        """Every layer's output for one raw image, uint8 (height, width, channels), in order.

        Raises ``ExperimentInvalid`` for an image of another shape.
        """
        _check_pixels(image)
        with self._lock:
            if self._observer is None:
                self._observer = Observer(self._model)
            observer = self._observer
        return observer.observe(image)

    def kernel(self, layer_name: str) -> NDArray[np.float32]:
        """A convolution's weights, float32 (height, width, input channels, filters).

        Raises ``ArtifactMissing`` if there is no convolution of that name.
        """
        return conv_kernel(self._model, layer_name)

    def _check_weights(self) -> None:
        # ReLU may make 0 of NaN: the layer would look dead and the answers sound.
        for weight in self._model.weights:
            if not np.isfinite(weight.numpy()).all():
                raise ArtifactDamaged(
                    f"These weights cannot be used: “{weight.path}” holds values that are not "
                    "numbers, so the training went astray. Choose another run, or train again with "
                    "a smaller learning rate."
                )


def _check_scaling(scaling: Scaling, channels: int) -> None:
    fits = len(scaling.scale) == len(scaling.offset) == channels
    if not fits or not all(map(math.isfinite, (*scaling.scale, *scaling.offset))):
        raise ArtifactDamaged(
            "The scaling stored with this run does not fit its network: it needs a scale and an "
            f"offset for each of {channels} channels, and {list(scaling.scale)} and "
            f"{list(scaling.offset)} came. Train the run again."
        )


def _check_pixels(images: NDArray[np.uint8]) -> None:
    # The network would cut pixels already scaled to 0..1 down to black without a word.
    if images.dtype != np.uint8:
        raise ValueError(f"images must be raw pixels, uint8, not {images.dtype}")
