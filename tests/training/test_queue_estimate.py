"""How long the queue takes follows from what each run has left, and from the places."""

from dataclasses import replace

import pytest

from cifarviz import free_memory, processor
from cifarviz.runs.records import Progress, Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.training import queue_estimate
from cifarviz.training.queue_estimate import QueueEstimate, QueueEstimator, estimate_queue
from tests.stored_runs import experiment, run_record

TRAINING = Progress("training", 3, 22, 10, 5.0, 90.0, 0.0)


def runs(states: str) -> list[Run]:
    """Runs by the first letters of their states: a, b, …"""
    known = {state[0].upper() + state[1]: state for state in RunState}
    return [
        run_record(id=chr(ord("a") + place), state=known[short])
        for place, short in enumerate(states.split())
    ]


def test_one_place_takes_the_sum() -> None:
    estimate = estimate_queue(runs("Ru Qu Qu"), {"a": 10.0, "b": 20.0, "c": 30.0}, 1)
    assert estimate == QueueEstimate(60.0, True, {"b": 10.0, "c": 30.0})


def test_places_share_the_queue_in_its_order() -> None:
    left = {"a": 10.0, "b": 60.0, "c": 30.0, "d": 5.0, "e": 30.0}
    estimate = estimate_queue(runs("Ru Ru Qu Qu Qu"), left, 2)
    # c follows a, d and e follow c; b trains all the time.
    assert estimate == QueueEstimate(75.0, True, {"c": 10.0, "d": 40.0, "e": 45.0})
    # A free place is taken at once.
    assert estimate_queue(runs("Ru Qu"), {"a": 10.0, "b": 60.0}, 3).starts == {"b": 0.0}


def test_what_is_unknown_makes_it_a_lower_bound() -> None:
    left = {"a": 10.0, "b": None, "c": 30.0}
    assert estimate_queue(runs("Ru Qu Qu"), left, 1) == QueueEstimate(10.0, False, {"b": 10.0})
    # The other place goes on.
    assert estimate_queue(runs("Ru Qu Qu"), left, 2) == QueueEstimate(
        40.0, False, {"b": 0.0, "c": 10.0}
    )
    assert estimate_queue(runs("Pa Qu"), {"a": None, "b": 30.0}, 1) == QueueEstimate(None, False)
    assert estimate_queue(runs("Qu"), {"a": None}, 1) == QueueEstimate(None, False, {"a": 0.0})


def test_orphans_are_not_waited_for() -> None:
    active = runs("Ru Qu Qu")
    active[1] = replace(active[1], orphaned=True)
    assert estimate_queue(active, {"a": 1.0, "b": 2.0, "c": 3.0}, 1).starts == {"c": 1.0}


def test_a_run_that_starts_with_anothers_weights_waits_for_its_end() -> None:
    source, free, after = runs("Ru Qu Qu")
    taker = run_record(
        experiment(transfer={"run": source.id, "layers": 1}), id="b", state=RunState.QUEUED
    )
    left = {"a": 10.0, "b": 5.0, "c": 5.0}
    assert estimate_queue([source, taker, after], left, 3).starts == {"b": 10.0, "c": 10.0}
    assert estimate_queue([source, free, after], left, 3).starts == {"b": 0.0, "c": 0.0}


@pytest.fixture
def estimator(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> QueueEstimator:
    """One for a home with a finished run that trained 1,000 images a second here."""
    store = RunStore(settings)
    done = run_record(
        experiment(), id="done", machine=processor.machine_name(), images_per_second=1000.0
    )
    monkeypatch.setattr(store, "all", lambda: [done])
    return QueueEstimator(store)


def queued(**fields: object) -> Run:
    return run_record(
        experiment(precision="float32", **fields), id="new", state=RunState.QUEUED, epochs_done=0
    )


def test_a_queued_run_is_estimated_from_runs_here(estimator: QueueEstimator) -> None:
    training = replace(runs("Ru")[0], progress=TRAINING)
    estimate = estimator.estimate([training, queued()])
    # Three epochs of 2,000 images, and of 1,000 that are only validated, and a start.
    assert estimate.is_complete
    assert estimate.starts == {"new": 90.0}
    assert estimate.seconds == pytest.approx(90 + 3 * 2.33 + 2.4, rel=0.05)
    twice = estimator.estimate([training, queued(epochs=6)])
    assert twice.seconds == pytest.approx(90 + 6 * 2.33 + 2.4, rel=0.05)


def test_nothing_is_claimed_of_runs_that_are_like_no_other(
    estimator: QueueEstimator, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = replace(runs("Ru")[0], progress=TRAINING)
    other = replace(queued(), precision="bfloat16")
    assert estimator.estimate([training, other]) == QueueEstimate(90.0, False, {"new": 90.0})
    paused = replace(training, state=RunState.PAUSED)
    assert estimator.estimate([paused, queued()]) == QueueEstimate(None, False)
    stopping = replace(training, requested="stop")
    assert estimator.estimate([stopping, queued()]).starts == {"new": 0.0}


def test_one_run_alone_needs_no_estimate(estimator: QueueEstimator) -> None:
    assert estimator.estimate([]) == estimator.estimate(runs("Ru")) == QueueEstimate()


def test_without_memory_for_another_run_one_place_is_left(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "core_shares", lambda count: ((0,),) * count)
    estimator = QueueEstimator(RunStore(replace(settings, runs_at_once=2)))
    active = [replace(runs("Ru")[0], progress=TRAINING), queued()]
    free = [10 * free_memory.RUN_BYTES]
    monkeypatch.setattr(free_memory, "available_bytes", lambda: free[0])
    assert not estimator.estimate(active).lacks_memory
    assert estimator.estimate(active).starts == {"new": 0.0}
    free[0] = free_memory.RUN_BYTES - 1
    assert estimator.estimate(active).lacks_memory
    assert estimator.estimate(active).starts == {"new": 90.0}


def test_finished_runs_are_read_again_only_now_and_then(
    estimator: QueueEstimator, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    found = estimator._store.all()

    def read() -> list[Run]:
        looks.append(1)
        return found

    monkeypatch.setattr(estimator._store, "all", read)
    active = [replace(runs("Ru")[0], progress=TRAINING), queued()]
    for _ in range(5):
        estimator.estimate(active)
    assert len(looks) == 1
    monkeypatch.setattr(queue_estimate, "_REFRESH_SECONDS", 0.0)
    estimator.estimate(active)
    estimator.estimate([replace(active[0], state=RunState.STOPPING), active[1]])
    assert len(looks) == 3
