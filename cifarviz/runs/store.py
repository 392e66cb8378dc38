"""Runs, their histories and their files, under one ``CIFARVIZ_HOME``.

A worker writes, anybody reads by polling. Whoever looks after an active run holds its lock or
renews its lease; a run that has begun and says it is active while nobody looks after it was cut
off, and is marked *interrupted* at the next look. One that only waits is *orphaned* then: it stays
queued, holds nobody up, and whoever takes it trains it.
"""

import json
import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType
from uuid import uuid4

from cifarviz.errors import LeaseLost, RunNotFound, TransitionRefused
from cifarviz.experiment.experiment import Experiment
from cifarviz.runs.artifacts import SNAPSHOTS
from cifarviz.runs.curation import validate_name
from cifarviz.runs.damage import row_key
from cifarviz.runs.database import BAD_BATCHES, Database
from cifarviz.runs.database_rows import (
    IS_ACTIVE,
    SELECT_RUNS,
    as_batch_points,
    as_run,
    fetch_epochs,
    fetch_run,
    insert_batches,
    insert_run,
    update_run,
)
from cifarviz.runs.leases import LEASE_SECONDS, Attempt, this_process
from cifarviz.runs.machine import machine_name
from cifarviz.runs.queue import LEASE, RunQueue
from cifarviz.runs.records import BatchPoints, Epoch, Fork, Progress, Run
from cifarviz.runs.run_json import save_run_json
from cifarviz.runs.states import Action, RunState, check_action, check_transition
from cifarviz.settings import Settings
from cifarviz.storage import remove_leftovers

_NO_LEASE: Mapping[str, object] = MappingProxyType({"lease_owner": None, "lease_expires": None})


