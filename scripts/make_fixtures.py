"""Makes the home and the archive of this version that later versions are tested with.

``python -m scripts.make_fixtures`` writes ``tests/fixtures/format-<n>/``: a ``home`` (without its
locks) and ``run.zip``, both of a run of two epochs on a few images of the sample. Run it before a
format changes; what is there is never made anew, since no later version could.
"""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import Data
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import MaxPool2D
from cifarviz.runs.archive import pack
from cifarviz.runs.database import SCHEMA_VERSION
from cifarviz.runs.preferences import prefer
from cifarviz.settings import Settings

FIXTURES = Path(__file__).resolve().parents[1] / "tests" / "fixtures"

LAYERS = (
    Conv2D(filters=4),
    MaxPool2D(pool_size=8, strides=8),
    Dropout(rate=0.2),
    Flatten(),
    Dense(units=10, activation="softmax"),
)


def experiment() -> Experiment:
    """A network of some hundred parameters, on so few images that seconds are enough."""
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


def make(folder: Path) -> None:
    """Train the run in a home of its own, and keep that and the packed run in ``folder``."""
    if folder.exists():
        raise SystemExit(f"{folder} is there already.")
    with TemporaryDirectory() as temporary:
        settings = replace(
            Settings.from_environment({}), home=Path(temporary) / "home", recorded=False
        )
        worker = Worker(settings, "command line")
        # Feature maps of one image are enough.
        prefer(worker.store, "pins cifar10", [1])
        run = worker.wait(worker.submit(experiment(), name="of this version").id)
        if run.message:
            raise SystemExit(run.message)
        with closing(sqlite3.connect(worker.store.database.path)) as connection:
            # One file, without its log.
            connection.execute("PRAGMA journal_mode = DELETE")
        shutil.copytree(settings.home, folder / "home", ignore=shutil.ignore_patterns("locks"))
        pack(worker.store, run.id, folder / "run.zip")


if __name__ == "__main__":
    make(FIXTURES / f"format-{SCHEMA_VERSION}")
