"""Make a home and archives with this version, as fixtures for tests of later versions.

``python -m scripts.make_fixtures`` writes ``tests/fixtures/full-format-<n>/``: a ``home`` (without
its locks) with every kind of stored data, and two packed runs, trained for seconds on a few images
of the sample. Run it before a format or a stored name changes. Existing fixtures are never
replaced, since no later version could make them.
"""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from cifarviz.api import Home
from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import Data
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.experiment.schedules import StepSchedule
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import MaxPool2D
from cifarviz.runs import locks
from cifarviz.runs.archive import pack
from cifarviz.runs.pins import save_preference
from cifarviz.runs.records import Run
from cifarviz.runs.schema import SCHEMA_VERSION
from cifarviz.runs.series import save_series
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore, new_run_id
from cifarviz.settings import Settings
from cifarviz.training.precision import TimingsFile
from cifarviz.training.timing import Timing

FIXTURES = Path(__file__).resolve().parents[1] / "tests" / "fixtures"

LAYERS = (
    Conv2D(filters=4),
    MaxPool2D(pool_size=8, strides=8),
    Dropout(rate=0.2),
    Flatten(),
    Dense(units=10, activation="softmax"),
)


def experiment() -> Experiment:
    """Return an experiment with a small network and few images, trained in seconds."""
    base = PRESETS["cifar10-starter"].experiment
    fields = base.model_dump() | {
        "preset": None,
        "data": Data(train_images=32),
        "validation": {"kind": "split", "fraction": 0.002, "seed": 1},
        "batch_size": 16,
        "epochs": 2,
        "precision": "float32",
        "early_stopping": None,
    }
    fields["architecture"] = fields["architecture"] | {"layers": LAYERS}
    return Experiment(**fields)


def full_experiment() -> Experiment:
    """Return it with a schedule, wrong labels, test predictions and TensorBoard files."""
    return Experiment(
        **experiment().model_dump()
        | {
            "data": Data(train_images=32, wrong_labels=0.25, wrong_labels_seed=3),
            "schedule": StepSchedule(every_epochs=1, factor=0.5),
            "test_epochs": (1,),
            "tensorboard": True,
            "monitor": "accuracy",
        }
    )


def make(folder: Path) -> None:
    """Train runs in a temporary home and copy it, and two packed runs, to ``folder``.

    ``run.zip`` is a plain run; ``full-run.zip`` has every kind of file that a run may have.
    """
    if folder.exists():
        raise SystemExit(f"{folder} exists already.")
    with TemporaryDirectory() as temporary:
        settings = replace(
            Settings.from_environment({"CIFARVIZ_HOME": str(Path(temporary) / "home")}),
            recorded=False,
        )
        worker = Worker(settings, "command line")
        store = worker.store
        # Feature maps of a single image are enough.
        save_preference(store, "pins cifar10", [1])
        save_preference(store, "recorded run", "hidden")
        run = _wait_for(worker, worker.submit(experiment(), "of this version"))
        full = _wait_for(worker, worker.submit(full_experiment(), "with all files {and} “marks”"))
        store.star(full.id, True)
        store.remark(full.id, "a remark\nin two lines")
        store.prefer(full.id, "best")
        _evaluate(store, full)
        longer = experiment().model_copy(update={"epochs": 3})
        fork = _wait_for(worker, worker.fork(run.id, 2, longer, "a fork"))
        save_series(store, "duel", "Number of epochs", [(run.id, "2"), (fork.id, "3")])
        _create_failed_run(store)
        # The timings that training.precision stores.
        TimingsFile(settings.home / "precision.json").save(experiment(), Timing(0.002, 0.001))
        folder.mkdir(parents=True)
        pack(store, run.id, folder / "run.zip")
        pack(store, full.id, folder / "full-run.zip")
        with closing(sqlite3.connect(store.database.path)) as connection:
            # A single file, without a write-ahead log.
            connection.execute("PRAGMA journal_mode = DELETE")
        shutil.copytree(settings.home, folder / "home", ignore=shutil.ignore_patterns("locks"))


def _wait_for(worker: Worker, run: Run) -> Run:
    run = worker.wait(run.id)
    if run.message:
        raise SystemExit(run.message)
    return run


def _evaluate(store: RunStore, run: Run) -> None:
    """Store predictions of the test images with the best checkpoint, as Evaluate does."""
    Home(store.settings).evaluate(run, weights="best")


def _create_failed_run(store: RunStore) -> None:
    """Create a run that failed before its first epoch."""
    run_id = new_run_id()
    lock = locks.acquire(store.lock_path(run_id))
    store.create(run_id, experiment(), "failed early", "dashboard")
    store.transition(run_id, RunState.RUNNING)
    store.describe(run_id, note="TensorBoard's folder broke.")
    store.transition(run_id, RunState.FAILED, "The loss is no longer a number.")
    if lock is not None:
        lock.release()


if __name__ == "__main__":
    make(FIXTURES / f"full-format-{SCHEMA_VERSION}")
