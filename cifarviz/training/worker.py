"""The worker: one thread that trains the runs of this process, one after another.

Free of TensorFlow until a run's turn comes, so that a queue can be shown at once. All
processes of one home share one slot: whoever finds it taken waits.
"""

import logging
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable

from filelock import BaseFileLock

from cifarviz.data import library
from cifarviz.errors import CifarvizError, RunError, RunNotFound, StoreError, TransitionRefused
from cifarviz.experiment.experiment import Experiment
from cifarviz.loading import HEAVY_IMPORTS
from cifarviz.runs import locks
from cifarviz.runs.artifacts import checkpoint_path
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


class Worker:
    """Takes experiments, trains them in turn, and keeps the store told.

    Make one a process. Its thread is a daemon, so that it never keeps a process from ending;
    what it leaves behind then is found *interrupted* and can be resumed.
    """

    def __init__(self, settings: Settings, origin: str) -> None:
        self.settings = settings
        self.store = RunStore(settings)
        self._origin = origin
        self._waiting: deque[str] = deque()
        self._locks: dict[str, BaseFileLock] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

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
        """Queue a stopped, failed or interrupted run to go on from its last checkpoint."""
        run = self.store.get(run_id)
        library.load(run.experiment.data.dataset, run.experiment.data.variant, self.settings)
        # The thread must not let go of the lock between our look at it and our use of it.
        with self._changed:
            # A run that was stopped while it waited here is still locked by us.
            ours = self._locks.get(run_id)
            lock = ours or self._take(run_id)
            try:
                run = self.store.transition(run_id, RunState.QUEUED)
            except BaseException:
                if ours is None:
                    lock.release()
                raise
            self._enqueue(run_id, lock)
        return run

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
            if run_id not in self._waiting:
                self._waiting.append(run_id)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="cifarviz-worker", daemon=True
                )
                self._thread.start()
            self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                run_id = self._waiting.popleft()
            try:
                self._take_turn(run_id)
            except CifarvizError:
                # The store itself is out of reach, so nowhere but the log can be told.
                log.exception("run %s could not be looked after", run_id)
            finally:
                with self._changed:
                    if run_id not in self._waiting:
                        self._locks.pop(run_id).release()

    def _take_turn(self, run_id: str) -> None:
        slot = self._wait_for_slot(run_id)
        if slot is None:
            return
        try:
            self.store.transition(run_id, RunState.RUNNING)
            ending = self._train(run_id)
            self._count_seconds(run_id)
            self.store.describe(run_id, stopped_early=ending.stopped_early)
            if ending.state is RunState.STOPPED:
                self._stopping(run_id)
            # Before it is over: who waits for its end finds the home within its budget.
            self._thin_snapshots()
            run = self.store.transition(run_id, ending.state, ending.message)
            if run.state is RunState.FINISHED and run.experiment.best_only:
                # Only now is there nothing left that could be resumed.
                folder = self.store.folder(run_id)
                checkpoint_path(folder, "last").unlink(missing_ok=True)
                probabilities_path(folder, "last").unlink(missing_ok=True)
        finally:
            slot.release()

    def _wait_for_slot(self, run_id: str) -> BaseFileLock | None:
        """The slot, or ``None`` if the run was stopped or deleted while it waited."""
        while True:
            try:
                if self.store.get(run_id).state is not RunState.QUEUED:
                    return None
                if self.store.is_next(run_id):
                    slot = locks.take(self.store.slot_path(), 0)
                    if slot is not None:
                        return slot
            except RunNotFound:
                return None
            except StoreError:
                log.exception("the queue cannot be read; trying again")
                time.sleep(1)
            time.sleep(_POLL)

    def _train(self, run_id: str) -> Ending:
        """Run the engine; returns how the run ends."""
        try:
            # One of the three doors to TensorFlow, whose import is not the run's time.
            with HEAVY_IMPORTS:
                from cifarviz.training import engine

            self.store.describe(run_id, heartbeat=time.time())
            ending = engine.train(self.store, run_id, self.settings)
        except CifarvizError as error:
            ending = Ending(RunState.FAILED, str(error))
        except Exception as error:
            log.exception("run %s failed", run_id)
            message = f"Training broke off: {type(error).__name__}: {error}"
            ending = Ending(RunState.FAILED, message)
        return ending

    def _thin_snapshots(self) -> None:
        oldest_first = sorted(self.store.all(), key=lambda run: (run.starred, run.created))
        # The recorded run is there to be shown whole, and could not be made again here.
        recorded = [run for run in oldest_first if run.origin == ORIGIN]
        folders = [self.store.folder(run.id) for run in oldest_first if run not in recorded]
        whole = [self.store.folder(run.id) for run in recorded]
        try:
            thin_all(folders, self.settings.snapshots_budget, whole=whole)
        except OSError:
            # A run deleted meanwhile, for one; the next run tries again.
            log.warning("snapshots could not be thinned out", exc_info=True)

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
