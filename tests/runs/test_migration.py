"""Homes of earlier versions are migrated without loss."""

import json
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest

from cifarviz.errors import StorageFull, StoreError
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs import database
from cifarviz.runs.schema import MIGRATIONS, SCHEMA_VERSION
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings

EXPERIMENT = PRESETS["cifar10-starter"].experiment

# The tables of version 1, as it made them.
VERSION_1 = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, state TEXT NOT NULL, experiment TEXT NOT NULL,
    origin TEXT NOT NULL, machine TEXT NOT NULL, created REAL NOT NULL, queued REAL NOT NULL,
    started REAL, ended REAL, seconds REAL NOT NULL DEFAULT 0, train_images INTEGER,
    validation_images INTEGER, images_per_second REAL, precision TEXT, scaling TEXT,
    message TEXT, phase TEXT, epoch INTEGER, step INTEGER, steps_per_epoch INTEGER,
    current_rate REAL, seconds_left REAL, heartbeat REAL
);
CREATE TABLE epochs (
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE, epoch INTEGER NOT NULL,
    loss REAL NOT NULL, accuracy REAL NOT NULL, val_loss REAL, val_accuracy REAL,
    learning_rate REAL NOT NULL, seconds REAL NOT NULL, PRIMARY KEY (run, epoch)
) WITHOUT ROWID;
CREATE TABLE batches (
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE, first_step INTEGER NOT NULL,
    count INTEGER NOT NULL, loss BLOB NOT NULL, accuracy BLOB NOT NULL,
    PRIMARY KEY (run, first_step)
);
CREATE TABLE controls (
    id INTEGER PRIMARY KEY, run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    action TEXT NOT NULL, asked REAL NOT NULL, done REAL
);
CREATE INDEX runs_by_state ON runs(state, queued);
CREATE INDEX controls_open ON controls(run) WHERE done IS NULL;
PRAGMA user_version = 1;
"""


def _home_of_version_1(settings: Settings) -> None:
    written = json.loads(EXPERIMENT.to_json())
    for new in ("monitor", "early_stopping", "best_only", "tensorboard", "test_epochs"):
        del written[new]
    settings.home.mkdir(parents=True)
    with closing(sqlite3.connect(settings.home / "runs.sqlite3")) as connection:
        connection.executescript(VERSION_1)
        connection.execute(
            "INSERT INTO runs(id, name, state, experiment, origin, machine, created, queued, "
            "seconds) VALUES ('old', 'mine', 'finished', ?, 'dashboard', 'here', 1, 1, 5)",
            (json.dumps({**written, "format": 1}),),
        )
        connection.executemany(
            "INSERT INTO epochs VALUES ('old', ?, 1.0, 0.5, ?, 0.85, 0.001, 2.0)",
            [(1, 1.5), (2, 1.2), (3, 1.4)],
        )
        connection.commit()


def test_a_home_of_the_previous_version_opens_without_loss(settings: Settings) -> None:
    _home_of_version_1(settings)
    for _look in range(2):
        [run] = RunStore(settings).all()
        assert (run.id, run.name, run.seconds, run.epochs_done) == ("old", "mine", 5.0, 3)
        assert (run.best_epoch, run.best_loss) == (2, 1.2)
        assert (run.stopped_early, run.note) == (None, None)
        assert run.experiment == EXPERIMENT


def test_a_migrated_schema_equals_a_new_one(settings: Settings, tmp_path: Path) -> None:
    _home_of_version_1(settings)
    new = Settings.from_environment({"CIFARVIZ_HOME": str(tmp_path / "new")})
    shapes = []
    for one in (settings, new):
        with closing(sqlite3.connect(RunStore(one).database.path)) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master ORDER BY name").fetchall()
            columns = {
                # Name, type, whether it may be missing, default, place in the primary key.
                name: {row[1:] for row in connection.execute(f"PRAGMA table_info({name})")}
                for (name,) in tables
            }
            shapes.append((columns, connection.execute("PRAGMA user_version").fetchone()))
    assert shapes[0] == shapes[1]


def test_many_processes_can_open_an_old_home_at_once(settings: Settings) -> None:
    _home_of_version_1(settings)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: len(RunStore(settings).all()), range(4)))
    assert found == [1, 1, 1, 1]


def test_threads_that_open_a_file_at_once_wait_for_each_other(tmp_path: Path) -> None:
    def write(path: Path) -> None:
        start.wait()
        with database.Database(path).connect(write=True):
            pass

    start = Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        for number in range(40):
            path = tmp_path / f"{number}.sqlite3"
            with closing(sqlite3.connect(path)) as connection:
                connection.executescript(VERSION_1)
            list(pool.map(write, [path] * 4))


BACKUP = f"runs.before-format-{SCHEMA_VERSION}.sqlite3"


def _version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_a_home_is_copied_before_it_is_migrated(settings: Settings, tmp_path: Path) -> None:
    _home_of_version_1(settings)
    RunStore(settings)
    assert _version(settings.home / BACKUP) == 1
    # The copy is a home of the earlier version, with all that it had.
    again = replace(settings, home=tmp_path / "again")
    again.home.mkdir()
    (again.home / "runs.sqlite3").write_bytes((settings.home / BACKUP).read_bytes())
    assert RunStore(again).epochs("old") == RunStore(settings).epochs("old")
    assert {path.name for path in settings.home.iterdir() if path.is_file()} == {
        "runs.sqlite3",
        BACKUP,
    }


def test_a_new_home_is_not_copied(settings: Settings) -> None:
    RunStore(settings)
    RunStore(settings)
    assert list(settings.home.glob("*before*")) == []


def test_an_intact_copy_is_reused_and_a_damaged_one_replaced(settings: Settings) -> None:
    _home_of_version_1(settings)
    backup = settings.home / BACKUP
    backup.write_bytes(b"cut off" * 100)
    whole = (settings.home / "runs.sqlite3").read_bytes()
    RunStore(settings)
    assert _version(backup) == 1
    with closing(sqlite3.connect(backup)) as connection, connection:
        connection.execute("UPDATE runs SET name = 'of the first copy'")
    for path in settings.home.glob("runs.sqlite3*"):
        path.unlink()
    (settings.home / "runs.sqlite3").write_bytes(whole)
    RunStore(settings)
    with closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("SELECT name FROM runs").fetchone() == ("of the first copy",)


def test_an_interrupted_migration_changes_nothing_and_is_repeated(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _home_of_version_1(settings)
    last = SCHEMA_VERSION - 1
    broken = {**MIGRATIONS, last: (*MIGRATIONS[last], "SELECT no_function()")}
    with monkeypatch.context() as patch:
        patch.setattr(database, "MIGRATIONS", broken)
        with pytest.raises(StoreError, match="no_function"):
            RunStore(settings)
    assert _version(settings.home / "runs.sqlite3") == 1
    [run] = RunStore(settings).all()
    assert (run.id, run.damage) == ("old", None)
    assert _version(settings.home / "runs.sqlite3") == SCHEMA_VERSION


# Ends the process, as a kill would, when so many of its statements have been carried out.
CUT_OFF = """
import os, sqlite3, sys
left = int(sys.argv[1])
class Connection(sqlite3.Connection):
    def execute(self, *arguments):
        global left
        left -= 1
        if left < 0:
            os._exit(9)
        return super().execute(*arguments)
