"""The worker continues after any failure of a run."""

import errno
import itertools
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cifarviz.errors import StorageFull, StoreError
from cifarviz.executors import worker as worker_module
from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import Data
from cifarviz.runs import locks
from cifarviz.runs.records import Run
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.training import engine, series_queue
from cifarviz.training.ending import Ending
from cifarviz.training.series_queue import Submission, queue_series

Make = Callable[..., Any]
SOON = 20.0

EMFILE = OSError(errno.EMFILE, "Too many open files")
ERRORS = [
    EMFILE,
    sqlite3.OperationalError("unable to open database file"),
    StoreError("The runs cannot be read just now."),
    MemoryError(),
    KeyError("monitor"),
    ValueError("no such state"),
]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run is trained by doing nothing, and pauses are short."""
    monkeypatch.setattr(engine, "train", lambda *_, **__: Ending(RunState.FINISHED))
    monkeypatch.setattr(worker_module, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(worker_module, "_MAX_PAUSE", 0.05)
    monkeypatch.setattr(worker_module, "_RETRY_ENDING", (0.01, 0.01))


@pytest.fixture
def two(worker: Worker, make_experiment: Make) -> Iterator[Callable[[], tuple[Run, Run]]]:
    """Two runs that wait for the slot, which is given free when the function returns them."""
    slot = locks.acquire(worker.store.slot_path())
    assert slot is not None
    first, second = (worker.submit(make_experiment(), name) for name in ("first", "second"))

    def go() -> tuple[Run, Run]:
        slot.release()
        ended = worker.wait(second.id, SOON)
        return worker.wait(first.id, SOON), ended

    yield go
    slot.release()


def once(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, error: Exception, times: int = 1
) -> list[tuple[object, ...]]:
    """Let the first calls of a function raise ``error``; returns the calls."""
    real = getattr(owner, name)
    calls: list[tuple[object, ...]] = []

    def raising(*arguments: Any, **options: Any) -> Any:
        calls.append(arguments)
        if len(calls) <= times:
            raise error
        return real(*arguments, **options)

    monkeypatch.setattr(owner, name, raising)
    return calls


@pytest.mark.parametrize("error", ERRORS, ids=repr)
@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (RunStore, "queue"),
        (RunStore, "is_next"),
        (RunStore, "transition"),
        (engine, "train"),
        (Worker, "_count_seconds"),
        (worker_module, "thin_all"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_next_run_trains_after_any_failure(
    owner: object,
    name: str,
    error: Exception,
    two: Callable[[], tuple[Run, Run]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = once(monkeypatch, owner, name, error)
    first, second = two()
    assert calls
    # The worker may have passed this point with the first run before the fault was there.
    hit, other = (second, first) if second.id in calls[0] else (first, second)
    assert other.state is RunState.FINISHED
    # What went wrong is either over, or stands in the run for a person to read.
    assert (
        hit.state is RunState.FINISHED
        or (hit.state is RunState.FAILED and type(error).__name__ in (hit.message or ""))
        or (hit.state is RunState.FAILED and str(error).rstrip(".") in (hit.message or ""))
    )


def test_a_permanent_error_fails_only_its_run_with_a_message(
    worker: Worker, two: Callable[[], tuple[Run, Run]], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, tries = RunStore.is_next, []
    of_first = worker.store.queue()[0]

    def refused(store: RunStore, run_id: str) -> bool:
        if run_id == of_first:
            tries.append(run_id)
            raise EMFILE
        return real(store, run_id)

    monkeypatch.setattr(RunStore, "is_next", refused)
    first, second = two()
    assert (first.state, second.state) == (RunState.FAILED, RunState.FINISHED)
    assert first.message is not None
    assert "Too many open files" in first.message
    assert "Resume it." in first.message
    assert len(tries) == worker_module._MAX_TRIES
    monkeypatch.setattr(RunStore, "is_next", real)
    assert worker.wait(worker.resume(first.id).id, SOON).state is RunState.FINISHED


def test_a_run_that_cannot_start_yet_shows_the_reason(
    worker: Worker, two: Callable[[], tuple[Run, Run]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "_MAX_TRIES", 10**6)
    with monkeypatch.context() as refusing:
        once(refusing, RunStore, "is_next", EMFILE, times=10**6)
        run_id = worker.store.queue()[0]
        while (message := worker.store.get(run_id).message) is None:
            worker.wait(run_id, 0.01)
    assert message == (
        "The run cannot start now (OSError: [Errno 24] Too many open files). Trying again."
    )
    first, second = two()
    assert (first.state, first.message) == (RunState.FINISHED, None)
    assert second.state is RunState.FINISHED


def test_an_unavailable_store_is_polled_less_and_less_often(
    worker: Worker, two: Callable[[], tuple[Run, Run]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    class Clock:
        time, monotonic = time.time, time.monotonic

        @staticmethod
        def sleep(seconds: float) -> None:
            pauses.append(seconds)
            time.sleep(0.001)

    monkeypatch.setattr(worker_module, "_MAX_PAUSE", 5.0)
    monkeypatch.setattr(worker_module, "POLL_SECONDS", 0.1)
    # The slot is taken: what the thread waits for from now on is the store alone.
    once(monkeypatch, RunStore, "queue", StoreError("Out of reach."), times=12)
    monkeypatch.setattr(worker_module, "time", Clock)
    first, second = two()
    assert (first.state, second.state) == (RunState.FINISHED, RunState.FINISHED)
    failing = [pause for pause in pauses if pause > 0.1]
    assert failing[-1] == 5.0
    assert all(later == min(2 * before, 5.0) for before, later in itertools.pairwise(failing))


def test_a_run_in_an_unknown_state_leaves_the_queue(
    worker: Worker, two: Callable[[], tuple[Run, Run]]
) -> None:
    run_id = worker.store.queue()[0]
    with worker.store.database.connect(write=True) as connection:
        connection.execute("UPDATE runs SET state = 'archived' WHERE id = ?", (run_id,))
    second = worker.store.queue()[0]
    two()
    assert worker.wait(second, SOON).state is RunState.FINISHED
    assert "archived" in str(worker.store.get(run_id).damage)


def test_an_unreadable_run_fails_and_the_next_one_trains(
    worker: Worker, two: Callable[[], tuple[Run, Run]]
) -> None:
    with worker.store.database.connect(write=True) as connection:
        connection.execute(
            "UPDATE runs SET experiment = '{}' WHERE id = ?", (worker.store.queue()[0],)
        )
    first, second = two()
    assert (first.state, second.state) == (RunState.FAILED, RunState.FINISHED)
    assert first.message


def test_the_end_of_a_run_is_recorded_once_the_store_works_again(
    worker: Worker, two: Callable[[], tuple[Run, Run]], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = RunStore.transition
    refusals: list[str] = []

    def refusing(store: RunStore, run_id: str, to: RunState, *rest: Any, **facts: Any) -> Run:
        if to is RunState.FINISHED and len(refusals) < 2:
            refusals.append(run_id)
            raise StoreError("Not just now.")
        return real(store, run_id, to, *rest, **facts)

    monkeypatch.setattr(RunStore, "transition", refusing)
    first, second = two()
    assert len(refusals) == 2
    assert (first.state, second.state) == (RunState.FINISHED, RunState.FINISHED)


def test_a_run_finishes_even_if_its_last_checkpoint_cannot_be_removed(
    worker: Worker, make_experiment: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_arguments: object) -> Any:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(worker_module, "checkpoint_path", refused)
    monkeypatch.setattr(worker_module, "thin_all", refused)
    run = worker.submit(make_experiment(best_only=True), "mine")
    assert worker.wait(run.id, SOON).state is RunState.FINISHED
    again = worker.submit(make_experiment(), "next")
    assert worker.wait(again.id, SOON).state is RunState.FINISHED


def test_a_dead_worker_thread_is_replaced(
    worker: Worker, make_experiment: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("threading.excepthook", lambda _: None)

    def exits(*_arguments: object, **_options: object) -> Ending:
        raise SystemExit

    with monkeypatch.context() as dying:
        dying.setattr(engine, "train", exits)
        run = worker.submit(make_experiment(), "first")
        assert worker.wait(run.id, SOON).state is RunState.INTERRUPTED
    again = worker.submit(make_experiment(), "second")
    assert worker.wait(again.id, SOON).state is RunState.FINISHED
    assert worker.wait(worker.resume(run.id).id, SOON).state is RunState.FINISHED


def test_a_run_is_stopped_if_no_thread_can_start(
    worker: Worker, make_experiment: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_arguments: object) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as limited:
        limited.setattr("threading.Thread.start", refused)
        with pytest.raises(RuntimeError, match="new thread"):
            worker.submit(make_experiment(), "mine")
    [run] = worker.store.all()
    assert run.state is RunState.STOPPED
    assert worker.wait(worker.resume(run.id).id, SOON).state is RunState.FINISHED


def test_an_end_that_cannot_be_recorded_on_a_full_disk_is_recorded_later(
    two: Callable[[], tuple[Run, Run]], monkeypatch: pytest.MonkeyPatch
) -> None:
    full = StorageFull("The disk is full.")
    once(monkeypatch, Worker, "_record_ending", full)
    tries = once(monkeypatch, RunStore, "fail", full, times=3)
    first, second = two()
    assert first.state is RunState.FAILED
    assert first.message == (
        "This run could not be started or finished (The disk is full). Resume it."
    )
    assert len(tries) == 4
    assert second.state is RunState.FINISHED


@pytest.mark.parametrize("error", [KeyError("x"), EMFILE, KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("place", ["submit", "save_series"])
def test_runs_queued_together_are_all_stopped_after_an_error(
    place: str,
    error: BaseException,
    worker: Worker,
    make_experiment: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slot = locks.acquire(worker.store.slot_path())
    assert slot is not None
    made = [Submission(make_experiment(seed=seed), f"run {seed}", "x") for seed in (1, 2, 3)]
    if place == "submit":
        real, count = worker.submit, []

        def third_raises(*arguments: Any) -> Run:
            count.append(arguments)
            if len(count) == 3:
                raise error
            return real(*arguments)

        monkeypatch.setattr(worker, "submit", third_raises)
    else:

        def raises(*_arguments: object) -> None:
            raise error

        monkeypatch.setattr(series_queue, "save_series", raises)
    with pytest.raises(type(error)):
        queue_series(worker, "duel", "x", made)
    states = [run.state for run in worker.store.all()]
    assert states == [RunState.STOPPED] * (2 if place == "submit" else 3)
    slot.release()


def test_an_invalid_name_leaves_nothing_behind(
    worker: Worker, settings: Settings, make_experiment: Make
) -> None:
    from cifarviz.errors import ExperimentInvalid

    for name in ("", "  ", "x" * 101):
        with pytest.raises(ExperimentInvalid, match="name has 1 to 100 characters"):
            worker.submit(make_experiment(data=Data(train_images=90)), name)
    assert worker.store.all() == []
    assert not settings.runs.exists()
    assert not list(settings.locks.glob("run-*")) if settings.locks.exists() else True


def test_stopping_several_runs_skips_those_that_have_ended(
    worker: Worker, make_experiment: Make
) -> None:
    done = worker.submit(make_experiment(), "done")
    worker.wait(done.id, SOON)
    slot = locks.acquire(worker.store.slot_path())
    assert slot is not None
    waits = worker.submit(make_experiment(), "waits")
    stopped = worker.submit(make_experiment(), "stopped")
    worker.store.request(stopped.id, Action.STOP)
    worker.store.stop_all([done.id, waits.id, stopped.id, "gone"])
    states = {run.name: run.state for run in worker.store.all()}
    assert states == {
        "done": RunState.FINISHED,
        "waits": RunState.STOPPED,
        "stopped": RunState.STOPPED,
    }
    slot.release()
