"""What members of an ensemble say of one image, as a figure."""

import numpy as np
import pytest

from cifarviz.figures.member_probabilities import (
    ENSEMBLE,
    member_probabilities,
    member_probabilities_figure,
)

MEMBERS = np.array([[0.9, 0.1], [0.2, 0.8]], np.float32)


def test_the_mean_of_all_members_stands_below_them() -> None:
    value = member_probabilities(["cat", "dog"], ["1", "2"], MEMBERS, actual=1)
    assert value.labels == ("1", "2", ENSEMBLE)
    assert value.shares == pytest.approx(np.array([[0.9, 0.1], [0.2, 0.8], [0.55, 0.45]]))


def test_the_actual_class_is_ticked_and_numbers_are_drawn() -> None:
    value = member_probabilities(["cat", "dog"], ["1", "2"], MEMBERS, actual=1)
    cells, numbers = member_probabilities_figure(value).data
    assert list(cells.x) == ["cat", "<b>dog ✓</b>"]
    assert list(cells.y) == ["1", "2", f"<b>{ENSEMBLE}</b>"]
    assert list(numbers.text) == ["90%", "10%", "20%", "80%", "55%", "45%"]
    assert cells.hovertext[2][0] == f"{ENSEMBLE}: cat, 55.00%"


def test_each_member_has_a_name() -> None:
    with pytest.raises(ValueError, match="labels"):
        member_probabilities(["cat", "dog"], ["1"], MEMBERS)


def test_without_members_there_is_a_message() -> None:
    value = member_probabilities(["cat", "dog"], [], np.zeros((0, 2)))
    assert not member_probabilities_figure(value).data
