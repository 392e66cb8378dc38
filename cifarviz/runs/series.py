"""Runs that belong together: what they are compared in, and what tells each from the others."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cifarviz.errors import RunNotFound
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore, new_run_id


@dataclass(frozen=True)
class Series:
    """Runs in the order they were queued. ``kind`` is what they are for, a word of who queued them.

    ``title`` says what differs, ``labels`` what of it each run has. ``made`` is Unix time.
    ``count`` is how many runs there were; deleted ones are no longer among ``run_ids``.
    """

    id: str
    kind: str
    title: str
    made: float
    count: int
    run_ids: tuple[str, ...]
    labels: tuple[str, ...]


def save_series(
    store: RunStore, kind: str, title: str, labelled: Sequence[tuple[str, str]]
) -> Series:
    """Keep that these runs, ids with labels, belong together, but for those deleted meanwhile."""
    series_id, made = new_run_id(), time.time()
    with store.database.connect(write=True) as connection:
        connection.execute(
            "INSERT INTO series VALUES (?, ?, ?, ?, ?)",
            (series_id, kind, title, made, len(labelled)),
        )
        connection.executemany(
            "INSERT INTO series_runs SELECT ?, ?, id, ? FROM runs WHERE id = ?",
            [
                (series_id, position, label, run_id)
                for position, (run_id, label) in enumerate(labelled)
            ],
        )
    return find_series(store, series_id)


def find_series(store: RunStore, series_id: str) -> Series:
    """One series; raises ``RunNotFound``."""
    found = [
        one for one in _load_series(store, "WHERE series.id = ?", series_id) if one.id == series_id
    ]
    if not found:
        raise RunNotFound(
            "There is no series “{series_id}” here. Start a new one, or choose another.",
            series_id=series_id[:40],
        )
    return found[0]


def all_series(store: RunStore, kind: str) -> list[Series]:
    """Those of a kind that have a run left, the newest first."""
    return [one for one in _load_series(store, "WHERE kind = ?", kind) if one.run_ids]


def series_runs(store: RunStore, series: Series) -> list[Run]:
    """The runs that are still here, in their order, without those whose record is damaged."""
    by_id = {run.id: run for run in store.all() if run.damage is None}
    return [by_id[run_id] for run_id in series.run_ids if run_id in by_id]


class RunPrecision(NamedTuple):
    """A run's name, and the precision that it trains in."""

    name: str
    precision: str


def find_series_precision(store: RunStore, run_id: str) -> RunPrecision | None:
    """The first run of the same series whose precision is settled; ``None`` where there is none.

    Runs that are compared train in one precision: the first that begins settles it for all.
    """
    with store.database.connect() as connection:
        row = connection.execute(
            "SELECT runs.name, runs.precision FROM series_runs AS own "
            "JOIN series_runs AS other ON other.series = own.series AND other.run != own.run "
            "JOIN runs ON runs.id = other.run AND runs.precision IN ('float32', 'bfloat16') "
            "WHERE own.run = ? ORDER BY other.position LIMIT 1",
            (run_id,),
        ).fetchone()
    return None if row is None else RunPrecision(*row)


def _load_series(store: RunStore, where: str, value: str) -> list[Series]:
    with store.database.connect() as connection:
        rows = connection.execute(
            "SELECT series.*, run, label FROM series LEFT JOIN series_runs "
            f"ON series_runs.series = series.id {where} ORDER BY made DESC, id, position",
            (value,),
        ).fetchall()
    members: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        of_series = members.setdefault(row["id"], [])
        if row["run"] is not None:
            of_series.append((row["run"], row["label"]))
    heads = {row["id"]: row for row in rows}
    return [
        Series(
            id=one,
            kind=heads[one]["kind"],
            title=heads[one]["title"],
            made=heads[one]["made"],
            count=heads[one]["runs"],
            run_ids=tuple(run_id for run_id, _ in of_series),
            labels=tuple(label for _, label in of_series),
        )
        for one, of_series in members.items()
    ]