class RunStore(RunQueue):
    """The door to all runs of one home; cheap to make, safe to share between threads.

    Raises ``StoreError`` when the home cannot be used and ``UnknownFormat`` when another
    version of cifarviz wrote it.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.database = Database(settings.home / "runs.sqlite3")
        remove_leftovers(settings.home)
        remove_leftovers(settings.runs)
        for folder in settings.runs.glob("*"):
            self._remove_leftovers(folder.name)

    # Reading

    def all(self) -> list[Run]:
        """All runs, the newest first."""
        orphans = self._check_locks()
        with self.database.connect() as connection:
            rows = connection.execute(SELECT_RUNS + "ORDER BY created DESC, id").fetchall()
        return _mark_orphans((as_run(row) for row in rows), orphans)

    def get(self, run_id: str) -> Run:
        """One run; raises ``RunNotFound``."""
        orphans = self._check_locks()
        return _mark_orphans([self._get(run_id)], orphans)[0]

    def find(self, beginning: str) -> Run:
        """The run with this id, or the only one whose id begins so; raises ``RunNotFound``."""
        matches = [run for run in self.all() if beginning and run.id.startswith(beginning)]
        exact = [run for run in matches if run.id == beginning]
        if len(exact or matches) == 1:
            return (exact or matches)[0]
        if matches:
            raise RunNotFound(
                "{count} runs have an id that starts with “{beginning}”: type more of it.",
                count=len(matches),
                beginning=beginning,
            )
        raise RunNotFound(
            "There is no run “{beginning}” here: type an id, or how it starts.", beginning=beginning
        )

    def active(self) -> list[Run]:
        """The run that is being worked on, then those that wait, in their order."""
        orphans = self._check_locks()
        with self.database.connect() as connection:
            rows = connection.execute(
                f"{SELECT_RUNS} WHERE {IS_ACTIVE} ORDER BY state = 'queued', queued, id"
            ).fetchall()
        return _mark_orphans((as_run(row) for row in rows), orphans)

    def epochs(self, run_id: str) -> list[Epoch]:
        """The epochs finished so far, from 1; none of a run whose epochs are damaged."""
        return self.histories([run_id])[run_id]

    def histories(self, run_ids: Sequence[str]) -> dict[str, list[Epoch]]:
        """The same of several runs, by id, in one look."""
        with self.database.connect() as connection:
            return fetch_epochs(connection, run_ids)

    def batch_points(self, run_id: str, *, after: int = 0, stride: int = 1) -> BatchPoints:
        """The batches after step ``after`` whose step is a multiple of ``stride``.

        Those whose values are damaged are left out.
        """
        with self.database.connect() as connection:
            rows = connection.execute(
                "SELECT first_step, count, loss, accuracy FROM batches "
                f"WHERE run = ? AND first_step + count - 1 > ? AND NOT {BAD_BATCHES} "
                "ORDER BY first_step",
                (run_id, after),
            ).fetchall()
        return as_batch_points(rows, after=after, stride=stride)

    # For people: steering; naming, starring and deleting is in curation.py

    def delete(self, run_id: str) -> Run:
        """Remove a run, its history and its files, and return what it was; a damaged one, too.

        Raises ``RunNotFound``, and ``TransitionRefused`` while it is active.
        """
        self._check_locks()
        with self.database.connect(write=True) as connection:
            run = fetch_run(connection, run_id)
            if run.state.active:
                raise TransitionRefused(
                    "“{run_name}” is {state}: stop it before you delete it.",
                    run_name=run.name,
                    state=run.state,
                )
            # Its state may be unknown, and a process may be looking after it all the same.
            if run.damage is not None and self.is_attended(
                run_id, _fetch_lease(connection, run_id)
            ):
                raise TransitionRefused(
                    "Another process is training “{run_name}”: end it before you delete the run.",
                    run_name=run.name,
                )
            key, value = row_key(run_id)
            connection.execute(f"DELETE FROM runs WHERE {key} = ?", (value,))
        for folder in (self.folder(run_id), self.tensorboard_folder(run_id)):
            shutil.rmtree(folder, ignore_errors=True)
        self.lock_path(run_id).unlink(missing_ok=True)
        return run

    def request(self, run_id: str, action: Action) -> None:
        """Ask the worker of an active run for something; it answers within a second.

        A run that only waits in the queue is stopped here and now, since nobody works on it.
        Raises ``TransitionRefused`` when the run's state doesn't allow it.
        """
        self._check_locks()
        with self.changing(run_id) as connection:
            run = fetch_run(connection, run_id)
            check_action(run.name, run.state, action)
            _insert_request(connection, run_id, run.state, action)

    def stop_all(self, run_ids: Sequence[str]) -> None:
        """Ask the worker of each run to stop; those that have ended or are gone are passed over.

        All in one transaction, so that none that waits begins because one before it stops.
        """
        self._check_locks()
        with self.database.connect(write=True) as connection:
            rows = connection.execute(
                f"SELECT id, state FROM runs WHERE {IS_ACTIVE} "
                "AND id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(run_ids)),),
            ).fetchall()
            for row in rows:
                _insert_request(connection, row["id"], RunState(row["state"]), Action.STOP)
                self.save_run_json(connection, row["id"])

    # For workers

    def create(
        self,
        run_id: str,
        experiment: Experiment,
        name: str,
        origin: str,
        fork: Fork | None = None,
    ) -> Run:
        """Enter a queued run; the caller already holds its lock.

        A fork goes on in its parent's precision.
        """
        now = time.time()
        with self.changing(run_id) as connection:
            insert_run(
                connection,
                id=run_id,
                name=validate_name(name),
                state=RunState.QUEUED,
                experiment=experiment.to_json(),
                monitor=experiment.monitor,
                origin=origin,
                machine=machine_name(),
                created=now,
                queued=now,
                exact_loss_from=1 if fork is None else fork.epoch + 1,
                **({} if fork is None else fork.columns()),
            )
        return self._get(run_id)

    def transition(
        self,
        run_id: str,
        to: RunState,
        message: str | None = None,
        *,
        attempt: Attempt | None = None,
        owner: str | None = None,
        **facts: object,
    ) -> Run:
        """Move a run to another state, with ``facts`` as in ``describe``.

        A queued one that begins has a new attempt, and a lease of ``owner`` (default: this
        process). Raises ``TransitionRefused`` and, for an ``attempt`` that is over, ``LeaseLost``.
        """
        now = time.time()
        with self.changing(run_id) as connection:
            _renew_lease(connection, run_id, attempt)
            run = fetch_run(connection, run_id)
            check_transition(run.name, run.state, to)
            changes: dict[str, object] = {"state": to, "message": message, **facts}
            if to is RunState.QUEUED:
                changes |= {"queued": now, "ended": None, **_NO_LEASE}
            elif to is RunState.RUNNING and run.state is RunState.QUEUED:
                changes |= {"started": run.started or now, "phase": "preparing", "heartbeat": now}
                changes |= {"attempt": run.attempt + 1, "lease_owner": owner or this_process()}
                changes |= {"lease_expires": now + LEASE_SECONDS}
            elif not to.active:
                changes |= {"ended": now, "phase": None, "seconds_left": None, **_NO_LEASE}
            update_run(connection, run_id, **changes)
            if to is RunState.QUEUED or not to.active:
                connection.execute(
                    "UPDATE controls SET done = ? WHERE run = ? AND done IS NULL", (now, run_id)
                )
        return self._get(run_id)

    def fail(self, run_id: str, message: str, *, attempt: Attempt | None = None) -> None:
        """Mark an active run as failed, even one of which no more can be read than its state.

        Raises ``LeaseLost`` for an ``attempt`` that is over.
        """
        now = time.time()
        with self.changing(run_id) as connection:
            _renew_lease(connection, run_id, attempt)
            connection.execute(
                "UPDATE runs SET state = ?, message = ?, ended = ?, phase = NULL, "
                "seconds_left = NULL, lease_owner = NULL, lease_expires = NULL "
                f"WHERE id = ? AND {IS_ACTIVE}",
                (RunState.FAILED, message, now, run_id),
            )
            connection.execute(
                "UPDATE controls SET done = ? WHERE run = ? AND done IS NULL", (now, run_id)
            )

    def take_request(self, run_id: str, *, attempt: Attempt | None = None) -> Action | None:
        """The newest request nobody has carried out, marked as carried out.

        Raises ``LeaseLost`` where there is one, for an ``attempt`` that is over.
        """
        # The usual answer is "nothing", many times a second: ask without a write lock first.
        query = "SELECT action FROM controls WHERE run = ? AND done IS NULL ORDER BY id"
        with self.database.connect() as connection:
            if connection.execute(query, (run_id,)).fetchone() is None:
                return None
        with self.database.connect(write=True) as connection:
            _renew_lease(connection, run_id, attempt)
            stored = [row["action"] for row in connection.execute(query, (run_id,))]
            actions = [Action(one) for one in stored if one in list(Action)]
            connection.execute(
                "UPDATE controls SET done = ? WHERE run = ? AND done IS NULL",
                (time.time(), run_id),
            )
        # A stop wins over whatever was asked after it.
        return Action.STOP if Action.STOP in actions else next(reversed(actions), None)

    def describe(self, run_id: str, *, attempt: Attempt | None = None, **facts: object) -> None:
        """Keep facts of a run: ``train_images``, ``precision``, ``scaling``, ``seconds``, …

        Raises ``LeaseLost`` for an ``attempt`` that is over.
        """
        with self.database.connect(write=True) as connection:
            _renew_lease(connection, run_id, attempt)
            update_run(connection, run_id, **facts)
            # Signs of life come every few seconds, a speed after each epoch, just written.
            if facts.keys() - {"heartbeat", "seconds", "images_per_second"}:
                self.save_run_json(connection, run_id)

    def record(
        self,
        run_id: str,
        progress: Progress,
        batches: BatchPoints | None = None,
        epoch: Epoch | None = None,
        seconds: float | None = None,
        *,
        attempt: Attempt | None = None,
    ) -> None:
        """Add what happened since the last call, in one transaction.

        ``batches`` are consecutive steps that follow those already stored; ``seconds`` is the time
        at work on the whole run until now. Raises ``LeaseLost`` for an ``attempt`` that is over.
        """
        with self.database.connect(write=True) as connection:
            _renew_lease(connection, run_id, attempt)
            update_run(
                connection,
                run_id,
                phase=progress.phase,
                epoch=progress.epoch,
                step=progress.step,
                steps_per_epoch=progress.steps_per_epoch,
                current_rate=progress.images_per_second,
                seconds_left=progress.seconds_left,
                heartbeat=progress.heartbeat,
                **({} if seconds is None else {"seconds": seconds}),
            )
            if batches is not None and len(batches):
                insert_batches(connection, run_id, batches)
            if epoch is not None:
                connection.execute(
                    "INSERT INTO epochs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (run_id, *epoch)
                )
                self.save_run_json(connection, run_id)

    def rewind(self, run_id: str, *, step: int, epoch: int, attempt: Attempt | None = None) -> None:
        """Forget batches after ``step`` and epochs after ``epoch``: they will come again.

        Raises ``LeaseLost`` for an ``attempt`` that is over.
        """
        with self.changing(run_id) as connection:
            _renew_lease(connection, run_id, attempt)
            connection.execute(
                "DELETE FROM batches WHERE run = ? AND first_step > ?", (run_id, step)
            )
            connection.execute("DELETE FROM epochs WHERE run = ? AND epoch > ?", (run_id, epoch))

    # Inside

    @contextmanager
    def changing(self, run_id: str) -> Iterator[sqlite3.Connection]:
        """Give a transaction that changes a run; ``run.json`` in its folder follows."""
        with self.database.connect(write=True) as connection:
            yield connection
            self.save_run_json(connection, run_id)

    def save_run_json(self, connection: sqlite3.Connection, run_id: str) -> None:
        """Write what this transaction leaves of a run to its folder, as ``run_json`` says."""
        save_run_json(connection, self.folder(run_id), run_id)

    def _get(self, run_id: str) -> Run:
        with self.database.connect() as connection:
            return fetch_run(connection, run_id)

    def _remove_leftovers(self, run_id: str) -> None:
        """Remove what a process that was killed has left half written of a run."""
        remove_leftovers(self.folder(run_id))
        remove_leftovers(self.folder(run_id) / SNAPSHOTS)

    def _check_locks(self) -> set[str]:
        """Mark the runs that were cut off as interrupted; returns the orphaned ones."""
        with self.database.connect() as connection:
            rows = connection.execute(
                f"SELECT {LEASE}, state FROM runs WHERE {IS_ACTIVE}"
            ).fetchall()
        free = {row["id"]: row["state"] for row in rows if not self.is_attended(row["id"], row)}
        orphans = {run_id for run_id, state in free.items() if state == RunState.QUEUED}
        dead = free.keys() - orphans
        if not dead:
            return orphans
        for run_id in dead:
            self._remove_leftovers(run_id)
        now = time.time()
        with self.database.connect(write=True) as connection:
            for run_id in dead:
                # It may have ended properly since, or been taken up by somebody else: nobody can
                # begin to train it while this transaction lasts.
                if not self.is_attended(run_id, _fetch_lease(connection, run_id)):
                    connection.execute(
                        "UPDATE runs SET state = ?, ended = MIN(COALESCE(heartbeat, ?), ?), "
                        "phase = NULL, seconds_left = NULL, message = ?, "
                        "attempt = attempt + 1, lease_owner = NULL, lease_expires = NULL "
                        f"WHERE id = ? AND {IS_ACTIVE} AND state != ?",
                        (
                            RunState.INTERRUPTED,
                            now,
                            now,
                            "The process that trained this run ended too early.",
                            run_id,
                            RunState.QUEUED,
                        ),
                    )
                    self.save_run_json(connection, run_id)
        return orphans


def _insert_request(
    connection: sqlite3.Connection, run_id: str, state: RunState, action: Action
) -> None:
    """Enter a request that the state allows, unless it is the last one already."""
    now = time.time()
    if state is RunState.QUEUED:
        update_run(connection, run_id, state=RunState.STOPPED, ended=now, message=None)
        return
    connection.execute(
        "INSERT INTO controls(run, action, asked) SELECT ?, ?, ? WHERE ? IS NOT "
        "(SELECT action FROM controls WHERE run = ? AND done IS NULL ORDER BY id DESC LIMIT 1)",
        (run_id, action, now, action, run_id),
    )


def _fetch_lease(connection: sqlite3.Connection, run_id: str) -> sqlite3.Row | None:
    """The ``LEASE`` of a run; ``None`` where it was deleted."""
    key, value = row_key(run_id)
    query = f"SELECT {LEASE} FROM runs WHERE {key} = ?"
    lease: sqlite3.Row | None = connection.execute(query, (value,)).fetchone()
    return lease


def _renew_lease(connection: sqlite3.Connection, run_id: str, attempt: Attempt | None) -> None:
    """Renew the lease of a run that this attempt trains; raises ``LeaseLost`` if it is over."""
    if attempt is None:
        return
    renewed = connection.execute(
        "UPDATE runs SET lease_owner = ?, lease_expires = ? "
        f"WHERE id = ? AND attempt = ? AND {IS_ACTIVE} AND state != ?",
        (attempt.owner, time.time() + LEASE_SECONDS, run_id, attempt.number, RunState.QUEUED),
    )
    if renewed.rowcount != 1:
        raise LeaseLost(
            "Run {run_id} has ended or was started again since attempt {attempt} began, so this "
            "attempt ends here.",
            run_id=run_id,
            attempt=attempt.number,
        )


def _mark_orphans(runs: Iterable[Run], orphans: set[str]) -> list[Run]:
    """The runs, with a mark on those that wait and that no process looks after."""
    return [
        replace(run, orphaned=True) if run.id in orphans and run.state is RunState.QUEUED else run
        for run in runs
    ]


def new_run_id() -> str:
    """Eight hexadecimal digits: short enough for a link, unlikely to be drawn twice."""
    return uuid4().hex[:8]
