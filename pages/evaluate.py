"""Evaluate: how good a network, or several together, is on images it has never seen."""

import streamlit as st

from cifarviz.analysis.members import Member
from cifarviz.data.image_set import Dataset
from cifarviz.errors import DataError
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.records import Run
from cifarviz.runs.stored_weights import weights_position
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.class_names import class_names
from cifarviz.ui.dataset_images import available_dataset
from cifarviz.ui.ensemble.view import ensemble_view
from cifarviz.ui.epoch_scrubber import (
    epochs_with_predictions,
    epochs_with_weights,
    has_evaluable_epochs,
)
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.evaluate.evaluation import (
    EvaluatedImages,
    EvaluationView,
    evaluation_job,
    wait_for,
)
from cifarviz.ui.evaluate.matrix import DEPENDENT
from cifarviz.ui.evaluate.view import OWN, choose_view, evaluate_epochs, show_answered, summary
from cifarviz.ui.navigation import link_to
from cifarviz.ui.pickers import checkpoints_of, pick_checkpoint_or_epochs, pick_run
from cifarviz.ui.query import sync_query_params

# What else in the address belongs to one evaluation.
_FORGET = (*DEPENDENT, *OWN)


def evaluate(run: Run, which: Checkpoint, dataset: Dataset) -> None:
    """Show everything about one checkpoint."""
    found = wait_for(evaluation_job(run, which, dataset))
    if found is None:
        return
    found = found.renamed(class_names(dataset.info))
    summary(run, found, dataset.info, weights_position(cache.store(), run, which))
    show_answered(
        EvaluationView(
            found,
            EvaluatedImages(dataset.test, "test", dataset.info),
            Member(run, which),
            f"{run.id}-{which}",
            view=f"{run.id} {which}",
            address={"run": run.id, "checkpoint": which},
            ordering=lambda: found,
        )
    )


def one_network() -> None:
    """Choose a checkpoint, or an epoch, and look at it."""
    left, right = st.columns([3, 2])
    run = which = None
    with left, errors_shown():
        run = pick_run(dependent=_FORGET, keeps=has_evaluable_epochs)
    if run is not None:
        answered, weights = epochs_with_predictions(run), epochs_with_weights(run)
        several = len(weights) > (1 if checkpoints_of(run) else 0)
        with right, errors_shown():
            which = pick_checkpoint_or_epochs(
                run, has_epochs=bool(answered) or several, forget=_FORGET
            )
        if which != "epochs" and st.query_params.get("checkpoint") == "epochs":
            st.caption(
                "It has kept neither answers nor weights of its epochs, or they were thinned out "
                "for room."
            )
    if run is not None and which is not None:
        with errors_shown():
            dataset = data_of(run)
            if dataset is not None and which == "epochs":
                evaluate_epochs(run, dataset, answered, weights)
            elif dataset is not None and which != "epochs":
                evaluate(run, which, dataset)


def data_of(run: Run) -> Dataset | None:
    """The images to judge a run by, or ``None`` after saying why there are none here."""
    try:
        dataset = available_dataset(run)
        if dataset.variant != run.experiment.data.variant:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption(
                    f":material/info: The full {dataset.info.title} set, on which this run was "
                    "trained, is not on this machine. It is judged by the images of the embedded "
                    "sample.",
                    width="content",
                )
                link_to("start", "Fetch the full set")
        return dataset
    except DataError as error:
        st.error(escaped(str(error)), icon=":material/error:")
        link_to("start", "Get the images on the Start page")
        return None


sync_query_params("evaluate")
if choose_view() == "ensemble":
    with errors_shown():
        ensemble_view()
else:
    one_network()
