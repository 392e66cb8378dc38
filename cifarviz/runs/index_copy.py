"""A second copy of the index, made after runs have ended, for what only the index has.

A repair takes points of training steps, series, studies, the class and preferences from it that a
damaged or lost index no longer has.
"""

import json
import logging
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from cifarviz.errors import CifarvizError, IndexDamaged
from cifarviz.runs.archive_facts import ImportedFacts
from cifarviz.runs.database import Database, find_index_damage
from cifarviz.runs.salvage import salvage
from cifarviz.runs.schema import BAD_BATCHES
from cifarviz.settings import Settings
from cifarviz.storage import atomic_write, storage_errors

COPY: Final = "runs.copy.sqlite3"
"""The file beside the index."""

_MIN_SECONDS = 60.0
_BYTES_A_SECOND = 200_000
_LOG = logging.getLogger(__name__)


def copy_index(settings: Settings, database: Database) -> None:
    """Copy the index unless that was done within a minute, or more if it is large.

    An error, such as a full disk, is only logged.
    """
    path = settings.home / COPY
    try:
        pause = _MIN_SECONDS + database.path.stat().st_size / _BYTES_A_SECOND
        if path.exists() and 0 <= time.time() - path.stat().st_mtime < pause:
            return
        with (
            storage_errors(path.parent),
            atomic_write(path) as temporary,
            database.connect() as source,
        ):
            shutil.copymode(database.path, temporary)
            with closing(sqlite3.connect(temporary)) as copy:
                source.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
            if damage := find_index_damage(temporary):
                # The copy before is better.
                raise IndexDamaged("The index is damaged: {damage}", damage=damage)
    except (CifarvizError, OSError, sqlite3.Error) as error:
        _LOG.warning("the index could not be copied: %s", error)


@contextmanager
def open_copy(settings: Settings, folder: Path) -> Iterator[sqlite3.Connection | None]:
    """Open what can be read of the copy, brought up to date in ``folder``; ``None`` without one."""
    path = settings.home / COPY
    if not path.exists():
        yield None
        return
    place = folder / "copy"
    place.mkdir()
    shutil.copyfile(path, place / "copied.sqlite3")
    index = Database(place / "index.sqlite3")
    salvage(place / "copied.sqlite3", index)
    with index.connect() as connection:
        yield connection


def copy_date(settings: Settings) -> str:
    """Return when the copy was made, for a sentence."""
    made = (settings.home / COPY).stat().st_mtime
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(made))


def take_points(copy: sqlite3.Connection, target: sqlite3.Connection, facts: ImportedFacts) -> None:
    """Replace the points of a run's training steps by those of the copy if these are more."""
    run_id, steps = facts.columns["id"], facts.columns["step"]
    if steps is None:
        steps = facts.limits.steps
    query = (
        "SELECT run, first_step, count, loss, accuracy FROM batches "  # noqa: S608 - constants only
        f"WHERE run = ? AND first_step + count - 1 <= ? AND NOT {BAD_BATCHES}"
    )
    known, copied = (
        connection.execute(query, (run_id, steps)).fetchall() for connection in (target, copy)
    )
    if sum(row["count"] for row in copied) > sum(row["count"] for row in known):
        target.execute("DELETE FROM batches WHERE run = ?", (run_id,))
        target.executemany("INSERT INTO batches VALUES (?, ?, ?, ?, ?)", map(tuple, copied))


def take_groups(copy: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Insert series, studies, preferences and the class of the copy that are not in an index."""
    listed = {row["id"] for row in target.execute("SELECT id FROM runs")}
    for table in ("series", "series_runs", "preferences", "people", "guesses"):
        names = [row["name"] for row in copy.execute(f"PRAGMA table_info({table})")]
        rows = copy.execute(f"SELECT {', '.join(names)} FROM {table}").fetchall()  # noqa: S608 - constants only
        target.executemany(
            f"INSERT OR IGNORE INTO {table}({', '.join(names)}) "  # noqa: S608 - constants only
            f"VALUES ({', '.join('?' * len(names))})",
            [tuple(row) for row in rows if table != "series_runs" or row["run"] in listed],
        )


def mend_groups(copy: sqlite3.Connection | None, target: sqlite3.Connection) -> tuple[str, ...]:
    """Take studies and preferences that are no JSON from the copy; returns what is lost.

    The runs of a study that is lost stay.
    """
    lost = []
    for table, key, column, what in (
        ("series", "id", "settings", "study"),
        ("preferences", "name", "value", "preference"),
    ):
        query = f"SELECT {key}, {column} FROM {table} WHERE {column} IS NOT NULL"  # noqa: S608 - constants only
        known = {} if copy is None else dict(map(tuple, copy.execute(query).fetchall()))
        for name, value in target.execute(query).fetchall():
            if _is_json(value):
                continue
            if _is_json(known.get(name)):
                values = (known[name], name)
                target.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", values)  # noqa: S608 - constants only
            else:
                target.execute(f"DELETE FROM {table} WHERE {key} = ?", (name,))  # noqa: S608 - constants only
                lost.append(f"The {what} “{name}” could not be read, and was removed.")
    return tuple(lost)


def _is_json(value: object) -> bool:
    try:
        return isinstance(value, str) and json.loads(value) is not None
    except (ValueError, RecursionError):
        return False
