"""Repairing a home: its index checked, salvaged if it is damaged, and rebuilt from the folders.

The folder of a run has its facts and its epochs (``run_json.py``). Points of single training steps,
series, studies, the class, pinned images and other preferences are in the index only, and in a copy
of it that may be older (``index_copy.py``).
"""

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cifarviz.data import cache
from cifarviz.datasets.own import DESCRIPTION, datasets_in, undescribed_folders, use_folder
from cifarviz.errors import (
    ArchiveDamaged,
    ArtifactDamaged,
    ArtifactMissing,
    CifarvizError,
    IndexDamaged,
    TransitionRefused,
    UnknownFormat,
)
from cifarviz.runs import locks
from cifarviz.runs.archive_facts import ImportedFacts
from cifarviz.runs.artifacts import UNREADABLE, ArrayFile
from cifarviz.runs.damage import is_safe_id
from cifarviz.runs.database import Database, find_index_damage, index_version
from cifarviz.runs.database_rows import (
    SELECT_RUNS,
    fetch_epochs,
    fetch_run,
    insert_run,
    update_run,
)
from cifarviz.runs.index_copy import (
    copy_date,
    mend_groups,
    open_copy,
    take_groups,
    take_points,
)
from cifarviz.runs.run_json import load_run_json, run_json_path
from cifarviz.runs.salvage import SalvagedTable, salvage
from cifarviz.runs.schema import BAD_BATCHES, SAFE_ID, SCHEMA_VERSION
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.runs.unlisted import unlisted_folders
from cifarviz.settings import Settings
from cifarviz.storage import storage_errors, temporary_folder

_INDEX = "runs.sqlite3"
_INDEX_ONLY = "series, studies, members and guesses of a class, pinned images and other preferences"


@dataclass(frozen=True)
class RelistedRun:
    """A run whose record was made of its folder; ``missing`` is a clause on what was not."""

    id: str
    name: str
    epochs: int
    missing: str | None


@dataclass(frozen=True)
class RepairReport:
    """What a repair found and did.

    ``damage`` is what SQLite said of the index, ``damaged_file`` where it is now, and ``salvaged``
    what could be read of it. ``not_relisted`` are folders that hold no usable facts, each with a
    sentence, and ``rewritten`` the ids and names of listed runs whose ``run.json`` was missing or
    damaged. ``problems`` are sentences on weights and data sets that are missing or damaged, and
    ``lost`` on what cannot be brought back.
    """

    runs: int
    damage: str | None = None
    damaged_file: Path | None = None
    salvaged: Mapping[str, SalvagedTable] | None = None
    relisted: tuple[RelistedRun, ...] = ()
    not_relisted: Mapping[Path, str] | None = None
    rewritten: tuple[tuple[str, str], ...] = ()
    problems: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether everything is there now."""
        incomplete = any(run.missing for run in self.relisted)
        return not (incomplete or self.not_relisted or self.problems or self.lost)


def repair(settings: Settings, report: Callable[[str], object] = lambda step: None) -> RepairReport:
    """Repair the index of a home; what can be read is not touched, and no file is deleted.

    ``report`` is called with each step, a sentence. Raises ``TransitionRefused`` while a process
    trains from this home, ``UnknownFormat`` for an index of a later version, and ``StorageFull``.
    """
    use_folder(settings.datasets)
    with storage_errors(settings.home), _nobody_trains(settings):
        report("Checking the list of runs.")
        path = settings.home / _INDEX
        if (damage := _find_damage(path)) is None:
            return _relist(RunStore(settings), report)
        return _replace(settings, path, damage, report)


@contextmanager
def _nobody_trains(settings: Settings) -> Iterator[None]:
    """Hold the home's first slot, so that no run starts; raises ``TransitionRefused``."""
    slot = locks.acquire(settings.locks / "slot.lock")
    try:
        patterns = ("run-*.lock", "slot-*.lock", "study-*.lock")
        held = [path for pattern in patterns for path in settings.locks.glob(pattern)]
        if slot is None or any(map(locks.is_held, held)):
            raise TransitionRefused(
                "A run trains or waits in {home} now. Stop it, or let it finish, and repair then.",
                home=settings.home,
            )
        yield
    finally:
        if slot is not None:
            slot.release()


def _find_damage(path: Path) -> str | None:
    if not path.exists():
        return None
    damage = None
    # Not one that cannot be opened, which a connection says in words.
    with suppress(sqlite3.OperationalError):
        damage = find_index_damage(path)
    if damage is None:
        try:
            with Database(path).connect() as connection:
                connection.execute(f"{SELECT_RUNS} LIMIT 1").fetchone()
        except IndexDamaged as error:
            damage = str(error.values["reason"])
    return damage


