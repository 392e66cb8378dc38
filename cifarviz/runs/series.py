"""Series: runs that belong together, with what varies between them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cifarviz.errors import RunNotFound
from cifarviz.people.person import current_person, require_change, require_maker
from cifarviz.runs.access import visible
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore, new_run_id


@dataclass(frozen=True)
class Series:
    """Runs in the order they were queued; ``kind`` is their purpose, such as a lab experiment.

    ``title`` names what varies, ``labels`` each run's value. ``made`` is Unix time. ``count`` is
    how many runs there were; deleted runs are no longer in ``run_ids``.
    """

    id: str
    kind: str
    title: str
    made: float
    count: int
    run_ids: tuple[str, ...]
    labels: tuple[str, ...]
    owner: str | None = None
    """As in ``Run``."""


def save_series(
    store: RunStore,
    kind: str,
    title: str,
    labelled: Sequence[tuple[str, str]],
    *,
    shown: bool = False,
) -> Series:
    """Save a series of runs, ids with labels, without those deleted meanwhile.

    It belongs to the current person, and all in a class see it if it is ``shown``. Raises
    ``AccessRefused`` for a viewer.
    """
    require_maker()
    series_id, made = new_run_id(), time.time()
    with store.database.connect(write=True) as connection:
        connection.execute(
            "INSERT INTO series(id, kind, title, made, runs, owner, shown) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (series_id, kind, title, made, len(labelled), current_person().owner, int(shown)),
        )
        connection.executemany(
            "INSERT INTO series_runs(series, position, run, label) "
            "SELECT ?, ?, id, ? FROM runs WHERE id = ?",
            [
                (series_id, position, label, run_id)
                for position, (run_id, label) in enumerate(labelled)
            ],
        )
    return find_series(store, series_id)


def place_run(store: RunStore, series: Series, position: int, label: str, run_id: str) -> None:
    """Put a run at a free ``position``, counted from 0, of a series.

    Raises ``AccessRefused`` for another person's series.
    """
    require_change(series.owner, series.title)
    with store.database.connect(write=True) as connection:
        connection.execute(
            "INSERT INTO series_runs(series, position, run, label) VALUES (?, ?, ?, ?)",
            (series.id, position, run_id, label),
        )


def find_series(store: RunStore, series_id: str) -> Series:
    """Return a series; raises ``RunNotFound``."""
    found = [
        series
        for series in _load_series(store, "WHERE series.id = ?", series_id)
        if series.id == series_id
    ]
    if not found:
        raise RunNotFound(
            "There is no series “{series_id}” here. Start a new one, or choose another.",
            series_id=series_id[:40],
        )
    return found[0]


def all_series(store: RunStore, kind: str) -> list[Series]:
    """Return the series of a kind that still have a run, the newest first."""
    return [series for series in _load_series(store, "WHERE kind = ?", kind) if series.run_ids]


def find_series_of_run(store: RunStore, run_id: str) -> list[Series]:
    """Return the series that a run belongs to, the newest first."""
    return _load_series(
        store, "WHERE series.id IN (SELECT series FROM series_runs WHERE run = ?)", run_id
    )


def series_runs(store: RunStore, series: Series) -> list[Run]:
    """Return the runs that still exist, in their order, without damaged ones."""
    by_id = {run.id: run for run in store.all() if run.damage is None}
    return [by_id[run_id] for run_id in series.run_ids if run_id in by_id]


class RunPrecision(NamedTuple):
    """A run's name, and the precision that it trains in."""

    name: str
    precision: str


def find_series_precision(store: RunStore, run_id: str) -> RunPrecision | None:
    """Return the first run of the same series that has a precision; ``None`` if none has.

    Runs that are compared train in the same precision: the first that starts sets it.
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
    condition, values = visible("series")
    with store.database.connect() as connection:
        rows = connection.execute(
            "SELECT series.*, run, label FROM series LEFT JOIN series_runs "  # noqa: S608 - constants only
            f"ON series_runs.series = series.id {where} AND {condition} "
            "ORDER BY made DESC, id, position",
            (value, *values),
        ).fetchall()
    members: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        of_series = members.setdefault(row["id"], [])
        if row["run"] is not None:
            of_series.append((row["run"], row["label"]))
    heads = {row["id"]: row for row in rows}
    return [
        Series(
            id=series_id,
            kind=heads[series_id]["kind"],
            title=heads[series_id]["title"],
            made=heads[series_id]["made"],
            count=heads[series_id]["runs"],
            run_ids=tuple(run_id for run_id, _ in of_series),
            labels=tuple(label for _, label in of_series),
            owner=heads[series_id]["owner"],
        )
        for series_id, of_series in members.items()
    ]
