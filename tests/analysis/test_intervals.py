"""Wilson's intervals, compared with tables and another implementation."""

import numpy as np
import pytest
from scipy.stats import binomtest

from cifarviz.analysis.intervals import accuracy_interval, class_intervals


@pytest.mark.parametrize(
    ("accuracy", "images", "low", "high"),
    # Agresti and Coull's textbook example of 0 in 10, and two by the usual tables.
    [(0.0, 10, 0.0, 0.2775), (0.5, 100, 0.4038, 0.5962), (0.77, 10_000, 0.7617, 0.7781)],
)
def test_the_interval_is_wilsons(accuracy: float, images: int, low: float, high: float) -> None:
    assert accuracy_interval(accuracy, images) == pytest.approx((low, high), abs=1e-4)


def test_the_interval_narrows_and_stays_in_0_to_1() -> None:
    assert accuracy_interval(1.0, 5)[1] <= 1
    widths = [np.ptp(accuracy_interval(0.8, images)) for images in (10, 100, 1000)]
    assert widths[0] > widths[1] > widths[2]
    assert accuracy_interval(0.5, 0) == (0, 1)


def test_the_interval_of_a_small_example() -> None:
    # 8 of 10: z² = 3.8415, middle (0.8 + 0.19207) / 1.38415, spread 1.95996 · √(0.016 + 0.0096037)
    # / 1.38415.
    middle, spread = 0.99207 / 1.38415, 1.95996 * 0.0256037**0.5 / 1.38415
    expected = (middle - spread, middle + spread)
    assert accuracy_interval(0.8, 10) == pytest.approx(expected, abs=1e-4)


def test_each_class_has_intervals_of_recall_and_precision() -> None:
    # The last class has no images and is never predicted.
    confusion = np.array([[8, 2, 0, 0], [1, 19, 0, 0], [0, 5, 0, 0], [0, 0, 0, 0]])
    found = class_intervals(confusion)
    for pairs, given in (
        (found.recall, [(8, 10), (19, 20), (0, 5)]),
        (found.precision, [(8, 9), (19, 26)]),
    ):
        for pair, (right, of) in zip(pairs, given, strict=False):
            other = binomtest(right, of).proportion_ci(0.95, method="wilson")
            assert pair == pytest.approx((other.low, other.high), abs=1e-6)
        assert pairs[3].tolist() == [0, 1]
    assert found.precision[2].tolist() == [0, 1]
    assert found.recall.shape == found.precision.shape == (4, 2)
