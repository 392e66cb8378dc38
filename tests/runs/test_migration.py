"""Homes of earlier versions open, and lose nothing."""

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from cifarviz.experiment.presets import PRESETS
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


def test_a_home_of_the_previous_version_opens_with_all_it_has(settings: Settings) -> None:
    _home_of_version_1(settings)
    for _look in range(2):
        [run] = RunStore(settings).all()
        assert (run.id, run.name, run.seconds, run.epochs_done) == ("old", "mine", 5.0, 3)
        assert (run.best_epoch, run.best_loss) == (2, 1.2)
        assert (run.stopped_early, run.note) == (None, None)
        assert run.experiment == EXPERIMENT


def test_a_migrated_home_has_what_a_new_one_has(settings: Settings, tmp_path: Path) -> None:
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


def test_many_open_a_home_of_the_previous_version_at_once(settings: Settings) -> None:
    _home_of_version_1(settings)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: len(RunStore(settings).all()), range(4)))
    assert found == [1, 1, 1, 1]
