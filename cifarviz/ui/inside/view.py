"""One network looked into, or two side by side."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from cifarviz.analysis.feature_maps import LayerView
from cifarviz.datasets.registry import title_of
from cifarviz.errors import ArtifactMissing, CifarvizError
from cifarviz.experiment.experiment import Experiment
from cifarviz.figures.pictures import filter_pictures
from cifarviz.figures.sprite import sprite
from cifarviz.layers.registry import LAYER_TYPES
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.class_names import address_names, class_names
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.epoch_scrubber import epochs_with_weights, has_saved_weights
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.inside.channel import Looked, chosen_channel, show_channel
from cifarviz.ui.inside.dataset_activations import found_over_all, show_over_all
from cifarviz.ui.inside.image import (
    ShownNetwork,
    choose_image,
    say_problem,
    show_pins,
    shown_network,
)
from cifarviz.ui.inside.layers import OneChannel, counted, show_layers
from cifarviz.ui.inside.prediction import IMAGE_WIDTH, show_answers, show_attention, show_image
from cifarviz.ui.pickers import checkpoint_label, checkpoints_of, distinct_names, run_labels
from cifarviz.ui.query import render_choice, update_query_params

WITH, AT = "with", "at"
SIDE = "side"
"""Whose channel is open, in the address: ``"right"``, or nothing for the left one's."""
_SAME = "same"
_NOTHING = "none"


@dataclass(frozen=True)
class Compared:
    """The other run, the same one for another epoch, and its weights, with ``words`` for them."""

    run: Run
    weights: WeightsChoice
    words: str
    same_run: bool


# A tile's least and greatest side, CSS pixels.
_SIZE = 60, 96
_HALF_SIZE = 48, 72
_SCALES = {"own": "Each its own", "layer": "One for all"}

# By the number of channels that a filter sees.
_WORDS = {
    3: "Each picture is one filter: its weights for red, green and blue, shown as those colours. "
    "The filter answers most to a patch of the image that looks like it; mid-grey is 0. Click one "
    "to see what it finds in this image.",
    1: "Each picture is one filter: where it is light, light in the image adds to its answer, "
    "where it is dark, it takes away; mid-grey is 0. Click one to see what it finds in this image.",
}


def render_inspection(
    run: Run,
    which: WeightsChoice,
    epoch: int,
    words: str,
    beside: DeltaGenerator,
    other: Run | None,
) -> str:
    """Show the image, the network's answer and all layers; returns what is shown, in words.

    The weights are those of ``epoch``, called ``words``. ``other`` is the run to compare them
    with, whose own are chosen ``beside``.
    """
    classes = class_names(run.experiment.data.dataset)
    pair = None
    if other is not None:
        with beside, errors_shown():
            pair = choose_weights(run, epoch, other)
    row = st.container(horizontal=True, gap="medium")
    choice = row.container(width=330)
    picture = row.container(width=IMAGE_WIDTH)
    answer = row.container()
    on_right = pair is not None and right_is_open()
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
    titles = ("", "") if pair is None else network_titles(run, words, pair)
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


def dependent() -> tuple[str, ...]:
    """What the address holds of a comparison, and makes no sense without it."""
    return (WITH, *_of_the_other())


def right_is_open() -> bool:
    """Whether the channel that the address names is one of the network on the right."""
    side = st.query_params.get(SIDE)
    if side not in (None, "right"):
        st.error(
            f"There is no side {quoted(side)}: the right network’s channel has “right” in the "
            "address, and the left one’s nothing.",
            icon=":material/error:",
        )
    return side == "right"


