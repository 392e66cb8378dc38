"""Folders of runs that the index does not list, since it was lost or made anew."""

from pathlib import Path

from cifarviz.installation import program_name
from cifarviz.runs import locks
from cifarviz.runs.damage import is_safe_id
from cifarviz.runs.run_json import run_json_path
from cifarviz.runs.store import RunStore


def unlisted_folders(store: RunStore) -> list[Path]:
    """Return the folders of runs that are not in the index, sorted.

    Those are left out that a process is about to list, and those without ``run.json`` beside
    listed runs, which are what is left of deleted runs.
    """
    # The folders first: a run that is queued meanwhile is in the index when that is read.
    folders = [path for path in store.settings.runs.glob("*") if is_safe_id(path.name)]
    if not folders:
        return []
    with store.database.connect() as connection:
        listed = {row["id"] for row in connection.execute("SELECT id FROM runs")}
    return sorted(
        folder
        for folder in folders
        if folder.name not in listed
        and (run_json_path(folder).exists() or (not listed and any(folder.glob("*.npz"))))
        and not locks.is_held(store.lock_path(folder.name))
    )


def unlisted_message(store: RunStore) -> str | None:
    """Return a sentence on runs that are missing from the index, with what to do; or ``None``."""
    count = len(unlisted_folders(store))
    if not count:
        return None
    runs = "The files of 1 run are" if count == 1 else f"The files of {count:,} runs are"
    return (
        f"{runs} in {store.settings.runs}, but not in the list of runs, which was lost or made "
        f"anew. Use “{program_name()} repair” to list them again."
    )
