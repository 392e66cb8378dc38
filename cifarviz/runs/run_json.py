"""``run.json`` in the folder of a run: its record in the store, except single batches.

It is written when a run changes and after each epoch, in the format of a packed run. If
``runs.sqlite3`` of a home is lost, its runs can be inserted again from their folders.
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
    """Return the path of a run's ``run.json``."""
    return folder / "run.json"


def save_run_json(connection: sqlite3.Connection, folder: Path, run_id: str) -> None:
    """Write the ``run.json`` of a run; errors, such as a full disk, are only logged.

    Call it at the end of the transaction that changes the run: the transaction keeps other
    writers out, so the newest state is written last. Nothing is written for a run that was
    deleted or has a damaged record.
    """
    try:
        run = fetch_run(connection, run_id)
        facts = run_facts(run, fetch_epochs(connection, [run_id])[run_id])
        facts |= {"origin": run.origin, "starred": run.starred, "attempt": run.attempt}
        facts |= {"owner": run.owner, "shown": run.shown, "gives_way": run.gives_way}
        content = json.dumps(facts, indent=1).encode()
        write_atomically(run_json_path(folder), lambda file: file.write(content), durable=False)
    except (CifarvizError, OSError) as error:
        _LOG.warning("run.json of run %s was not written: %s", run_id, error)


def load_run_json(folder: Path) -> ImportedFacts:
    """Load ``run.json`` from a run's folder; the run may be in any state.

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
