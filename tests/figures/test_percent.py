"""Shares in percent: one way to write them."""

import numpy as np
import pytest

from cifarviz.figures.percent import format_bounds, format_percent, format_probability


@pytest.mark.parametrize(
    ("share", "digits", "words"),
    [
        (0.6891, 1, "68.9%"),
        (0, 1, "0.0%"),
        (1, 1, "100.0%"),
        (0.0004, 1, "< 0.1%"),
        (0.0011, 1, "0.1%"),
        (0.99999, 1, "> 99.9%"),
        (0.004, 0, "< 1%"),
        (0.996, 0, "> 99%"),
        (0.5, 0, "50%"),
        (0.00004, 2, "< 0.01%"),
        (float("nan"), 1, "–"),
    ],
)
def test_small_shares_are_not_rounded_to_zero(share: float, digits: int, words: str) -> None:
    assert format_percent(share, digits) == words


@pytest.mark.parametrize(
    ("share", "digits", "words"),
    [
        (1, 1, "> 99.9%"),
        (float(np.float16(0.99985)), 1, "> 99.9%"),
        (0.99985, 1, "> 99.9%"),
        (1, 0, "> 99%"),
        (0, 1, "< 0.1%"),
        (1e-9, 1, "< 0.1%"),
        (0, 2, "< 0.01%"),
        (0.999, 1, "99.9%"),
        (0.6891, 1, "68.9%"),
        (float("nan"), 1, "–"),
    ],
)
def test_a_probability_is_never_zero_or_one_hundred_percent(
    share: float, digits: int, words: str
) -> None:
    assert format_probability(share, digits) == words


def test_an_interval_has_both_ends() -> None:
    assert format_bounds(0.0001, 0.0365) == "< 0.1% to 3.6%"
