"""Positions and paces of a replay in the address."""

import pytest

from cifarviz.ui.components.replay import Pace, parse_pace, parse_position


@pytest.mark.parametrize(
    ("text", "pace"),
    [
        ("1x", Pace(times=1, seconds=None)),
        ("50x", Pace(times=50, seconds=None)),
        ("60s", Pace(seconds=60)),
        ("5s", Pace(seconds=5)),
    ],
)
def test_a_pace_survives_a_round_trip(text: str, pace: Pace) -> None:
    assert parse_pace(text) == pace
    assert pace.word == text


@pytest.mark.parametrize("text", ["0x", "51x", "4s", "9999s", "60", "x", "-5s", "６０s", ""])
def test_other_paces_are_refused(text: str) -> None:
    assert parse_pace(text) is None


@pytest.mark.parametrize(("text", "position"), [("0", 0.0), ("8.25", 8.25), ("30.00", 30.0)])
def test_a_position_is_a_number_of_epochs(text: str, position: float) -> None:
    assert parse_position(text) == position


@pytest.mark.parametrize("text", [None, "", "-1", "1e5", "nan", "8,5", "8.", "12345678"])
def test_other_positions_are_refused(text: str | None) -> None:
    assert parse_position(text) is None
