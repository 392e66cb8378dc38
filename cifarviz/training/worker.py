"""The worker: one thread that trains the runs of this process, one after another.

Free of TensorFlow until a run's turn comes, so that a queue can be shown at once. All
processes of one home share one slot: whoever finds it taken waits.
"""

import logging
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial

from filelock import BaseFileLock

from cifarviz.data import library
from cifarviz.errors import CifarvizError, RunError, RunNotFound, StoreError, TransitionRefused
from cifarviz.experiment.experiment import Experiment
from cifarviz.loading import HEAVY_IMPORTS
from cifarviz.runs import locks
from cifarviz.runs.artifacts import checkpoint_path
from cifarviz.runs.curation import checked_name
from cifarviz.runs.recorded import ORIGIN
from cifarviz.runs.records import Fork, Run
from cifarviz.runs.snapshots import thin_all
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore, new_run_id
from cifarviz.runs.stored_probabilities import probabilities_path
from cifarviz.settings import Settings
from cifarviz.training.ending import Ending
from cifarviz.training.forking import keep_start
from cifarviz.training.plan import check_plan
from cifarviz.training.tensorboard_folder import check_tensorboard_folder

log = logging.getLogger(__name__)

_POLL = 0.1
# Seconds between two tries while something stands in the way, doubled from _POLL up to this.
_LONGEST_PAUSE = 5.0
# So many tries to begin one run, over about ten seconds; then it has failed, and the next begins.
_MOST_TRIES = 7
# Seconds to wait before an ending is recorded once more.
_RETRY_ENDING = (0.2, 1.0, 5.0)
# What may pass, and says more about the machine than about the run in hand.
_PASSING = (StoreError, OSError, sqlite3.Error, MemoryError)


