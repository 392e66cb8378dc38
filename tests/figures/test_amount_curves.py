"""Figures of probabilities and accuracies over an amount."""

import numpy as np
import pytest

from cifarviz.analysis.intervals import accuracy_interval
from cifarviz.analysis.sweeps import AccuracyCurve, Flip
from cifarviz.data.distortions import find_distortion
from cifarviz.figures.amount_curves import (
    AmountAxis,
    accuracy_curve_figure,
    difference_picture,
    probability_curves,
    probability_curves_figure,
)
from cifarviz.figures.theme import class_color

AMOUNTS = np.array([-10.0, 0, 10, 20])
CLASSES = ("cat", "dog", "frog", "ship", "truck", "deer", "bird")
SHARES = np.array(
    [
        [0.9, 0.05, 0.04, 0.01, 0.0, 0.0, 0.0],
        [0.6, 0.3, 0.09, 0.01, 0.0, 0.0, 0.0],
        [0.2, 0.7, 0.09, 0.01, 0.0, 0.0, 0.0],
        [0.1, 0.3, 0.59, 0.01, 0.0, 0.0, 0.0],
    ],
    np.float32,
)
FLIP = Flip(6.0, np.zeros((2, 2, 1), np.uint8), np.array([0.4, 0.45, 0.15, 0, 0, 0, 0], np.float32))
AXIS = AmountAxis("Rotation, degrees", find_distortion("rotation").format, 10.0, (FLIP,))


def test_classes_that_reach_something_are_drawn_the_highest_first() -> None:
    curves = probability_curves(AMOUNTS, SHARES, CLASSES)
    assert [curve.name for curve in curves.curves] == ["cat", "dog", "frog"]
    assert curves.hidden == 4
    two = probability_curves(AMOUNTS, SHARES[:, :2], CLASSES[:2])
    assert [curve.name for curve in two.curves] == ["cat", "dog"]
    with_deer = probability_curves(AMOUNTS, SHARES, CLASSES, shown=[5])
    assert [curve.name for curve in with_deer.curves] == ["cat", "dog", "frog", "deer"]
    many = probability_curves(AMOUNTS[:1], np.full((1, 7), 1 / 7, np.float32), CLASSES)
    assert len(many.curves) == 5
    with pytest.raises(ValueError, match="3 amounts"):
        probability_curves(AMOUNTS[:3], SHARES, CLASSES)


def test_the_figure_has_the_curves_the_flip_and_the_amount_shown() -> None:
    figure = probability_curves_figure(probability_curves(AMOUNTS, SHARES, CLASSES), AXIS)
    cat, dog, _, flip = figure.data
    assert list(cat.x) == AMOUNTS.tolist()
    assert list(cat.y) == SHARES[:, 0].tolist()
    assert dog.line.color == class_color(1)
    assert list(cat.customdata[0]) == ["−10°", "cat", "90.0%"]
    assert list(flip.x) == [6]
    assert list(flip.y) == [pytest.approx(0.45)]
    assert flip.marker.color == class_color(1)
    assert [shape.x0 for shape in figure.layout.shapes] == [10, 6]
    assert figure.layout.xaxis.range == (-10, 20)


def test_accuracies_have_their_interval_and_the_flips_of_the_picture() -> None:
    curve = AccuracyCurve(AMOUNTS, np.array([10, 40, 30, 20]), 50)
    band, line, flip = accuracy_curve_figure(curve, AXIS).data
    assert list(line.y) == [0.2, 0.8, 0.6, 0.4]
    assert band.y[0] == accuracy_interval(0.2, 50)[1]
    assert band.y[-1] == accuracy_interval(0.2, 50)[0]
    assert list(flip.x) == [6, 6]


def test_nothing_to_draw_is_said() -> None:
    none = probability_curves(AMOUNTS[:0], SHARES[:0], CLASSES)
    empty = probability_curves_figure(none, AXIS)
    assert empty.layout.annotations[0].text == "No prediction yet."
    empty = accuracy_curve_figure(AccuracyCurve(AMOUNTS, np.zeros(4, int), 0), AXIS)
    assert empty.layout.annotations[0].text == "There are no test images."


def test_the_difference_is_enlarged_around_grey() -> None:
    before, after = np.array([0, 100, 200, 9]), np.array([2, 100, 198, 255])
    found = difference_picture(before.astype(np.uint8), after.astype(np.uint8), 40)
    assert found.tolist() == [208, 128, 48, 255]
