"""Recorded runs: real runs that come with cifarviz.

*The recorded run* is shown when nothing has been trained yet. It is unpacked into a home once,
where it is a run like any other; once hidden, it stays hidden until it is restored. *Recorded
series* are the runs that lessons and the Lab begin with. They are unpacked when they are first
shown; once deleted, only a lesson brings them back.

``scripts/record_run.py`` and ``scripts/record_series.py`` made them.
"""

import json
import logging
import zipfile
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cifarviz.errors import ArchiveDamaged, CifarvizError, RunNotFound
from cifarviz.installation import ASSETS
from cifarviz.people.person import TEACHER, acting_as, require_teacher
from cifarviz.runs import locks
from cifarviz.runs.archive import unpack
from cifarviz.runs.pins import load_preference, save_preference
from cifarviz.runs.records import Run
from cifarviz.runs.series import Series, find_series, place_run, save_series, series_runs
from cifarviz.runs.store import RunStore
from cifarviz.runs.unlisted import unlisted_folders

log = logging.getLogger(__name__)

RECORDED_RUN = ASSETS / "recorded-run.zip"
RECORDED_SERIES = ASSETS / "recorded-series"

SERIES_FILE: Final = "series.json"
"""In the folder of a recorded series: its kind and title, and the label of each packed run."""

ORIGIN = "recorded"
"""The ``origin`` that identifies recorded runs."""

_PREFERENCE = "recorded run"
_HIDDEN = "hidden"


def unpack_recorded_once(store: RunStore, archive: Path = RECORDED_RUN) -> None:
    """Unpack the recorded run the first time a home is opened; a fifth of a second.

    Never fails: a home without it works as well.
    """
    try:
        # If the index was lost, it may be among the runs that a repair will list again.
        if load_preference(store, _PREFERENCE) is None and not unlisted_folders(store):
            restore_recorded_run(store, archive)
    except (CifarvizError, OSError):
        log.warning("the recorded run could not be unpacked", exc_info=True)


def restore_recorded_run(store: RunStore, archive: Path = RECORDED_RUN) -> Run:
    """Unpack the recorded run unless it is here, undamaged; raises as ``archive.unpack`` does."""
    with _unpacking(store):
        run = find_recorded_run(store)
        if run is not None and run.damage is not None:
            store.delete(run.id)
            run = None
        if run is None:
            with _reading():
                run = _find_relisted(store, archive) or unpack(store, archive, origin=ORIGIN)
            save_preference(store, _PREFERENCE, run.id)
        return run


def _find_relisted(store: RunStore, archive: Path) -> Run | None:
    """Return the recorded run if a repair listed it again after the index was lost."""
    try:
        with zipfile.ZipFile(archive) as file:
            packed = json.loads(file.read("run.json"))["run"]["id"]
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile):
        # ``unpack`` says what is wrong with it.
        return None
    found = (run for run in store.all() if (run.id, run.origin) == (packed, ORIGIN))
    return next((run for run in found if run.damage is None), None)


def hide_recorded_run(store: RunStore) -> None:
    """Remove the recorded run from this home until it is restored.

    Raises ``AccessRefused`` for all but the teacher.
    """
    require_teacher("hide the recorded run")
    run = find_recorded_run(store)
    save_preference(store, _PREFERENCE, _HIDDEN)
    if run is not None:
        store.delete(run.id)


def is_recorded_run_hidden(store: RunStore) -> bool:
    """Whether the recorded run was hidden or deleted."""
    return load_preference(store, _PREFERENCE) is not None and find_recorded_run(store) is None


def find_recorded_run(store: RunStore) -> Run | None:
    """Return the recorded run of this home, if it is here."""
    return next((run for run in store.all() if is_recorded_run(store, run)), None)


def is_recorded_run(store: RunStore, run: Run) -> bool:
    """Whether this is the recorded run, and not one of a recorded series."""
    return run.origin == ORIGIN and run.id == load_preference(store, _PREFERENCE)


def recorded_series(store: RunStore, name: str, *, restore: bool = False) -> Series | None:
    """Return the recorded series ``name``, unpacked the first time; a tenth of a second a run.

    ``None`` if a run of it was deleted or is damaged, or if nothing may be unpacked here; with
    ``restore`` such runs are unpacked again. Raises as ``archive.unpack`` does, and leaves nothing
    behind then.
    """
    preference = f"recorded series {name}"
    with _unpacking(store):
        known = load_preference(store, preference)
        series = None if known is None else _find(store, str(known))
        intact = [] if series is None else series_runs(store, series)
        if series is not None and len(intact) == series.count:
            return series
        if (known is not None and not restore) or store.database.is_read_only():
            return None
        series = _unpack_series(store, RECORDED_SERIES / name, series, {run.id for run in intact})
        save_preference(store, preference, series.id)
        return series


def recorded_last(store: RunStore, runs: Sequence[Run]) -> list[Run]:
    """Return ``runs`` with recorded ones last, and of these the recorded run first."""
    recorded = load_preference(store, _PREFERENCE)
    return sorted(runs, key=lambda run: (run.origin == ORIGIN, run.id != recorded))


@contextmanager
def _unpacking(store: RunStore) -> Iterator[None]:
    if store.database.is_read_only():
        yield
        return
    # Two servers that start at once must not both unpack.
    lock = locks.acquire(store.settings.locks / "recorded.lock", 10)
    try:
        # They belong to nobody in a class, whoever opens the page that needs them.
        with acting_as(TEACHER):
            yield
    finally:
        if lock is not None:
            lock.release()


@contextmanager
def _reading() -> Iterator[None]:
    """Report files that do not come as they were shipped."""
    try:
        yield
    except (FileNotFoundError, KeyError, TypeError, ValueError) as error:
        raise ArchiveDamaged(
            "The recorded runs that come with cifarviz are missing or damaged ({error}). Install "
            "cifarviz again.",
            error=error,
        ) from error


def _find(store: RunStore, series_id: str) -> Series | None:
    try:
        return find_series(store, series_id)
    except RunNotFound:
        return None


def _unpack_series(
    store: RunStore, folder: Path, series: Series | None, intact: Container[str]
) -> Series:
    """Unpack the runs of ``series`` that are not ``intact``, or all of a new series."""
    with _reading():
        facts = json.loads((folder / SERIES_FILE).read_text("utf-8"))
        kind, title, recordings = facts["kind"], facts["title"], list(enumerate(facts["runs"]))
    known: dict[str, str] = {}
    if series is not None:
        known = dict(zip(series.labels, series.run_ids, strict=True))
    missing = [
        (position, label, folder / file)
        for position, (file, label) in recordings
        if known.get(label) not in intact
    ]
    runs: list[tuple[str, str]] = []
    try:
        with _reading():
            for _, label, path in missing:
                runs.append((unpack(store, path, origin=ORIGIN).id, label))
        if series is None:
            return save_series(store, kind, title, runs, shown=True)
        for (position, label, _), (run_id, _) in zip(missing, runs, strict=True):
            if label in known:
                store.delete(known[label])
            place_run(store, series, position, label, run_id)
        return find_series(store, series.id)
    except BaseException:
        for run_id, _ in runs:
            store.delete(run_id)
        raise
