"""The queue takes turns between people, whoever has queued how many."""

import pytest

from cifarviz.people.person import TEACHER, Person, acting_as
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from tests import stored_runs

ADA, BEN, CY = (Person(f"{name}00000", name, "student") for name in ("ada", "ben", "cy"))


def _queue(store: RunStore, *people: Person) -> list[str]:
    """Queue a run for each, in this order; returns their ids."""
    ids = []
    for person in people:
        with acting_as(person):
            experiment = stored_runs.experiment()
            run = stored_runs.store_run(store, experiment, state=RunState.QUEUED, epochs=0)
            ids.append(run.id)
    return ids


def _owners(store: RunStore) -> list[str | None]:
    return [store.get(run_id).owner for run_id in store.queue()]


def test_one_person_s_runs_keep_their_order(store: RunStore) -> None:
    assert _queue(store, ADA, ADA, ADA) == store.queue()


def test_who_queues_many_waits_for_those_who_queue_one(store: RunStore) -> None:
    first, *_ = _queue(store, ADA, ADA, ADA, BEN, CY, TEACHER)
    assert _owners(store) == [ADA.id, BEN.id, CY.id, None, ADA.id, ADA.id]
    assert store.queue()[0] == first


def test_who_trains_comes_after_those_who_wait(store: RunStore) -> None:
    training, *_ = _queue(store, ADA, ADA, BEN)
    store.transition(training, RunState.RUNNING)
    assert _owners(store) == [BEN.id, ADA.id]


def test_who_has_just_trained_comes_after_those_who_have_not(store: RunStore) -> None:
    done, _, bens = _queue(store, ADA, ADA, BEN)
    store.transition(done, RunState.RUNNING)
    store.transition(done, RunState.FINISHED)
    assert store.queue()[0] == bens


@pytest.mark.parametrize("person", [ADA, BEN, TEACHER], ids=lambda person: person.name)
def test_active_runs_are_listed_in_the_order_of_the_queue(store: RunStore, person: Person) -> None:
    training, *_ = _queue(store, ADA, ADA, ADA, BEN)
    run = store.get(training)
    with stored_runs.hold_lock(store, run):
        store.transition(training, RunState.RUNNING)
        with acting_as(person):
            listed = [active.id for active in store.active()]
        assert listed == [training, *store.queue()]
