"""What a student of a class may use of the computer that all share."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from cifarviz.datasets.own import datasets_in
from cifarviz.errors import LimitExceeded, RunNotFound, StorageFull
from cifarviz.people.person import TEACHER, acting_as, current_person, require_teacher
from cifarviz.runs.limit_values import PREFERENCE, Limits, fetch_limits
from cifarviz.runs.pins import save_preference
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore


def load_limits(store: RunStore) -> Limits:
    """Return the limits of the class in this home."""
    with store.database.connect() as connection:
        return fetch_limits(connection)


def save_limits(store: RunStore, limits: Limits) -> None:
    """Store the limits; raises ``AccessRefused`` for all but the teacher."""
    require_teacher("change the limits of the class")
    save_preference(store, PREFERENCE, asdict(limits))


def check_run_limits(store: RunStore, epochs: int, train_images: int) -> None:
    """Check that the current person may train a run, with so many training images.

    The store itself counts the runs that wait. Raises ``LimitExceeded`` and ``StorageFull``.
    """
    if current_person().role != "student":
        return
    limits = load_limits(store)
    if epochs * train_images > limits.presentations:
        raise LimitExceeded(
            "This run would see {count:,} images ({images:,} in each of {epochs} epochs), and "
            "each may see {most:,}: choose fewer epochs, or fewer training images.",
            count=epochs * train_images,
            images=train_images,
            epochs=epochs,
            most=limits.presentations,
        )
    check_disk_limit(store)


def check_disk_limit(store: RunStore, more: int = 0) -> None:
    """Check that what the current person has stored, and so many bytes more, is within the limit.

    Raises ``StorageFull``.
    """
    person = current_person()
    if person.role != "student":
        return
    most = load_limits(store).megabytes
    used = (disk_use(store, person.id) + more) / 1e6
    if used > most:
        raise StorageFull(
            "Your runs and data sets would use {used:,.0f} MB, and each may use {most:,}: delete "
            "some of them.",
            used=used,
            most=most,
        )


def disk_use(store: RunStore, owner: str) -> int:
    """Return the bytes of a student's runs and imported data sets."""
    settings = store.settings
    with acting_as(TEACHER):
        folders = [store.folder(run.id) for run in store.all() if run.owner == owner]
    folders += [
        settings.datasets / info.name
        for info in datasets_in(settings.datasets, deleted=True)
        if info.owner == owner
    ]
    return sum(map(_size, folders))


def stop_overtime(store: RunStore, run_id: str, seconds: float) -> None:
    """Stop a student's run that has trained for ``seconds`` if that is longer than it may."""
    try:
        run = store.get(run_id)
    except RunNotFound:
        return
    if run.owner is None or run.state is not RunState.RUNNING:
        return
    minutes = load_limits(store).minutes
    if seconds > 60 * minutes and run.requested != Action.STOP:
        note = f"Stopped: in this class a run may train {minutes} min."
        store.describe(run_id, note=" ".join(filter(None, [run.note, note])))
        store.request(run_id, Action.STOP)


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in _files(folder))


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if path.is_file())
