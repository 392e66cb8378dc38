"""The recorded demonstration run: one real run that comes with cifarviz.

``scripts/record_run.py`` made it. It is unpacked into a home once, where it is a run like any
other; once hidden, it stays hidden until it is restored.
"""

import logging
from pathlib import Path

from cifarviz.errors import CifarvizError
from cifarviz.installation import ASSETS
from cifarviz.runs import locks
from cifarviz.runs.archive import unpack
from cifarviz.runs.pins import load_preference, save_preference
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore

log = logging.getLogger(__name__)

RECORDED_RUN = ASSETS / "recorded-run.zip"

ORIGIN = "recorded"
"""The ``origin`` that identifies the recorded run."""

_PREFERENCE = "recorded run"
_HIDDEN = "hidden"


def unpack_recorded_once(store: RunStore, archive: Path = RECORDED_RUN) -> None:
    """Unpack the recorded run the first time a home is opened; a fifth of a second.

    Never fails: a home without it works as well.
    """
    try:
        if load_preference(store, _PREFERENCE) is None:
            restore_recorded_run(store, archive)
    except (CifarvizError, OSError):
        log.warning("the recorded run could not be unpacked", exc_info=True)


def restore_recorded_run(store: RunStore, archive: Path = RECORDED_RUN) -> Run:
    """Unpack the recorded run unless it is here; raises as ``archive.unpack`` does."""
    # Two servers that start at once must not both unpack it.
    lock = locks.acquire(store.settings.locks / "recorded.lock", 10)
    try:
        if (run := find_recorded_run(store)) is None:
            run = unpack(store, archive, origin=ORIGIN)
        save_preference(store, _PREFERENCE, run.id)
        return run
    finally:
        if lock is not None:
            lock.release()


def hide_recorded_run(store: RunStore) -> None:
    """Remove the recorded run from this home until it is restored."""
    save_preference(store, _PREFERENCE, _HIDDEN)
    if (run := find_recorded_run(store)) is not None:
        store.delete(run.id)


def is_recorded_run_hidden(store: RunStore) -> bool:
    """Whether the recorded run was hidden or deleted."""
    return load_preference(store, _PREFERENCE) is not None and find_recorded_run(store) is None


def find_recorded_run(store: RunStore) -> Run | None:
    """Return the recorded run of this home, if it is here."""
    return next((run for run in store.all() if run.origin == ORIGIN), None)
