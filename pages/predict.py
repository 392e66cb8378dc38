"""The Predict page: predictions for uploaded images and images of the data set."""

from collections.abc import Mapping

import streamlit as st

from cifarviz.datasets.registry import find_dataset
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice
from cifarviz.ui.class_names import class_names
from cifarviz.ui.epoch_scrubber import (
    epoch_from_query,
    epoch_slider_container,
    epochs_with_weights,
    has_saved_weights,
    render_epoch_slider,
)
from cifarviz.ui.errors import render_errors
from cifarviz.ui.pickers import available_checkpoints, pick_checkpoint_or_epochs, pick_run
from cifarviz.ui.predict.picture import ChosenNetwork
from cifarviz.ui.predict.view import PredictView, pick_view, render_predictions
from cifarviz.ui.query import sync_query_params


def network_with(run: Run, weights: WeightsChoice, **address: str) -> ChosenNetwork:
    """Return the network with these weights, which ``address`` chooses."""
    classes = class_names(find_dataset(run.experiment.data.dataset))
    return ChosenNetwork(run, weights, classes, {"run": run.id, **address})


def render_epochs(run: Run, sources: Mapping[int, WeightsChoice], view: PredictView) -> None:
    """Render the predictions with the weights of the epoch chosen with a slider."""
    slider = epoch_slider_container()
    with slider:
        epoch = epoch_from_query(list(sources))
    title = ""
    with render_errors():
        network = network_with(run, sources[epoch], checkpoint="epochs", epoch=str(epoch))
        title = render_predictions(network, view)
    # Also if these weights are damaged: others may be readable.
    render_epoch_slider(slider, run, list(sources), epoch, about=title)


sync_query_params("predict")
view = pick_view()
left, right = st.columns([3, 2])
run = weights = None
with left, render_errors():
    run = pick_run(keeps=has_saved_weights)
if run is not None:
    sources = epochs_with_weights(run)
    has_epochs = len(sources) > (1 if available_checkpoints(run) else 0)
    with right, render_errors():
        weights = pick_checkpoint_or_epochs(run, has_epochs=has_epochs)
if run is not None and weights is not None:
    with render_errors():
        if weights == "epochs":
            render_epochs(run, sources, view)
        else:
            render_predictions(network_with(run, weights, checkpoint=weights), view)
