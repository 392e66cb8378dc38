"""Inside: what every layer of a trained network makes of one image."""

from collections.abc import Mapping

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cifarviz.runs.kept_weights import epoch_of
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice
from cifarviz.ui.epoch_scrubber import (
    epoch_from_query,
    epoch_scrubber,
    epoch_slider_container,
    has_inspectable_epochs,
    inspectable_epochs,
)
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.inside import view
from cifarviz.ui.inside.image import offer_images_with_maps, test_image_in_address
from cifarviz.ui.inside.view import render_inspection
from cifarviz.ui.pickers import (
    checkpoint_label,
    checkpoints_of,
    pick_checkpoint_or_epochs,
    pick_run,
)
from cifarviz.ui.query import sync_query_params


def look_over_epochs(
    run: Run, kept: Mapping[int, WeightsChoice], beside: DeltaGenerator, other: Run | None
) -> None:
    """Look inside with the weights of the epoch that a slider is at."""
    slider = epoch_slider_container()
    with slider:
        epoch = epoch_from_query(list(kept))
    about = ""
    with errors_shown():
        words = view.epoch_words(epoch)
        about = render_inspection(run, kept[epoch], epoch, words, beside, other)
    # Also where these weights are damaged: others may be whole.
    epoch_scrubber(slider, run, list(kept), epoch, about=about)


st.title("Inside")
sync_query_params("inside")
left, right, third, fourth = st.columns([3, 2, 3, 2])
run = which = other = None
with left, errors_shown():
    run = pick_run(
        dependent=("layer", "channel", "look", "class", *view.dependent()),
        keeps=has_inspectable_epochs,
    )
if run is not None:
    kept = inspectable_epochs(run, test_image_in_address())
    whole = bool(checkpoints_of(run))
    if kept or whole:
        with right, errors_shown():
            which = pick_checkpoint_or_epochs(run, has_epochs=len(kept) > (1 if whole else 0))
    else:
        offer_images_with_maps(run)
if run is not None and which is not None:
    with third, errors_shown():
        other = view.choose_run(run)
    with errors_shown():
        if which == "epochs":
            look_over_epochs(run, kept, fourth, other)
        else:
            # One that was stopped in the middle of an epoch is nearest to its last whole one.
            epoch = epoch_of(run, which) or run.epochs_done
            words = checkpoint_label(run, which)
            render_inspection(run, which, epoch, words, fourth, other)
