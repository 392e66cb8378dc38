"""What the user changes in runs: names, stars, notes, and the weights to use."""

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from cifarviz.errors import ArtifactMissing, ExperimentInvalid
from cifarviz.escaping import is_blank, is_invisible, printable
from cifarviz.people.person import require_teacher
from cifarviz.runs.access import fetch_changeable_run
from cifarviz.runs.artifacts import Checkpoint, checkpoint_path
from cifarviz.runs.damage import is_safe_id
from cifarviz.runs.database import Database
from cifarviz.runs.database_rows import update_run
from cifarviz.settings import Settings

LONGEST_NAME = 100
"""The most characters of a run's name."""

LONGEST_REMARK = 500
"""The most characters of a note on a run."""


class Curation:
    """The part of ``RunStore`` for the user's changes.

    Each method raises ``RunNotFound``, and ``AccessRefused`` for another person's run.
    """

    settings: Settings
    database: Database
    changing: Callable[[str], AbstractContextManager[sqlite3.Connection]]

    def rename(self, run_id: str, name: str) -> None:
        """Rename a run; raises ``ExperimentInvalid`` as ``validate_name`` does."""
        self._set(run_id, name=validate_name(name))

    def star(self, run_id: str, starred: bool) -> None:
        """Star a run, or remove its star; snapshots of starred runs are thinned out last."""
        self._set(run_id, starred=int(starred))

    def remark(self, run_id: str, text: str) -> None:
        """Save the user's note on a run.

        Raises ``ExperimentInvalid`` as ``validate_remark`` does.
        """
        self._set(run_id, remark=validate_remark(text) or None)

    def prefer(self, run_id: str, which: Checkpoint | None) -> None:
        """Set the checkpoint to use by default; ``None`` resets it.

        Raises ``ArtifactMissing`` if the run does not have it.
        """
        if which is not None and not checkpoint_path(self.folder(run_id), which).is_file():
            with self.database.connect() as connection:
                run = fetch_changeable_run(connection, run_id)
            raise ArtifactMissing(
                "“{run_name}” has no such weights, so they cannot be used for it.",
                run_name=run.name,
            )
        self._set(run_id, preferred=which)

    def set_shown(self, run_id: str, shown: bool) -> None:
        """Show a run to the whole class, or no longer; raises ``AccessRefused`` for students."""
        require_teacher("show a run to the class")
        self._set(run_id, shown=int(shown))

    def set_gives_way(self, run_id: str, gives_way: bool) -> None:
        """Let shorter runs of other people go before a run that trains, or no longer."""
        self._set(run_id, gives_way=int(gives_way))

    def folder(self, run_id: str) -> Path:
        """Return the folder of the run's artifacts; it may not exist yet."""
        return self.settings.runs / _safe_folder_name(run_id)

    def tensorboard_folder(self, run_id: str) -> Path:
        """Return the folder of the run's TensorBoard files, if it writes any."""
        return self.settings.tensorboard_dir / _safe_folder_name(run_id)

    def lock_path(self, run_id: str) -> Path:
        """Return the path of the lock that the owner of an active run holds."""
        return self.settings.locks / f"run-{_safe_folder_name(run_id)}.lock"

    def _set(self, run_id: str, **values: object) -> None:
        with self.changing(run_id) as connection:
            fetch_changeable_run(connection, run_id)
            update_run(connection, run_id, **values)


def validate_name(name: str) -> str:
    """Return ``name`` without surplus white space, as every run's name must be.

    Raises ``ExperimentInvalid`` if it is empty, has more than 100 characters, or holds control
    characters, which would garble the text around it.
    """
    name = " ".join(name.split())
    if character := _invisible_character(name):
        raise ExperimentInvalid(
            "A run's name may only hold visible characters; this one holds {character}.",
            character=character,
        )
    if not 1 <= len(name) <= LONGEST_NAME or is_blank(name):
        count = 0 if is_blank(name) else len(name)
        raise ExperimentInvalid(
            "A run's name has 1 to {most} characters; this one has {count}.",
            most=LONGEST_NAME,
            count=count,
        )
    return name


def validate_remark(text: str) -> str:
    """Return ``text`` without white space around it, as a note must be.

    Raises ``ExperimentInvalid`` if it is too long or holds control characters.
    """
    text = text.strip()
    if character := _invisible_character(text.replace("\n", "").replace("\t", "")):
        raise ExperimentInvalid(
            "A note may only hold text; this one holds {character}.", character=character
        )
    if len(text) > LONGEST_REMARK:
        raise ExperimentInvalid(
            "A note has at most {most} characters; this one has {count}.",
            most=LONGEST_REMARK,
            count=len(text),
        )
    return text


def _invisible_character(text: str) -> str | None:
    """Return the first control character of ``text``, in printable form."""
    return next((printable(letter) for letter in text if is_invisible(letter)), None)


def _safe_folder_name(run_id: str) -> str:
    """Return ``run_id``, or ``no-run`` for a damaged id, which might be another path."""
    return run_id if is_safe_id(run_id) else "no-run"