def choose_run(run: Run) -> Run | None:
    """Show a menu of the runs on the same data and return the one chosen, maybe ``run`` itself.

    The address holds it as ``with``. What it names and cannot be compared is said.
    """
    runs = cache.store().all()
    dataset = _dataset_of(run.experiment_json)
    fitting = [
        one
        for one in runs
        if one.id == run.id or (_dataset_of(one.experiment_json) == dataset and _has_weights(one))
    ]
    names = run_labels(fitting)
    options = {
        _NOTHING: "nothing",
        run.id: "this run at another epoch",
        **{one.id: names[one.id] for one in fitting if one.id != run.id},
    }
    chosen = render_choice(
        WITH,
        "Compare with",
        options,
        key="inside-with",
        hint="Shows what another network makes of the same image, or this one at another time of "
        "its training, beside each layer.",
        problem=lambda word: _cannot(word, st.query_params[WITH], run, runs),
        forget=_of_the_other(),
        menu=True,
    )
    return next((one for one in fitting if one.id == chosen), None)


def choose_weights(run: Run, epoch: int, other: Run) -> Compared:
    """Show a menu of the weights that ``other`` has kept; the address holds them as ``at``.

    ``epoch`` is the one that ``run`` is shown at. Raises ``ArtifactMissing`` if it has none.
    """
    same_run = other.id == run.id
    epochs = epochs_with_weights(other)
    options: dict[str, str] = {}
    if epochs and not same_run:
        options[_SAME] = "of the same epoch"
    options |= {name: checkpoint_label(other, name) for name in checkpoints_of(other)}
    options |= {str(epoch): epoch_words(epoch) for epoch in epochs}
    if not options:
        raise ArtifactMissing(
            "{run_name} has no weights (any more) to compare with.", run_name=quoted(other.name)
        )
    usual = next(iter(options))
    if epochs and same_run:
        # Its beginning is what a network differs from most; from itself not at all.
        usual = str(min(epochs) if min(epochs) != epoch else max(epochs))
    chosen = render_choice(
        AT,
        "Its weights",
        options,
        key="inside-at",
        hint="Those of the network on the right; once chosen they stay while the slider moves the "
        "left one, unless they are to be those of the same epoch.",
        problem=lambda word: (
            f"{quoted(other.name)} has kept no weights {word}: it is shown with others."
        ),
        usual=usual,
        menu=True,
    )
    if chosen == _SAME:
        near = _near(other, epochs, epoch)
        return Compared(other, epochs[near], epoch_words(near), same_run)
    if chosen.isdecimal():
        return Compared(other, epochs[int(chosen)], options[chosen], same_run)
    found = next(one for one in checkpoints_of(other) if one == chosen)
    return Compared(other, found, options[chosen], same_run)


def network_titles(run: Run, words: str, compared: Compared) -> tuple[str, str]:
    """What the two are called beside each other; ``words`` are for the weights of ``run``."""
    both = [words, compared.words]
    if compared.same_run:
        return both[0][0].upper() + both[0][1:], both[1][0].upper() + both[1][1:]
    names = distinct_names([run, compared.run])
    return f"{names[run.id]}, {both[0]}", f"{names[compared.run.id]}, {both[1]}"


def epoch_words(epoch: int) -> str:
    """What a person calls the weights of this epoch."""
    return "before training" if epoch == 0 else f"after epoch {epoch}"


def _of_the_other() -> tuple[str, ...]:
    # To be ordered by what has changed, channels need two epochs of one run.
    return (AT, SIDE, *(["order"] if st.query_params.get("order") == "change" else []))


def _near(other: Run, epochs: Collection[int], wanted: int) -> int:
    near = min(epochs, key=lambda epoch: abs(epoch - wanted))
    if near != wanted:
        st.caption(
            f"{quoted(other.name)} has kept no weights of epoch {wanted}: here are those "
            f"{epoch_words(near)}."
        )
    return near


def _cannot(word: str, run_id: str, run: Run, runs: Sequence[Run]) -> str:
    other = next((one for one in runs if one.id == run_id), None)
    if other is None:
        return f"There is no run {word} here to compare with."
    if not _has_weights(other):
        return f"{quoted(other.name)} has no weights, so there is nothing to compare with."
    mine, its = (_dataset_title(one) for one in (run, other))
    return (
        f"{quoted(other.name)} learns from {its} and {quoted(run.name)} from {mine}: two networks "
        "are compared on one image, so choose a run on the same data."
    )


