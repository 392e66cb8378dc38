"""Clearing what a class left behind."""

import time
from contextlib import suppress
from typing import NamedTuple

from cifarviz.datasets.info import DatasetInfo
from cifarviz.datasets.own import datasets_in
from cifarviz.errors import ImportRefused
from cifarviz.people.person import require_teacher
from cifarviz.runs.guessing import end_game
from cifarviz.runs.index_copy import COPY
from cifarviz.runs.limits import disk_use
from cifarviz.runs.members import begin_class, class_members
from cifarviz.runs.own_pictures import delete_own_dataset
from cifarviz.runs.store import RunStore

# A stop takes less than one, but for the first steps of a run.
_STOP_SECONDS = 10.0


class LeftBehind(NamedTuple):
    """What students have made: counts, and bytes on the disk."""

    people: int
    runs: int
    datasets: int
    size: int


def left_behind(store: RunStore) -> LeftBehind:
    """Return what students have made; raises ``AccessRefused`` for all but the teacher."""
    require_teacher("see what the class has left behind")
    runs = [run for run in store.all() if run.owner is not None]
    datasets = [info for info in _datasets(store) if info.owner is not None]
    owners = {run.owner for run in runs} | {info.owner for info in datasets}
    size = sum(disk_use(store, owner) for owner in owners if owner is not None)
    return LeftBehind(len(class_members(store)), len(runs), len(datasets), size)


def clear_class(store: RunStore) -> LeftBehind:
    """Delete students and their runs, studies, data sets and pins; returns what there was.

    Runs that train are stopped first; one that does not end within seconds stays, with its data
    set, until the next time. The join code changes. Raises ``AccessRefused`` for all but the
    teacher.
    """
    found = left_behind(store)
    runs = [run for run in store.all() if run.owner is not None]
    store.stop_all([run.id for run in runs])
    deadline = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < deadline and any(run.owner is not None for run in store.active()):
        time.sleep(0.1)
    for run in runs:
        if not store.get(run.id).state.active:
            store.delete(run.id)
    for info in _datasets(store):
        if info.owner is not None:
            # One on which a run still trains stays with it.
            with suppress(ImportRefused):
                delete_own_dataset(store, info.name)
    with store.database.connect(write=True) as connection:
        connection.execute("DELETE FROM series WHERE owner IS NOT NULL")
        for row in connection.execute("SELECT id FROM people").fetchall():
            connection.execute(
                "DELETE FROM preferences WHERE name LIKE 'pins % ' || ?", (row["id"],)
            )
        connection.execute("DELETE FROM people")
    end_game(store)
    begin_class(store)
    # It has the names of those who have left; the next run that ends makes a new one.
    (store.settings.home / COPY).unlink(missing_ok=True)
    return found


def _datasets(store: RunStore) -> list[DatasetInfo]:
    return list(datasets_in(store.settings.datasets, deleted=True))
