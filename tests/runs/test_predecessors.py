"""A queued run waits for what it needs of a run in training, and for nothing else."""

import pytest

from cifarviz.runs.predecessors import find_predecessor
from cifarviz.runs.records import Run
from cifarviz.runs.series import save_series
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests import stored_runs
from tests.runs.held_run import held_run


@pytest.fixture
def store(settings: Settings) -> RunStore:
    return RunStore(settings)


def queued(store: RunStore, name: str, **fields: object) -> tuple[Run, object]:
    run_id, lock = held_run(store, name, stored_runs.experiment(**fields))
    return store.get(run_id), lock


def test_a_run_that_starts_with_anothers_weights_waits_for_its_end(store: RunStore) -> None:
    source, _held = queued(store, "source", precision="float32")
    transfer = {"run": source.id, "layers": 1}
    taker, _also_held = queued(store, "taker", precision="float32", transfer=transfer)
    # Queued behind it, it would never come first.
    assert find_predecessor(store, taker) is None
    store.transition(source.id, RunState.RUNNING)
    waits_for = find_predecessor(store, taker)
    assert waits_for is not None
    assert waits_for.name == "source"
    store.transition(source.id, RunState.FINISHED)
    assert find_predecessor(store, taker) is None
    store.delete(source.id)
    assert find_predecessor(store, taker) is None


def test_runs_that_are_compared_wait_until_one_has_found_the_precision(store: RunStore) -> None:
    first, _held = queued(store, "first", precision="auto")
    second, _also_held = queued(store, "second", precision="auto")
    alone, _held_too = queued(store, "alone", precision="auto")
    save_series(store, "duel", "A duel", [(first.id, "a"), (second.id, "b")])
    assert find_predecessor(store, second) is None
    store.transition(first.id, RunState.RUNNING)
    waits_for = find_predecessor(store, second)
    assert waits_for is not None
    assert waits_for.name == "first"
    assert find_predecessor(store, alone) is None
    store.describe(first.id, precision="float32")
    assert find_predecessor(store, second) is None
