"""Rows of the ``runs`` table as values, and changes to them."""

import json
import sqlite3
import time
from collections.abc import Sequence

import numpy as np

from cifarviz.errors import LeaseLost, MessageRefused, RunNotFound
from cifarviz.runs.damage import check_columns, row_key
from cifarviz.runs.leases import Attempt, lease_seconds
from cifarviz.runs.records import BatchPoints, Epoch, Progress, Run
from cifarviz.runs.schema import BAD_BATCHES, BAD_EPOCH, SAFE_ID
from cifarviz.runs.states import ACTIVE, Action, RunState


def _best_epoch_column(column: str) -> str:
    """Return SQL for a column of the best epoch, as ``run_headline.best_of`` chooses it."""
    return f"""CASE runs.monitor
        WHEN 'accuracy' THEN (SELECT {column} FROM epochs WHERE run = runs.id
            ORDER BY COALESCE(val_accuracy, accuracy) DESC, epoch LIMIT 1)
        ELSE (SELECT {column} FROM epochs WHERE run = runs.id
            ORDER BY COALESCE(val_loss, loss), epoch LIMIT 1)
        END"""  # noqa: S608 - constants only


SELECT_RUNS = f"""
SELECT runs.*, runs.rowid AS row_number,
    COALESCE((SELECT MAX(epoch) FROM epochs WHERE run = runs.id), runs.parent_epoch, 0)
        AS epochs_done,
    {_best_epoch_column("epoch")} AS best_epoch,
    {_best_epoch_column("val_accuracy")} AS best_epoch_val_accuracy,
    (SELECT MIN(COALESCE(val_loss, loss)) FROM epochs WHERE run = runs.id) AS best_loss,
    (SELECT MAX(val_accuracy) FROM epochs WHERE run = runs.id) AS best_val_accuracy,
    (SELECT epoch FROM epochs WHERE run = runs.id AND val_accuracy IS NOT NULL
        ORDER BY val_accuracy DESC, epoch LIMIT 1) AS best_val_accuracy_epoch,
    (SELECT val_accuracy FROM epochs WHERE run = runs.id
        ORDER BY epoch DESC LIMIT 1) AS last_val_accuracy,
    (SELECT action FROM controls WHERE run = runs.id AND done IS NULL
        ORDER BY id DESC LIMIT 1) AS requested,
    (SELECT COUNT(*) FROM epochs WHERE run = runs.id) AS epoch_rows,
    (SELECT MIN(epoch) FROM epochs WHERE run = runs.id) AS first_epoch,
    EXISTS(SELECT 1 FROM epochs WHERE run = runs.id AND {BAD_EPOCH}) AS bad_epochs,
    EXISTS(SELECT 1 FROM batches WHERE run = runs.id AND {BAD_BATCHES}) AS bad_batches
FROM runs
"""  # noqa: S608 - constants only
_ACTIVE_STATES = ", ".join(f"'{state}'" for state in sorted(ACTIVE))
LEASE = "id, lease_owner, lease_expires"
"""The columns of ``runs`` that ``RunQueue.has_owner`` needs."""
IS_ACTIVE = f"(state IN ({_ACTIVE_STATES}) AND {SAFE_ID})"
"""True for an active row of ``runs``; a run with a damaged id cannot be trained."""


def fetch_run(connection: sqlite3.Connection, run_id: str) -> Run:
    """Return a run; raises ``RunNotFound``."""
    key, value = row_key(run_id)
    row = connection.execute(f"{SELECT_RUNS} WHERE runs.{key} = ?", (value,)).fetchone()
    if row is None:
        raise run_not_found(run_id)
    return as_run(row)


def fetch_epochs(connection: sqlite3.Connection, run_ids: Sequence[str]) -> dict[str, list[Epoch]]:
    """Return the finished epochs of runs, by id; none for a run with damaged epochs."""
    rows = connection.execute(
        "SELECT run, epoch, loss, accuracy, val_loss, val_accuracy, learning_rate, seconds "  # noqa: S608 - constants only
        "FROM epochs WHERE run IN (SELECT value FROM json_each(?)) "
        f"AND run NOT IN (SELECT run FROM epochs WHERE {BAD_EPOCH}) ORDER BY run, epoch",
        (json.dumps(list(run_ids)),),
    ).fetchall()
    found: dict[str, list[Epoch]] = {run_id: [] for run_id in run_ids}
    for run_id, *values in rows:
        found[run_id].append(Epoch(*values))
    return found


def insert_run(connection: sqlite3.Connection, **values: object) -> None:
    """Insert a run with these columns."""
    columns, places = ", ".join(values), ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO runs({columns}) VALUES ({places})", tuple(values.values()))  # noqa: S608 - names of columns


def insert_batches(connection: sqlite3.Connection, run_id: str, batches: BatchPoints) -> None:
    """Insert consecutive batches as one row."""
    connection.execute(
        "INSERT INTO batches VALUES (?, ?, ?, ?, ?)",
        (
            run_id,
            int(batches.steps[0]),
            len(batches),
            batches.loss.astype("<f4").tobytes(),
            batches.accuracy.astype("<f4").tobytes(),
        ),
    )


def as_batch_points(rows: Sequence[sqlite3.Row], *, after: int, stride: int) -> BatchPoints:
    """Return batches of consecutive ``rows`` after ``after``, at multiples of ``stride``."""
    if not rows:
        nothing = np.empty(0, np.float32)
        return BatchPoints(np.empty(0, np.int64), nothing, nothing)
    steps = np.concatenate([row["first_step"] + np.arange(row["count"]) for row in rows])
    loss = np.frombuffer(b"".join(row["loss"] for row in rows), "<f4")
    accuracy = np.frombuffer(b"".join(row["accuracy"] for row in rows), "<f4")
    keep = (steps > after) & (steps % stride == 0)
    return BatchPoints(steps[keep], loss[keep], accuracy[keep])


