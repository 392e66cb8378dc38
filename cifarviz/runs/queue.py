"""The queue of runs, and whether a run has an owner."""

import sqlite3
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from filelock import BaseFileLock

from cifarviz.runs import locks
from cifarviz.runs.access import fetch_changeable_run
from cifarviz.runs.curation import Curation
from cifarviz.runs.database_rows import IS_ACTIVE, LEASE, insert_request, update_run
from cifarviz.runs.leases import Attempt, is_cluster, is_leased
from cifarviz.runs.records import Run
from cifarviz.runs.schema import SAFE_ID
from cifarviz.runs.states import Action, RunState

# People take turns: first a run of those who have the fewest in training or waiting before it, of
# these a run of the person who has not trained for the longest time. One person's runs keep the
# order in which they were queued.
_FAIR_ORDER = "turn, last_trained, queued, id"
# First the run to which another gives way, then those that gave way, at whose turn the worker looks
# whether the next shorter run goes first.
_ORDER = f"""CASE
    WHEN id IN (SELECT gave_way_to FROM runs WHERE {IS_ACTIVE}) THEN 0
    WHEN gave_way_to IS NOT NULL THEN 1 ELSE 2 END, {_FAIR_ORDER}"""  # noqa: S608 - constants only
_WAITING = f"""WITH people AS (
    SELECT owner, SUM(state IN ('running', 'paused', 'stopping')) AS training,
        MAX(COALESCE(heartbeat, 0)) AS last_trained
    FROM runs GROUP BY owner
)
SELECT {{columns}} FROM (
    SELECT runs.*, last_trained,
        training + ROW_NUMBER() OVER (PARTITION BY runs.owner ORDER BY queued, id) AS turn
    FROM runs JOIN people ON people.owner IS runs.owner WHERE state = 'queued' AND {SAFE_ID}
) ORDER BY {{order}}"""  # noqa: S608 - constants only

INTERRUPTED = "The process that trained this run ended too early."
"""The message of an interrupted run."""


class RunQueue(Curation):
    """The part of ``RunStore`` that orders waiting runs."""

    def slot_path(self, slot: int = 0) -> Path:
        """The lock of a slot in which a run may train on this machine, counted from 0.

        Without other settings there is only the first.
        """
        return self.settings.locks / (f"slot-{slot + 1}.lock" if slot else "slot.lock")

    def queue(self) -> list[str]:
        """Return the ids of the waiting runs, in the order they will train.

        People take turns, whoever has queued how many.
        """
        return [row["id"] for row in self._waiting()]

    def next_in_turn(self) -> str | None:
        """Return the id of the run whose turn it is, whichever runs give way to others."""
        waiting = self._waiting(_FAIR_ORDER)
        return next((row["id"] for row in waiting if self.has_owner(row["id"], row)), None)

    def request_give_way(self, run_id: str, shorter: str) -> bool:
        """Have a run that trains stop and wait for a shorter one, or one that waits wait for it.

        Returns ``False``, and changes nothing, if its owner does not allow that any more, if it
        has a request, or if the other does not wait any more or another run gives way to it.
        """
        with self.changing(run_id) as connection:
            run = fetch_changeable_run(connection, run_id)
            may = run.gives_way and run.requested is None
            waits = connection.execute(
                "SELECT 1 FROM runs WHERE id = ? AND state = ? "  # noqa: S608 - constants only
                f"AND id NOT IN (SELECT gave_way_to FROM runs WHERE {IS_ACTIVE} AND id != ? "
                "AND gave_way_to IS NOT NULL)",
                (shorter, RunState.QUEUED, run_id),
            ).fetchone()
            if not may or waits is None or run.state not in (RunState.RUNNING, RunState.QUEUED):
                return False
            if run.state is RunState.RUNNING:
                insert_request(connection, run_id, run.state, Action.STOP)
            update_run(connection, run_id, gave_way_to=shorter)
            return True

    def orphans(self) -> list[str]:
        """Return the ids of the waiting runs without an owner, in their order."""
        return [row["id"] for row in self._waiting() if not self.has_owner(row["id"], row)]

    def detached(self) -> dict[str, Attempt]:
        """Return the attempts that train on a cluster while no process watches, by run."""
        with self.database.connect() as connection:
            rows = connection.execute(
                f"SELECT {LEASE}, attempt FROM runs WHERE {IS_ACTIVE} AND state != ?",  # noqa: S608 - constants only
                (RunState.QUEUED,),
            ).fetchall()
        return {
            row["id"]: Attempt(row["attempt"], row["lease_owner"])
            for row in rows
            if is_cluster(row["lease_owner"]) and not locks.is_held(self.lock_path(row["id"]))
        }

    def is_next(self, run_id: str) -> bool:
        """Whether no other owned run comes before it."""
        for row in self._waiting():
            if row["id"] == run_id:
                return True
            if self.has_owner(row["id"], row):
                return False
        return False

    def acquire(self, run_id: str) -> BaseFileLock | None:
        """Acquire the lock of a run; ``None`` if it has another owner.

        Raises ``StoreError`` as ``locks.acquire`` does.
        """
        lock = locks.acquire(self.lock_path(run_id))
        if lock is None:
            return None
        with self.database.connect() as connection:
            row = connection.execute(f"SELECT {LEASE} FROM runs WHERE id = ?", (run_id,)).fetchone()  # noqa: S608 - constants only
        if _is_leased(row):
            lock.release()
            return None
        return lock

    def has_owner(self, run_id: str, lease: sqlite3.Row | None) -> bool:
        """Whether a run has an owner; ``lease`` is its row with the columns ``LEASE``.

        The owner holds its lock, or has a valid lease without a lock (``runs.leases``).
        """
        return locks.is_held(self.lock_path(run_id)) or _is_leased(lease)

    def _waiting(self, order: str = _ORDER) -> list[sqlite3.Row]:
        with self.database.connect() as connection:
            return connection.execute(_WAITING.format(columns=LEASE, order=order)).fetchall()


def _is_leased(row: sqlite3.Row | None) -> bool:
    return row is not None and is_leased(row["lease_owner"], row["lease_expires"], time.time())


def mark_ownerless(runs: Iterable[Run], ownerless: Mapping[str, str]) -> list[Run]:
    """Mark runs without an owner: queued ones as orphaned, other active ones as interrupted.

    ``ownerless`` has their states by id, as they were when they had no owner.
    """
    return [_without_owner(run) if run.state == ownerless.get(run.id) else run for run in runs]


def _without_owner(run: Run) -> Run:
    if run.state is RunState.QUEUED:
        return replace(run, orphaned=True)
    return replace(run, state=RunState.INTERRUPTED, message=INTERRUPTED)
