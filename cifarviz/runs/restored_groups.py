"""The class, series, studies and preferences of a backup, checked and stored in a home."""

import json
import re
import sqlite3
from collections.abc import Mapping
from typing import Any

from cifarviz.data.importing.options import MAX_CLASSES
from cifarviz.errors import ExperimentInvalid
from cifarviz.escaping import is_invisible
from cifarviz.people.person import TEACHER
from cifarviz.runs.curation import validate_name
from cifarviz.runs.damage import MAX_TIME
from cifarviz.runs.guessing import PICTURES
from cifarviz.runs.studies import KIND, is_study_row

_ID = re.compile(r"[0-9a-f]{8}")
# The longer one is of an account of a school.
_PERSON_ID = re.compile(r"[0-9a-f]{8}([0-9a-f]{8})?")
_MAX_LABEL = 1000
_MAX_PERSON = 40
_MAX_JSON = 1_000_000
_MAX_RUNS = 100_000


def owners_here(
    source: sqlite3.Connection, target: sqlite3.Connection
) -> dict[str | None, str | None]:
    """Return whose in a home is what belongs to a member of a backup's class, by id.

    A member stays who has the same id and name here, or has a name that is not taken. What belongs
    to anybody else belongs to the teacher, as what has no owner.
    """
    here = target.execute("SELECT id, name, removed FROM people").fetchall()
    names = {row["id"]: row["name"].casefold() for row in here}
    taken = {row["name"].casefold() for row in here if not row["removed"]}
    owners: dict[str | None, str | None] = {}
    for row in filter(_is_person, source.execute("SELECT * FROM people").fetchall()):
        member, name = row["id"], row["name"].casefold()
        # Two may have a name if one of them was removed.
        is_free = member not in names and (row["removed"] or name not in taken)
        if is_free and not row["removed"]:
            taken.add(name)
        if is_free or names.get(member) == name:
            owners[member] = member
    return owners


def restore_people(
    source: sqlite3.Connection, target: sqlite3.Connection
) -> dict[str | None, str | None]:
    """Add the members of a class whose names are not taken; returns ``owners_here``."""
    owners = owners_here(source, target)
    columns = "id, name, joined, seen, signed_out, removed"
    target.executemany(
        f"INSERT OR IGNORE INTO people({columns}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608 - constants only
        [
            tuple(row)
            for row in source.execute(f"SELECT {columns} FROM people")  # noqa: S608 - constants only
            if row["id"] in owners
        ],
    )
    return owners


def restore_guesses(
    source: sqlite3.Connection,
    target: sqlite3.Connection,
    people: Mapping[str | None, str | None],
    left_out: list[str],
) -> None:
    """Store what members of the class, and the teacher, have guessed."""
    rows = source.execute("SELECT game, position, person, label FROM guesses").fetchall()
    found = [
        tuple(row)
        for row in rows
        if _is_guess(row) and (row["person"] in people or row["person"] == TEACHER.id)
    ]
    target.executemany("INSERT OR IGNORE INTO guesses VALUES (?, ?, ?, ?)", found)
    if left := len(rows) - len(found):
        left_out.append(
            f"{left:,} {'guess' if left == 1 else 'guesses'} of the class left out: damaged, or of "
            "somebody who was not restored."
        )


def restore_series(
    source: sqlite3.Connection,
    target: sqlite3.Connection,
    people: Mapping[str | None, str | None],
    left_out: list[str],
) -> None:
    """Store the series and studies that are not here, with those of their runs that are."""
    run_ids = {row["id"] for row in target.execute("SELECT id FROM runs")}
    for row in source.execute("SELECT * FROM series").fetchall():
        if not _is_series(row):
            left_out.append("A series was left out, since its record is damaged.")
            continue
        columns = ("id", "kind", "title", "made", "runs", "settings")
        done = target.execute(
            "INSERT OR IGNORE INTO series(id, kind, title, made, runs, settings, owner, shown) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*(row[name] for name in columns), people.get(row["owner"]), int(row["shown"] == 1)),
        )
        if not done.rowcount:
            continue
        members = source.execute(
            "SELECT series, position, run, label, parameters, pruned_after FROM series_runs "
            "WHERE series = ?",
            (row["id"],),
        ).fetchall()
        target.executemany(
            "INSERT INTO series_runs(series, position, run, label, parameters, pruned_after) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            [
                tuple(member)
                for member in members
                if member["run"] in run_ids and _is_member(member)
            ],
        )


def restore_preferences(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Store the preferences that are not set here, such as pinned images."""
    rows = source.execute("SELECT name, value FROM preferences").fetchall()
    target.executemany(
        "INSERT OR IGNORE INTO preferences(name, value) VALUES (?, ?)",
        [tuple(row) for row in rows if _is_text(row["name"]) and _is_json(row["value"])],
    )


def _is_series(row: sqlite3.Row) -> bool:
    made, runs = row["made"], row["runs"]
    if not (
        isinstance(row["id"], str)
        and _ID.fullmatch(row["id"])
        and _is_text(row["kind"])
        and _is_name(row["title"])
        and isinstance(made, int | float)
        and 0 <= made <= MAX_TIME
        and isinstance(runs, int)
        and 0 <= runs <= _MAX_RUNS
    ):
        return False
    return is_study_row(row) if row["kind"] == KIND else row["settings"] is None


def _is_member(row: sqlite3.Row) -> bool:
    epoch, parameters = row["pruned_after"], row["parameters"]
    return (
        isinstance(row["position"], int)
        and 0 <= row["position"] <= _MAX_RUNS
        and _is_text(row["label"])
        and (epoch is None or (isinstance(epoch, int) and 0 <= epoch <= 10**6))
        and (
            parameters is None
            or (_is_json(parameters) and isinstance(json.loads(parameters), dict))
        )
    )


def _is_person(row: sqlite3.Row) -> bool:
    times = (row["joined"], row["seen"])
    return (
        isinstance(row["id"], str)
        and _PERSON_ID.fullmatch(row["id"]) is not None
        and _is_name(row["name"])
        and len(row["name"]) <= _MAX_PERSON
        and all(isinstance(time, int | float) and 0 <= time <= MAX_TIME for time in times)
        and isinstance(row["signed_out"], int)
        and row["removed"] in (0, 1)
    )


def _is_guess(row: sqlite3.Row) -> bool:
    return (
        isinstance(row["game"], str)
        and _ID.fullmatch(row["game"]) is not None
        and all(isinstance(row[name], int) for name in ("position", "label"))
        and 0 <= row["position"] < PICTURES
        and 0 <= row["label"] < MAX_CLASSES
    )


def _is_name(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(validate_name(value))
    except ExperimentInvalid:
        return False


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _MAX_LABEL and not any(map(is_invisible, value))


def _is_json(value: Any) -> bool:
    if not isinstance(value, str) or len(value) > _MAX_JSON:
        return False
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return False
    return True
