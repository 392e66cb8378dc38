"""Which runs and series the current person sees and may change.

The teacher: all. A student: what is the student's own, and sees what is *shown*. A viewer sees what
is shown. What a person doesn't see is as if it did not exist.
"""

import json
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from cifarviz.people.person import current_person, is_teacher, may_see, require_change
from cifarviz.runs.database_rows import fetch_run, run_not_found
from cifarviz.runs.records import Run

# In quotation marks, as messages have them.
_PATH = re.compile(r"“(/|[A-Za-z]:\\)[^”]*”")
Visible = tuple[str, tuple[str, ...]]


def visible(table: Literal["runs", "series"]) -> Visible:
    """Return an SQL condition for rows of ``table`` that the person sees, and its parameters."""
    person = current_person()
    if person.role == "teacher":
        return "1", ()
    if person.role == "viewer":
        return f"{table}.shown = 1", ()
    return f"({table}.owner = ? OR {table}.shown = 1)", (person.id,)


def visible_ids(connection: sqlite3.Connection, run_ids: Sequence[str]) -> list[str]:
    """Return those of ``run_ids`` that the person sees."""
    condition, values = visible("runs")
    if condition == "1":
        return list(run_ids)
    rows = connection.execute(
        f"SELECT id FROM runs WHERE {condition} AND id IN (SELECT value FROM json_each(?))",  # noqa: S608 - constants only
        (*values, json.dumps(list(run_ids))),
    ).fetchall()
    seen = {row["id"] for row in rows}
    return [run_id for run_id in run_ids if run_id in seen]


def masked(run: Run) -> Run:
    """Return a run, without what it is if the person does not see it.

    Only the teacher reads paths of this computer in its message.
    """
    if is_teacher():
        return run
    if may_see(run.owner, shown=run.shown):
        return replace(run, message=_PATH.sub("“…”", run.message)) if run.message else run
    return replace(
        run,
        name="somebody else’s run",
        message=None,
        note=None,
        best_epoch=None,
        best_epoch_val_accuracy=None,
        best_val_accuracy=None,
        last_val_accuracy=None,
        hidden=True,
    )


def fetch_visible_run(connection: sqlite3.Connection, run_id: str) -> Run:
    """Return a run; raises ``RunNotFound``, also if the person does not see it."""
    run = fetch_run(connection, run_id)
    if not may_see(run.owner, shown=run.shown):
        raise run_not_found(run_id)
    return masked(run)


def fetch_changeable_run(connection: sqlite3.Connection, run_id: str) -> Run:
    """Return a run that the person may change; raises ``AccessRefused`` and ``RunNotFound``."""
    run = fetch_visible_run(connection, run_id)
    require_change(run.owner, run.name)
    return run
