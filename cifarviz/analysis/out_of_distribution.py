"""Whether a picture is of anything like what a network was trained on.

The score of a picture is its distance to the k-th nearest training image (Sun et al.,
arXiv 2204.06507), in what all layers compute (as Lee et al., arXiv 1807.03888): the mean and the
standard deviation of every channel. ``benchmarks/bench_unknown.py`` compares it with others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from cifarviz.errors import CalibrationImpossible
from cifarviz.runs.records import Run
from cifarviz.runs.run_images import load_run_images
from cifarviz.settings import Settings

if TYPE_CHECKING:
    from cifarviz.analysis.trained_model import TrainedModel

FALSE_ALARM_RATE: Final = 0.05
"""The share of the reference images that are taken for unknown."""

MAX_TRAINING_IMAGES: Final = 2_000
MAX_REFERENCE_IMAGES: Final = 2_000
MIN_REFERENCE_IMAGES: Final = 20
"""With fewer, the highest twentieth of their scores is no image at all."""

ReferenceSplit = Literal["validation", "test"]

# With k = 1 % of the training images, 2,000 of them do as well as all (docs/methods.md).
_NEIGHBOUR_SHARE = 0.01
# Of the mean deviation in a layer; a channel that is silent for all training images has none.
_SMALLEST_DEVIATION = 0.01
# Rows of distances at a time, so that they take little memory.
_ROWS = 250


class TrainingDistances:
    """Distances of pictures to the training images of a network.

    ``statistics``: those of the training images, float32 (n, values) of each layer. Every value is
    measured in its standard deviations over them, and every layer counts the same.
    """

    def __init__(self, statistics: Sequence[NDArray[np.float32]]) -> None:
        self._means = [layer.mean(axis=0) for layer in statistics]
        self._units = [_units(layer) for layer in statistics]
        self._points = self._standardize(statistics)
        self._squares = (self._points**2).sum(axis=1)
        self.neighbour = max(1, round(_NEIGHBOUR_SHARE * len(self._points)))

    def scores(
        self, statistics: Sequence[NDArray[np.float32]], left_out: int | None = None
    ) -> NDArray[np.float32]:
        """The distance of each picture to the ``neighbour``-th nearest training image, (n,).

        ``statistics`` are those of the pictures, (n, values) of each layer. ``left_out`` is the
        position of a training image that does not count: the picture itself, if it is one.
        """
        points = self._standardize(statistics)
        rows = [points[at : at + _ROWS] for at in range(0, len(points), _ROWS)]
        return np.concatenate([self._kth_distances(some, left_out) for some in rows])

    def _standardize(self, statistics: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        layers = zip(statistics, self._means, self._units, strict=True)
        return np.concatenate([(layer - mean) / unit for layer, mean, unit in layers], axis=1)

    def _kth_distances(
        self, points: NDArray[np.float32], left_out: int | None
    ) -> NDArray[np.float32]:
        squares = (points**2).sum(axis=1)[:, None] + self._squares - 2 * points @ self._points.T
        # With as many as ``neighbour`` images none can be left out.
        if left_out is not None and squares.shape[1] > self.neighbour:
            squares[:, left_out] = np.inf
        kth = np.partition(squares, self.neighbour - 1, axis=1)[:, self.neighbour - 1]
        return np.sqrt(np.maximum(kth, 0))


def _units(layer: NDArray[np.float32]) -> NDArray[np.float32]:
    deviations = layer.std(axis=0)
    least = _SMALLEST_DEVIATION * float(deviations.mean()) or 1.0
    units: NDArray[np.float32] = np.maximum(deviations, np.float32(least)) * np.float32(
        np.sqrt(layer.shape[1])
    )
    return units


@dataclass(frozen=True)
class Familiarity:
    """Whether a network knows anything like a picture.

    ``score`` is the picture's distance to the training images, ``threshold`` the highest at which
    it counts as known.
    """

    score: float
    threshold: float

    @property
    def is_unknown(self) -> bool:
        """Whether the picture is farther away than ``threshold``, or the score is no number."""
        return not self.score <= self.threshold


@dataclass(frozen=True, eq=False)
class UnknownDetector:
    """Tells pictures of what a network knows from others, at ``FALSE_ALARM_RATE``.

    ``threshold`` is that quantile of the scores of ``images`` images of ``split``, on which the
    network was not trained. ``train_indices`` (n,) are the indices of the training images it
    compares with, ascending, if they are known.
    """

    distances: TrainingDistances
    threshold: float
    split: ReferenceSplit
    images: int
    train_indices: NDArray[np.int64] | None = None

    def judge(
        self, statistics: Sequence[NDArray[np.float32]], train_index: int | None = None
    ) -> list[Familiarity]:
        """Judge pictures by their statistics, (n, values) of each layer.

        ``train_index`` is the index of a single picture that is a training image: it is not
        compared with itself.
        """
        left_out = None
        if train_index is not None and self.train_indices is not None:
            found = np.flatnonzero(self.train_indices == train_index)
            left_out = int(found[0]) if found.size else None
        scores = self.distances.scores(statistics, left_out)
        return [Familiarity(float(score), self.threshold) for score in scores]

    def to_dict(self, familiarity: Familiarity) -> dict[str, Any]:
        """Return a judgement and what it rests on as plain values."""
        return {
            "unknown": familiarity.is_unknown,
            "score": familiarity.score,
            "threshold": familiarity.threshold,
            "false_alarm_rate": FALSE_ALARM_RATE,
            "calibrated_on": self.split,
            "images": self.images,
        }


def calibrate(
    train: Sequence[NDArray[np.float32]],
    reference: Sequence[NDArray[np.float32]],
    split: ReferenceSplit,
) -> UnknownDetector:
    """Make a detector of the statistics of training images and of images not trained on.

    Raises ``CalibrationImpossible`` with fewer than ``MIN_REFERENCE_IMAGES``.
    """
    _check_counts(len(train[0]), len(reference[0]), split)
    distances = TrainingDistances(train)
    threshold = float(np.quantile(distances.scores(reference), 1 - FALSE_ALARM_RATE))
    return UnknownDetector(distances, threshold, split, len(reference[0]))


def _check_counts(train: int, reference: int, split: ReferenceSplit) -> None:
    if not train:
        raise CalibrationImpossible(
            "Whether the network knows a picture cannot be told: none of the images it was trained "
            "on are on this machine. The full set has them: see the Data page."
        )
    if reference < MIN_REFERENCE_IMAGES:
        raise CalibrationImpossible(
            "Whether the network knows a picture cannot be told: that is calibrated on at least "
            "{least} images it was not trained on, and there are {images} {split} images here.",
            images=reference,
            least=MIN_REFERENCE_IMAGES,
            split=split,
        )


def make_detector(
    model: "TrainedModel",
    train: NDArray[np.uint8],
    reference: NDArray[np.uint8],
    split: ReferenceSplit,
    on_progress: Callable[[int, int], None] | None = None,
) -> UnknownDetector:
    """Calibrate a detector for a network on raw images, (n, height, width, channels).

    ``on_progress`` is called with the number of images done and of all. Raises as ``calibrate``,
    and ``ExperimentInvalid`` for images of another shape.
    """

    def report_after(before: int, done: int) -> None:
        if on_progress is not None:
            on_progress(before + done, len(train) + len(reference))

    _check_counts(len(train), len(reference), split)
    return calibrate(
        model.layer_statistics(train, on_progress=partial(report_after, 0)),
        model.layer_statistics(reference, on_progress=partial(report_after, len(train))),
        split,
    )


def make_run_detector(
    run: Run,
    model: "TrainedModel",
    settings: Settings,
    on_progress: Callable[[int, int], None] | None = None,
) -> UnknownDetector:
    """Calibrate a detector for a run's network on the run's images, as ``make_detector`` does.

    Raises ``CalibrationImpossible`` where too few of them are on this machine, and another
    ``DataError`` where they cannot be read.
    """
    images = load_run_images(
        run, settings, most_train=MAX_TRAINING_IMAGES, most_reference=MAX_REFERENCE_IMAGES
    )
    detector = make_detector(
        model, images.train.images, images.reference.images, images.reference_split, on_progress
    )
    return replace(detector, train_indices=images.train.indices)
