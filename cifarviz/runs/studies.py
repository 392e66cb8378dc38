"""Studies in the store: a series of runs with what was searched and the values of each trial."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from filelock import BaseFileLock

from cifarviz.errors import RunNotFound
from cifarviz.experiment.parameters import Setting
from cifarviz.experiment.study import Study
from cifarviz.people.person import current_person, require_change, require_maker
from cifarviz.runs import locks
from cifarviz.runs.access import visible
from cifarviz.runs.curation import validate_name
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.store import RunStore, new_run_id

KIND: Final = "study"
"""The kind of a study among series."""


@dataclass(frozen=True)
class StudyRecord:
    """A study as stored. ``made`` is Unix time.

    ``state`` is *open* until it is *finished*, or *stopped* by a person or an error; ``message``
    says why in a sentence. ``seconds`` is how long it has searched, over all times that it was
    started. ``cut_off`` are the runs that were stopped with the study, and go on with it.
    """

    id: str
    title: str
    made: float
    study: Study
    state: Literal["open", "stopped", "finished"] = "open"
    message: str | None = None
    seconds: float = 0.0
    cut_off: tuple[str, ...] = ()
    owner: str | None = None
    """As in ``Run``."""


@dataclass(frozen=True)
class StoredTrial:
    """A trial: its number from 1, its run, and the values it has of the study's parameters.

    ``pruned_after`` is the epoch after which the study stopped it.
    """

    number: int
    run: Run
    epochs: tuple[Epoch, ...]
    settings: Mapping[str, Setting]
    pruned_after: int | None


def create_study(store: RunStore, study: Study, title: str) -> StudyRecord:
    """Store a new study without trials, which belongs to the current person.

    Raises ``RunError`` for an invalid title, and ``AccessRefused`` for a viewer.
    """
    require_maker()
    owner = current_person().owner
    record = StudyRecord(new_run_id(), validate_name(title), time.time(), study, owner=owner)
    with store.database.connect(write=True) as connection:
        connection.execute(
            "INSERT INTO series(id, kind, title, made, runs, settings, owner) "
            "VALUES (?, ?, ?, ?, 0, ?, ?)",
            (record.id, KIND, record.title, record.made, _settings(record), owner),
        )
    return record


def update_study(store: RunStore, record: StudyRecord) -> None:
    """Store another state of a study; raises ``AccessRefused`` for another person's."""
    _require_change(store, record.id)
    with store.database.connect(write=True) as connection:
        connection.execute(
            "UPDATE series SET title = ?, settings = ? WHERE id = ?",
            (record.title, _settings(record), record.id),
        )


def end_study(
    store: RunStore, study_id: str, state: Literal["stopped", "finished"], message: str
) -> None:
    """Store how a study ended, unless it has ended before.

    Raises ``AccessRefused`` for another person's study.
    """
    _require_change(store, study_id)
    with store.database.connect(write=True) as connection:
        connection.execute(
            "UPDATE series SET settings = json_set(settings, '$.state', ?, '$.message', ?) "
            "WHERE id = ? AND kind = ? AND json_extract(settings, '$.state') = 'open'",
            (state, message, study_id, KIND),
        )


def set_study_seconds(store: RunStore, study_id: str, seconds: float) -> None:
    """Store how long a study has searched."""
    with store.database.connect(write=True) as connection:
        connection.execute(
            "UPDATE series SET settings = json_set(settings, '$.seconds', ?) "
            "WHERE id = ? AND kind = ?",
            (seconds, study_id, KIND),
        )


def add_cut_off(store: RunStore, study_id: str, run_ids: Sequence[str]) -> None:
    """Store that these trials are stopped with the study, and go on with it."""
    with store.database.connect(write=True) as connection:
        for run_id in run_ids:
            connection.execute(
                "UPDATE series SET settings = json_insert(json_insert(settings, '$.cut_off', "
                "json_array()), '$.cut_off[#]', ?) WHERE id = ? AND kind = ? AND NOT EXISTS "
                "(SELECT 1 FROM json_each(settings, '$.cut_off') WHERE value = ?)",
                (run_id, study_id, KIND, run_id),
            )


def trial_name(title: str, number: int) -> str:
    """Return the name of a trial's run."""
    return f"{title}, trial {number}"


def delete_study(store: RunStore, study_id: str) -> None:
    """Delete the record of a study; its runs stay.

    Raises ``AccessRefused`` for another person's study.
    """
    _require_change(store, study_id)
    with store.database.connect(write=True) as connection:
        connection.execute("DELETE FROM series WHERE id = ? AND kind = ?", (study_id, KIND))


def all_studies(store: RunStore) -> list[StudyRecord]:
    """Return all studies that the person sees and that can be read, the newest first."""
    condition, values = visible("series")
    with store.database.connect() as connection:
        rows = connection.execute(
            f"SELECT * FROM series WHERE kind = ? AND {condition} ORDER BY made DESC, id",  # noqa: S608 - constants only
            (KIND, *values),
        ).fetchall()
    return [record for row in rows if (record := _as_record(row)) is not None]


def get_study(store: RunStore, study_id: str) -> StudyRecord:
    """Return the study with this id; raises ``RunNotFound``."""
    condition, values = visible("series")
    with store.database.connect() as connection:
        row = connection.execute(
            f"SELECT * FROM series WHERE id = ? AND kind = ? AND {condition}",  # noqa: S608 - constants only
            (study_id, KIND, *values),
        ).fetchone()
    record = None if row is None else _as_record(row)
    if record is None:
        raise RunNotFound("Study {study_id} is no longer here.", study_id=study_id)
    return record


