"""The other networks that the chosen picture can be given to."""

from cifarviz.analysis.members import Member
from cifarviz.errors import CifarvizError
from cifarviz.experiment.choices import Data
from cifarviz.runs.records import Run
from cifarviz.ui import cache
from cifarviz.ui.ensemble.members import recorded_networks
from cifarviz.ui.errors import render_errors
from cifarviz.ui.pickers import available_checkpoints


def other_networks(own: Run) -> dict[str, Member]:
    """Return the weights that other runs use by default, by run id, the newest run first.

    They take the same pictures as ``own`` and tell the same classes apart. A home that has none is
    given the recorded ones.
    """
    found = _find(own)
    # The recorded ones are a duel on the lab's own data set.
    if not found and own.experiment.data.dataset == Data().dataset:
        with render_errors():
            recorded_networks()
        found = _find(own)
    return found


def comparable_runs(own: Run) -> dict[str, Run]:
    """Return ``own`` and the runs, by id, that take its pictures and tell its classes apart."""
    return {run.id: run for run in cache.store().all() if _is_comparable(run, own)}


def _find(own: Run) -> dict[str, Member]:
    others = (run for run in comparable_runs(own).values() if run.id != own.id)
    found = ((run, available_checkpoints(run)) for run in others)
    return {run.id: Member(run, checkpoints[0]) for run, checkpoints in found if checkpoints}


def _is_comparable(run: Run, other: Run) -> bool:
    if run.damage is not None:
        return False
    try:
        one, two = run.experiment, other.experiment
    except CifarvizError:
        # Written by a newer version.
        return False
    same_shape = one.architecture.input_shape == two.architecture.input_shape
    return same_shape and one.data.dataset == two.data.dataset
