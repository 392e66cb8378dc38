"""Going on from a place in a recording: a new run that trains live."""

from collections.abc import Sequence

import streamlit as st

from cifarviz.data import library
from cifarviz.errors import CifarvizError
from cifarviz.experiment.fork_names import fork_name
from cifarviz.experiment.forking import ForkChanges, forked
from cifarviz.experiment.run_names import free_name
from cifarviz.runs.kept_weights import epochs_to_fork
from cifarviz.runs.records import Run
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.query import update_query_params
from cifarviz.ui.queue_once import queue_fork_once

# So many epochs, where the run itself had none left.
_MORE = 5


def epochs_to_go_on_from(run: Run) -> Sequence[int]:
    """The epochs after which ``run`` has kept weights; none where its images are not here."""
    if not images_here(run):
        return ()
    return list(epochs_to_fork(cache.store().folder(run.id), run))


def images_here(run: Run) -> bool:
    """Whether the images that ``run`` learned from are on this machine."""
    data = run.experiment.data
    return data.variant == "sample" or library.status(data.dataset, cache.settings()).full_available


def go_on(run: Run, epoch: int) -> None:
    """Queue a run that goes on after ``epoch`` as this one did, and present it; for a callback."""
    made = run.experiment
    left = made.epochs - epoch
    try:
        experiment = forked(made, epoch, ForkChanges(epochs=left if left > 0 else _MORE))
        taken = {other.name for other in cache.store().all()}
        name = free_name(fork_name(run.name, made, experiment, epoch), taken)
        begun = queue_fork_once(run, epoch, experiment, name)
    except CifarvizError as error:
        st.toast(escaped(str(error)), icon=":material/error:")
        return
    update_query_params(run=begun.id, at=None, epoch=None)
