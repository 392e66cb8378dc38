"""Runs that a queued run waits for although a place is free: it needs something of theirs."""

from cifarviz.errors import CifarvizError, RunNotFound
from cifarviz.runs.records import Run
from cifarviz.runs.series import find_series_of_run, find_series_precision
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore


def find_predecessor(store: RunStore, run: Run) -> Run | None:
    """Return the run in training that must get on before ``run`` starts; ``None`` if there is none.

    That is the run whose weights it starts with, until it has ended; and one of its series that
    is finding the precision in which all of them train.
    """
    try:
        experiment = run.experiment
    except CifarvizError:
        # It fails when it starts, and says why.
        return None
    if experiment.transfer is not None:
        try:
            source = store.get(experiment.transfer.run)
        except RunNotFound:
            source = None
        if source is not None and _is_training(source):
            return source
    if experiment.precision != "auto" or run.precision is not None:
        return None
    if find_series_precision(store, run.id) is not None:
        return None
    others = {other for series in find_series_of_run(store, run.id) for other in series.run_ids}
    choosing = (other for other in store.active() if other.id in others - {run.id})
    return next((other for other in choosing if _is_training(other)), None)


def _is_training(run: Run) -> bool:
    return run.state.active and run.state is not RunState.QUEUED
