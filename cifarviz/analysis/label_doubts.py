"""Labels that networks doubt, by the probabilities for images they did not learn from.

After Northcutt, Jiang and Chuang, "Confident learning: estimating uncertainty in dataset labels"
(arXiv 1911.00068).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cifarviz.analysis.predictions import check_probabilities, predicted_classes
from cifarviz.analysis.read_only import read_only

DoubtScore = Literal["confidence", "margin"]
"""``confidence``: the probability of the given label; ``margin``: that of the most probable other
class minus it."""


class HeldOut(NamedTuple):
    """A network's ``probabilities`` (k, classes) for images by their ``indices`` int64 (k,)."""

    indices: NDArray[np.int64]
    probabilities: NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class LabelDoubts:
    """What networks say of the labels of n images; arrays are read-only.

    ``indices`` int64 (n,), ascending, and the given ``labels`` int64 (n,); ``probabilities``
    float64 (n, classes), the mean of those networks that judged the image; ``judges`` int64 (n,):
    how many these are, at least 1; ``agreeing`` int64 (n,): how many of them predict the class
    that is most probable in the mean.
    """

    indices: NDArray[np.int64]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    judges: NDArray[np.int64]
    agreeing: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def predicted(self) -> NDArray[np.int64]:
        """The most probable class of each image, int64 (n,)."""
        return predicted_classes(self.probabilities)

    @property
    def self_confidence(self) -> NDArray[np.float64]:
        """The probability of each given label, float64 (n,)."""
        return self.probabilities[np.arange(len(self)), self.labels]

    @property
    def margin(self) -> NDArray[np.float64]:
        """The highest probability of another class minus that of the label, (n,), −1 to 1."""
        others = self.probabilities.copy()
        others[np.arange(len(self)), self.labels] = -np.inf
        return others.max(axis=1) - self.self_confidence

    def order(self, score: DoubtScore) -> NDArray[np.int64]:
        """All positions, the most doubtful label first, ties by index."""
        doubt = self.margin if score == "margin" else -self.self_confidence
        return np.argsort(-doubt, kind="stable")

    @property
    def suspected(self) -> NDArray[np.bool_]:
        """Whether each label is off the diagonal of the confident joint, bool (n,).

        The threshold of a class is the mean self-confidence of the images labelled with it. An
        image counts as the most probable of those classes whose threshold it reaches, and its
        label is suspected if that is another class.
        """
        thresholds = np.full(self.probabilities.shape[1], np.inf)
        confidence = self.self_confidence
        for label in np.unique(self.labels):
            thresholds[label] = confidence[self.labels == label].mean()
        reached = np.where(self.probabilities >= thresholds, self.probabilities, -1.0)
        return (reached.max(axis=1) >= 0) & (reached.argmax(axis=1) != self.labels)


def doubt_labels(
    labels: NDArray[np.integer], indices: NDArray[np.int64], held_out: Sequence[HeldOut]
) -> LabelDoubts:
    """Average what networks say of the images that they did not learn from.

    ``labels`` (n,) are those of the images ``indices`` (n,). Images that no network judged, and
    judged images that are not among them, are left out. Raises ``ArtifactDamaged`` if a
    probability is not a number, and ``ValueError`` without networks.
    """
    if not held_out:
        raise ValueError("labels cannot be doubted without a network")
    order = np.argsort(indices)
    known = indices[order]
    classes = held_out[0].probabilities.shape[1]
    sums, votes = np.zeros((len(known), classes)), np.zeros((len(known), classes), np.int64)
    for network in held_out:
        check_probabilities(network.probabilities)
        present = np.isin(network.indices, known)
        places = np.searchsorted(known, network.indices[present])
        probabilities = network.probabilities[present].astype(np.float64)
        sums[places] += probabilities
        votes[places, predicted_classes(probabilities)] += 1
    judges = votes.sum(axis=1)
    judged = judges > 0
    means = sums[judged] / judges[judged, np.newaxis]
    predicted = predicted_classes(means)
    return read_only(
        LabelDoubts(
            known[judged],
            labels[order][judged].astype(np.int64),
            means,
            judges[judged],
            votes[judged][np.arange(len(means)), predicted],
        )
    )


@dataclass(frozen=True, eq=False)
class Detection:
    """How well an order finds the wrong labels: of the first 1, 2, … n labels.

    ``precision`` float64 (n,): the share of wrong ones among the first k; ``recall`` float64 (n,):
    the share of all wrong ones that are among them, NaN without any. ``wrong``: how many there are.
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    wrong: int


def measure_detection(order: NDArray[np.int64], wrong: NDArray[np.bool_]) -> Detection:
    """Measure how early ``order`` (n,), positions, has the labels that are ``wrong`` (n,)."""
    found = np.cumsum(wrong[order])
    total = int(wrong.sum())
    precision = found / np.arange(1, len(order) + 1)
    recall = found / total if total else np.full(len(order), np.nan)
    return read_only(Detection(precision, recall, total))


def doubts_table(
    doubts: LabelDoubts, classes: Sequence[str], order: NDArray[np.int64]
) -> pd.DataFrame:
    """A row for each image in ``order``: its label, and what the networks say."""
    predicted = doubts.predicted[order]
    columns: dict[str, object] = {
        "label": [classes[label] for label in doubts.labels[order]],
        "label_probability": doubts.self_confidence[order],
        "margin": doubts.margin[order],
        "predicted": [classes[guess] for guess in predicted],
        "predicted_probability": doubts.probabilities[order, predicted],
        "networks": doubts.judges[order],
        "networks_agreeing": doubts.agreeing[order],
        "suspected": doubts.suspected[order],
    }
    return pd.DataFrame(columns, index=pd.Index(doubts.indices[order], name="image"))
