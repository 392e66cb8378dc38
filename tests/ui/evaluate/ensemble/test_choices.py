"""What an ensemble can be made of, and under which names."""

import pytest

from cifarviz.analysis.members import Member
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.ui.ensemble.members import choices, labels, short_labels
from tests.ui.evaluate.ensemble.ended_runs import keep_answers, trained


@pytest.fixture
def store(settings: Settings) -> RunStore:
    return RunStore(settings)


def test_the_weights_that_are_there_stand_in_for_those_wished_for(store: RunStore) -> None:
    run, both = trained(store, kept=("best",)), trained(store, kept=("last", "best"))
    gone = trained(store, kept=())
    assert choices(store, [run, both, gone], "last") == [Member(run, "best"), Member(both)]
    assert choices(store, [run, both], "best") == [Member(run, "best"), Member(both, "best")]


def test_names_tell_seed_data_and_end_and_are_all_different(store: RunStore) -> None:
    one, again = trained(store, seed=7), trained(store, seed=7)
    stopped = trained(store, "half", state=RunState.STOPPED, seed=2)
    shown = labels([Member(one), Member(again), Member(stopped, "best")])
    assert len(set(shown)) == 3
    assert all(name.startswith("net, seed 7, CIFAR-10 sample") for name in shown[:2])
    assert shown[2] == "half, seed 2, CIFAR-10 sample, stopped after 3 of 3 epochs, best epoch 3"


def test_a_table_names_members_by_what_tells_them_apart(store: RunStore) -> None:
    first, second = trained(store, seed=1), trained(store, seed=2)
    other = trained(store, "another network with a long name", seed=3)
    assert short_labels([Member(first), Member(second)]) == ["1 · seed 1", "2 · seed 2"]
    assert short_labels([Member(first, 15), Member(first, 30)]) == ["1 · epoch 15", "2 · epoch 30"]
    assert short_labels([Member(first), Member(other)]) == ["1 · net", "2 · another network w…"]


def test_what_it_takes_to_tell_members_apart_is_said(store: RunStore) -> None:
    seeds = [
        trained(store, f"Four networks voting, seed {seed} (member {seed} of 2)", seed=seed)
        for seed in (1, 2)
    ]
    alone = trained(store, "Four networks voting, as published", seed=1)
    assert short_labels([*map(Member, seeds), Member(alone, 15), Member(alone, 30)]) == [
        "1 · seed 1, last epoch (3)",
        "2 · seed 2, last epoch (3)",
        "3 · seed 1, epoch 15",
        "4 · seed 1, epoch 30",
    ]
    # Nothing tells these apart but their place.
    again = trained(store, "net"), trained(store, "net")
    assert short_labels([*map(Member, again)]) == ["1 · net", "2 · net"]


def test_a_seed_in_a_name_is_not_taken_for_the_beginning_of_another(store: RunStore) -> None:
    assert labels([Member(trained(store, "seed 12", seed=1))]) == [
        "seed 12, seed 1, CIFAR-10 sample"
    ]
    assert labels([Member(trained(store, "seed 12", seed=12))]) == ["seed 12, CIFAR-10 sample"]


def test_all_there_is_to_choose_may_vote_together(store: RunStore) -> None:
    run = trained(store, test_epochs=(1, 3))
    keep_answers(store, run, 1, 3)
    # As it ended it is what it was after epoch 3, its last.
    assert choices(store, [run], "last") == [Member(run), Member(run, 1)]
    chosen = [Member(run, 3)]
    assert choices(store, [run], "last", chosen) == [Member(run, 1), Member(run, 3)]
