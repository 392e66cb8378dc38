"""Figures of the lab, by what they show."""

import numpy as np
import pytest

from cifarviz.figures.lab_charts import (
    AccuracyBySize,
    GapBar,
    MemorisationCurves,
    accuracy_by_size_figure,
    gap_bars_figure,
    learned_epochs,
    learned_epochs_figure,
    memorisation_figure,
)
from cifarviz.figures.theme import TRAINING, VALIDATION, WARNING

NONE = np.empty(0)


def test_images_are_on_a_logarithmic_axis_that_has_room_for_all_that_will_come() -> None:
    value = AccuracyBySize(
        np.array([500, 1000]), np.array([0.9, 0.95]), np.array([0.3, 0.4]), (500, 1000, 5000)
    )
    figure = accuracy_by_size_figure(value)
    axis = figure.layout.xaxis
    assert axis.type == "log"
    assert axis.range[0] < np.log10(500)
    assert axis.range[1] > np.log10(5000)
    assert list(axis.ticktext) == ["500", "1,000", "5,000"]
    training, validation = figure.data
    assert (training.line.color, validation.line.color) == (TRAINING, VALIDATION)
    assert list(validation.x) == [500, 1000]
    assert list(validation.y) == [0.3, 0.4]
    assert validation.fill == "tonexty"


def test_learned_epochs_are_shares_of_each_kind() -> None:
    value = learned_epochs(np.array([1, 2, 3]), np.array([1, 1, 2, 0]), np.array([3, 0]))
    assert value.true.tolist() == [0.5, 0.25, 0]
    assert value.false.tolist() == [0, 0, 0.5]
    assert (value.true_never, value.false_never) == (0.25, 0.5)
    right, wrong = learned_epochs_figure(value).data
    assert (right.name, wrong.name) == (
        "Correct labels (25% never learned)",
        "Wrong labels (50% never learned)",
    )
    assert (right.marker.color, wrong.marker.color) == (TRAINING, WARNING)


def test_memorisation_has_its_four_curves() -> None:
    epochs = np.array([1, 2])
    value = MemorisationCurves(
        epochs,
        np.array([0.5, 0.9]),
        np.array([0.1, 0.8]),
        np.array([0.4, 0.1]),
        epochs,
        np.array([0.4, 0.3]),
    )
    curves = {one.name: list(one.y) for one in memorisation_figure(value).data}
    assert curves == {
        "Correct label, learned": [0.5, 0.9],
        "Wrong label, memorised": [0.1, 0.8],
        "Wrong label, predicted correctly": [0.4, 0.1],
        "Validation": [0.4, 0.3],
    }


def test_gaps_are_bars_between_both_accuracies_and_runs_to_come_have_their_row() -> None:
    figure = gap_bars_figure([GapBar("none", 1.0, 0.4), GapBar("all", None, None)])
    gap, training, validation = figure.data
    assert list(gap.x) == [0.4, 1.0, None]
    assert (list(training.x), list(validation.x)) == ([1.0], [0.4])
    assert list(figure.layout.yaxis.categoryarray) == ["all", "none"]


@pytest.mark.parametrize(
    "figure",
    [
        gap_bars_figure([]),
        accuracy_by_size_figure(AccuracyBySize(NONE, NONE, NONE, ())),
        learned_epochs_figure(learned_epochs(NONE, NONE, NONE)),
        memorisation_figure(MemorisationCurves(NONE, NONE, NONE, NONE, NONE, NONE)),
    ],
)
def test_without_data_there_is_a_message(figure) -> None:
    assert len(figure.data) == 0
    assert figure.layout.annotations[0].text.endswith(".")
