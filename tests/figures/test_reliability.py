"""The reliability diagram."""

import numpy as np

from cifarviz.figures.reliability import Reliability, reliability_figure

NAN = float("nan")


def test_bars_are_as_high_as_the_accuracy_and_the_gap_reaches_the_confidence() -> None:
    value = Reliability(np.array([0, 4, 6]), np.array([NAN, 0.5, 0.9]), np.array([NAN, 0.25, 1.0]))
    right, gap, ideal = reliability_figure(value).data
    assert list(right.x) == [0.5, 5 / 6]
    assert list(right.y) == [0.25, 1.0]
    tops = [base + height for base, height in zip(gap.base, gap.y, strict=True)]
    assert tops == [0.5, 0.9]
    assert list(ideal.y) == [0, 1]


def test_without_predictions_there_is_a_message() -> None:
    nothing = np.full(3, NAN)
    figure = reliability_figure(Reliability(np.zeros(3, int), nothing, nothing))
    assert not figure.data
    assert figure.layout.annotations[0].text == "No predictions yet."