def _has_weights(run: Run) -> bool:
    return bool(checkpoints_of(run)) or has_saved_weights(run)


def _dataset_title(run: Run) -> str:
    name = _dataset_of(run.experiment_json)
    return "other data" if name is None else title_of(name)


# Reading an experiment takes a millisecond, and a home may have hundreds.
@lru_cache(maxsize=1024)
def _dataset_of(experiment_json: str) -> str | None:
    try:
        return Experiment.from_json(experiment_json).data.dataset
    except CifarvizError:
        # Written by a newer version: its own page says so.
        return None


def show_first_filters(
    left: ShownNetwork, right: ShownNetwork | None, chosen: OneChannel | None
) -> OneChannel | None:
    """Show all filters of the first convolution, of two networks if two are compared.

    Returns the channel that was clicked, once; ``chosen`` is ringed. Of networks without any maps
    nothing is shown.
    """
    networks = [left] if right is None else [left, right]
    if not any(network.has_maps for network in networks):
        return None
    st.header("What the first layer looks for", anchor="filters")
    one_scale = False
    kernels = [_kernel(network) for network in networks]
    seen = [kernel.shape[2] for kernel in kernels if kernel is not None]
    if words := next((_WORDS[inputs] for inputs in seen if inputs in _WORDS), None):
        scale = render_choice(
            "filters",
            "Scale of filters",
            _SCALES,
            key="inside-filters",
            hint="Each filter on a scale of its own shows its pattern; one scale for all shows "
            "which are strong.",
            problem=lambda word: f"The scale of filters is {' or '.join(_SCALES)}, not {word}.",
        )
        one_scale = scale == "layer"
        st.caption(words)
    if right is None:
        return _filters(left, chosen, one_scale=one_scale)
    clicked: OneChannel | None = None
    for place, network in zip(st.columns(2, gap="medium"), (left, right), strict=True):
        with place:
            st.markdown(f"**{escaped(network.title)}**")
            one = _filters(network, chosen, one_scale=one_scale, right=network is right)
            clicked = one or clicked
    return clicked


def _first(network: ShownNetwork) -> LayerView | None:
    return next((view for view in network.views if LAYER_TYPES[view.type].has_filters), None)


def _kernel(network: ShownNetwork) -> NDArray[np.float32] | None:
    """The first convolution's (h, w, inputs, filters), where there is one and its weights are."""
    first = _first(network)
    return None if first is None or network.model is None else network.model.kernel(first.name)


def _filters(
    network: ShownNetwork, chosen: OneChannel | None, *, one_scale: bool, right: bool = False
) -> OneChannel | None:
    first, kernel = _first(network), _kernel(network)
    if first is None:
        st.caption("This network has no convolution, so it has no filters that slide over images.")
        return None
    if kernel is None:
        st.caption("Its filters are among its weights, which cannot be read.")
        return None
    height, width, inputs, count = kernel.shape
    # What may come before it, such as pooling, leaves the image's channels apart.
    if inputs not in _WORDS:
        st.caption(
            f"The filters of {first.name} see {inputs} channels, so they are no colour pictures."
        )
        return None
    st.caption(f"{first.name} · {counted(count, 'filter')}, {height} × {width} each")
    ringed = chosen is not None and (chosen.layer, chosen.right) == (first.name, right)
    size, largest = _HALF_SIZE if network.title else _SIZE
    number = image_grid(
        sprite(filter_pictures(kernel, one_scale=one_scale)),
        key="filters-right" if right else "filters",
        size=size,
        largest=largest,
        labels=[str(one) for one in range(count)],
        tooltips=[f"Filter {one}" for one in range(count)],
        selected=chosen.channel if chosen is not None and ringed else None,
        noun="Filter",
        description=f"Filters of {first.name}" + (f", {network.title}" if right else ""),
    )
    return None if number is None else OneChannel(first.name, number, right)
