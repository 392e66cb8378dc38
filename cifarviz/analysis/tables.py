"""What the pages show as tables for other programs: all digits, plain names, one row a thing."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cifarviz.analysis.disagreements import Disagreements
from cifarviz.analysis.ensemble import Ensemble
from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.galleries import LearningProgress
from cifarviz.analysis.intervals import accuracy_interval, class_intervals
from cifarviz.runs.earlier_losses import PLAIN, earlier_losses, is_exact, losses_words
from cifarviz.runs.records import Epoch, Run


def scores_table(evaluation: Evaluation) -> pd.DataFrame:
    """A row a class: precision and recall with their 95 % intervals, F1, and images."""
    frame = evaluation.per_class.to_frame()
    found = class_intervals(evaluation.confusion)
    for name, bounds in (("precision", found.precision), ("recall", found.recall)):
        place = list(frame.columns).index(name) + 1
        frame.insert(place, f"{name}_low", bounds[:, 0])
        frame.insert(place + 1, f"{name}_high", bounds[:, 1])
    return frame


def confusion_table(evaluation: Evaluation, order: Sequence[int]) -> pd.DataFrame:
    """Numbers of images, rows actual and columns predicted classes by name, in this order."""
    names = [evaluation.classes[index] for index in order]
    counts = evaluation.confusion[np.ix_(list(order), list(order))]
    return pd.DataFrame(counts, index=pd.Index(names, name="actual"), columns=names)


def pictures_table(
    evaluation: Evaluation, positions: NDArray[np.int64], learned: LearningProgress | None = None
) -> pd.DataFrame:
    """A row an image: what it is, what the network says and how surely, and how it fared.

    Which is, with ``learned``: from which epoch on it was always right (nothing if it is wrong
    after the newest), how often it was forgotten, and after how many of the epochs kept it was
    right.
    """
    shares, said = evaluation.probabilities[positions], evaluation.predicted[positions]
    labels = evaluation.labels[positions]
    rows = np.arange(len(positions))
    columns: dict[str, object] = {
        "actual": _named(evaluation.classes, labels),
        "predicted": _named(evaluation.classes, said),
        "probability": shares[rows, said],
        "probability_of_actual": shares[rows, labels],
    }
    if learned is not None:
        columns["right_for_good_from_epoch"] = pd.array(
            [epoch or None for epoch in learned.learned[positions].tolist()], dtype="Int64"
        )
        columns["times_forgotten"] = learned.forgotten[positions]
        columns["epochs_right"] = learned.times_right[positions]
        columns["epochs_kept"] = len(learned.epochs)
    index = pd.Index(evaluation.indices[positions], name="image")
    return pd.DataFrame(columns, index=index)


def disagreements_table(
    found: Disagreements, classes: Sequence[str], places: NDArray[np.int64]
) -> pd.DataFrame:
    """A row an image: what it is, and what both networks, A and B, say and how surely."""
    columns: dict[str, object] = {"actual": _named(classes, found.labels[places])}
    rows = np.arange(len(places))
    for name, shares, said in zip("AB", (found.first, found.second), found.said, strict=True):
        columns[f"{name}_predicted"] = _named(classes, said[places])
        columns[f"{name}_probability"] = shares[places][rows, said[places]]
        columns[f"{name}_right"] = said[places] == found.labels[places]
    return pd.DataFrame(columns, index=pd.Index(found.indices[places], name="image"))


def accuracies_table(
    names: Sequence[str], accuracies: Sequence[float], images: int
) -> pd.DataFrame:
    """A row a network, or a vote of several: its accuracy over so many images, and its interval."""
    bounds = [accuracy_interval(one, images) for one in accuracies]
    columns = {
        "accuracy": list(accuracies),
        "accuracy_low": [low for low, _ in bounds],
        "accuracy_high": [high for _, high in bounds],
        "images": images,
    }
    return pd.DataFrame(columns, index=pd.Index(names, name="network"))


def votes_table(ensemble: Ensemble, classes: Sequence[str], names: Sequence[str]) -> pd.DataFrame:
    """A row an image: its class, what each member says, and both votes of them together."""
    answers = [ensemble.labels, *ensemble.members, ensemble.soft, ensemble.majority]
    columns = {number: _named(classes, one) for number, one in enumerate(answers)}
    table = pd.DataFrame(columns, index=pd.Index(ensemble.indices, name="image"))
    # By their place until here: a member may be called as another one, or "actual".
    table.columns = pd.Index(["actual", *names, "by_sum", "by_majority"])
    return table


def history_table(epochs: Sequence[Epoch], run: Run) -> pd.DataFrame:
    """A row an epoch: loss and accuracy, those of validation with the latter's 95 % interval.

    ``losses`` says how the losses were computed, where an earlier version computed some of them.
    """
    frame = pd.DataFrame(
        {
            "loss": [one.loss for one in epochs],
            "accuracy": [one.accuracy for one in epochs],
            "val_loss": [one.val_loss for one in epochs],
            "val_accuracy": [one.val_accuracy for one in epochs],
        },
        index=pd.Index([one.epoch for one in epochs], name="epoch"),
        dtype=np.float64,
    )
    validation_images = run.validation_images
    if validation_images:
        bounds = [
            (None, None)
            if one.val_accuracy is None
            else accuracy_interval(one.val_accuracy, validation_images)
            for one in epochs
        ]
        frame["val_accuracy_low"] = [low for low, _ in bounds]
        frame["val_accuracy_high"] = [high for _, high in bounds]
    if earlier_losses(run) is not None:
        frame["losses"] = [
            PLAIN if is_exact(run, one.epoch) else losses_words(run) for one in epochs
        ]
    return frame


def _named(classes: Sequence[str], indices: NDArray[np.integer]) -> list[str]:
    return [classes[index] for index in indices]
