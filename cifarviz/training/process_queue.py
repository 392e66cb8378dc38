"""The queued runs that a process owns: those it submitted, and those it took over."""

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
from cifarviz.experiment.split_positions import train_positions
from cifarviz.runs.curation import validate_name
from cifarviz.runs.limits import check_run_limits
from cifarviz.runs.records import Fork, Run
from cifarviz.runs.run_data import check_run_data, load_training_data
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore, new_run_id
from cifarviz.settings import Settings
from cifarviz.training.fork_start import save_start, save_transferred
from cifarviz.training.plan import check_plan
from cifarviz.training.tensorboard_folder import check_tensorboard_folder

log = logging.getLogger(__name__)

# Seconds between two checks of a run that ``wait`` waits for.
POLL_SECONDS = 0.1


class ProcessQueue(ABC):
    """Adds runs to the queue of a home and holds their locks until they have ended.

    The order comes from the store (``runs/queue.py``), across all processes; a subclass trains the
    runs.
    """

    def __init__(self, settings: Settings, origin: str) -> None:
        self.settings = settings
        self.store = RunStore(settings)
        self._origin = origin
        # The locks of this process's runs, and those of them that wait.
        self._locks: dict[str, BaseFileLock] = {}
        self._waiting: set[str] = set()
        self._changed = threading.Condition()
        # Held while a run is chosen and started, so that no two threads choose the same; and while
        # runs are queued of which none may start before all are there.
        self.choosing = threading.Lock()
        self._adopts = False
        # Runs that could not start here: only a person resumes them.
        self._failed_runs: set[str] = set()
        self._closing = threading.Event()

    @property
    def is_closing(self) -> bool:
        """Whether the program is about to end, so that no run begins here any more."""
        return self._closing.is_set()

    @abstractmethod
    def _start_threads(self) -> None:
        """Train the runs in ``_waiting``; called whenever a run is added."""

    def submit(self, experiment: Experiment, name: str, *, gives_way: bool = False) -> Run:
        """Queue a new run and return at once; ``gives_way``: as in ``Run``.

        Weights that its first layers start with are copied now, or when the run begins if the run
        that they come from is still active. Raises ``ExperimentInvalid``, ``DatasetNotFound`` or,
        when TensorBoard files can't be written, ``StorageFull``, and what ``check_transfer`` and
        ``check_run_limits`` do, before anything is stored.
        """

        def copy_weights(run_id: str) -> None:
            save_transferred(self.store, run_id, experiment)

        return self._submit(experiment, name, copy_weights, gives_way=gives_way)

    def fork(self, parent_id: str, epoch: int, experiment: Experiment, name: str) -> Run:
        """Queue a new run that starts from a run's weights after ``epoch``; see ``submit``.

        The weights are copied now, so that the parent may change or be deleted afterwards.
        Raises ``RunNotFound``, ``ExperimentInvalid`` where ``check_fork`` does,
        ``ArtifactMissing`` and ``ArtifactDamaged`` too, and ``DatasetChanged`` where the images
        are not those of the parent.
        """
        parent = self.store.get(parent_id)
        check_run_data(parent)

        def copy_weights(run_id: str) -> Fork:
            folder = self.store.folder
            return save_start(parent, folder(parent_id), folder(run_id), experiment, epoch)

        return self._submit(experiment, name, copy_weights)

    def _submit(
        self,
        experiment: Experiment,
        name: str,
        prepare: Callable[[str], Fork | None],
        *,
        gives_way: bool = False,
    ) -> Run:
        name = validate_name(name)
        dataset = library.load(experiment.data.dataset, experiment.data.variant, self.settings)
        check_plan(experiment, dataset)
        learned, _ = train_positions(experiment, len(dataset.train))
        check_run_limits(self.store, experiment.epochs, len(learned))
        if experiment.tensorboard:
            check_tensorboard_folder(self.settings.tensorboard_dir)
        run_id = new_run_id()
        lock = self._acquire(run_id)
        try:
            fork = prepare(run_id)
            run = self.store.create(
                run_id,
                experiment,
                name,
                self._origin,
                fork,
                dataset.info.fingerprint,
                gives_way=gives_way,
            )
        except BaseException:
            shutil.rmtree(self.store.folder(run_id), ignore_errors=True)
            lock.release()
            raise
        self._enqueue(run_id, lock)
        return run

    def resume(self, run_id: str) -> Run:
        """Queue a stopped, failed or interrupted run to continue from its last checkpoint.

        Also takes over a queued run that no process owns, at its place in the queue. Raises
        ``DatasetNotFound`` where its images are missing or have changed.
        """
        run = self.store.get(run_id)
        load_training_data(run, self.settings)
        # A thread must not release the lock between our check and our use of it.
        with self._changed:
            # This process may still hold the lock of a run that was stopped while it waited.
            ours = self._locks.get(run_id)
            lock = ours or self._acquire(run_id)
            try:
                run = self.store.get(run_id)
                if ours is not None or run.state is not RunState.QUEUED:
                    check_run_limits(self.store, run.experiment.epochs, run.train_images or 0)
                    run = self.store.transition(run_id, RunState.QUEUED)
            except BaseException:
                if ours is None:
                    lock.release()
                raise
            self._failed_runs.discard(run_id)
            self._enqueue(run_id, lock)
        return run

    def resume_all(self, run_ids: Iterable[str]) -> None:
        """Resume the runs, except those that are active or finished."""
        for run_id in run_ids:
            try:
                self.resume(run_id)
            except TransitionRefused as error:
                log.info("not resumed: %s", error)

    def adopt(self) -> None:
        """Take over all queued runs that no process owns, in their order.

        From now on also whenever a run of this process has ended. If several processes try at
        once, the lock decides who gets a run.
        """
        self._adopts = True
        for run_id in self.store.orphans():
            with self._changed:
                if run_id in self._locks or run_id in self._failed_runs:
                    continue
                lock = self.store.acquire(run_id)
                if lock is None:
                    continue
                # It may have been started or removed from the queue before the lock was ours.
                if run_id in self.store.queue():
                    self._enqueue(run_id, lock)
                else:
                    lock.release()

    def wait(self, run_id: str, seconds: float | None = None) -> Run:
        """Block until the run is over, or for so many seconds; returns the run.

        A run that ended in this process is over when it was tidied up, too.
        """
        end = None if seconds is None else time.monotonic() + seconds
        while (run := self.store.get(run_id)).state.active or run_id in self._locks:
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
                self._release(run_id)
                raise
            self._changed.notify_all()

    def _release(self, run_id: str) -> None:
        with self._changed:
            self._waiting.discard(run_id)
            lock = self._locks.pop(run_id, None)
            if lock is not None:
                lock.release()

    def _first_waiting(self) -> str | None:
        """Return this process's next run in the queue, and release those no longer queued."""
        # Under the lock, since a run added meanwhile would seem to have left the queue.
        with self._changed:
            queue = self.store.queue()
            # Stopped or deleted meanwhile, or in an unknown state.
            for run_id in self._waiting - set(queue):
                self._release(run_id)
            return next((run_id for run_id in queue if run_id in self._waiting), None)
