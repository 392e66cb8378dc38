"""``run.json`` in the folder of a run: what the store knows of it, beside its files.

It is written where a run changes and after each epoch, in the form that a packed run has, so that
the runs of a home whose ``runs.sqlite3`` is lost could be entered again from their folders. The
single batches are not in it.
"""

import json
import logging
import sqlite3
from pathlib import Path

from cifarviz.errors import ArtifactDamaged, ArtifactMissing, CifarvizError
from cifarviz.runs.archive_facts import ImportedFacts, check_folder_facts, parse_facts, run_facts
from cifarviz.runs.artifacts import write_atomically
from cifarviz.runs.database_rows import fetch_epochs, fetch_run

_LOG = logging.getLogger(__name__)


def run_json_path(folder: Path) -> Path:
    """The file, in a run's folder, of what the store knows of it."""
    return folder / "run.json"


def save_run_json(connection: sqlite3.Connection, folder: Path, run_id: str) -> None:
    """Write what the store knows of a run to its folder.

    To be called at the end of the transaction that changes the run, which keeps other writers
    out, so that the newest state is the one that stays. Never fails: a disk that is full costs a
    line in the log. Nothing is written of a run that is gone, or whose record is damaged.
    """
    try:
        run = fetch_run(connection, run_id)
        facts = run_facts(run, fetch_epochs(connection, [run_id])[run_id])
        facts |= {"origin": run.origin, "starred": run.starred, "attempt": run.attempt}
        content = json.dumps(facts, indent=1).encode()
        write_atomically(run_json_path(folder), lambda file: file.write(content), durable=False)
    except (CifarvizError, OSError) as error:
        _LOG.warning("run.json of run %s was not written: %s", run_id, error)


def load_run_json(folder: Path) -> ImportedFacts:
    """Read what the store knew of the run with this folder, in any state.

    Raises ``ArtifactMissing``, ``ArtifactDamaged``, ``ArchiveDamaged``, ``UnknownFormat`` and
    ``ExperimentInvalid``.
    """
    try:
        content = run_json_path(folder).read_bytes()
    except FileNotFoundError as error:
        raise ArtifactMissing(
            "Run {run_id} has no run.json: an earlier version of cifarviz wrote it.",
            run_id=folder.name,
        ) from error
    except OSError as error:
        raise ArtifactDamaged(
            "run.json of run {run_id} cannot be read: {reason}.",
            run_id=folder.name,
            reason=error.strerror,
        ) from error
    return check_folder_facts(parse_facts(content))
