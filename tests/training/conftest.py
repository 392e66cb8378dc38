"""Tiny real trainings on the embedded sample."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cifarviz.executors.worker import Worker
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.experiment import Data, Experiment, SplitValidation
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import MaxPool2D
from cifarviz.runs.records import Run
from cifarviz.settings import Settings

# Everything that carries state from step to step: dropout, batch statistics, Adam.
LAYERS = (
    MaxPool2D(),
    Conv2D(filters=4),
    BatchNorm(momentum=0.8),
    MaxPool2D(pool_size=4, strides=4),
    Flatten(),
    Dropout(rate=0.3),
    Dense(units=10, activation="softmax"),
)
MakeExperiment = Callable[..., Experiment]
TrainRun = Callable[..., Run]


@pytest.fixture
def make_experiment() -> MakeExperiment:
    """A tiny experiment with any field replaced."""

    def make(**fields: Any) -> Experiment:
        network = Architecture(input_shape=(32, 32, 3), classes=10, layers=LAYERS)
        defaults: dict[str, Any] = {
            "data": Data(variant="sample", train_images=90),
            "validation": SplitValidation(fraction=0.02, seed=1),
            "architecture": network,
            "batch_size": 16,
            "epochs": 3,
            "seed": 5,
            "precision": "float32",
        }
        return Experiment.make(**{**defaults, **fields})

    return make


@pytest.fixture
def worker(settings: Settings) -> Iterator[Worker]:
    """A worker whose runs are over when the test is."""
    from cifarviz.runs.states import Action

    one = Worker(settings, "dashboard")
    yield one
    for run in one.store.active():
        one.store.request(run.id, Action.STOP)
        one.wait(run.id, seconds=30)


@pytest.fixture
def trained(worker: Worker, make_experiment: MakeExperiment) -> TrainRun:
    """Train a tiny experiment with any field replaced, to its end."""

    def train(**fields: Any) -> Run:
        return worker.wait(worker.submit(make_experiment(**fields), "tiny").id)

    return train
