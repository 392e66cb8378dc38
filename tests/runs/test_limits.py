"""What a student may use of the computer that all share."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from cifarviz.errors import AccessRefused, LimitExceeded, StorageFull
from cifarviz.executors.worker import Worker
from cifarviz.people.person import TEACHER, Person, acting_as
from cifarviz.runs.leases import Attempt, this_process
from cifarviz.runs.limit_values import Limits
from cifarviz.runs.limits import check_run_limits, disk_use, load_limits, save_limits
from cifarviz.runs.records import Progress
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.runs.store_sink import StoreSink
from tests import stored_runs

ADA, BEN = (Person(f"{name}00000", name, "student") for name in ("ada", "ben"))
LIMITS = Limits(waiting=2, presentations=1000, minutes=1, megabytes=1)


@pytest.fixture
def limited(store: RunStore) -> RunStore:
    save_limits(store, LIMITS)
    return store


def _queue(store: RunStore) -> str:
    experiment = stored_runs.experiment()
    return stored_runs.store_run(store, experiment, state=RunState.QUEUED, epochs=0).id


def test_limits_are_kept_and_changed_by_the_teacher_only(store: RunStore) -> None:
    assert load_limits(store) == Limits()
    save_limits(store, LIMITS)
    assert load_limits(store) == LIMITS
    with acting_as(ADA), pytest.raises(AccessRefused):
        save_limits(store, replace(LIMITS, minutes=1000))


def test_each_has_so_many_runs_in_the_queue(limited: RunStore) -> None:
    save_limits(limited, replace(LIMITS, presentations=10**6))
    with acting_as(ADA):
        stopped = stored_runs.store_run(
            limited, stored_runs.experiment(), state=RunState.STOPPED, epochs=1
        )
        first, _ = _queue(limited), _queue(limited)
        with pytest.raises(LimitExceeded, match="2 runs in the queue: you have 2"):
            _queue(limited)
        with pytest.raises(LimitExceeded, match="2 runs in the queue"):
            Worker(limited.settings, "test").resume(stopped.id)
        limited.stop_all([first])
        limited.transition(stopped.id, RunState.QUEUED)
    for person in (BEN, TEACHER):
        with acting_as(person):
            _queue(limited)


def test_tabs_at_once_queue_no_more_than_one_after_another(limited: RunStore) -> None:
    save_limits(limited, replace(LIMITS, presentations=10**6))
    worker = Worker(limited.settings, "test")
    experiment = stored_runs.experiment()
    together = threading.Barrier(4)

    def press(number: int) -> bool:
        with acting_as(ADA):
            together.wait()
            try:
                worker.submit(experiment, f"run {number}")
            except LimitExceeded:
                return False
            return True

    # None starts, and so leaves the queue, meanwhile.
    with worker.choosing, ThreadPoolExecutor(4) as tabs:
        assert sum(tabs.map(press, range(12))) == LIMITS.waiting
        assert len(limited.queue()) == LIMITS.waiting
        # What was refused leaves nothing behind.
        assert len(list(limited.settings.runs.iterdir())) == LIMITS.waiting
        limited.stop_all(limited.queue())


def test_a_run_sees_so_many_images(limited: RunStore) -> None:
    with acting_as(ADA):
        check_run_limits(limited, 10, 100)
        with pytest.raises(LimitExceeded, match="see 1,010 images"):
            check_run_limits(limited, 10, 101)
    check_run_limits(limited, 10, 10_000)


def test_each_uses_so_much_of_the_disk(limited: RunStore) -> None:
    with acting_as(ADA):
        run = stored_runs.store_run(limited, stored_runs.experiment())
        check_run_limits(limited, 1, 1)
        (limited.folder(run.id) / "large").write_bytes(bytes(1_100_000))
        with pytest.raises(StorageFull, match="delete some"):
            check_run_limits(limited, 1, 1)
    assert disk_use(limited, ADA.id) > 1e6
    assert disk_use(limited, BEN.id) == 0
    with acting_as(BEN):
        check_run_limits(limited, 1, 1)


@pytest.mark.parametrize(
    ("person", "seconds", "is_stopped"), [(ADA, 61, True), (ADA, 59, False), (TEACHER, 9e5, False)]
)
def test_a_run_trains_so_long(
    limited: RunStore, person: Person, seconds: float, is_stopped: bool
) -> None:
    with acting_as(person):
        run_id = _queue(limited)
    run = limited.get(run_id)
    with stored_runs.hold_lock(limited, run):
        started = limited.transition(run_id, RunState.RUNNING)
        sink = StoreSink(limited, run_id, Attempt(started.attempt, this_process()))
        progress = Progress("training", 1, 10, 10, 900.0, 30.0, 0.0)
        sink.record(progress, None, None, seconds)
        asked = limited.get(run_id)
        assert (asked.requested == "stop") is is_stopped
        assert ("may train 1 min" in (asked.note or "")) is is_stopped


def test_a_run_over_a_limit_is_not_queued(limited: RunStore) -> None:
    worker = Worker(limited.settings, "test")
    with acting_as(ADA), pytest.raises(LimitExceeded, match="fewer epochs"):
        worker.submit(stored_runs.experiment(), "too large")
    assert not limited.all()
