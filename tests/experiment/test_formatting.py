"""Short texts of settings."""

import pytest

from cifarviz.experiment.formatting import format_rate


@pytest.mark.parametrize(
    ("rate", "text"),
    [(0.00214, "0.0021"), (2.13e-5, "2.1e-05"), (0.3, "0.3"), (1.0, "1"), (0.00029999, "0.0003")],
)
def test_learning_rates_have_two_significant_digits(rate: float, text: str) -> None:
    assert format_rate(rate) == text
