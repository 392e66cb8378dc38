"""What suggests itself as an ensemble."""

import pytest

from cifarviz.analysis.members import Member
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.ui.ensemble.members import suggestions
from tests.ui.evaluate.ensemble.ended_runs import keep_answers, trained


@pytest.fixture
def store(settings: Settings) -> RunStore:
    return RunStore(settings)


def test_runs_that_differ_in_their_seed_suggest_themselves(store: RunStore) -> None:
    runs = {
        seed: trained(store, f"net, seed {seed} (member {seed} of 3)", seed=seed)
        for seed in (1, 2, 3)
    }
    trained(store, "other", seed=4, batch_size=7)
    (found,) = suggestions(store, store.all(), "last")
    assert found.label == "3 runs of “net”, seeds 1–3"
    assert found.members == tuple(Member(runs[seed]) for seed in (1, 2, 3))


def test_of_two_runs_from_one_seed_the_newer_is_suggested(store: RunStore) -> None:
    for seed in (1, 1, 5):
        newest = trained(store, seed=seed)
    (found,) = suggestions(store, store.all(), "last")
    assert found.label == "2 runs of “net”, seeds 1 and 5"
    assert found.members[1] == Member(newest)
    assert found.members[0].run == store.all()[1]


def test_kept_epochs_suggest_themselves_as_far_as_they_are_there(store: RunStore) -> None:
    run = trained(store, test_epochs=(1, 2, 3))
    keep_answers(store, run, 1, 3)
    (found,) = suggestions(store, store.all(), "last")
    assert found.label == "Epochs 1 and 3 of “net”"
    assert found.members == (Member(run, 1), Member(run, 3))


def team(store: RunStore, *seeds: int, batch_size: int = 4) -> None:
    for number, seed in enumerate(seeds, 1):
        name = f"net, seed {seed} (member {number} of {len(seeds)})"
        run = trained(store, name, seed=seed, test_epochs=(1, 2), batch_size=batch_size)
        keep_answers(store, run, 1, 2)


def test_those_trained_together_come_first_then_other_seeds_then_epochs(store: RunStore) -> None:
    team(store, 1, 2, 3)
    alone = trained(store, "alone", seed=9, test_epochs=(1, 2))
    keep_answers(store, alone, 1, 2)
    team(store, 21, 22)
    assert [one.label for one in suggestions(store, store.all(), "last")] == [
        "2 runs of “net”, seeds 21 and 22",
        "3 runs of “net”, seeds 1–3",
        "6 runs of “net”, seeds 1, 2, 3, 9, 21 and 22",
        "Epochs 1 and 2 of “alone”",
    ]


def test_many_runs_do_not_fill_the_page(store: RunStore) -> None:
    for number in range(6):
        team(store, 1, 2, batch_size=number + 1)
        keep_answers(store, trained(store, f"a{number}", test_epochs=(1, 2), l2=0.1), 1, 2)
    found = [one.label for one in suggestions(store, store.all(), "last")]
    assert sum("seeds" in label for label in found) == 4
    assert sum("Epochs" in label for label in found) == 2