connect = sqlite3.connect
sqlite3.connect = lambda *arguments, **more: connect(*arguments, factory=Connection, **more)
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
RunStore(Settings.from_environment())
"""


@pytest.mark.parametrize("statements", [5, 8, 14, 18])
def test_a_process_killed_while_migrating_loses_nothing(
    settings: Settings, statements: int
) -> None:
    _home_of_version_1(settings)
    command = [sys.executable, "-c", CUT_OFF, str(statements)]
    assert subprocess.run(command, check=False, timeout=300).returncode == 9
    assert _version(settings.home / "runs.sqlite3") == 1
    [run] = RunStore(settings).all()
    assert (run.id, run.epochs_done, run.damage) == ("old", 3, None)
    assert _version(settings.home / BACKUP) == 1
    assert list(settings.home.glob(".*")) == []


# A file may have so many bytes: more than the index needs beside it, less than a copy of it.
NO_ROOM = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
from cifarviz.errors import StorageFull, StoreError
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
try:
    RunStore(Settings.from_environment())
except StorageFull as error:
    print(error)
"""


def test_without_room_for_a_copy_the_migration_is_refused(settings: Settings) -> None:
    _home_of_version_1(settings)
    with closing(sqlite3.connect(settings.home / "runs.sqlite3")) as connection, connection:
        connection.execute("UPDATE runs SET message = ?", ("x" * 500_000,))
    answer = subprocess.run(
        [sys.executable, "-c", NO_ROOM], check=True, timeout=300, capture_output=True, text=True
    )
    assert f"could not be copied to “{BACKUP}” before they are brought up to date" in answer.stdout
    assert "Nothing was changed" in answer.stdout
    assert _version(settings.home / "runs.sqlite3") == 1
    assert list(settings.home.glob("*before*")) == []
    [run] = RunStore(settings).all()
    assert run.epochs_done == 3


def test_a_copy_that_cannot_be_moved_into_place_is_reported(settings: Settings) -> None:
    _home_of_version_1(settings)
    (settings.home / BACKUP).mkdir()
    with pytest.raises(StorageFull, match="Nothing was changed"):
        RunStore(settings)
    assert _version(settings.home / "runs.sqlite3") == 1