def update_run(connection: sqlite3.Connection, run_id: str, **values: object) -> bool:
    """Set columns of a run; return whether the run exists."""
    columns = ", ".join(f"{name} = ?" for name in values)
    key, value = row_key(run_id)
    done = connection.execute(
        f"UPDATE runs SET {columns} WHERE {key} = ?",  # noqa: S608 - names of columns
        (*values.values(), value),
    )
    return done.rowcount == 1


def end_after_start(connection: sqlite3.Connection, run_id: str) -> None:
    """Move the end of a run after its start and training, if the clock was set back since."""
    connection.execute(
        "UPDATE runs SET ended = MAX(ended, COALESCE(started + seconds, created)) WHERE id = ?",
        (run_id,),
    )


def as_run(stored: sqlite3.Row) -> Run:
    """Convert a row of ``SELECT_RUNS``; a damaged run lacks its damaged values."""
    row, damage = check_columns(dict(stored))
    progress = None
    if row["heartbeat"] is not None:
        progress = Progress(
            phase=row["phase"] or "",
            epoch=row["epoch"] or 0,
            step=row["step"] or 0,
            steps_per_epoch=row["steps_per_epoch"] or 0,
            images_per_second=row["current_rate"],
            seconds_left=row["seconds_left"],
            heartbeat=row["heartbeat"],
        )
    return Run(
        id=row["id"],
        name=row["name"],
        state=RunState(row["state"]),
        experiment_json=row["experiment"],
        origin=row["origin"],
        machine=row["machine"],
        created=row["created"],
        started=row["started"],
        ended=row["ended"],
        seconds=row["seconds"],
        epochs_done=row["epochs_done"],
        best_epoch=row["best_epoch"],
        best_loss=row["best_loss"],
        best_val_accuracy=row["best_val_accuracy"],
        last_val_accuracy=row["last_val_accuracy"],
        train_images=row["train_images"],
        validation_images=row["validation_images"],
        images_per_second=row["images_per_second"],
        precision=row["precision"],
        scaling_json=row["scaling"],
        message=row["message"],
        requested=row["requested"],
        progress=progress,
        stopped_early=row["stopped_early"],
        note=row["note"],
        best_epoch_val_accuracy=row["best_epoch_val_accuracy"],
        best_val_accuracy_epoch=row["best_val_accuracy_epoch"],
        precision_reason=row["precision_reason"],
        starred=bool(row["starred"]),
        remark=row["remark"],
        preferred=row["preferred"],
        parent=row["parent"],
        parent_epoch=row["parent_epoch"],
        damage=damage,
        exact_loss_from=row["exact_loss_from"],
        attempt=row["attempt"],
        data_fingerprint=row["data_fingerprint"],
        owner=row["owner"],
        shown=bool(row["shown"]),
        gives_way=bool(row["gives_way"]),
        gave_way_to=row["gave_way_to"],
    )


def insert_request(
    connection: sqlite3.Connection, run_id: str, state: RunState, action: Action
) -> None:
    """Insert a request that the state allows, unless it repeats the last pending one."""
    now = time.time()
    if action is Action.STOP:
        # Who stops a run that gives way does not want it to go on by itself.
        update_run(connection, run_id, gave_way_to=None)
    if state is RunState.QUEUED:
        update_run(connection, run_id, state=RunState.STOPPED, ended=now, message=None)
        end_after_start(connection, run_id)
        return
    connection.execute(
        "INSERT INTO controls(run, action, asked) SELECT ?, ?, ? WHERE ? IS NOT "
        "(SELECT action FROM controls WHERE run = ? AND done IS NULL ORDER BY id DESC LIMIT 1)",
        (run_id, action, now, action, run_id),
    )


def fetch_lease(connection: sqlite3.Connection, run_id: str) -> sqlite3.Row | None:
    """Return the ``LEASE`` of a run; ``None`` if it was deleted."""
    key, value = row_key(run_id)
    query = f"SELECT {LEASE} FROM runs WHERE {key} = ?"  # noqa: S608 - constants only
    lease: sqlite3.Row | None = connection.execute(query, (value,)).fetchone()
    return lease


def renew_lease(connection: sqlite3.Connection, run_id: str, attempt: Attempt | None) -> None:
    """Renew the lease of a run that this attempt trains, and count its message if it has a number.

    Raises ``LeaseLost`` if the attempt is over, and ``MessageRefused`` unless the message is the
    next one.
    """
    if attempt is None:
        return
    number, owner, message = attempt
    row = connection.execute(
        f"SELECT received FROM runs WHERE id = ? AND attempt = ? AND {IS_ACTIVE} AND state != ?",  # noqa: S608 - constants only
        (run_id, number, RunState.QUEUED),
    ).fetchone()
    if row is None:
        raise LeaseLost(
            "Run {run_id} has ended or was started again since attempt {attempt} began, so this "
            "attempt ends here.",
            run_id=run_id,
            attempt=number,
        )
    received = row["received"]
    if message is not None and message != received + 1:
        raise MessageRefused(
            "Message {message} of run {run_id} came where {expected} was expected.",
            message=message,
            run_id=run_id,
            expected=received + 1,
        )
    connection.execute(
        "UPDATE runs SET lease_owner = ?, lease_expires = ?, received = ? WHERE id = ?",
        (owner, time.time() + lease_seconds(owner), message or received, run_id),
    )


def run_not_found(run_id: str) -> RunNotFound:
    """Return the error for an id that no run has."""
    return RunNotFound(
        "There is no run “{run_id}” here. The Runs page lists all runs.", run_id=run_id
    )
