"""Homes for the bars on the index and on backups, what they hold, and commands in them."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cifarviz.data.importing.importer import prepare_import
from cifarviz.data.importing.options import ImportOptions
from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import Data
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.parameters import Choices
from cifarviz.experiment.presets import PRESETS
from cifarviz.experiment.study import Study
from cifarviz.installation import DASHBOARD
from cifarviz.runs.archive import run_file_names
from cifarviz.runs.artifacts import checkpoint_path, load_arrays
from cifarviz.runs.pins import load_preference, save_preference
from cifarviz.runs.series import all_series, save_series
from cifarviz.runs.store import RunStore
from cifarviz.runs.studies import add_trial, all_studies, create_study
from cifarviz.settings import Settings

Result = tuple[str, bool, str]
"""What was done, whether it came out as promised, and what came out."""

PINS = "pins cifar10"
_PATIENCE = 300.0


def settings_of(home: Path) -> Settings:
    """Return the settings of a home that measures and unpacks nothing by itself."""
    return Settings.from_environment(environment_of(home))


def environment_of(home: Path) -> dict[str, str]:
    """Return the environment of a command in a home."""
    own = {"CIFARVIZ_HOME": str(home), "CIFARVIZ_TUNE_UP": "0", "CIFARVIZ_RECORDED": "0"}
    return {**os.environ, **own, "TF_CPP_MIN_LOG_LEVEL": "3"}


def small_experiment(epochs: int, train_images: int = 128) -> Experiment:
    """Return ``cifar10-starter`` on some images of the sample, in float32, which repeats itself."""
    preset = PRESETS["cifar10-starter"].experiment
    own = {
        "data": Data.make(variant="sample", train_images=train_images),
        "epochs": epochs,
        "precision": "float32",
        "early_stopping": None,
        "preset": None,
    }
    return Experiment.make(**{**dict(preset), **own})


def fill(home: Path, runs: int) -> RunStore:
    """Train runs in a new home, add a series, a study, pins and a data set; return its store."""
    settings = settings_of(home)
    worker = Worker(settings, "command line")
    ids = [worker.submit(small_experiment(2), f"run {number}").id for number in range(runs)]
    for run_id in ids:
        worker.wait(run_id)
    store = worker.store
    save_series(store, "lab", "Same again", [(run_id, run_id) for run_id in ids])
    choices = Choices(key="optimizer", values=("adam", "sgd"))
    study = Study.make(base=small_experiment(2), parameters=[choices.model_dump()])
    add_trial(store, create_study(store, study, "Which?").id, ids[0], {"optimizer": "adam"}, "adam")
    save_preference(store, PINS, [3, 1, 4])
    _import_pictures(settings, home.with_name(f"{home.name}-pictures.npz"))
    return store


def _import_pictures(settings: Settings, path: Path) -> None:
    random = np.random.default_rng(1)
    images = random.integers(0, 256, (60, 16, 16, 3), np.uint8)
    labels = np.arange(60) % 3
    np.savez(path, x_train=images[:40], y_train=labels[:40], x_test=images[40:], y_test=labels[40:])
    options = ImportOptions(title="Noise", side=16)
    with prepare_import(path, "noise", settings, options) as prepared:
        prepared.store(settings)


@dataclass(frozen=True)
class Contents:
    """What a home holds: histories, points and weights of its runs, and what is beside them."""

    runs: Mapping[str, Mapping[str, Any]]
    files: Mapping[str, Mapping[str, bytes]]
    others: tuple[Any, ...]

    @classmethod
    def of(cls, store: RunStore) -> "Contents":
        """Read a home."""
        runs = {run.id: facts(store, run.id) | {"name": run.name} for run in store.all()}
        folders = {run_id: store.folder(run_id) for run_id in runs}
        return cls(
            runs=runs,
            files={
                run_id: {name: (folder / name).read_bytes() for name in run_file_names(folder)}
                for run_id, folder in folders.items()
            },
            others=(all_series(store, "lab"), all_studies(store), load_preference(store, PINS)),
        )


def facts(store: RunStore, run_id: str) -> dict[str, Any]:
    """Return history (without seconds) and points of a run."""
    points = store.batch_points(run_id)
    return {
        "epochs": [tuple(epoch)[:-1] for epoch in store.epochs(run_id)],
        "points": (points.steps.tolist(), points.loss.tolist(), points.accuracy.tolist()),
    }


def weights_equal(one: RunStore, other: RunStore, run_id: str) -> bool:
    """Whether a run's last checkpoint is equal in two homes, with the optimiser's variables."""
    left, right = (
        load_arrays(checkpoint_path(store.folder(run_id), "last"))[0] for store in (one, other)
    )
    return left.keys() == right.keys() and all(
        np.array_equal(value, right[name]) for name, value in left.items()
    )


def command(
    home: Path, *arguments: str, before_exec: Callable[[], object] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command line in a home to its end."""
    return subprocess.run(
        [sys.executable, "-m", "cifarviz", *arguments],
        env=environment_of(home),
        cwd=DASHBOARD,
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE,
        preexec_fn=before_exec,
    )


def started(home: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the command line in a home."""
    return subprocess.Popen(
        [sys.executable, "-m", "cifarviz", *arguments],
        env=environment_of(home),
        cwd=DASHBOARD,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Wait until it holds; raises ``TimeoutError`` that says what."""
    end = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {_PATIENCE:.0f} s for {what}")
        time.sleep(0.02)


def says_in_words(done: subprocess.CompletedProcess[str]) -> bool:
    """Whether a command that failed said so in a sentence and without a traceback."""
    return (
        done.returncode in (1, 2) and done.stderr.strip() != "" and ("Traceback" not in done.stderr)
    )


def none_of(what: str, problems: Sequence[str], tries: int) -> Result:
    """Return the result that nothing went wrong in so many tries; prints what did."""
    for problem in problems:
        print(f"  {what}: {problem}", flush=True)
    return what, not problems and tries > 0, f"{len(problems)} of {tries:,} wrong"
