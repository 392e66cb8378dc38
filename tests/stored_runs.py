"""Create runs in a store without training, for tests."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
from filelock import BaseFileLock

from cifarviz.datasets.registry import find_dataset
from cifarviz.experiment.choices import Data
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.experiment.presets import PRESETS
from cifarviz.layers.base import Layer
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import MaxPool2D
from cifarviz.runs import locks
from cifarviz.runs.artifacts import Checkpoint, checkpoint_path, epoch_predictions_path, save_arrays
from cifarviz.runs.log_probabilities import FORMAT, Predictions
from cifarviz.runs.records import BatchPoints, Epoch, Progress, Run, scaling_to_json
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore, new_run_id

Arrays = Mapping[str, np.ndarray]


def experiment(*layers: Layer, **fields: object) -> Experiment:
    """Return an experiment on the sample, by default with six small layers."""
    layers = layers or (
        Conv2D(filters=6),
        MaxPool2D(),
        Conv2D(filters=8),
        MaxPool2D(),
        Flatten(),
        Dense(units=10, activation="softmax"),
    )
    base = PRESETS["cifar10-starter"].experiment
    values = base.model_dump() | {"data": Data(), "epochs": 3, "preset": None} | fields
    values["architecture"] = values["architecture"] | {"layers": layers}
    return Experiment(**values)


def scaling_of(experiment: Experiment) -> Scaling:
    """Return the stored scaling of an experiment that divides by 255."""
    channels = experiment.architecture.input_shape[2]
    return Scaling((1 / 255,) * channels, (0.0,) * channels)


def weights(experiment: Experiment) -> dict[str, np.ndarray]:
    """Return the arrays of a checkpoint with initial weights."""
    from cifarviz.network.build import build
    from cifarviz.network.variables import to_arrays

    return to_arrays(build(experiment.architecture, scaling_of(experiment), seed=1))


def run_record(experiment: Experiment | None = None, **facts: object) -> Run:
    """Return the record of a finished run without a store."""
    defaults: dict[str, object] = {
        "id": "a", "name": "a", "state": RunState.FINISHED, "origin": "dashboard",
        "machine": "here", "created": 0.0, "started": 100.0, "ended": None, "seconds": 0.0,
        "epochs_done": 2, "best_epoch": 2, "best_loss": 1.0, "best_val_accuracy": 0.5,
        "last_val_accuracy": 0.5, "train_images": 2000, "validation_images": 1000,
        "images_per_second": None, "precision": "float32", "scaling_json": None, "message": None,
        "requested": None, "progress": None, "best_epoch_val_accuracy": 0.5,
        "best_val_accuracy_epoch": 2,
    }  # fmt: skip
    text = (experiment or PRESETS["cifar10-starter"].experiment).to_json()
    return Run(**{**defaults, "experiment_json": text, **facts})  # type: ignore[arg-type]


def store_run(
    store: RunStore,
    experiment: Experiment,
    *,
    name: str = "mine",
    state: RunState = RunState.FINISHED,
    epochs: int = 3,
    validated: bool = True,
    checkpoints: Mapping[Checkpoint, Arrays] | None = None,
    message: str | None = None,
) -> Run:
    """Store a run in a state; an active run is interrupted unless its lock is ``held``."""
    run_id = new_run_id()
    with _lock(store, run_id):
        fingerprint = find_dataset(experiment.data.dataset).fingerprint
        store.create(run_id, experiment, name, "command line", data_fingerprint=fingerprint)
        if state is not RunState.QUEUED:
            store.transition(run_id, RunState.RUNNING)
        for number in range(1, epochs + 1):
            value = 2 / number
            record = Epoch(
                number,
                value,
                1 - value / 4,
                value + 0.1 if validated else None,
                1 - value / 3 if validated else None,
                0.001,
                1.5,
            )
            progress = Progress("training", number, number * 10, 10, 900.0, 30.0, time.time())
            store.record(run_id, progress, None, record)
        store.describe(
            run_id, scaling=scaling_to_json(scaling_of(experiment)), seconds=65.0, train_images=5000
        )
        if state in (RunState.STOPPED, RunState.STOPPING):
            store.transition(run_id, RunState.STOPPING)
        if state not in (RunState.QUEUED, RunState.RUNNING, RunState.STOPPING):
            store.transition(run_id, state, message)
        for checkpoint, arrays in (checkpoints or {}).items():
            save_arrays(checkpoint_path(store.folder(run_id), checkpoint), arrays, {"format": 1})
        return store.get(run_id)


def advance_run(store: RunStore, run: Run, steps: int, *, epoch: bool = False) -> None:
    """Advance a run by ``steps`` of ten per epoch; ``epoch`` also ends the epoch."""
    now = store.get(run.id)
    step = now.progress.step if now.progress is not None else 0
    points = np.arange(step + 1, step + steps + 1)
    number = now.epochs_done + 1
    value = 2 / number
    record = Epoch(number, value, 1 - value / 4, value + 0.1, 1 - value / 3, 0.001, 1.5)
    store.record(
        run.id,
        Progress("training", number, step + steps, 10, 900.0, 30.0, time.time()),
        BatchPoints(points, (2 / points).astype(np.float32), (1 - 1 / points).astype(np.float32)),
        record if epoch else None,
    )


def raise_validation_loss(store: RunStore, run: Run, epoch: int) -> None:
    """Give an epoch a high validation loss, so that it is not the best."""
    with store.database.connect(write=True) as connection:
        connection.execute(
            "UPDATE epochs SET val_loss = 9 WHERE run = ? AND epoch = ?", (run.id, epoch)
        )


def mark_earlier_losses(store: RunStore, run: Run, until: int | None = None) -> Run:
    """Mark the losses of a run, up to an epoch or all, as computed by an earlier version."""
    store.describe(run.id, exact_loss_from=None if until is None else until + 1)
    return store.get(run.id)


def add_checkpoint(store: RunStore, run: Run, checkpoint: Checkpoint = "last") -> None:
    """Write an empty checkpoint file, for tests that only check that it exists."""
    save_arrays(checkpoint_path(store.folder(run.id), checkpoint), {}, {"format": 1})


def save_predictions(
    store: RunStore, run: Run, epoch: int, probabilities: np.ndarray, indices: np.ndarray
) -> None:
    """Save predictions of the test images after an epoch, like the engine."""
    predictions = Predictions.from_probabilities(probabilities)
    save_arrays(
        epoch_predictions_path(store.folder(run.id), epoch),
        {"log_probabilities": predictions.log_probabilities, "indices": indices},
        {"format": FORMAT, "epoch": epoch},
    )


@contextmanager
def hold_lock(store: RunStore, run: Run) -> Iterator[None]:
    """Hold the lock of an active run, like its worker."""
    with _lock(store, run.id):
        yield


def _lock(store: RunStore, run_id: str) -> BaseFileLock:
    lock = locks.acquire(store.lock_path(run_id))
    assert lock is not None
    return lock