class Worker:
    """Takes experiments, trains them in turn, and keeps the store told.

    Make one a process. Its thread is a daemon, so that it never keeps a process from ending: what
    was training then is found *interrupted* and can be resumed, what waited is still queued.
    Nothing that goes wrong with one run ends the thread, which serves the others too.
    """

    def __init__(self, settings: Settings, origin: str) -> None:
        self.settings = settings
        self.store = RunStore(settings)
        self._origin = origin
        # What this process looks after: the run that trains, and those that wait.
        self._locks: dict[str, BaseFileLock] = {}
        self._waiting: set[str] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._adopts = False
        # Runs that could not be begun here: only a person takes them up again.
        self._given_up: set[str] = set()
        self._tries: dict[str, int] = {}
        self._last_problem = ""

    def submit(self, experiment: Experiment, name: str) -> Run:
        """Queue a new run and return at once.

        Raises ``ExperimentInvalid``, ``DatasetNotFound`` or, when TensorBoard files can't be
        written, ``StorageFull`` before anything is stored.
        """
        return self._submit(experiment, name, lambda run_id: None)

    def fork(self, parent_id: str, epoch: int, experiment: Experiment, name: str) -> Run:
        """Queue a new run that goes on from a run's weights after ``epoch``; see ``submit``.

        The weights are copied now, so that the parent may go on, be thinned out or be deleted.
        Raises ``RunNotFound``, ``ExperimentInvalid`` where ``check_fork`` does,
        ``ArtifactMissing`` and ``ArtifactDamaged`` too.
        """
        parent = self.store.get(parent_id)

        def keep(run_id: str) -> Fork:
            folder = self.store.folder
            return keep_start(parent, folder(parent_id), folder(run_id), experiment, epoch)

        return self._submit(experiment, name, keep)

    def _submit(
        self, experiment: Experiment, name: str, prepare: Callable[[str], Fork | None]
    ) -> Run:
        name = checked_name(name)
        dataset = library.load(experiment.data.dataset, experiment.data.variant, self.settings)
        check_plan(experiment, dataset)
        if experiment.tensorboard:
            check_tensorboard_folder(self.settings.tensorboard_dir)
        run_id = new_run_id()
        lock = self._take(run_id)
        try:
            fork = prepare(run_id)
            run = self.store.create(run_id, experiment, name, self._origin, fork)
        except BaseException:
            shutil.rmtree(self.store.folder(run_id), ignore_errors=True)
            lock.release()
            raise
        self._enqueue(run_id, lock)
        return run

    def resume(self, run_id: str) -> Run:
        """Queue a stopped, failed or interrupted run to go on from its last checkpoint.

        Also takes up a queued one that no process looks after, at its place in the queue.
        """
        run = self.store.get(run_id)
        library.load(run.experiment.data.dataset, run.experiment.data.variant, self.settings)
        # The thread must not let go of the lock between our look at it and our use of it.
        with self._changed:
            # A run that was stopped while it waited here is still locked by us.
            ours = self._locks.get(run_id)
            lock = ours or self._take(run_id)
            try:
                run = self.store.get(run_id)
                if ours is not None or run.state is not RunState.QUEUED:
                    run = self.store.transition(run_id, RunState.QUEUED)
            except BaseException:
                if ours is None:
                    lock.release()
                raise
            self._given_up.discard(run_id)
            self._enqueue(run_id, lock)
        return run

    def resume_all(self, run_ids: Iterable[str]) -> None:
        """Resume the runs; those that wait or train again already, or have finished, stay so."""
        for run_id in run_ids:
            try:
                self.resume(run_id)
            except TransitionRefused as error:
                log.info("not resumed: %s", error)

    def adopt(self) -> None:
        """Take up all queued runs that no process looks after, in their order.

        From now on also whenever a run of this process has ended. Of several processes that try
        at once, the lock lets one have a run.
        """
        self._adopts = True
        for run_id in self.store.orphans():
            with self._changed:
                if run_id in self._locks or run_id in self._given_up:
                    continue
                lock = locks.take(self.store.lock_path(run_id))
                if lock is None:
                    continue
                # Somebody may have taken it up, or out of the queue, before the lock was ours.
                if run_id in self.store.queue():
                    self._enqueue(run_id, lock)
                else:
                    lock.release()

    def wait(self, run_id: str, seconds: float | None = None) -> Run:
        """Block until the run is no longer active, or for so many seconds; returns the run."""
        end = None if seconds is None else time.monotonic() + seconds
        while (run := self.store.get(run_id)).state.active:
            if end is not None and time.monotonic() >= end:
                break
            time.sleep(_POLL)
        return run

    def _take(self, run_id: str) -> BaseFileLock:
        lock = locks.take(self.store.lock_path(run_id))
        if lock is None:
            raise RunError(f"Another process is looking after run {run_id}: let it finish first.")
        return lock

    def _enqueue(self, run_id: str, lock: BaseFileLock) -> None:
        with self._changed:
            self._locks[run_id] = lock
            self._waiting.add(run_id)
            try:
                if self._thread is None or not self._thread.is_alive():
                    self._thread = threading.Thread(
                        target=self._work, name="cifarviz-worker", daemon=True
                    )
                    self._thread.start()
            except BaseException:
                self.store.stop_all([run_id])
                self._let_go(run_id)
                raise
            self._changed.notify_all()

    def _let_go(self, run_id: str) -> None:
        with self._changed:
            self._waiting.discard(run_id)
            self._tries.pop(run_id, None)
            lock = self._locks.pop(run_id, None)
            if lock is not None:
                lock.release()

    def _work(self) -> None:
        pause = _POLL
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
            try:
                if self._next_turn():
                    continue
                pause = _POLL
            except Exception as error:
                self._log_problem(error)
                # What persists must not keep a core busy.
                pause = min(2 * pause, _LONGEST_PAUSE)
            time.sleep(pause)

    def _log_problem(self, error: Exception) -> None:
        """Log what keeps the queue from going on, once as long as it is the same."""
        if repr(error) != self._last_problem:
            self._last_problem = repr(error)
            log.error("the queue cannot go on just now; trying again", exc_info=error)

    def _next_turn(self) -> bool:
        """Train the run that is next, if it is one of ours and the slot is free; tells whether."""
        run_id = self._first_waiting()
        slot = self._begin(run_id) if run_id is not None else None
        if run_id is None or slot is None:
            return False
        try:
            self._finish(run_id, self._train(run_id))
        except Exception as error:
            self._give_up(run_id, error)
        finally:
            try:
                slot.release()
            finally:
                with self._changed:
                    # It may have been resumed already.
                    if run_id not in self._waiting:
                        self._let_go(run_id)
        if self._adopts:
            self.adopt()
        return True

    def _first_waiting(self) -> str | None:
        """The run of ours that has waited longest; lets go of those that wait no more."""
        queue = self.store.queue()
        with self._changed:
            # Stopped or deleted meanwhile, or in a state that this version doesn't know.
            for run_id in self._waiting - set(queue):
                self._let_go(run_id)
            return next((run_id for run_id in queue if run_id in self._waiting), None)

    def _begin(self, run_id: str) -> BaseFileLock | None:
        """The slot, in which the run has begun; ``None`` where its turn has not come."""
        try:
            slot = locks.take(self.store.slot_path(), 0) if self.store.is_next(run_id) else None
            if slot is not None:
                try:
                    self.store.transition(run_id, RunState.RUNNING)
                except BaseException:
                    slot.release()
                    raise
        except (RunNotFound, TransitionRefused):
            return None  # stopped or deleted since it was looked for
        except Exception as error:
            tries = self._tries[run_id] = self._tries.get(run_id, 0) + 1
            if tries == _MOST_TRIES or not isinstance(error, _PASSING):
                self._give_up(run_id, error)
                self._let_go(run_id)
                return None
            message = f"It cannot begin just now ({_in_words(error)}), and is tried again."
            self.store.describe(run_id, message=message)
            raise
        if slot is not None:
            with self._changed:
                self._waiting.discard(run_id)
                self._tries.pop(run_id, None)
        return slot

    def _give_up(self, run_id: str, error: Exception) -> None:
        """Let a run fail that cannot be looked after, so that the others get their turn."""
        log.error("run %s could not be looked after", run_id, exc_info=error)
        self._given_up.add(run_id)
        message = f"This run could not be looked after ({_in_words(error)}). Resume it to go on."
        try:
            self.store.fail(run_id, message)
        except Exception:
            log.exception("run %s could not be marked as failed", run_id)

    def _finish(self, run_id: str, ending: Ending) -> None:
        self._tidy(run_id, partial(self._count_seconds, run_id))
        # Before it is over: who waits for its end finds the home within its budget.
        self._tidy(run_id, self._thin_snapshots)
        run = self._record_ending(run_id, ending)
        if run.state is RunState.FINISHED and run.experiment.best_only:
            # Only now is there nothing left that could be resumed.
            folder = self.store.folder(run_id)
            for path in (checkpoint_path(folder, "last"), probabilities_path(folder, "last")):
                self._tidy(run_id, partial(path.unlink, missing_ok=True))

    def _tidy(self, run_id: str, work: Callable[[], None]) -> None:
        """Do what a run's ending does not depend on."""
        try:
            work()
        except Exception:
            # A run deleted meanwhile, for one: the next run thins out again.
            log.warning("not all could be tidied up after run %s", run_id, exc_info=True)

    def _record_ending(self, run_id: str, ending: Ending) -> Run:
        pauses = iter(_RETRY_ENDING)
        while True:
            try:
                if ending.state is RunState.STOPPED:
                    self._stopping(run_id)
                return self.store.transition(
                    run_id, ending.state, ending.message, stopped_early=ending.stopped_early
                )
            except _PASSING:
                pause = next(pauses, None)
                if pause is None:
                    raise
                log.exception("the end of run %s could not be recorded; trying again", run_id)
                time.sleep(pause)

    def _train(self, run_id: str) -> Ending:
        """Run the engine; returns how the run ends."""
        try:
            # The import of TensorFlow is not the run's time.
            with HEAVY_IMPORTS:
                from cifarviz.training import engine

            self.store.describe(run_id, heartbeat=time.time())
            ending = engine.train(self.store, run_id, self.settings)
        except CifarvizError as error:
            ending = Ending(RunState.FAILED, str(error))
        except Exception as error:
            log.exception("run %s failed", run_id)
            ending = Ending(RunState.FAILED, f"Training broke off: {_in_words(error)}")
        return ending

    def _thin_snapshots(self) -> None:
        oldest_first = sorted(self.store.all(), key=lambda run: (run.starred, run.created))
        # The recorded run is there to be shown whole, and could not be made again here.
        recorded = [run for run in oldest_first if run.origin == ORIGIN]
        folders = [self.store.folder(run.id) for run in oldest_first if run not in recorded]
        whole = [self.store.folder(run.id) for run in recorded]
        thin_all(folders, self.settings.snapshots_budget, whole=whole)

    def _count_seconds(self, run_id: str) -> None:
        """Add the time since the last sign of life, up to which the time at work is known."""
        run = self.store.get(run_id)
        # Who was stopped while paused did no work since.
        if run.progress is not None and run.state is not RunState.PAUSED:
            now = time.time()
            spent = max(now - run.progress.heartbeat, 0.0)
            self.store.describe(run_id, seconds=run.seconds + spent, heartbeat=now)

    def _stopping(self, run_id: str) -> None:
        try:
            self.store.transition(run_id, RunState.STOPPING)
        except TransitionRefused:
            log.debug("run %s is already stopping", run_id)


def _in_words(error: Exception) -> str:
    """What went wrong, for the person who looks at the run."""
    if isinstance(error, CifarvizError):
        return str(error).rstrip(".")
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
