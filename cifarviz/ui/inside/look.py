"""One image, the network's answer, and what each of its layers makes of it."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import Weights
from cifarviz.ui.class_names import address_names, class_names
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.inside import compared
from cifarviz.ui.inside.answer import IMAGE_WIDTH, show_answers, show_image
from cifarviz.ui.inside.attention import show_attention
from cifarviz.ui.inside.channel import Looked, chosen_channel, show_channel
from cifarviz.ui.inside.first_filters import show_first_filters
from cifarviz.ui.inside.image import choose_image
from cifarviz.ui.inside.layers import OneChannel, show_layers
from cifarviz.ui.inside.network import ShownNetwork, say_problem, shown_network
from cifarviz.ui.inside.over_all import found_over_all, show_over_all
from cifarviz.ui.inside.pins import show_pins
from cifarviz.ui.query import update_query_params


def look_inside(
    run: Run, which: Weights, epoch: int, words: str, beside: DeltaGenerator, other: Run | None
) -> str:
    """Show the image, the network's answer and all layers; returns what is shown, in words.

    The weights are those of ``epoch``, called ``words``. ``other`` is the run to compare them
    with, whose own are chosen ``beside``.
    """
    classes = class_names(run.experiment.data.dataset)
    pair = None
    if other is not None:
        with beside, errors_shown():
            pair = compared.choose_weights(run, epoch, other)
    row = st.container(horizontal=True, gap="medium")
    choice = row.container(width=330)
    picture = row.container(width=IMAGE_WIDTH)
    answer = row.container()
    on_right = pair is not None and compared.right_is_open()
    chosen = chosen_channel((pair.run if pair and on_right else run).experiment.architecture)
    image = None
    with choice, errors_shown():
        image = choose_image(run.experiment)
    if image is None:
        return ""
    with choice, errors_shown():
        show_pins(run, image)
    with picture:
        show_image(image, classes)
    titles = ("", "") if pair is None else compared.titles(run, words, pair)
    right: ShownNetwork | None = None
    if pair is not None:
        # What is wrong with it is said, and the other is looked into all the same.
        with answer, errors_shown():
            right = shown_network(pair.run, pair.weights, image, titles[1])
            say_problem(right)
    left = shown_network(run, which, image, titles[0] if right else "")
    with answer, errors_shown():
        show_answers(left, right, classes, image.actual)

    if left.model is None:
        say_problem(left)
        gone = f"The weights of epoch {epoch} were not kept, or were thinned out for room. "
        st.info(
            f"{'' if left.problem else gone}These are the feature maps that the run kept of this "
            "pinned image, in 256 steps a channel; filters and where it looks are shown at epochs "
            "with weights.",
            icon=":material/inventory_2:",
        )
    attention = st.container()
    open_ = None
    if chosen is not None and (right is not None or not on_right):
        open_ = OneChannel(*chosen, right=on_right)
    clicked = None if left.model is None else show_first_filters(left, right, open_)
    st.header("Layers", anchor="layers")
    over_all = st.container()
    found = None
    if left.model is not None:
        with over_all, errors_shown():
            found = found_over_all(run, which)
    clicked = show_layers(left, right, classes, open_, found) or clicked
    # After the layers, which are waited for most.
    if left.model is not None:
        with attention, errors_shown():
            names = address_names(run.experiment.data.dataset)
            show_attention(left, right, image, classes, names)
    shown = clicked or open_
    if shown is not None:
        # At once with its side, as one step of the browser's Back.
        side = "right" if shown.right else None
        update_query_params(layer=shown.layer, channel=str(shown.channel), side=side)
        network = right if right is not None and shown.right else left
        looked = Looked(network.run, network.weights, image, network.model, classes)
        show_channel(network.layer(shown.layer), looked)
    elif left.model is not None:
        with over_all:
            show_over_all(run, which)
    return ", ".join([image.title, *([] if image.actual is None else [classes[image.actual]])])
