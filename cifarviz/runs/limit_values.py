"""The limits of a class as stored, and the count of a student's waiting runs."""

import json
import sqlite3
from dataclasses import dataclass
from typing import Final

from cifarviz.errors import LimitExceeded
from cifarviz.people.person import current_person
from cifarviz.runs.states import RunState

PREFERENCE: Final = "class limits"
"""The name of the preference that holds the limits."""


@dataclass(frozen=True)
class Limits:
    """The most that one student may have or use.

    ``waiting`` runs in the queue, ``presentations`` of images in a run (training images × epochs),
    ``minutes`` of training of a run, ``megabytes`` of runs and imported data sets on the disk, and
    ``uploads`` of files with ``upload_megabytes`` together within a minute.
    """

    waiting: int = 12
    presentations: int = 2_000_000
    minutes: int = 30
    megabytes: int = 500
    uploads: int = 60
    upload_megabytes: int = 300


def fetch_limits(connection: sqlite3.Connection) -> Limits:
    """Return the limits of the class in this home; the default where they cannot be read."""
    row = connection.execute(
        "SELECT value FROM preferences WHERE name = ?", (PREFERENCE,)
    ).fetchone()
    try:
        return Limits() if row is None else Limits(**json.loads(row["value"]))
    except (TypeError, ValueError):
        return Limits()


def check_waiting_limit(connection: sqlite3.Connection, more: int = 1) -> None:
    """Check that the current person may queue so many runs more; raises ``LimitExceeded``.

    Within the transaction that queues a run nobody else can queue one after it was counted.
    """
    person = current_person()
    if person.role != "student":
        return
    most = fetch_limits(connection).waiting
    count = connection.execute(
        "SELECT COUNT(*) FROM runs WHERE owner = ? AND state = ?", (person.id, RunState.QUEUED)
    ).fetchone()[0]
    if count + more > most:
        raise LimitExceeded(
            "In this class each may have {most} runs in the queue: you have {count}, and this "
            "would add {more}. Wait until one begins, or stop one.",
            count=count,
            most=most,
            more=more,
        )
