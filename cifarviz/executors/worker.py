"""The worker of a process: its queue, and threads that pass runs to the executor in turn.

Pages, commands and scripts use only ``Worker``, whichever executor trains. It does not load
TensorFlow before a run starts, so that a queue can be shown at once.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from functools import partial

from cifarviz.errors import CifarvizError, LeaseLost, RunNotFound, StoreError, TransitionRefused
from cifarviz.executors.executor import DetachedExecutor, ExecutorPlace, Job
from cifarviz.executors.failure import failed_ending, format_error
from cifarviz.executors.processes import ProcessExecutor
from cifarviz.executors.registry import make_executor
from cifarviz.runs import locks
from cifarviz.runs.artifacts import checkpoint_path
from cifarviz.runs.index_copy import copy_index
from cifarviz.runs.leases import Attempt
from cifarviz.runs.predecessors import find_predecessor
from cifarviz.runs.recorded import ORIGIN
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import thin_all
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.stored_predictions import checkpoint_predictions_path
from cifarviz.settings import Settings
from cifarviz.training.ending import Ending
from cifarviz.training.giving_way import give_way, yield_to_next
from cifarviz.training.local_places import lacks_memory
from cifarviz.training.process_queue import ProcessQueue

log = logging.getLogger(__name__)

POLL_SECONDS = 0.1
# Seconds between two looks at whether runs that train are to give way.
_WATCH_SECONDS = 5.0
_CLOSE_POLL_SECONDS = 0.02
# Seconds between two tries after an error, doubled up to this.
_MAX_PAUSE = 5.0
# Tries to start a run, over about ten seconds; then it fails, and the next one starts.
_MAX_TRIES = 7
# Seconds to wait before each new try to record an ending.
_RETRY_ENDING = (0.2, 1.0, 5.0)
# Times that a run goes on by itself after what trained it was lost.
_MAX_LOSSES = 3
_ENDED_WITH_PROGRAM = (
    "The program was ended while this run trained. Its weights are saved: resume it from there."
)
# Errors that may pass, and are due to the machine rather than to the run.
_TRANSIENT_ERRORS = (StoreError, OSError, sqlite3.Error, MemoryError)


class Worker(ProcessQueue):
    """Takes experiments, has the executor train them in turn, and records how they end.

    Make a single worker per process. Its threads, one for each place of the executor, are daemons,
    so that they never keep a process from ending: a run that was training in it is then
    *interrupted* and can be resumed, waiting runs are still queued. An error of a run never ends a
    thread, which serves the other runs too.
    """

    def __init__(self, settings: Settings, origin: str) -> None:
        """Raises ``SettingInvalid`` where there is no such executor, and as ``RunStore`` does."""
        super().__init__(settings, origin)
        self._executor = make_executor(self.store)
        self._threads: list[threading.Thread] = []
        # The newest attempt at each run that trains here.
        self._jobs: dict[str, Job] = {}
        self._tries: dict[str, int] = {}
        self._losses: dict[str, int] = {}
        # Runs that are stopped because the program ends, not because a person wants that.
        self._ended_with_program: set[str] = set()
        self._last_problem = ""
        self._watcher: threading.Thread | None = None

    @property
    def places(self) -> int:
        """How many runs train at once at most, as far as is known now."""
        return self._executor.places

    @property
    def training_processes(self) -> tuple[int, ...]:
        """The ids of the processes that train for this one, those that wait for a run too."""
        executor = self._executor
        return executor.process_ids if isinstance(executor, ProcessExecutor) else ()

    def close(self, seconds: float) -> None:
        """Begin no further run, and save the weights of those that train here; for a program's end.

        These are then *interrupted*; waiting ones stay queued. Returns once that is done, or after
        ``seconds``. Runs on a cluster train on.
        """
        end = time.monotonic() + seconds
        has_lock = self.choosing.acquire(timeout=seconds)
        self._closing.set()
        if has_lock:
            self.choosing.release()
        if isinstance(self._executor, DetachedExecutor):
            return
        with self._changed:
            training = set(self._jobs)
        for run_id in training:
            try:
                if self.store.get(run_id).requested != Action.STOP:
                    self._ended_with_program.add(run_id)
                    self.store.request(run_id, Action.STOP)
            except (CifarvizError, sqlite3.Error) as error:
                # It has ended meanwhile, or the home is full: it goes on from its last checkpoint.
                log.warning("run %s could not be stopped: %s", run_id, error)
        while training & self._jobs.keys() and time.monotonic() < end:
            time.sleep(_CLOSE_POLL_SECONDS)

    def _start_threads(self) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        while len(self._threads) < self._executor.places:
            thread = threading.Thread(target=self._work, name="cifarviz-worker", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _add_job(self, job: Job) -> None:
        """Note a run that trains here from now on; the caller holds ``_changed``."""
        self._jobs[job.run.id] = job
        if self._watcher is None:
            self._watcher = threading.Thread(
                target=self._watch_queue, name="cifarviz-giving-way", daemon=True
            )
            self._watcher.start()

    def _watch_queue(self) -> None:
        """Now and then have the runs that train here give way to shorter ones."""
        while not self._closing.wait(_WATCH_SECONDS):
            with self._changed:
                began = [job.run for job in self._jobs.values()]
            if len(began) < self._executor.places and not lacks_memory():
                # Whoever is next begins beside them.
                continue
            for run in began:
                try:
                    give_way(self.store, run)
                except Exception as error:
                    # Deleted meanwhile, or the home is full: it trains on.
                    log.warning("run %s could not give way: %s", run.id, error)

    def adopt(self) -> None:
        """Also watch the runs that an earlier process left training on a cluster."""
        if isinstance(self._executor, DetachedExecutor):
            for run_id, attempt in self.store.detached().items():
                self._attach(self._executor, run_id, attempt)
        super().adopt()

    def _attach(self, executor: DetachedExecutor, run_id: str, attempt: Attempt) -> None:
        with self._changed:
            lock = None if run_id in self._locks else locks.acquire(self.store.lock_path(run_id))
            if lock is None:
                return
            self._locks[run_id] = lock
            place = executor.attach(attempt.owner)
            job = Job(self.store, self.store.get(run_id), attempt)
            if place is None or not job.run.state.active or job.run.attempt != attempt.number:
                if place is not None:
                    place.release()
                self._release(run_id)
                return
            self._add_job(job)
        watch = partial(self._see_to_end, job, place, executor.watch)
        threading.Thread(target=watch, name="cifarviz-watcher", daemon=True).start()

    def _work(self) -> None:
        pause = POLL_SECONDS
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
            try:
                if self._train_next():
                    continue
                pause = POLL_SECONDS
            except Exception as error:
                self._log_problem(error)
                # A lasting error must not keep a core busy.
                pause = min(2 * pause, _MAX_PAUSE)
            time.sleep(pause)

    def _log_problem(self, error: Exception) -> None:
        """Log an error of the queue, unless it is the same as the last."""
        if repr(error) != self._last_problem:
            self._last_problem = repr(error)
            log.error("the queue is blocked; trying again", exc_info=error)

    def _train_next(self) -> bool:
        """Train the next run to its end; returns whether one was ready and a place was free."""
        with self.choosing:
            run_id = self._first_waiting()
            begun = None if run_id is None or self.is_closing else self._begin(run_id)
        if run_id is None or begun is None:
            return False
        with self._changed:
            # The cluster may have more places by now.
            self._start_threads()
        self._see_to_end(*begun, self._executor.train)
        if self._adopts:
            self.adopt()
        return True

    def _see_to_end(self, job: Job, place: ExecutorPlace, train: Callable[[Job], Ending]) -> None:
        """Have a run trained, record how it ends, and free its place."""
        run_id = job.run.id
        is_recorded = True
        try:
            self._finish(job, self._train(job, train))
        except LeaseLost as error:
            # Another owner records how the run ends.
            log.warning("%s", error)
        except Exception as error:
            is_recorded = self._give_up(run_id, error, job.attempt)
            if not is_recorded:
                again = partial(self._give_up_later, job, error)
                threading.Thread(target=again, name="cifarviz-recorder", daemon=True).start()
        finally:
            try:
                place.release()
            finally:
                if is_recorded:
                    self._forget(job)

    def _forget(self, job: Job) -> None:
        run_id = job.run.id
        with self._changed:
            # It may have been resumed already, and started by another thread.
            if self._jobs.get(run_id) is job:
                del self._jobs[run_id]
                if run_id not in self._waiting:
                    self._release(run_id)

    def _give_up_later(self, job: Job, error: Exception) -> None:
        """Mark a run as failed once that is possible, as when a full disk has room again.

        Until then this process keeps its lock: without an owner it would be *interrupted*, and
        nobody would learn why.
        """
        while not self._give_up(job.run.id, error, job.attempt):
            time.sleep(_MAX_PAUSE)
        self._forget(job)

    def _begin(self, run_id: str) -> tuple[Job, ExecutorPlace] | None:
        """Start a run in a free place; ``None`` if it is not its turn."""
        try:
            place = self._executor.reserve() if self.store.is_next(run_id) else None
            if place is None:
                return None
            try:
                run = self.store.get(run_id)
                waits_again = run.gave_way_to is not None and yield_to_next(self.store, run)
                if waits_again or find_predecessor(self.store, run) is not None:
                    place.release()
                    return None
                run = self.store.transition(run_id, RunState.RUNNING, owner=place.owner)
            except BaseException:
                place.release()
                raise
        except (RunNotFound, TransitionRefused):
            return None  # stopped or deleted meanwhile
        except Exception as error:
            tries = self._tries[run_id] = self._tries.get(run_id, 0) + 1
            if tries == _MAX_TRIES or not isinstance(error, _TRANSIENT_ERRORS):
                self._give_up(run_id, error)
                self._release(run_id)
                return None
            message = f"The run cannot start now ({format_error(error)}). Trying again."
            self.store.describe(run_id, message=message)
            raise
        job = Job(self.store, run, Attempt(run.attempt, place.owner))
        with self._changed:
            self._add_job(job)
            self._waiting.discard(run_id)
            self._tries.pop(run_id, None)
        return job, place

    def _release(self, run_id: str) -> None:
        self._tries.pop(run_id, None)
        super()._release(run_id)

    def _give_up(self, run_id: str, error: Exception, attempt: Attempt | None = None) -> bool:
        """Mark a run as failed that cannot be started or finished, so that the others can train.

        Returns whether its state is recorded.
        """
        if run_id not in self._failed_runs:
            log.error("run %s could not be started or finished", run_id, exc_info=error)
        self._failed_runs.add(run_id)
        message = f"This run could not be started or finished ({format_error(error)}). Resume it."
        try:
            self.store.fail(run_id, message, attempt=attempt)
        except (LeaseLost, RunNotFound) as lost:
            log.warning("%s", lost)
        except Exception:
            log.exception("run %s could not be marked as failed", run_id)
            return False
        return True

    def _finish(self, job: Job, ending: Ending) -> None:
        run_id = job.run.id
        if ending.state is not RunState.INTERRUPTED:
            self._tidy(run_id, partial(self._count_seconds, job))
        before = self.store.get(run_id)
        gives_way = ending.state is RunState.STOPPED and before.gave_way_to is not None
        if self.is_closing or gives_way:
            # Thinning takes time in a large home; the next run does it.
            if ending.state is RunState.STOPPED and run_id in self._ended_with_program:
                ending = Ending(RunState.INTERRUPTED, _ENDED_WITH_PROGRAM)
        else:
            # Before it ends: whoever waits for its end finds the home within its budget.
            self._tidy(run_id, self._thin_snapshots)
            self._tidy(run_id, partial(copy_index, self.settings, self.store.database))
        run = self._record_ending(job, ending)
        is_lost = run.state is RunState.INTERRUPTED and before.state is RunState.RUNNING
        # On this computer it would meet the same end, as for want of memory.
        if is_lost and isinstance(self._executor, DetachedExecutor):
            self._go_on_elsewhere(before, ending)
        if run.state is RunState.FINISHED and run.experiment.best_only:
            # Only now can it no longer be resumed.
            folder = self.store.folder(run_id)
            for path in (
                checkpoint_path(folder, "last"),
                checkpoint_predictions_path(folder, "last"),
            ):
                self._tidy(run_id, partial(path.unlink, missing_ok=True))

    def _go_on_elsewhere(self, run: Run, ending: Ending) -> None:
        """Queue a run again, at its place, that was lost with what trained it."""
        losses = self._losses[run.id] = self._losses.get(run.id, 0) + 1
        if losses > _MAX_LOSSES:
            return
        went_on = f"It went on from its last checkpoint ({losses} of {_MAX_LOSSES})."
        sentence = f"{ending.message} {went_on}"
        note = f"{run.note} {sentence}" if run.note else sentence
        self.store.describe(run.id, note=note)
        # Held, so that no thread begins with a run that waited behind it.
        with self._changed:
            self.resume(run.id)
            self.store.describe(run.id, queued=run.created)

    def _tidy(self, run_id: str, work: Callable[[], None]) -> None:
        """Do work whose failure does not affect the run's ending."""
        try:
            work()
        except Exception:
            # For example, a run was deleted meanwhile; the next run thins out again.
            log.warning("could not tidy up after run %s", run_id, exc_info=True)

    def _record_ending(self, job: Job, ending: Ending) -> Run:
        run_id = job.run.id
        pauses = iter(_RETRY_ENDING)
        while True:
            try:
                if ending.state is RunState.STOPPED:
                    self._stopping(job)
                    if self._queue_again(job):
                        return self.store.get(run_id)
                return self.store.transition(
                    run_id,
                    ending.state,
                    ending.message,
                    attempt=job.attempt,
                    stopped_early=ending.stopped_early,
                )
            except _TRANSIENT_ERRORS:
                pause = next(pauses, None)
                if pause is None:
                    raise
                log.exception("the end of run %s could not be recorded; trying again", run_id)
                time.sleep(pause)

    def _queue_again(self, job: Job) -> bool:
        """Queue a run that gave way to another, to go on by itself; whether it was to."""
        run_id = job.run.id
        # Held, so that no thread takes it for one that has left the queue.
        with self._changed:
            if not self.store.queue_again(run_id, attempt=job.attempt):
                return False
            self._enqueue(run_id, self._locks[run_id])
        return True

    def _train(self, job: Job, train: Callable[[Job], Ending]) -> Ending:
        """Let the executor train the run; returns how it ends."""
        try:
            return train(job)
        except LeaseLost:
            raise
        except Exception as error:
            return failed_ending(job.run.id, error)

    def _thin_snapshots(self) -> None:
        # Those of students before those of the teacher.
        oldest_first = sorted(
            self.store.all(), key=lambda run: (run.owner is None, run.starred, run.created)
        )
        # The recorded run is there to be shown in full, and could not be made again here.
        recorded = [run for run in oldest_first if run.origin == ORIGIN]
        folders = [self.store.folder(run.id) for run in oldest_first if run not in recorded]
        protected = [self.store.folder(run.id) for run in recorded]
        thin_all(folders, self.settings.snapshots_budget, protected=protected)

    def _count_seconds(self, job: Job) -> None:
        """Add the time since the last heartbeat to the run's training time."""
        run = self.store.get(job.run.id)
        # A run that was stopped while paused did no work since.
        if run.progress is not None and run.state is not RunState.PAUSED:
            now = time.time()
            spent = max(now - run.progress.heartbeat, 0.0)
            job.sink.describe(seconds=run.seconds + spent, heartbeat=now)

    def _stopping(self, job: Job) -> None:
        try:
            job.sink.transition(RunState.STOPPING)
        except TransitionRefused:
            log.debug("run %s is already stopping", job.run.id)
