"""A run with something of every kind that a run may have."""

import numpy as np

from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.records import BatchPoints, Progress, Run
from cifarviz.runs.snapshots import keep_answers, keep_weights
from cifarviz.runs.store import RunStore
from tests import stored_runs

RANDOM = np.random.default_rng(4)
ARRAYS = {
    "model/000/kernel": RANDOM.normal(size=(3, 4)).astype(np.float32),
    "model/001/seed": np.array([1, 2], np.uint32),
    "optimizer/000/momentum": RANDOM.normal(size=7).astype(np.float32),
}
PROBABILITIES = np.full((5, 10), 0.1, np.float32)


def store_full_run(store: RunStore) -> Run:
    """A run with a history, batches, a checkpoint and snapshots."""
    made = stored_runs.store_run(store, stored_runs.experiment(), checkpoints={"last": ARRAYS})
    points = np.arange(1, 31)
    store.record(
        made.id,
        Progress("training", 3, 30, 10, 900.0, 0.0, 1.0),
        BatchPoints(points, (1 / points).astype(np.float32), np.ones(30, np.float32)),
    )
    keep_weights(store.folder(made.id), 1, ARRAYS)
    keep_answers(
        store.folder(made.id),
        2,
        "test",
        np.arange(5),
        Predictions.from_probabilities(PROBABILITIES),
    )
    (store.folder(made.id) / "notes.txt").write_text("not of the run")
    return store.get(made.id)
