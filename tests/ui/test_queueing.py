import pytest

from cifarviz.training.estimate import Estimate
from cifarviz.ui.queueing import format_duration_range, format_estimate_basis


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (50.0, 55.0, "about 52 s"),
        (0.1, 0.12, "under 1 s"),
        (0.4, 3.0, "1 s to 3 s"),
        (20.0, 200.0, "20 s to 3.3 min"),
        (600.0, 6000.0, "10 min to 1.7 h"),
    ],
)
def test_an_estimate_has_two_digits(low: float, high: float, words: str) -> None:
    assert format_duration_range(Estimate(low, high, 1, True)) == words


def test_an_estimate_names_its_basis() -> None:
    assert "nothing similar has run here in float32" in format_estimate_basis(
        Estimate(1, 9, 0, False), "float32"
    )
    assert "Based on 1 run of a network of this size" in format_estimate_basis(
        Estimate(1, 2, 1, True), "float32"
    )
    assert "Based on 3 runs of the most similar networks" in format_estimate_basis(
        Estimate(1, 2, 3, False), "float32"
    )
