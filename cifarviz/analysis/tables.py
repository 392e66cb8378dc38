"""Data frames of what the pages show, for other programs, with all digits."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cifarviz.analysis.disagreements import Disagreements
from cifarviz.analysis.ensemble import Ensemble
from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.galleries import LearningProgress
from cifarviz.analysis.intervals import accuracy_interval, class_intervals
from cifarviz.runs.earlier_losses import PLAIN, earlier_losses, has_exact_loss, losses_text
from cifarviz.runs.records import Epoch, Run


def scores_table(evaluation: Evaluation) -> pd.DataFrame:
    """A row for each class: precision and recall with 95 % intervals, F1, number of images."""
    frame = evaluation.per_class.to_frame()
    intervals = class_intervals(evaluation.confusion)
    for name, bounds in (("precision", intervals.precision), ("recall", intervals.recall)):
        position = list(frame.columns).index(name) + 1
        frame.insert(position, f"{name}_low", bounds[:, 0])
        frame.insert(position + 1, f"{name}_high", bounds[:, 1])
    return frame


def confusion_table(evaluation: Evaluation, order: Sequence[int]) -> pd.DataFrame:
    """The confusion matrix by class name in ``order``: rows actual, columns predicted."""
    names = [evaluation.classes[index] for index in order]
    counts = evaluation.confusion[np.ix_(list(order), list(order))]
    return pd.DataFrame(counts, index=pd.Index(names, name="actual"), columns=names)


def pictures_table(
    evaluation: Evaluation, positions: NDArray[np.int64], learned: LearningProgress | None = None
) -> pd.DataFrame:
    """A row for each image: its class, the predicted class and their probabilities.

    With ``learned`` also from which epoch on it is always correct (missing if it is wrong after
    the last), how often it was forgotten, and after how many of the saved epochs it is correct.
    """
    probabilities = evaluation.probabilities[positions]
    predicted = evaluation.predicted[positions]
    labels = evaluation.labels[positions]
    rows = np.arange(len(positions))
    columns: dict[str, object] = {
        "actual": _named(evaluation.classes, labels),
        "predicted": _named(evaluation.classes, predicted),
        "probability": probabilities[rows, predicted],
        "probability_of_actual": probabilities[rows, labels],
    }
    if learned is not None:
        columns["right_for_good_from_epoch"] = pd.array(
            [epoch or None for epoch in learned.learned[positions].tolist()], dtype="Int64"
        )
        columns["times_forgotten"] = learned.forgotten[positions]
        columns["epochs_right"] = learned.times_correct[positions]
        columns["epochs_kept"] = len(learned.epochs)
    index = pd.Index(evaluation.indices[positions], name="image")
    return pd.DataFrame(columns, index=index)


def disagreements_table(
    compared: Disagreements, classes: Sequence[str], positions: NDArray[np.int64]
) -> pd.DataFrame:
    """A row for each image: its class, and the predictions of both networks, A and B."""
    labels = compared.labels[positions]
    columns: dict[str, object] = {"actual": _named(classes, labels)}
    networks = zip("AB", (compared.first, compared.second), compared.predicted, strict=True)
    for name, probabilities, all_predicted in networks:
        predicted = all_predicted[positions]
        columns[f"{name}_predicted"] = _named(classes, predicted)
        columns[f"{name}_probability"] = probabilities[positions, predicted]
        columns[f"{name}_right"] = predicted == labels
    return pd.DataFrame(columns, index=pd.Index(compared.indices[positions], name="image"))


def accuracies_table(
    names: Sequence[str], accuracies: Sequence[float], images: int
) -> pd.DataFrame:
    """A row for each network or vote: its accuracy over ``images``, with a 95 % interval."""
    bounds = [accuracy_interval(accuracy, images) for accuracy in accuracies]
    columns = {
        "accuracy": list(accuracies),
        "accuracy_low": [low for low, _ in bounds],
        "accuracy_high": [high for _, high in bounds],
        "images": images,
    }
    return pd.DataFrame(columns, index=pd.Index(names, name="network"))


def votes_table(ensemble: Ensemble, classes: Sequence[str], names: Sequence[str]) -> pd.DataFrame:
    """A row for each image: its class, each member's prediction, and both votes."""
    voted = [ensemble.labels, *ensemble.members, ensemble.soft, ensemble.majority]
    columns = {number: _named(classes, indices) for number, indices in enumerate(voted)}
    table = pd.DataFrame(columns, index=pd.Index(ensemble.indices, name="image"))
    # Named last: members may have equal names, or be called "actual".
    table.columns = pd.Index(["actual", *names, "by_sum", "by_majority"])
    return table


def history_table(epochs: Sequence[Epoch], run: Run) -> pd.DataFrame:
    """A row for each epoch: losses and accuracies, with the 95 % interval of validation accuracy.

    ``losses`` is how the losses were computed, if an earlier version computed some of them.
    """
    frame = pd.DataFrame(
        {
            "loss": [row.loss for row in epochs],
            "accuracy": [row.accuracy for row in epochs],
            "val_loss": [row.val_loss for row in epochs],
            "val_accuracy": [row.val_accuracy for row in epochs],
        },
        index=pd.Index([row.epoch for row in epochs], name="epoch"),
        dtype=np.float64,
    )
    validation_images = run.validation_images
    if validation_images:
        bounds = [
            (None, None)
            if row.val_accuracy is None
            else accuracy_interval(row.val_accuracy, validation_images)
            for row in epochs
        ]
        frame["val_accuracy_low"] = [low for low, _ in bounds]
        frame["val_accuracy_high"] = [high for _, high in bounds]
    if earlier_losses(run) is not None:
        frame["losses"] = [
            PLAIN if has_exact_loss(run, row.epoch) else losses_text(run) for row in epochs
        ]
    return frame


def _named(classes: Sequence[str], indices: NDArray[np.integer]) -> list[str]:
    return [classes[index] for index in indices]
