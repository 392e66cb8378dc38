"""The queue of runs, and whether a run has an owner."""

import sqlite3
import time
from pathlib import Path

from filelock import BaseFileLock

from cifarviz.runs import locks
from cifarviz.runs.curation import Curation
from cifarviz.runs.database import SAFE_ID
from cifarviz.runs.database_rows import IS_ACTIVE
from cifarviz.runs.leases import Attempt, is_cluster, is_leased
from cifarviz.runs.states import RunState

LEASE = "id, lease_owner, lease_expires"
"""The columns of ``runs`` that ``RunQueue.has_owner`` needs."""


class RunQueue(Curation):
    """The part of ``RunStore`` that orders waiting runs."""

    def slot_path(self, slot: int = 0) -> Path:
        """The lock of a slot in which a run may train on this machine, counted from 0.

        Without other settings there is only the first.
        """
        return self.settings.locks / (f"slot-{slot + 1}.lock" if slot else "slot.lock")

    def queue(self) -> list[str]:
        """Return the ids of the waiting runs, in the order they will train."""
        return [row["id"] for row in self._waiting()]

    def orphans(self) -> list[str]:
        """Return the ids of the waiting runs without an owner, in their order."""
        return [row["id"] for row in self._waiting() if not self.has_owner(row["id"], row)]

    def detached(self) -> dict[str, Attempt]:
        """Return the attempts that train on a cluster while no process watches, by run."""
        with self.database.connect() as connection:
            rows = connection.execute(
                f"SELECT {LEASE}, attempt FROM runs WHERE {IS_ACTIVE} AND state != ?",
                (RunState.QUEUED,),
            ).fetchall()
        return {
            row["id"]: Attempt(row["attempt"], row["lease_owner"])
            for row in rows
            if is_cluster(row["lease_owner"]) and not locks.is_held(self.lock_path(row["id"]))
        }

    def is_next(self, run_id: str) -> bool:
        """Whether no other owned run has been waiting for longer."""
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
            row = connection.execute(f"SELECT {LEASE} FROM runs WHERE id = ?", (run_id,)).fetchone()
        if _is_leased(row):
            lock.release()
            return None
        return lock

    def has_owner(self, run_id: str, lease: sqlite3.Row | None) -> bool:
        """Whether a run has an owner; ``lease`` is its row with the columns ``LEASE``.

        The owner holds its lock, or has a valid lease without a lock (``runs.leases``).
        """
        return locks.is_held(self.lock_path(run_id)) or _is_leased(lease)

    def _waiting(self) -> list[sqlite3.Row]:
        with self.database.connect() as connection:
            return connection.execute(
                f"SELECT {LEASE} FROM runs WHERE state = ? AND {SAFE_ID} ORDER BY queued, id",
                (RunState.QUEUED,),
            ).fetchall()


def _is_leased(row: sqlite3.Row | None) -> bool:
    return row is not None and is_leased(row["lease_owner"], row["lease_expires"], time.time())
