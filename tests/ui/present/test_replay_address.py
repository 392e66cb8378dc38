"""What the address holds of a replay, and what it cannot hold."""

import pytest

from cifarviz.ui.components.replay import Pace, parse_pace
from cifarviz.ui.present.stage import place_in


@pytest.mark.parametrize(
    ("text", "pace"),
    [
        ("1x", Pace(times=1, seconds=None)),
        ("50x", Pace(times=50, seconds=None)),
        ("60s", Pace(seconds=60)),
        ("5s", Pace(seconds=5)),
    ],
)
def test_a_pace_comes_back_as_it_was_written(text: str, pace: Pace) -> None:
    assert parse_pace(text) == pace
    assert pace.word == text


@pytest.mark.parametrize("text", ["0x", "51x", "4s", "9999s", "60", "x", "-5s", "６０s", ""])
def test_no_other_pace_is_taken(text: str) -> None:
    assert parse_pace(text) is None


@pytest.mark.parametrize(("text", "place"), [("0", 0.0), ("8.25", 8.25), ("30.00", 30.0)])
def test_a_place_is_a_number_of_epochs(text: str, place: float) -> None:
    assert place_in(text) == place


@pytest.mark.parametrize("text", [None, "", "-1", "1e5", "nan", "8,5", "8.", "12345678"])
def test_no_other_place_is_taken(text: str | None) -> None:
    assert place_in(text) is None
