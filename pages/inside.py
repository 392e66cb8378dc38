"""Inside: what every layer of a trained network makes of one image."""

from collections.abc import Mapping

import streamlit as st

from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import Weights
from cifarviz.ui import cache
from cifarviz.ui.class_names import address_names, class_names
from cifarviz.ui.epoch_scrubber import (
    epoch_in_address,
    epoch_scrubber,
    epochs_place,
    epochs_with_weights,
)
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.followed_address import follow
from cifarviz.ui.inside.answer import IMAGE_WIDTH, show_answer, show_image
from cifarviz.ui.inside.attention import show_attention
from cifarviz.ui.inside.channel import Looked, chosen_channel, show_channel
from cifarviz.ui.inside.image import choose_image
from cifarviz.ui.inside.layers import show_layers
from cifarviz.ui.inside.over_all import found_over_all, show_over_all
from cifarviz.ui.pickers import pick_checkpoint_or_epochs, pick_run


def look_inside(run: Run, which: Weights) -> None:
    """Show the image, the network's answer and all layers."""
    classes = class_names(run.experiment.data.dataset)
    row = st.container(horizontal=True, gap="medium")
    choice = row.container(width=330)
    picture = row.container(width=IMAGE_WIDTH)
    answer = row.container()
    chosen = chosen_channel(run.experiment.architecture)
    image = None
    with choice, errors_shown():
        image = choose_image(run.experiment)
    if image is None:
        return
    with picture:
        show_image(image, classes)
    model = cache.trained_model(run, which)
    views = cache.layer_views(run, which, image.pixels)
    with answer, errors_shown():
        mirrored = run.experiment.mirrored_answers
        show_answer(views[-1].values, classes, image.actual, mirrored=mirrored)

    attention = st.container()
    st.header("Layers", anchor="layers")
    over_all = st.container()
    chosen = show_layers(views, classes, chosen, found_over_all(run, which)) or chosen
    # After the layers, which are waited for most.
    with attention, errors_shown():
        names = address_names(run.experiment.data.dataset)
        show_attention(model, views, image, classes, names)
    if chosen is not None:
        name, channel = chosen
        looked = Looked(run, which, image, model, classes)
        show_channel(next(view for view in views if view.name == name), channel, looked)
    else:
        with over_all:
            show_over_all(run, which)


def look_over_epochs(run: Run, kept: Mapping[int, Weights]) -> None:
    """The same, with the weights of the epoch that a slider is at."""
    slider = epochs_place()
    with slider:
        epoch = epoch_in_address(list(kept))
    with errors_shown():
        look_inside(run, kept[epoch])
    # Also where these weights are damaged: others may be whole.
    epoch_scrubber(slider, run, list(kept), epoch)


st.title("Inside")
follow("inside")
left, right = st.columns([3, 2])
run = which = None
with left, errors_shown():
    run = pick_run(dependent=("layer", "channel", "look", "class"))
if run is not None:
    kept = epochs_with_weights(run)
    with right, errors_shown():
        which = pick_checkpoint_or_epochs(run, has_epochs=len(kept) > 1)
if run is not None and which is not None:
    with errors_shown():
        if which == "epochs":
            look_over_epochs(run, kept)
        else:
            look_inside(run, which)
