"""Runs, their histories and their files, under one ``CIFARVIZ_HOME``.

A worker writes; any process reads by polling. The owner of an active run holds its lock or renews
its lease. A run that has started but has no owner is marked *interrupted* at the next read. A
queued run without an owner is *orphaned*: it does not block the queue, and any process may train
it.
"""

import json
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import MappingProxyType
from uuid import uuid4

from cifarviz.datasets.own import use_folder
from cifarviz.errors import RunNotFound, TransitionRefused
from cifarviz.experiment.experiment import Experiment
from cifarviz.people.person import current_person, require_maker
from cifarviz.processor import machine_name
from cifarviz.runs.access import (
    fetch_changeable_run,
    fetch_visible_run,
    masked,
    visible,
    visible_ids,
)
from cifarviz.runs.artifacts import SNAPSHOTS
from cifarviz.runs.curation import validate_name
from cifarviz.runs.damage import row_key
from cifarviz.runs.database import Database
from cifarviz.runs.database_rows import (
    IS_ACTIVE,
    LEASE,
    SELECT_RUNS,
    as_batch_points,
    as_run,
    end_after_start,
    fetch_epochs,
    fetch_lease,
    insert_batches,
    insert_request,
    insert_run,
    renew_lease,
    update_run,
)
from cifarviz.runs.leases import Attempt, lease_seconds, this_process
from cifarviz.runs.limit_values import check_waiting_limit
from cifarviz.runs.queue import INTERRUPTED, RunQueue, mark_ownerless
from cifarviz.runs.records import BatchPoints, Epoch, Fork, Progress, Run
from cifarviz.runs.run_json import run_json_path, save_run_json
from cifarviz.runs.schema import BAD_BATCHES
from cifarviz.runs.states import Action, RunState, check_action, check_transition
from cifarviz.settings import Settings
from cifarviz.storage import remove_leftovers

_NO_WORK: Mapping[str, object] = MappingProxyType(
    dict.fromkeys(("phase", "seconds_left", "lease_owner", "lease_expires"))
)