def find_study(store: RunStore, beginning: str) -> StudyRecord:
    """Return the only study whose id is or starts with ``beginning``; raises ``RunNotFound``."""
    found = [one for one in all_studies(store) if beginning and one.id.startswith(beginning)]
    if len(found) != 1:
        raise RunNotFound(
            "There is no study “{beginning}” here: type an id, or how it starts."
            if not found
            else "Several studies have an id that starts with “{beginning}”: type more of it.",
            beginning=beginning[:40],
        )
    return found[0]


class TrialOfRun(NamedTuple):
    """The study that a run belongs to, and its number there; see ``StoredTrial``."""

    study_id: str
    title: str
    number: int
    pruned_after: int | None

    def __str__(self) -> str:
        text = f"trial {self.number} of “{self.title}”"
        if self.pruned_after is None:
            return text
        return f"{text}, which ended it after epoch {self.pruned_after}"


def trial_of_run(store: RunStore, run_id: str) -> TrialOfRun | None:
    """Return the study that a run is a trial of, if any."""
    with store.database.connect() as connection:
        row = connection.execute(
            "SELECT series.id, title, position, pruned_after FROM series "
            "JOIN series_runs ON series_runs.series = series.id "
            "WHERE series_runs.run = ? AND kind = ? LIMIT 1",
            (run_id, KIND),
        ).fetchone()
    return None if row is None else TrialOfRun(*row)


def add_trial(
    store: RunStore, study_id: str, run_id: str, settings: Mapping[str, Setting], label: str
) -> int:
    """Make a run the next trial of a study; returns its number, from 1."""
    with store.database.connect(write=True) as connection:
        # The numbers of trials whose runs were deleted are not given again.
        connection.execute("UPDATE series SET runs = runs + 1 WHERE id = ?", (study_id,))
        number: int = connection.execute(
            "SELECT runs FROM series WHERE id = ?", (study_id,)
        ).fetchone()["runs"]
        connection.execute(
            "INSERT INTO series_runs(series, position, run, label, parameters) "
            "VALUES (?, ?, ?, ?, ?)",
            (study_id, number, run_id, label, json.dumps(dict(settings))),
        )
    return number


def mark_pruned(store: RunStore, study_id: str, run_id: str, epoch: int | None) -> None:
    """Store that the study stops a trial after ``epoch``; with None that it does not."""
    with store.database.connect(write=True) as connection:
        connection.execute(
            "UPDATE series_runs SET pruned_after = ? WHERE series = ? AND run = ?",
            (epoch, study_id, run_id),
        )


def stored_trials(store: RunStore, study_id: str) -> list[StoredTrial]:
    """Return the trials whose runs are still there, in their order, without damaged runs."""
    with store.database.connect() as connection:
        rows = connection.execute(
            "SELECT position, run, parameters, pruned_after FROM series_runs "
            "WHERE series = ? AND parameters IS NOT NULL ORDER BY position",
            (study_id,),
        ).fetchall()
    runs = {run.id: run for run in store.all() if run.damage is None}
    histories = store.histories([row["run"] for row in rows])
    return [
        StoredTrial(
            number=row["position"],
            run=runs[row["run"]],
            epochs=tuple(histories[row["run"]]),
            settings=json.loads(row["parameters"]),
            pruned_after=row["pruned_after"],
        )
        for row in rows
        if row["run"] in runs
    ]


def trials_made(store: RunStore, study_id: str) -> int:
    """Return how many trials the study has had, with those whose runs were deleted."""
    with store.database.connect() as connection:
        row = connection.execute("SELECT runs FROM series WHERE id = ?", (study_id,)).fetchone()
    return 0 if row is None else int(row["runs"])


def acquire_study(store: RunStore, study_id: str) -> BaseFileLock | None:
    """Acquire the lock of whoever searches in a study; ``None`` if another process has it."""
    return locks.acquire(_lock_path(store, study_id))


def is_searching(store: RunStore, study_id: str) -> bool:
    """Whether a process searches in the study now."""
    return locks.is_held(_lock_path(store, study_id))


def _require_change(store: RunStore, study_id: str) -> None:
    with store.database.connect() as connection:
        row = connection.execute(
            "SELECT owner, title FROM series WHERE id = ? AND kind = ?", (study_id, KIND)
        ).fetchone()
    # What was deleted meanwhile is reported by whoever reads it next.
    if row is not None:
        require_change(row["owner"], row["title"])


def _lock_path(store: RunStore, study_id: str) -> Path:
    return store.settings.locks / f"study-{study_id}.lock"


def _settings(record: StudyRecord) -> str:
    return json.dumps(
        {
            "study": json.loads(record.study.to_json()),
            "state": record.state,
            "message": record.message,
            "seconds": record.seconds,
            "cut_off": list(record.cut_off),
        }
    )


def is_study_row(row: Any) -> bool:
    """Whether a row of ``series`` is a study that this version can read."""
    return _as_record(row) is not None


def _as_record(row: Any) -> StudyRecord | None:
    """Return the record of a row; ``None`` if an experiment of another version is in it."""
    try:
        stored = json.loads(row["settings"])
        return StudyRecord(
            id=row["id"],
            title=row["title"],
            made=row["made"],
            study=Study.from_json(json.dumps(stored["study"])),
            state=stored["state"],
            message=stored["message"],
            seconds=float(stored["seconds"]),
            cut_off=tuple(map(str, stored.get("cut_off", ()))),
            owner=row["owner"],
        )
    except (ValueError, KeyError, TypeError):
        return None
