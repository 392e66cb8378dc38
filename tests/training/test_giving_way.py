"""A long run lets shorter ones of other people go first, and ends as if it had not."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import numpy as np
import pytest

from cifarviz.errors import AccessRefused
from cifarviz.executors import worker as workers
from cifarviz.executors.worker import Worker
from cifarviz.people.person import TEACHER, Person, acting_as
from cifarviz.runs.artifacts import checkpoint_path, load_arrays
from cifarviz.runs.leases import Attempt
from cifarviz.runs.records import Progress, Run
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.training import giving_way, queue_estimate
from cifarviz.training.giving_way import MIN_SECONDS, give_way, yield_to_next
from tests import stored_runs
from tests.waiting import wait_until

ADA, BEN, CY = (Person(f"{name}00000", name, "student") for name in ("ada", "ben", "cy"))


class Home:
    """Runs that wait or train here, with the seconds that each has left."""

    def __init__(self, store: RunStore, held: ExitStack) -> None:
        self.store, self._held = store, held
        self.left: dict[str, float | None] = {}

    def queue(self, person: Person, seconds: float | None, *, gives_way: bool = False) -> str:
        with acting_as(person):
            run = stored_runs.store_run(
                self.store, stored_runs.experiment(), state=RunState.QUEUED, epochs=0
            )
            self.store.set_gives_way(run.id, gives_way)
        self._held.enter_context(stored_runs.hold_lock(self.store, run))
        self.left[run.id] = seconds
        return run.id

    def start(self, run_id: str, trained: float = MIN_SECONDS) -> Run:
        """Start a run, and let it train for so many seconds; returns it as it started."""
        began = self.store.transition(run_id, RunState.RUNNING)
        progress = Progress("training", 1, 5, 10, 900.0, 30.0, time.time())
        self.store.record(run_id, progress, seconds=began.seconds + trained)
        return began

    def stop(self, run_id: str) -> None:
        """Do what the worker does when a run has stopped."""
        self.store.transition(run_id, RunState.STOPPING)
        run = self.store.get(run_id)
        attempt = Attempt(run.attempt, "process 1")
        if not self.store.queue_again(run_id, attempt=attempt):
            self.store.transition(run_id, RunState.STOPPED)


@pytest.fixture
def home(settings: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    with ExitStack() as held:
        home = Home(RunStore(settings), held)  # type: ignore[arg-type]
        monkeypatch.setattr(
            queue_estimate.QueueEstimator,
            "seconds_left",
            lambda self, active: {run.id: home.left[run.id] for run in active},
        )
        yield home


def test_the_shorter_run_goes_first_and_the_longer_one_next(home: Home) -> None:
    long = home.queue(ADA, 600, gives_way=True)
    queued = home.store.get(long)
    began = home.start(long)
    short, longer = home.queue(BEN, 60), home.queue(CY, 900)
    assert give_way(home.store, began)
    assert home.store.get(long).requested == Action.STOP
    # Once is enough.
    assert not give_way(home.store, began)
    home.stop(long)
    waiting = home.store.get(long)
    assert (waiting.state, waiting.gave_way_to) == (RunState.QUEUED, short)
    assert waiting.created == queued.created
    # The longer run of somebody who has not trained yet goes last.
    assert home.store.queue() == [short, long, longer]
    home.start(short)
    home.store.transition(short, RunState.FINISHED)
    assert not yield_to_next(home.store, waiting)
    assert home.store.is_next(long)
    home.start(long)
    assert home.store.get(long).gave_way_to is None
    assert home.store.queue() == [longer]


@pytest.mark.parametrize(
    ("person", "left", "trained", "allowed"),
    [
        (BEN, 600, MIN_SECONDS, True),  # as long
        (BEN, None, MIN_SECONDS, True),  # of unknown length
        (ADA, 60, MIN_SECONDS, True),  # of the same person
        (BEN, 60, MIN_SECONDS - 1, True),  # too soon
        (BEN, 60, MIN_SECONDS, False),
    ],
)
def test_a_run_does_not_give_way(
    home: Home, person: Person, left: float | None, trained: float, allowed: bool
) -> None:
    long = home.queue(ADA, 600, gives_way=allowed)
    began = home.start(long, trained)
    home.queue(person, left)
    assert not give_way(home.store, began)
    assert home.store.get(long).requested is None


def test_each_person_passes_once_as_long_as_their_runs_are_shorter(home: Home) -> None:
    long = home.queue(ADA, 600, gives_way=True)
    began = home.start(long)
    first, again, second, longer = (
        home.queue(person, seconds)
        for person, seconds in ((BEN, 60), (BEN, 60), (CY, 500), (TEACHER, 700))
    )
    assert give_way(home.store, began)
    home.stop(long)
    for short in (first, second):
        assert home.store.queue()[0] == short
        home.start(short)
        home.store.transition(short, RunState.FINISHED)
        yield_to_next(home.store, home.store.get(long))
    # The teacher's is longer, and Ben has trained since it gave way.
    assert home.store.queue()[0] == long
    assert set(home.store.queue()[1:]) == {again, longer}


def test_two_long_runs_do_not_give_way_to_one(home: Home) -> None:
    began = [home.start(home.queue(one, 600, gives_way=True)) for one in (ADA, CY)]
    home.queue(BEN, 60)
    assert [give_way(home.store, run) for run in began] == [True, False]


def test_nobody_passes_any_more_once_the_owner_has_changed_that(home: Home) -> None:
    long = home.queue(ADA, 600, gives_way=True)
    began = home.start(long)
    short, other = home.queue(BEN, 60), home.queue(CY, 60)
    assert give_way(home.store, began)
    home.stop(long)
    with acting_as(ADA):
        home.store.set_gives_way(long, False)
    assert home.store.queue()[:2] == [short, long]
    home.store.stop_all([short])
    assert not yield_to_next(home.store, home.store.get(long))
    assert home.store.queue() == [long, other]


@pytest.mark.parametrize("is_queued", [False, True])
def test_who_stops_it_ends_it(home: Home, is_queued: bool) -> None:
    long = home.queue(ADA, 600, gives_way=True)
    began = home.start(long)
    home.queue(BEN, 60)
    assert give_way(home.store, began)
    if is_queued:
        home.stop(long)
    with acting_as(ADA):
        home.store.request(long, Action.STOP)
    if not is_queued:
        home.stop(long)
    run = home.store.get(long)
    assert (run.state, run.gave_way_to) == (RunState.STOPPED, None)


def test_only_the_owner_and_the_teacher_choose(home: Home) -> None:
    long = home.queue(ADA, 600)
    home.store.set_shown(long, True)
    with acting_as(BEN), pytest.raises(AccessRefused):
        home.store.set_gives_way(long, True)
    with acting_as(TEACHER):
        home.store.set_gives_way(long, True)
    assert home.store.get(long).gives_way


def test_a_run_that_gave_way_ends_like_an_uninterrupted_one(
    worker: Worker, make_experiment: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(giving_way, "MIN_SECONDS", 0.0)
    monkeypatch.setattr(workers, "_WATCH_SECONDS", 0.2)
    # The runs are as short as tests need them, and starting them is not.
    monkeypatch.setattr(queue_estimate, "START_SECONDS", (1e-3, 1e-3))
    store, experiment = worker.store, make_experiment(epochs=40)
    uninterrupted = worker.wait(worker.submit(experiment, "uninterrupted").id)
    with acting_as(ADA):
        long = worker.submit(experiment, "long", gives_way=True)
    wait_until(lambda: store.get(long.id).state is RunState.RUNNING)
    with acting_as(BEN):
        short = worker.submit(make_experiment(epochs=1), "short")
    short = worker.wait(short.id)
    long = worker.wait(long.id)
    assert (short.state, long.state) == (RunState.FINISHED, RunState.FINISHED), long.message
    assert long.attempt == 2
    assert (short.ended or 0) < (long.ended or 0)
    assert [epoch[:-1] for epoch in store.epochs(long.id)] == [
        epoch[:-1] for epoch in store.epochs(uninterrupted.id)
    ]
    points, expected = (store.batch_points(run.id) for run in (long, uninterrupted))
    np.testing.assert_array_equal(points.steps, expected.steps)
    np.testing.assert_array_equal(points.loss, expected.loss)
    arrays, others = (
        load_arrays(checkpoint_path(store.folder(run.id), "last"))[0]
        for run in (long, uninterrupted)
    )
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, others[name], err_msg=name)
