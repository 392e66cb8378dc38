"""Runs put straight into a store, without training: the pages' tests look at them."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
from filelock import BaseFileLock

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
    """An experiment on the sample; without ``layers``, a network of six small ones."""
    layers = layers or (
        Conv2D(filters=6),
        MaxPool2D(),
        Conv2D(filters=8),
        MaxPool2D(),
        Flatten(),
        Dense(units=10, activation="softmax"),
    )
    base = PRESETS["cifar10-starter"].experiment
    made = base.model_dump() | {"data": Data(), "epochs": 3, "preset": None} | fields
    made["architecture"] = made["architecture"] | {"layers": layers}
    return Experiment(**made)


def scaling_of(made: Experiment) -> Scaling:
    """What a run of ``made`` that divides by 255 has stored."""
    channels = made.architecture.input_shape[2]
    return Scaling((1 / 255,) * channels, (0.0,) * channels)


def weights(made: Experiment) -> dict[str, np.ndarray]:
    """What a checkpoint of a network that has not learned yet would hold."""
    from cifarviz.network.build import build
    from cifarviz.network.variables import to_arrays

    return to_arrays(build(made.architecture, scaling_of(made), seed=1))


def record(made: Experiment | None = None, **facts: object) -> Run:
    """A finished run as the store would give it, in no store."""
    known: dict[str, object] = {
        "id": "a", "name": "a", "state": RunState.FINISHED, "origin": "dashboard",
        "machine": "here", "created": 0.0, "started": 100.0, "ended": None, "seconds": 0.0,
        "epochs_done": 2, "best_epoch": 2, "best_loss": 1.0, "best_val_accuracy": 0.5,
        "last_val_accuracy": 0.5, "train_images": 2000, "validation_images": 1000,
        "images_per_second": None, "precision": "float32", "scaling_json": None, "message": None,
        "requested": None, "progress": None, "best_epoch_val_accuracy": 0.5,
        "best_val_accuracy_epoch": 2,
    }  # fmt: skip
    text = (made or PRESETS["cifar10-starter"].experiment).to_json()
    return Run(**{**known, "experiment_json": text, **facts})  # type: ignore[arg-type]


def store_run(
    store: RunStore,
    made: Experiment,
    *,
    name: str = "mine",
    state: RunState = RunState.FINISHED,
    epochs: int = 3,
    validated: bool = True,
    checkpoints: Mapping[Checkpoint, Arrays] | None = None,
    message: str | None = None,
) -> Run:
    """Enter a run that has got as far as this; an active one is cut off unless it is ``held``."""
    run_id = new_run_id()
    with _lock(store, run_id):
        store.create(run_id, made, name, "command line")
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
            run_id, scaling=scaling_to_json(scaling_of(made)), seconds=65.0, train_images=5000
        )
        if state in (RunState.STOPPED, RunState.STOPPING):
            store.transition(run_id, RunState.STOPPING)
        if state not in (RunState.QUEUED, RunState.RUNNING, RunState.STOPPING):
            store.transition(run_id, state, message)
        for which, arrays in (checkpoints or {}).items():
            save_arrays(checkpoint_path(store.folder(run_id), which), arrays, {"format": 1})
        return store.get(run_id)


def go_on(store: RunStore, run: Run, steps: int, *, epoch: bool = False) -> None:
    """Let a running run make ``steps`` of its ten an epoch, and end an epoch if wanted."""
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


def make_worse(store: RunStore, run: Run, epoch: int) -> None:
    """Give an epoch a high validation loss, as one has that is no longer the best."""
    with store.database.connect(write=True) as connection:
        connection.execute(
            "UPDATE epochs SET val_loss = 9 WHERE run = ? AND epoch = ?", (run.id, epoch)
        )


def make_earlier(store: RunStore, run: Run, until: int | None = None) -> Run:
    """Let an earlier version have computed the losses of a run, up to an epoch or all."""
    store.describe(run.id, exact_loss_from=None if until is None else until + 1)
    return store.get(run.id)


def add_checkpoint(store: RunStore, run: Run, which: Checkpoint = "last") -> None:
    """Give a run a checkpoint file with nothing in it, for those who only look whether it is."""
    save_arrays(checkpoint_path(store.folder(run.id), which), {}, {"format": 1})


def keep_answers(
    store: RunStore, run: Run, epoch: int, probabilities: np.ndarray, indices: np.ndarray
) -> None:
    """Give a run its answers after an epoch, as the engine would."""
    predictions = Predictions.from_probabilities(probabilities)
    save_arrays(
        epoch_predictions_path(store.folder(run.id), epoch),
        {"log_probabilities": predictions.log_probabilities, "indices": indices},
        {"format": FORMAT, "epoch": epoch},
    )


@contextmanager
def held(store: RunStore, run: Run) -> Iterator[None]:
    """Look after an active run, as its worker would."""
    with _lock(store, run.id):
        yield


def _lock(store: RunStore, run_id: str) -> BaseFileLock:
    lock = locks.acquire(store.lock_path(run_id))
    assert lock is not None
    return lock
