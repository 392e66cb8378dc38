"""Evaluate: how good a network, or an ensemble, is on images it has never seen."""

import streamlit as st

from cifarviz.ui.ensemble.view import render_ensemble
from cifarviz.ui.epoch_scrubber import (
    epochs_with_predictions,
    epochs_with_weights,
    has_evaluable_epochs,
)
from cifarviz.ui.errors import render_errors
from cifarviz.ui.evaluate.doubts import render_doubts
from cifarviz.ui.evaluate.evaluation import load_evaluated_dataset
from cifarviz.ui.evaluate.map import render_map
from cifarviz.ui.evaluate.matrix import CELL_PARAMS
from cifarviz.ui.evaluate.view import (
    NETWORK_PARAMS,
    choose_view,
    evaluate_checkpoint,
    evaluate_epochs,
)
from cifarviz.ui.pickers import available_checkpoints, pick_checkpoint_or_epochs, pick_run
from cifarviz.ui.query import sync_query_params

# Query parameters that belong to one network.
_FORGET = (*CELL_PARAMS, *NETWORK_PARAMS)


def render_network() -> None:
    """Choose a run and its checkpoint or epoch, and show the evaluation."""
    left, right = st.columns([3, 2])
    run = chosen = None
    with left, render_errors():
        run = pick_run(dependent=_FORGET, keeps=has_evaluable_epochs)
    if run is None:
        return
    predicted, weights = epochs_with_predictions(run), epochs_with_weights(run)
    several = len(weights) > (1 if available_checkpoints(run) else 0)
    with right, render_errors():
        chosen = pick_checkpoint_or_epochs(
            run, has_epochs=bool(predicted) or several, forget=_FORGET
        )
    if chosen != "epochs" and st.query_params.get("checkpoint") == "epochs":
        st.caption(
            "This run has no saved predictions or weights of its epochs, or they were removed to "
            "save space."
        )
    with render_errors():
        dataset = None if chosen is None else load_evaluated_dataset(run)
        if dataset is None or chosen is None:
            return
        if chosen == "epochs":
            evaluate_epochs(run, dataset, predicted, weights)
        else:
            evaluate_checkpoint(run, chosen, dataset)


sync_query_params("evaluate")
view = choose_view()
if view == "ensemble":
    with render_errors():
        render_ensemble()
elif view == "map":
    render_map()
elif view == "doubts":
    render_doubts()
else:
    render_network()
