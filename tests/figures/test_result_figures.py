"""Figures of what a network says: confusion, scores, probabilities."""

import math

import numpy as np
import pytest

from cifarviz.figures.confusion_matrix import confusion_matrix, confusion_matrix_figure
from cifarviz.figures.probabilities import probabilities, probabilities_figure
from cifarviz.figures.score_bars import score_bars, score_bars_figure
from cifarviz.figures.theme import CLASS_COLORS

CLASSES = ("cat", "dog", "frog")
COUNTS = np.array([[8, 2, 0], [1, 3, 0], [0, 0, 0]])


def test_shares_are_of_each_row_and_an_empty_row_is_zero() -> None:
    value = confusion_matrix(CLASSES, COUNTS)
    assert value.shares.tolist() == [[0.8, 0.2, 0], [0.25, 0.75, 0], [0, 0, 0]]


def test_a_cell_has_actual_predicted_and_count() -> None:
    heatmap = confusion_matrix_figure(confusion_matrix(CLASSES, COUNTS)).data[0]
    assert list(heatmap.customdata[1][0]) == [1, 0, 1]
    assert heatmap.hovertext[1][0].startswith("dog predicted as cat: 1 image, 25.0% of dog")


def test_percent_of_a_row() -> None:
    value = confusion_matrix(CLASSES, COUNTS, shown="row_percent")
    heatmap, numbers = confusion_matrix_figure(value).data
    assert list(numbers.text[3:6]) == ["25%", "75%", "·"]
    assert numbers.meta["onScale"][3:6] == [0.25, 0.75, 0]
    assert (heatmap.zmin, heatmap.zmax) == (0, 1)


def test_numbers_are_in_their_cells_with_their_position_on_the_scale() -> None:
    figure = confusion_matrix_figure(confusion_matrix(CLASSES, COUNTS, ringed=(1, 0)))
    numbers = figure.data[1]
    cells = list(zip(numbers.y, numbers.x, numbers.text, strict=True))
    assert cells[:3] == [("cat", "cat", "8"), ("cat", "dog", "2"), ("cat", "frog", "·")]
    assert cells[3][:2] == ("dog", "cat")
    assert numbers.meta["onScale"][:3] == [1, 0.25, 0]
    ring = figure.layout.shapes[0]
    assert (round(ring.y0), round(ring.y1), round(ring.x0), round(ring.x1)) == (1, 1, 0, 0)


def test_a_matrix_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="3 classes"):
        confusion_matrix(CLASSES, np.zeros((2, 2)))


def test_without_predictions_there_is_a_message() -> None:
    figure = confusion_matrix_figure(confusion_matrix(CLASSES, np.zeros((3, 3))))
    assert figure.layout.annotations[0].text == "No predictions yet."


def test_an_undefined_score_is_none() -> None:
    value = score_bars(CLASSES, [0.5, math.nan, 1], [1, 0, 1], [0.6, 0, 1], [4, 3, 2])
    assert value.classes[1].precision is None
    assert value.classes[2].support == 2
    f1, precision, recall = score_bars_figure(value).data
    assert (f1.name, precision.name, recall.name) == ("F1", "Precision", "Recall")
    assert precision.x[1] is None


def test_without_scores_there_is_a_message() -> None:
    figure = score_bars_figure(score_bars((), (), (), (), ()))
    assert figure.layout.annotations[0].text.startswith("No scores yet")


def test_probabilities_are_sorted_and_keep_the_class_colour() -> None:
    value = probabilities(CLASSES, [0.2, 0.7, 0.1], actual=0)
    assert [bar.name for bar in value.bars] == ["dog", "cat", "frog"]
    bars = probabilities_figure(value).data[0]
    assert list(bars.marker.color) == [CLASS_COLORS[1], CLASS_COLORS[0], CLASS_COLORS[2]]
    assert list(bars.y) == ["dog", "<b>cat ✓</b>", "frog"]


def test_probabilities_in_class_order() -> None:
    value = probabilities(CLASSES, [0.2, 0.7999, 0.0001], order="class")
    assert [bar.index for bar in value.bars] == [0, 1, 2]
    assert list(probabilities_figure(value).data[0].text) == ["20.0%", "80.0%", "< 0.1%"]


def test_without_a_prediction_there_is_a_message() -> None:
    assert probabilities_figure(probabilities((), ())).layout.annotations[0].text.startswith("No")
