"""What an ensemble can be made of, under which names, and what suggests itself."""

import numpy as np
import pytest

from cifarviz.analysis.members import Member
from cifarviz.runs.artifacts import Checkpoint, answers_path, save_arrays
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.ui.evaluate.ensemble.choices import choices, labels, short_labels, suggestions
from tests import stored_runs


@pytest.fixture
def store(settings: Settings) -> RunStore:
    return RunStore(settings)


def trained(
    store: RunStore,
    name: str = "net",
    *,
    kept: tuple[Checkpoint, ...] = ("last",),
    state: RunState = RunState.FINISHED,
    **fields: object,
) -> Run:
    made = stored_runs.experiment(**fields)
    run = stored_runs.store_run(store, made, name=name, state=state)
    for which in kept:
        stored_runs.add_checkpoint(store, run, which)
    return run


def keep_answers(store: RunStore, run: Run, *epochs: int) -> None:
    for epoch in epochs:
        path = answers_path(store.folder(run.id), epoch)
        save_arrays(path, {"indices": np.arange(3)}, {})


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
    assert choices(store, [run], "last") == [Member(run), Member(run, 1), Member(run, 3)]


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