def _replace(
    settings: Settings, path: Path, damage: str, report: Callable[[str], object]
) -> RepairReport:
    """Put a new index in the place of a damaged one, which is kept."""
    log = path.with_name(f"{path.name}-wal")
    with temporary_folder(settings.home) as folder:
        report("Reading what can be read of the damaged list.")
        copy, new = folder / "damaged.sqlite3", folder / _INDEX
        shutil.copyfile(path, copy)
        if log.exists():
            shutil.copyfile(log, copy.with_name(f"{copy.name}-wal"))
        _refuse_later_version(copy, path)
        index = Database(new)
        folders = [item.name for item in settings.runs.glob("*") if is_safe_id(item.name)]
        salvaged = salvage(copy, index, folders)
        with open_copy(settings, folder) as older, index.connect(write=True) as connection:
            # Their ids cannot be read; the folders have them.
            connection.execute(f"DELETE FROM runs WHERE NOT {SAFE_ID}")  # noqa: S608 - constants only
            relisted, not_relisted = _complete(connection, settings, folders, older)
            lost = _lost_rows(salvaged) + _drop_orphans(connection)
            if lost and older is not None:
                take_groups(older, connection)
                lost += (f"They were completed from a copy of {copy_date(settings)}.",)
            lost += mend_groups(older, connection)
        with closing(sqlite3.connect(new)) as connection:
            # Without a log beside it, so that it can be moved.
            connection.execute("PRAGMA journal_mode = DELETE")
        shutil.copymode(path, new)
        kept = path.with_name(time.strftime(f"{path.stem}.damaged-%Y%m%d-%H%M%S.sqlite3"))
        # The old file stays in place until the new one takes it.
        shutil.copy2(path, kept)
        if log.exists():
            shutil.copy2(log, kept.with_name(f"{kept.name}-wal"))
        for suffix in ("-wal", "-shm"):
            path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)
        new.replace(path)
    store = RunStore(settings)
    return RepairReport(
        runs=len(store.all()),
        damage=damage,
        damaged_file=kept,
        salvaged=salvaged,
        relisted=relisted,
        not_relisted=not_relisted,
        rewritten=_rewrite_facts(store),
        problems=_find_problems(store),
        lost=lost,
    )


def _refuse_later_version(copy: Path, path: Path) -> None:
    version = index_version(copy)
    if version is not None and version > SCHEMA_VERSION:
        raise UnknownFormat(
            "{path} is damaged, and was written by a later version of cifarviz (format {version}; "
            "this one knows formats up to {newest}). Repair it with that version.",
            path=path,
            version=version,
            newest=SCHEMA_VERSION,
        )


def _complete(
    connection: sqlite3.Connection,
    settings: Settings,
    folders: list[str],
    older: sqlite3.Connection | None,
) -> tuple[tuple[RelistedRun, ...], dict[Path, str]]:
    """Complete what was salvaged by the folders of all runs."""
    relisted, not_relisted = [], {}
    for run_id in sorted(folders):
        folder = settings.runs / run_id
        listed = connection.execute("SELECT 1 FROM runs WHERE id = ?", (run_id,)).fetchone()
        try:
            facts = _load_facts(folder)
        except CifarvizError as error:
            if listed is None:
                not_relisted[folder] = str(error)
            continue
        if listed is not None and not _is_incomplete(connection, facts):
            if older is not None:
                take_points(older, connection, facts)
            continue
        relisted.append(_store_facts(connection, folder, facts, older))
    return tuple(relisted), not_relisted


def _is_incomplete(connection: sqlite3.Connection, facts: ImportedFacts) -> bool:
    """Whether the record of a run is damaged, or lacks epochs that its folder has."""
    run_id = facts.columns["id"]
    run = fetch_run(connection, run_id)
    return run.damage is not None or len(fetch_epochs(connection, [run_id])[run_id]) < len(
        facts.epochs
    )


def _relist(store: RunStore, report: Callable[[str], object]) -> RepairReport:
    """List runs again that the index lacks, or whose records are damaged."""
    report("Looking at the folders of the runs.")
    was_empty = not store.all()
    damaged = {store.folder(run.id): f"{run.damage} " for run in store.all() if run.damage}
    relisted: list[RelistedRun] = []
    not_relisted: dict[Path, str] = {}
    lost: list[str] = []
    with (
        temporary_folder(store.settings.home) as folder,
        open_copy(store.settings, folder) as older,
    ):
        for path in (*unlisted_folders(store), *damaged):
            try:
                facts = _load_facts(path)
                with store.database.connect(write=True) as connection:
                    relisted.append(_store_facts(connection, path, facts, older))
            except CifarvizError as error:
                not_relisted[path] = f"{damaged.get(path, '')}{error}"
        if relisted and was_empty:
            lost.append(_lost_groups(store, older))
        with store.database.connect(write=True) as connection:
            lost += mend_groups(older, connection)
    return RepairReport(
        runs=len(store.all()),
        relisted=tuple(relisted),
        not_relisted=not_relisted,
        rewritten=_rewrite_facts(store),
        problems=_find_problems(store),
        lost=tuple(lost),
    )


def _lost_groups(store: RunStore, older: sqlite3.Connection | None) -> str:
    """Take from the copy what only a lost index had; returns a sentence on what is lost."""
    if older is None:
        return f"If there were {_INDEX_ONLY}, they are gone: only the list had them."
    with store.database.connect(write=True) as connection:
        take_groups(older, connection)
    date = copy_date(store.settings)
    return f"If there were later {_INDEX_ONLY} than those of {date}, they are gone."


