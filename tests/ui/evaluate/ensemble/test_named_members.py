"""Members in an address, and back."""

import pytest

from cifarviz.analysis.members import Member
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.ui.ensemble.members import joined, named_members
from tests import stored_runs


@pytest.fixture
def run(settings: Settings) -> Run:
    return stored_runs.store_run(RunStore(settings), stored_runs.experiment())


def test_an_address_names_the_members_it_was_made_of(run: Run) -> None:
    members = (Member(run), Member(run, "best"), Member(run, 15))
    text = joined(members)
    assert text == f"{run.id},{run.id}@best,{run.id}@15"
    assert named_members(text, {run.id: run}).members == members
    assert joined(()) is None


@pytest.mark.parametrize("when", ["first", "0", "-1", "１", "best@2"])
def test_what_names_no_weights_is_said(run: Run, when: str) -> None:
    named = named_members(f"{run.id},{run.id}@{when}", {run.id: run})
    assert named.members == (Member(run),)
    assert "is no epoch of “mine”" in named.problems[0]


def test_a_run_that_is_not_there_is_said(run: Run) -> None:
    named = named_members(f"zzz,,{run.id}", {run.id: run})
    assert named.members == (Member(run),)
    assert named.problems == ("There is no run “zzz” here: it is left out.",)


def test_more_than_ten_are_too_many(run: Run) -> None:
    named = named_members(",".join(f"{run.id}@{n}" for n in range(1, 13)), {run.id: run})
    assert len(named.members) == 10
    assert "at most 10 members here, and 12 came" in named.problems[0]
