"""The runs of the queue that one process looks after: those it entered, and those it took up."""

import logging
import shutil
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

from filelock import BaseFileLock

from cifarviz.data import library
from cifarviz.errors import RunError, TransitionRefused
from cifarviz.experiment.experiment import Experiment
from cifarviz.runs.curation import validate_name
from cifarviz.runs.records import Fork, Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore, new_run_id
from cifarviz.settings import Settings
from cifarviz.training.fork_start import save_start
from cifarviz.training.plan import check_plan
from cifarviz.training.tensorboard_folder import check_tensorboard_folder

log = logging.getLogger(__name__)

# Seconds between two looks at a run that is waited for.
POLL_SECONDS = 0.1


class ProcessQueue(ABC):
    """Enters runs in the queue of a home and holds their locks until they have ended.

    The order is the store's (``runs/queue.py``), over all processes; who trains the runs is for a
    subclass to say.
    """

    def __init__(self, settings: Settings, origin: str) -> None:
        self.settings = settings
        self.store = RunStore(settings)
        self._origin = origin
        # What this process looks after: the runs that train, and those that wait.
        self._locks: dict[str, BaseFileLock] = {}
        self._waiting: set[str] = set()
        self._changed = threading.Condition()
        self._adopts = False
        # Runs that could not be begun here: only a person takes them up again.
        self._given_up: set[str] = set()

    @abstractmethod
    def _start_threads(self) -> None:
        """Have the runs in ``_waiting`` trained; called whenever there is one more."""

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
            return save_start(parent, folder(parent_id), folder(run_id), experiment, epoch)

        return self._submit(experiment, name, keep)

    def _submit(
        self, experiment: Experiment, name: str, prepare: Callable[[str], Fork | None]
    ) -> Run:
        name = validate_name(name)
        dataset = library.load(experiment.data.dataset, experiment.data.variant, self.settings)
        check_plan(experiment, dataset)
        if experiment.tensorboard:
            check_tensorboard_folder(self.settings.tensorboard_dir)
        run_id = new_run_id()
        lock = self._acquire(run_id)
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
            lock = ours or self._acquire(run_id)
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
                lock = self.store.acquire(run_id)
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
            time.sleep(POLL_SECONDS)
        return run

    def _acquire(self, run_id: str) -> BaseFileLock:
        lock = self.store.acquire(run_id)
        if lock is None:
            raise RunError(
                "Another process is training run {run_id}: let it finish first.", run_id=run_id
            )
        return lock

    def _enqueue(self, run_id: str, lock: BaseFileLock) -> None:
        with self._changed:
            self._locks[run_id] = lock
            self._waiting.add(run_id)
            try:
                self._start_threads()
            except BaseException:
                self.store.stop_all([run_id])
                self._let_go(run_id)
                raise
            self._changed.notify_all()

    def _let_go(self, run_id: str) -> None:
        with self._changed:
            self._waiting.discard(run_id)
            lock = self._locks.pop(run_id, None)
            if lock is not None:
                lock.release()

    def _first_waiting(self) -> str | None:
        """The run of ours that has waited longest; lets go of those that wait no more."""
        # The store is read under the lock: what is entered meanwhile would seem to wait no more.
        with self._changed:
            queue = self.store.queue()
            # Stopped or deleted meanwhile, or in a state that this version doesn't know.
            for run_id in self._waiting - set(queue):
                self._let_go(run_id)
            return next((run_id for run_id in queue if run_id in self._waiting), None)
