"""Runs that an ensemble may be made of, put straight into a store."""

import numpy as np

from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from tests import stored_runs


def trained(
    store: RunStore,
    name: str = "net",
    *,
    kept: tuple[Checkpoint, ...] = ("last",),
    state: RunState = RunState.FINISHED,
    **fields: object,
) -> Run:
    made = stored_runs.experiment(**fields)
    run = stored_runs.store_run(store, made, name=name, state=state)
    for which in kept:
        stored_runs.add_checkpoint(store, run, which)
    return run


def keep_answers(store: RunStore, run: Run, *epochs: int) -> None:
    for epoch in epochs:
        stored_runs.save_predictions(store, run, epoch, np.zeros((3, 10)), np.arange(3))
