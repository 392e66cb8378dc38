"""Runs of varied settings in a store, with results that depend on these, without training."""

import time
from collections.abc import Iterator

import numpy as np

from cifarviz.experiment.choices import Data
from cifarviz.experiment.experiment import Experiment
from cifarviz.runs.records import Epoch, Progress, Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore, new_run_id
from tests import stored_runs


def varied_experiments(count: int) -> Iterator[Experiment]:
    """Yield experiments that differ in learning rate, batch size, optimiser and flips."""
    random = np.random.default_rng(3)
    for number in range(count):
        rate = float(f"{10 ** random.uniform(-4, -1):.3g}")
        yield stored_runs.experiment(
            data=Data(train_images=500),
            optimizer={
                "kind": "sgd" if number % 3 == 2 else "adam",
                "learning_rate": rate,
            },
            batch_size=int(random.choice([16, 32, 64, 128])),
            augmentation={"flip": bool(random.integers(2))},
            epochs=5,
        )


def store_varied_runs(store: RunStore, count: int, *, epochs: int = 5) -> list[Run]:
    """Store finished runs of ``varied_experiments``: the best learn at a rate near 0.003."""
    random = np.random.default_rng(4)
    runs = []
    for number, experiment in enumerate(varied_experiments(count)):
        run_id = new_run_id()
        store.create(run_id, experiment, f"run {number + 1}", "command line")
        store.transition(run_id, RunState.RUNNING)
        far = np.log10(experiment.optimizer.learning_rate / 0.003)
        top = 0.7 - 0.1 * far**2 + 0.02 * experiment.augmentation.flip + random.normal(0, 0.01)
        for epoch in range(1, epochs + 1):
            accuracy = float(np.clip(top * (1 - np.exp(-epoch / 2)), 0.1, 0.99))
            record = Epoch(
                epoch, 2.3 - 2 * accuracy, accuracy, 2.4 - 2 * accuracy, accuracy, 0.001, 1.5
            )
            progress = Progress("training", epoch, epoch * 10, 10, 900.0, None, time.time())
            store.record(run_id, progress, None, record)
        store.describe(run_id, seconds=1.5 * epochs, train_images=500, validation_images=1000)
        store.transition(run_id, RunState.FINISHED)
        runs.append(store.get(run_id))
    return runs
