"""One experiment from several seeds, and the names of its runs."""

from cifarviz.experiment.ensemble_members import (
    experiments_with_seeds,
    member_name,
    name_without_member,
)
from cifarviz.experiment.presets import PRESETS


def test_members_differ_only_in_their_seed() -> None:
    base = PRESETS["cifar10-ensemble"].experiment
    members = experiments_with_seeds(base, 3, 4)
    assert [one.seed for one in members] == [3, 4, 5, 6]
    assert len({one.model_dump_json(exclude={"seed"}) for one in members}) == 1


def test_a_member_name_can_be_parsed() -> None:
    name = member_name("Four networks voting", 3, 2, 4)
    assert name == "Four networks voting, seed 3 (member 2 of 4)"
    assert name_without_member(name) == "Four networks voting"
    assert name_without_member("My net, seed 3") == "My net, seed 3"


def test_a_member_name_has_at_most_100_characters() -> None:
    assert len(member_name("x" * 100, 2**31 - 1, 10, 10)) <= 100