class RunStore(RunQueue):
    """Reads and writes the runs of one home; cheap to create, safe to share between threads.

    What a person does is refused with ``AccessRefused`` where ``runs.access`` does not allow it.

    Raises ``StoreError`` if the home cannot be used and ``UnknownFormat`` if another version of
    cifarviz wrote it.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        use_folder(settings.datasets)
        self.database = Database(settings.home / "runs.sqlite3")
        remove_leftovers(settings.home)
        remove_leftovers(settings.runs)
        for folder in settings.runs.glob("*"):
            self._remove_leftovers(folder.name)

    # Reading

    def all(self) -> list[Run]:
        """Return all runs that the person sees, the newest first."""
        ownerless = self._check_locks()
        condition, values = visible("runs")
        with self.database.connect() as connection:
            rows = connection.execute(
                f"{SELECT_RUNS} WHERE {condition} ORDER BY created DESC, id", values
            ).fetchall()
        return mark_ownerless((masked(as_run(row)) for row in rows), ownerless)

    def get(self, run_id: str) -> Run:
        """Return a run; raises ``RunNotFound``."""
        ownerless = self._check_locks()
        return mark_ownerless([self._get(run_id)], ownerless)[0]

    def find(self, beginning: str) -> Run:
        """Return the only run whose id is or starts with ``beginning``; raises ``RunNotFound``."""
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
        """Return the run in training, then the queued ones in their order.

        Those that the person does not see are *hidden*: only how far they are may be told.
        """
        ownerless = self._check_locks()
        with self.database.connect() as connection:
            rows = connection.execute(
                f"{SELECT_RUNS} WHERE {IS_ACTIVE} ORDER BY state = 'queued', queued, id"
            ).fetchall()
        places = {run_id: place for place, run_id in enumerate(self.queue())}
        # Stable: those in training stay first, in their order.
        rows.sort(key=lambda row: places.get(row["id"], -1))
        runs = mark_ownerless((masked(as_run(row)) for row in rows), ownerless)
        return [run for run in runs if run.state.active]

    def epochs(self, run_id: str) -> list[Epoch]:
        """Return the finished epochs; none if the run's epochs are damaged."""
        return self.histories([run_id])[run_id]

    def histories(self, run_ids: Sequence[str]) -> dict[str, list[Epoch]]:
        """Return the epochs of several runs by id, in one query."""
        with self.database.connect() as connection:
            seen = visible_ids(connection, run_ids)
            return {run_id: [] for run_id in run_ids} | fetch_epochs(connection, seen)

    def batch_points(self, run_id: str, *, after: int = 0, stride: int = 1) -> BatchPoints:
        """Return the batches after step ``after`` whose step is a multiple of ``stride``.

        Damaged ones are left out.
        """
        with self.database.connect() as connection:
            rows = connection.execute(
                "SELECT first_step, count, loss, accuracy FROM batches "  # noqa: S608 - constants only
                f"WHERE run = ? AND first_step + count - 1 > ? AND NOT {BAD_BATCHES} "
                "ORDER BY first_step",
                (run_id, after),
            ).fetchall()
            if not visible_ids(connection, [run_id]):
                rows = []
        return as_batch_points(rows, after=after, stride=stride)

    # Actions of the user (naming and starring: curation.py)

    def delete(self, run_id: str) -> Run:
        """Delete a run, its history and its files, and return the run; also a damaged one.

        Raises ``RunNotFound``, and ``TransitionRefused`` while it is active.
        """
        self._check_locks()
        with self.database.connect(write=True) as connection:
            run = fetch_changeable_run(connection, run_id)
            if run.state.active:
                raise TransitionRefused(
                    "“{run_name}” is {state}: stop it before you delete it.",
                    run_name=run.name,
                    state=run.state,
                )
            # A damaged run may have an unknown state and still have an owner.
            if run.damage is not None and self.has_owner(run_id, fetch_lease(connection, run_id)):
                raise TransitionRefused(
                    "Another process is training “{run_name}”: end it before you delete the run.",
                    run_name=run.name,
                )
            key, value = row_key(run_id)
            connection.execute(f"DELETE FROM runs WHERE {key} = ?", (value,))  # noqa: S608 - constants only
            # First, so that no repair brings the run back if the process is killed in between.
            with suppress(OSError):
                run_json_path(self.folder(run_id)).unlink()
        for folder in (self.folder(run_id), self.tensorboard_folder(run_id)):
            shutil.rmtree(folder, ignore_errors=True)
        self.lock_path(run_id).unlink(missing_ok=True)
        return run

    def request(self, run_id: str, action: Action) -> None:
        """Request an action of the worker of an active run; it reacts within a second.

        A queued run is stopped at once, since no worker trains it yet. Raises
        ``TransitionRefused`` if the run's state does not allow the action.
        """
        self._check_locks()
        with self.changing(run_id) as connection:
            run = fetch_changeable_run(connection, run_id)
            check_action(run.name, run.state, action)
            insert_request(connection, run_id, run.state, action)

    def stop_all(self, run_ids: Sequence[str]) -> None:
        """Request that each run stops; runs that have ended or were deleted are skipped.

        One transaction, so that none of the queued runs starts because another run stops.
        """
        self._check_locks()
        with self.database.connect(write=True) as connection:
            rows = connection.execute(
                f"SELECT id, state FROM runs WHERE {IS_ACTIVE} "  # noqa: S608 - constants only
                "AND id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(run_ids)),),
            ).fetchall()
            for row in rows:
                fetch_changeable_run(connection, row["id"])
            for row in rows:
                insert_request(connection, row["id"], RunState(row["state"]), Action.STOP)
                self.save_run_json(connection, row["id"])

    # For workers

    def create(
        self,
        run_id: str,
        experiment: Experiment,
        name: str,
        origin: str,
        fork: Fork | None = None,
        data_fingerprint: str | None = None,
        *,
        gives_way: bool = False,
    ) -> Run:
        """Insert a queued run; the caller already holds its lock.

        A fork trains in its parent's precision. ``data_fingerprint`` and ``gives_way``: as in
        ``Run``. It belongs to the current person. Raises as ``check_waiting_limit`` does.
        """
        require_maker()
        now = time.time()
        with self.changing(run_id) as connection:
            check_waiting_limit(connection)
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
                data_fingerprint=data_fingerprint,
                owner=current_person().owner,
                gives_way=int(gives_way),
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

        A queued run that starts gets a new attempt, and a lease for ``owner`` (default: this
        process). Raises ``TransitionRefused``, where a run is queued again ``LimitExceeded``, and
        for an ``attempt`` that is over ``LeaseLost``.
        """
        now = time.time()
        with self.changing(run_id) as connection:
            renew_lease(connection, run_id, attempt)
            # Only a person queues a run again, or whoever trains for the person.
            run = fetch_changeable_run(connection, run_id)
            check_transition(run.name, run.state, to)
            changes: dict[str, object] = {"state": to, "message": message, **facts}
            if to is not RunState.STOPPING:
                changes["gave_way_to"] = None
            if to is RunState.QUEUED:
                check_waiting_limit(connection)
                changes |= {"queued": now, "ended": None, **_NO_WORK}
            elif to is RunState.RUNNING and run.state is RunState.QUEUED:
                changes |= {"started": run.started or now, "phase": "preparing", "heartbeat": now}
                owner = owner or this_process()
                changes |= {"attempt": run.attempt + 1, "received": 0, "lease_owner": owner}
                changes |= {"lease_expires": now + lease_seconds(owner)}
            elif not to.active:
                changes |= {"ended": now, **_NO_WORK}
            update_run(connection, run_id, **changes)
            end_after_start(connection, run_id)
            if to in (RunState.QUEUED, RunState.STOPPING) or not to.active:
                connection.execute(
                    "UPDATE controls SET done = ? WHERE run = ? AND done IS NULL", (now, run_id)
                )
        return self._get(run_id)

    def queue_again(self, run_id: str, *, attempt: Attempt) -> bool:
        """Queue a run at its place that has stopped to give way; it goes on by itself.

        Returns whether it was still to give way: a person may have stopped it since. Raises
        ``LeaseLost`` for an ``attempt`` that is over.
        """
        with self.changing(run_id) as connection:
            renew_lease(connection, run_id, attempt)
            if fetch_changeable_run(connection, run_id).gave_way_to is None:
                return False
            update_run(connection, run_id, state=RunState.QUEUED, message=None, **_NO_WORK)
            return True

    def fail(self, run_id: str, message: str, *, attempt: Attempt | None = None) -> None:
        """Mark an active run as failed, also if only its state can be read.

        Raises ``LeaseLost`` for an ``attempt`` that is over.
        """
        now = time.time()
        with self.changing(run_id) as connection:
            renew_lease(connection, run_id, attempt)
            connection.execute(
                "UPDATE runs SET state = ?, message = ?, ended = ?, phase = NULL, "  # noqa: S608 - constants only
                "seconds_left = NULL, lease_owner = NULL, lease_expires = NULL "
                f"WHERE id = ? AND {IS_ACTIVE}",
                (RunState.FAILED, message, now, run_id),
            )
            end_after_start(connection, run_id)
            connection.execute(
                "UPDATE controls SET done = ? WHERE run = ? AND done IS NULL", (now, run_id)
            )

    def take_request(self, run_id: str, *, attempt: Attempt | None = None) -> Action | None:
        """Return the newest pending request, and mark all pending ones as done.

        A stop takes precedence, and stays pending until ``transition`` changes the state, so that
        the run never seems to go on. Raises ``LeaseLost`` if there is one and ``attempt`` is over.
        """
        # Usually nothing is pending, many times a second: look without a write lock first.
        query = "SELECT action FROM controls WHERE run = ? AND done IS NULL ORDER BY id"
        with self.database.connect() as connection:
            if connection.execute(query, (run_id,)).fetchone() is None:
                return None
        with self.database.connect(write=True) as connection:
            renew_lease(connection, run_id, attempt)
            stored = [row["action"] for row in connection.execute(query, (run_id,))]
            actions = [Action(action) for action in stored if action in list(Action)]
            if Action.STOP in actions:
                return Action.STOP
            connection.execute(
                "UPDATE controls SET done = ? WHERE run = ? AND done IS NULL",
                (time.time(), run_id),
            )
        return next(reversed(actions), None)

    def describe(self, run_id: str, *, attempt: Attempt | None = None, **facts: object) -> None:
        """Store facts of a run: ``train_images``, ``precision``, ``scaling``, ``seconds``, …

        Raises ``LeaseLost`` for an ``attempt`` that is over.
        """
        with self.database.connect(write=True) as connection:
            renew_lease(connection, run_id, attempt)
            update_run(connection, run_id, **facts)
            # Heartbeats come every few seconds, and the speed just after an epoch was written.
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
        """Record progress since the last call, in one transaction.

        ``batches`` are consecutive steps that follow those already stored; ``seconds`` is the
        training time of the whole run until now. Raises ``LeaseLost`` for an ``attempt`` that is
        over.
        """
        with self.database.connect(write=True) as connection:
            renew_lease(connection, run_id, attempt)
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

    def renew(self, run_id: str, *, attempt: Attempt) -> None:
        """Renew the lease, and count the message of ``attempt``; raises as ``record`` does."""
        with self.database.connect(write=True) as connection:
            renew_lease(connection, run_id, attempt)

    def received(self, run_id: str) -> int:
        """Return the number of the last message of a run that was taken; 0 before the first."""
        with self.database.connect() as connection:
            row = connection.execute("SELECT received FROM runs WHERE id = ?", (run_id,)).fetchone()
        return 0 if row is None else int(row["received"])

    def rewind(self, run_id: str, *, step: int, epoch: int, attempt: Attempt | None = None) -> None:
        """Delete batches after ``step`` and epochs after ``epoch``, which will be repeated.

        Raises ``LeaseLost`` for an ``attempt`` that is over.
        """
        with self.changing(run_id) as connection:
            renew_lease(connection, run_id, attempt)
            connection.execute(
                "DELETE FROM batches WHERE run = ? AND first_step > ?", (run_id, step)
            )
            connection.execute("DELETE FROM epochs WHERE run = ? AND epoch > ?", (run_id, epoch))

    # Internal

    @contextmanager
    def changing(self, run_id: str) -> Iterator[sqlite3.Connection]:
        """Open a transaction that changes a run, and update its ``run.json`` at the end."""
        with self.database.connect(write=True) as connection:
            yield connection
            self.save_run_json(connection, run_id)

    def save_run_json(self, connection: sqlite3.Connection, run_id: str) -> None:
        """Write a run's ``run.json`` at the end of a transaction, as ``runs.run_json`` does."""
        save_run_json(connection, self.folder(run_id), run_id)

    def _get(self, run_id: str) -> Run:
        with self.database.connect() as connection:
            return fetch_visible_run(connection, run_id)

    def _remove_leftovers(self, run_id: str) -> None:
        """Remove unfinished temporary files of a process that was killed."""
        remove_leftovers(self.folder(run_id))
        remove_leftovers(self.folder(run_id) / SNAPSHOTS)

    def _check_locks(self) -> dict[str, str]:
        """Mark started runs without an owner as interrupted; return the state of each orphan.

        In a home that may only be read, also that of each run that should have been marked.
        """
        # Another home may have been used since, with another data set of the same name.
        use_folder(self.settings.datasets)
        with self.database.connect() as connection:
            rows = connection.execute(
                f"SELECT {LEASE}, state FROM runs WHERE {IS_ACTIVE}"  # noqa: S608 - constants only
            ).fetchall()
        free = {row["id"]: row["state"] for row in rows if not self.has_owner(row["id"], row)}
        orphans = {run_id: state for run_id, state in free.items() if state == RunState.QUEUED}
        dead = free.keys() - orphans
        if not dead:
            return orphans
        if self.database.is_read_only():
            return free
        for run_id in dead:
            self._remove_leftovers(run_id)
        now = time.time()
        with self.database.connect(write=True) as connection:
            for run_id in dead:
                # It may have ended properly since, or have a new owner; no process can start to
                # train it during this transaction.
                if not self.has_owner(run_id, fetch_lease(connection, run_id)):
                    connection.execute(
                        "UPDATE runs SET state = ?, ended = MIN(COALESCE(heartbeat, ?), ?), "  # noqa: S608 - constants only
                        "phase = NULL, seconds_left = NULL, message = ?, "
                        "attempt = attempt + 1, lease_owner = NULL, lease_expires = NULL "
                        f"WHERE id = ? AND {IS_ACTIVE} AND state != ?",
                        (
                            RunState.INTERRUPTED,
                            now,
                            now,
                            INTERRUPTED,
                            run_id,
                            RunState.QUEUED,
                        ),
                    )
                    end_after_start(connection, run_id)
                    self.save_run_json(connection, run_id)
        return orphans


def new_run_id() -> str:
    """Return eight hexadecimal digits: short enough for a link, unlikely to occur twice."""
    return uuid4().hex[:8]
