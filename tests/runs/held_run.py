"""A run held as its worker holds it, and what a worker writes of it."""

import numpy as np
from filelock import BaseFileLock

from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs import locks
from cifarviz.runs.records import BatchPoints, Epoch, Progress
from cifarviz.runs.store import RunStore, new_run_id

EXPERIMENT = PRESETS["cifar10-starter"].experiment
PROGRESS = Progress("training", 1, 3, 10, 1000.0, 5.0, 0.0)


def held_run(
    store: RunStore, name: str = "mine", experiment: Experiment = EXPERIMENT
) -> tuple[str, BaseFileLock]:
    run_id = new_run_id()
    lock = locks.acquire(store.lock_path(run_id))
    assert lock is not None
    store.create(run_id, experiment, name, "dashboard")
    return run_id, lock


def points(first: int, count: int) -> BatchPoints:
    steps = np.arange(first, first + count)
    return BatchPoints(steps, (steps / 10).astype("f4"), (steps / 100).astype("f4"))


def epoch(number: int, val_loss: float | None, loss: float = 1.0) -> Epoch:
    accuracy = None if val_loss is None else 1 - val_loss / 10
    return Epoch(number, loss, 0.5, val_loss, accuracy, 0.001, 2.0)