def _load_facts(folder: Path) -> ImportedFacts:
    try:
        facts = load_run_json(folder)
    except ArchiveDamaged as error:
        # It speaks of a file that somebody has packed.
        reason = error.values.get("reason", "it is invalid")
        raise ArtifactDamaged("run.json is damaged: {reason}.", reason=reason) from error
    if facts.columns["id"] != folder.name:
        raise IndexDamaged(
            "run.json in {folder} is of another run, {run_id}.",
            folder=folder,
            run_id=facts.columns["id"],
        )
    return facts


def _store_facts(
    connection: sqlite3.Connection,
    folder: Path,
    facts: ImportedFacts,
    older: sqlite3.Connection | None,
) -> RelistedRun:
    """Make the record of a run anew, with the points that the index or its copy has."""
    columns, epochs, _ = facts
    run_id = columns["id"]
    if RunState(columns["state"]).active and columns["heartbeat"] is None:
        # It was written last while its process lived.
        columns = columns | {"heartbeat": run_json_path(folder).stat().st_mtime}
    if not update_run(connection, run_id, **columns):
        insert_run(connection, **columns)
    connection.execute("DELETE FROM epochs WHERE run = ?", (run_id,))
    connection.executemany(
        "INSERT INTO epochs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [(run_id, *epoch) for epoch in epochs]
    )
    connection.execute(f"DELETE FROM batches WHERE run = ? AND {BAD_BATCHES}", (run_id,))  # noqa: S608 - constants only
    if older is not None:
        take_points(older, connection, facts)
    (points,) = connection.execute(
        "SELECT SUM(count) FROM batches WHERE run = ?", (run_id,)
    ).fetchone()
    missing = None
    if (steps := columns["step"] or 0) > (points or 0):
        missing = f"loss and accuracy of {steps - (points or 0):,} of its {steps:,} training steps."
    return RelistedRun(run_id, columns["name"], len(epochs), missing)


def _drop_orphans(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Delete rows of runs and series that could not be brought back; returns sentences."""
    dropped = {
        what: connection.execute(
            f"DELETE FROM {table} WHERE {column} NOT IN (SELECT id FROM {of})"  # noqa: S608 - constants only
        ).rowcount
        for table, column, of, what in (
            ("epochs", "run", "runs", "epochs"),
            ("batches", "run", "runs", "groups of training steps"),
            ("controls", "run", "runs", "requests"),
            ("series_runs", "run", "runs", "members of series"),
            ("series_runs", "series", "series", "members of lost series"),
        )
    }
    return tuple(
        f"{count:,} {what} are of runs or series that could not be brought back."
        for what, count in dropped.items()
        if count and what != "requests"
    )


def _lost_rows(salvaged: Mapping[str, SalvagedTable]) -> tuple[str, ...]:
    # The folders have what is in the first two, and requests have had their time.
    names = {
        "batches": "points of single training steps",
        "guesses": "guesses of the class",
        "people": "members of the class",
        "preferences": "pinned images and other preferences",
        "series": "series and studies",
        "series_runs": "members of series and studies",
    }
    return tuple(
        f"Some {names.get(table, table)} could not be read"
        + (f"; {found.rows:,} rows could." if found.rows else ".")
        for table, found in salvaged.items()
        if not found.complete and table not in ("runs", "epochs", "controls")
    )


def _rewrite_facts(store: RunStore) -> tuple[tuple[str, str], ...]:
    """Write each ``run.json`` anew that a next repair could not use; returns ids and names."""
    rewritten = []
    for run in store.all():
        if run.damage is not None:
            continue
        folder = store.folder(run.id)
        with suppress(CifarvizError):
            try:
                _load_facts(folder)
            except (ArtifactMissing, ArtifactDamaged, IndexDamaged):
                with store.database.connect(write=True) as connection:
                    store.save_run_json(connection, run.id)
                _load_facts(folder)
                rewritten.append((run.id, run.name))
    return tuple(rewritten)


def _find_problems(store: RunStore) -> tuple[str, ...]:
    """Return sentences on checkpoints and data sets that are missing or cannot be read."""
    problems = []
    for run in store.all():
        if run.damage is not None or run.state.active or not run.epochs_done:
            continue
        paths = sorted(store.folder(run.id).glob("checkpoint-*.npz"))
        if not paths:
            problems.append(
                f"The weights of “{run.name}” ({run.id}) are gone; its history is here."
            )
        problems += [
            f"{path.name} of “{run.name}” ({run.id}) is damaged and cannot be read."
            for path in paths
            if not _is_readable(path)
        ]
    folder = store.settings.datasets
    problems += [
        f"The data set in {path} is not shown: its {DESCRIPTION} cannot be read."
        for path in undescribed_folders(folder)
    ]
    problems += [
        f"{problem} Import the same pictures again, or restore a backup."
        for info in datasets_in(folder, deleted=False)
        if (problem := cache.find_problem(folder / info.name, info))
    ]
    return tuple(problems)


def _is_readable(path: Path) -> bool:
    with suppress(*UNREADABLE), ArrayFile(path) as file:
        return bool(file.headers)
    return False
