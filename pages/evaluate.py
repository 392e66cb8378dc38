"""Evaluate: how good a network, or several together, is on images it has never seen."""

import streamlit as st

from cifarviz.data.datasets import Dataset
from cifarviz.errors import DataError
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.records import Run
from cifarviz.ui import cache
from cifarviz.ui.class_names import class_names
from cifarviz.ui.epoch_scrubber import epochs_with_answers
from cifarviz.ui.errors import as_text, errors_shown
from cifarviz.ui.evaluate.asked import AskedImages
from cifarviz.ui.evaluate.cell import DEPENDENT
from cifarviz.ui.evaluate.ensemble.view import ensemble_view
from cifarviz.ui.evaluate.epochs import evaluate_epochs
from cifarviz.ui.evaluate.galleries import PICTURE
from cifarviz.ui.evaluate.job import evaluation_job, wait_for
from cifarviz.ui.evaluate.random_ten import random_ten
from cifarviz.ui.evaluate.shown import show_evaluation
from cifarviz.ui.evaluate.summary import summary
from cifarviz.ui.evaluate.views import choose_view
from cifarviz.ui.followed_address import follow
from cifarviz.ui.navigation import link_to
from cifarviz.ui.pickers import pick_checkpoint_or_epochs, pick_run

# What else in the address belongs to one evaluation.
_FORGET = (*DEPENDENT, PICTURE)


def evaluate(run: Run, which: Checkpoint, dataset: Dataset) -> None:
    """Show everything about one checkpoint."""
    evaluation = wait_for(evaluation_job(run, which, dataset))
    if evaluation is None:
        return
    evaluation = evaluation.renamed(class_names(dataset.info))
    summary(run, evaluation, dataset.info)
    asked = AskedImages(dataset.test, "test", dataset.info)
    address = {"run": run.id, "checkpoint": which}
    name, view = f"{run.id}-{which}", f"{run.id} {which}"
    show_evaluation(evaluation, asked, name, view=view, address=address)
    with errors_shown():
        random_ten(evaluation, dataset.test, **address)


def one_network() -> None:
    """Choose a checkpoint, or an epoch, and look at it."""
    left, right = st.columns([3, 2])
    run = which = None
    with left, errors_shown():
        run = pick_run(dependent=_FORGET)
    if run is not None:
        epochs = epochs_with_answers(run)
        with right, errors_shown():
            which = pick_checkpoint_or_epochs(run, has_epochs=bool(epochs), forget=_FORGET)
    if run is not None and which is not None:
        with errors_shown():
            dataset = data_of(run)
            if dataset is not None and which == "epochs":
                evaluate_epochs(run, dataset, epochs)
            elif dataset is not None and which != "epochs":
                evaluate(run, which, dataset)


def data_of(run: Run) -> Dataset | None:
    """The data set of a run, or ``None`` after saying why it is not here."""
    try:
        return cache.dataset(run.experiment.data.dataset, run.experiment.data.variant)
    except DataError as error:
        st.error(as_text(str(error)), icon=":material/error:")
        link_to("start", "Get the images on the Start page")
        return None


follow("evaluate")
if choose_view() == "ensemble":
    with errors_shown():
        ensemble_view()
else:
    one_network()
