"""Searching in a study: queue its trials, read their epochs, end the bad ones early.

Each trial is an ordinary run in the queue. Whoever searches holds the study's lock; everything else
is in the store, so that another process can go on where this one ended.
"""

import logging
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Literal

from filelock import BaseFileLock

from cifarviz.errors import (
    CifarvizError,
    ExperimentInvalid,
    RunError,
    RunNotFound,
    TransitionRefused,
)
from cifarviz.experiment.parameters import Setting
from cifarviz.experiment.study import Study
from cifarviz.experiment.tunables import describe_settings, with_settings
from cifarviz.people.person import Person, acting_as, owner_person
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.runs.studies import (
    StudyRecord,
    acquire_study,
    add_cut_off,
    add_trial,
    create_study,
    end_study,
    get_study,
    mark_pruned,
    set_study_seconds,
    stored_trials,
    trial_name,
    trials_made,
    update_study,
)
from cifarviz.runs.trial_values import study_value, study_values
from cifarviz.training.ending import has_diverged
from cifarviz.training.process_queue import ProcessQueue
from cifarviz.training.search import Outcome, Search

log = logging.getLogger(__name__)


# Seconds between two looks at the trials.
_POLL_SECONDS = 0.2
# Seconds between two writes of how long the study has searched.
_SAVE_SECONDS = 5.0
# Failed trials in a row, or settings in a row that make no valid experiment, that end a study.
_MAX_FAILURES = 3
_MAX_REFUSALS = 100
# How often an interrupted trial is resumed.
_MAX_RESUMES = 3


class Studies:
    """The studies in which this process searches, each in a thread."""

    def __init__(self, worker: ProcessQueue) -> None:
        self._worker = worker
        # Of each study, set once this process no longer searches in it. Not the thread itself:
        # after Ctrl-C within its join() Python takes it for ended.
        self._ended: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    def start(self, study: Study, title: str) -> StudyRecord:
        """Store a new study and search in it; returns at once."""
        record = create_study(self._worker.store, study, title)
        return self.resume(record.id)

    def resume(self, study_id: str, *, more_trials: int = 0) -> StudyRecord:
        """Go on with a study that was stopped, interrupted or finished; returns at once.

        Raises ``RunNotFound``, ``ExperimentInvalid`` for too many trials, and ``RunError`` where
        a process already searches in it.
        """
        store = self._worker.store
        with self._lock:
            lock = acquire_study(store, study_id)
            if lock is None:
                raise RunError("This study is already going on: stop it first.")
            try:
                record = get_study(store, study_id)
                study = record.study
                if more_trials:
                    fields = {name: getattr(study, name) for name in type(study).model_fields}
                    made = trials_made(store, study_id)
                    study = Study.make(**{**fields, "trials": made + more_trials})
                record = replace(record, study=study, state="open", message=None)
                update_study(store, record)
                owner = owner_person(record.owner)
                ended = self._ended[study_id] = threading.Event()
                driver = _Driver(self._worker, study_id, lock, ended, owner)
                threading.Thread(target=driver.run, name="cifarviz-study", daemon=True).start()
            except BaseException:
                lock.release()
                raise
        return record

    def wait(self, study_id: str, seconds: float | None = None) -> bool:
        """Block until this process no longer searches in it; returns whether that is so."""
        ended = self._ended.get(study_id)
        return True if ended is None else ended.wait(seconds)


@dataclass
class _ActiveTrial:
    number: int
    run_id: str
    reported: int = 0
    pruned: bool = False
    out_of_time: bool = False
    resumes: int = 0


