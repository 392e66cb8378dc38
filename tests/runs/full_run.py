"""A run with something of every kind that a run may have, all of it as its experiment makes it."""

import numpy as np

from cifarviz.experiment.variable_shapes import model_variables, optimizer_variables
from cifarviz.layers.base import SEED
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import MaxPool2D
from cifarviz.runs.artifacts import FolderArtifacts
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.records import BatchPoints, Progress, Run
from cifarviz.runs.snapshots import save_predictions, save_weights
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_maps import save_maps
from tests import stored_runs

RANDOM = np.random.default_rng(4)
EXPERIMENT = stored_runs.experiment(
    Conv2D(filters=4),
    MaxPool2D(pool_size=8, strides=8),
    Dropout(rate=0.2),
    Flatten(),
    Dense(units=10, activation="softmax"),
    validation={"kind": "split", "fraction": 0.002, "seed": 1},
)


def _values(name: str, shape: tuple[int, ...]) -> np.ndarray:
    if name.endswith((SEED, "iteration")):
        return np.ones(shape, np.int64)
    # Some are means of squares.
    return np.abs(RANDOM.normal(size=shape)).astype(np.float32)


MODEL = {
    name: _values(name, shape) for name, shape in model_variables(EXPERIMENT.architecture).items()
}
OPTIMIZER = {
    name: _values(name, shape)
    for name, shape in optimizer_variables(EXPERIMENT.architecture, EXPERIMENT.optimizer).items()
}
ARRAYS = {**MODEL, **OPTIMIZER}
PROBABILITIES = np.full((10, 10), 0.1, np.float32)


class Output:
    """What a layer made of two images, as ``save_maps`` takes it."""

    def __init__(self, name: str, type_: str, *shape: int) -> None:
        self.name, self.type = name, type_
        self.values = RANDOM.normal(size=(2, *shape)).astype(np.float32)


def store_full_run(store: RunStore) -> Run:
    """A run with a history, batches, a checkpoint and snapshots."""
    made = stored_runs.store_run(store, EXPERIMENT, checkpoints={"last": ARRAYS})
    store.describe(made.id, validation_images=10)
    points = np.arange(1, 31)
    store.record(
        made.id,
        Progress("training", 3, 30, 10, 900.0, 0.0, 1.0),
        BatchPoints(points, (1 / points).astype(np.float32), np.ones(30, np.float32)),
    )
    folder = store.folder(made.id)
    save_weights(FolderArtifacts(folder), 1, MODEL)
    save_predictions(
        FolderArtifacts(folder),
        2,
        "train",
        np.arange(10),
        Predictions.from_probabilities(PROBABILITIES),
    )
    layers = [Output("conv2d_1", "conv2d", 32, 32, 4), Output("dense_1", "dense", 10)]
    save_maps(FolderArtifacts(folder), 1, np.array([1, 7]), layers)
    (folder / "notes.txt").write_text("not of the run")
    return store.get(made.id)