@dataclass
class _Driver:
    worker: ProcessQueue
    study_id: str
    lock: BaseFileLock
    ended: threading.Event
    # Whose the trials are.
    owner: Person
    active: list[_ActiveTrial] = field(default_factory=list)
    failures: int = 0
    last_failure: str = ""

    def run(self) -> None:
        """Search until the study is over or stopped."""
        try:
            with acting_as(self.owner):
                self._search()
        except RunNotFound:
            log.info("study %s was deleted", self.study_id)
        except Exception as error:
            log.exception("study %s ended", self.study_id)
            self._end("stopped", str(error) if isinstance(error, CifarvizError) else repr(error))
        finally:
            self.lock.release()
            self.ended.set()

    def _search(self) -> None:
        record = get_study(self.worker.store, self.study_id)
        self.study = record.study
        self.search = Search(self.study)
        self._restore()
        # The limit holds for each time that it is started.
        earlier, began = record.seconds, time.monotonic()
        saved = began
        while not self.worker.is_closing:
            record = get_study(self.worker.store, self.study_id)
            seconds = time.monotonic() - began
            for trial in list(self.active):
                self._look_at(trial)
            limit = self.study.minutes
            is_over = limit is not None and seconds > 60 * limit
            if record.state == "stopped" or is_over:
                self._stop_trials()
            elif self.failures >= _MAX_FAILURES:
                self._stop_trials()
                self._end("stopped", f"{_MAX_FAILURES} trials in a row failed. {self.last_failure}")
                return
            elif (reason := self._fill()) and not self.active:
                self._end("finished", reason)
                return
            is_ended = not self.active and (record.state == "stopped" or is_over)
            if is_ended or time.monotonic() - saved > _SAVE_SECONDS:
                saved = time.monotonic()
                set_study_seconds(self.worker.store, self.study_id, earlier + seconds)
            if is_ended:
                if is_over:
                    self._end("finished", f"{limit:g} minutes are over.")
                return
            time.sleep(_POLL_SECONDS)

    def _restore(self) -> None:
        """Tell the search what is known, and go on with the trials that have not ended."""
        cut_off = get_study(self.worker.store, self.study_id).cut_off
        for stored in stored_trials(self.worker.store, self.study_id):
            self.search.add(stored.number, stored.settings)
            values = study_values(self.study, stored.epochs)
            for epoch, value in values:
                self.search.report(stored.number, epoch, value)
            trial = _ActiveTrial(stored.number, stored.run.id, reported=len(values))
            trial.pruned = stored.pruned_after is not None
            run = stored.run
            is_cut_off = run.state is RunState.INTERRUPTED or run.orphaned
            is_cut_off |= run.state is RunState.STOPPED and run.id in cut_off
            if is_cut_off and not trial.pruned:
                self.worker.resume(run.id)
                self.active.append(trial)
            elif run.state.active and not run.orphaned:
                self.active.append(trial)
            else:
                self._tell(trial, run, stored.epochs)
        self.failures = 0

    def _fill(self) -> str | None:
        """Start trials as far as there is room; returns why there will be no more."""
        while len(self.active) < self.study.at_once:
            made = trials_made(self.worker.store, self.study_id)
            if made >= self.study.trial_count:
                return "All trials have ended."
            if not self._start_next(made + 1):
                return "There are no further combinations of these values to try."
        return None

    def _start_next(self, number: int) -> bool:
        """Queue the next trial; returns whether there was one."""
        for attempt in range(_MAX_REFUSALS):
            settings: dict[str, Setting] | None
            if number == 1 and self.study.try_base and not attempt:
                settings = self.study.base_settings()
            else:
                settings = self.search.next_settings(number)
            if settings is None:
                return False
            try:
                self._start(number, settings)
            except ExperimentInvalid as error:
                log.info("settings left out: %s", error)
                self.search.refuse(settings)
                self.last_failure = str(error)
            else:
                return True
        raise ExperimentInvalid(
            "{count} combinations of values in a row make no valid experiment. The last one: "
            "{reason}",
            count=_MAX_REFUSALS,
            reason=self.last_failure,
        )

    def _start(self, number: int, settings: dict[str, Setting]) -> None:
        experiment = with_settings(self.study.base, settings)
        title = get_study(self.worker.store, self.study_id).title
        label = describe_settings(self.study.base, settings)
        # It must not start before it is one of the trials, which share a precision.
        with self.worker.choosing:
            run = self.worker.submit(experiment, trial_name(title, number))
            add_trial(self.worker.store, self.study_id, run.id, settings, label)
        self.search.add(number, settings)
        self.active.append(_ActiveTrial(number, run.id))

    def _look_at(self, trial: _ActiveTrial) -> None:
        """Report new epochs of a trial, end it if it is bad, and see whether it has ended."""
        store = self.worker.store
        try:
            run = store.get(trial.run_id)
        except RunNotFound:
            self.active.remove(trial)
            self.search.tell(trial.number, None, "failed")
            return
        epochs = store.epochs(trial.run_id)
        values = study_values(self.study, epochs)
        for epoch, value in values[trial.reported :]:
            trial.reported += 1
            prune = self.search.report(trial.number, epoch, value)
            if prune and run.state.active and not trial.pruned and epoch < run.experiment.epochs:
                trial.pruned = True
                mark_pruned(store, self.study_id, run.id, epoch)
                store.stop_all([run.id])
        limit = self.study.within_seconds
        if limit is not None and run.seconds > limit and not trial.out_of_time:
            trial.out_of_time = True
            store.stop_all([run.id])
        if run.state is RunState.INTERRUPTED and trial.resumes < _MAX_RESUMES:
            trial.resumes += 1
            # The worker may have queued it again itself.
            with suppress(RunError, TransitionRefused):
                self.worker.resume(run.id)
        elif not run.state.active:
            self.active.remove(trial)
            self._tell(trial, run, store.epochs(trial.run_id))

    def _tell(self, trial: _ActiveTrial, run: Run, epochs: Sequence[Epoch]) -> None:
        if trial.pruned and run.state is RunState.FINISHED:
            # Its last epochs were faster than the request to stop.
            trial.pruned = False
            mark_pruned(self.worker.store, self.study_id, run.id, None)
        value = study_value(self.study, epochs)
        limit = self.study.within_seconds
        in_time = limit is not None and run.seconds > limit
        outcome: Outcome = "pruned"
        if not trial.pruned and (run.state is RunState.FINISHED or in_time) and value is not None:
            outcome = "complete"
        # Settings that diverge are bad ones: without values, Optuna ranks them last.
        failed = run.state is RunState.FAILED and not has_diverged(run)
        self.failures = self.failures + 1 if failed else 0
        if failed:
            self.last_failure = run.message or ""
        self.search.tell(trial.number, value, outcome)

    def _stop_trials(self) -> None:
        """Stop the trials that train or wait; they go on with the study."""
        run_ids = [trial.run_id for trial in self.active if not trial.pruned]
        add_cut_off(self.worker.store, self.study_id, run_ids)
        self.worker.store.stop_all(run_ids)

    def _end(self, state: Literal["stopped", "finished"], message: str) -> None:
        """Store how the study ended, unless a person stopped it."""
        try:
            end_study(self.worker.store, self.study_id, state, message)
        except CifarvizError:
            log.exception("the end of study %s could not be stored", self.study_id)


def stop_study(store: RunStore, study_id: str) -> None:
    """Stop a study and its trials, also one in which another process searches."""
    end_study(store, study_id, "stopped", "Stopped by you.")
    active = [trial for trial in stored_trials(store, study_id) if trial.run.state.active]
    run_ids = [trial.run.id for trial in active if trial.pruned_after is None]
    add_cut_off(store, study_id, run_ids)
    store.stop_all(run_ids)
