"""The Inside page for one network, or for two side by side."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from cifarviz.analysis.feature_maps import LayerView
from cifarviz.datasets.registry import dataset_title
from cifarviz.errors import ArtifactMissing, CifarvizError
from cifarviz.experiment.experiment import Experiment
from cifarviz.figures.pictures import filter_pictures
from cifarviz.figures.sprite import sprite
from cifarviz.layers.registry import LAYER_TYPES
from cifarviz.runs.records import Run
from cifarviz.runs.run_data import find_data_problem, has_images
from cifarviz.runs.snapshots import WeightsChoice
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, format_count, quoted
from cifarviz.ui.class_names import class_names, query_class_names
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.epoch_scrubber import epochs_with_weights, has_saved_weights
from cifarviz.ui.errors import render_errors
from cifarviz.ui.inside.channel import ChannelContext, channel_in_address, render_channel
from cifarviz.ui.inside.dataset_activations import finished_activations, render_activations_job
from cifarviz.ui.inside.heatmaps import render_heatmaps
from cifarviz.ui.inside.image import (
    InputImage,
    InspectedNetwork,
    inspect_network,
    pick_image,
    render_pins,
    render_problem,
)
from cifarviz.ui.inside.layer_histories import render_layer_histories
from cifarviz.ui.inside.layers import ChannelRef, render_layers
from cifarviz.ui.inside.mute import OFF, render_mute
from cifarviz.ui.inside.prediction import (
    IMAGE_WIDTH,
    render_image,
    render_predictions,
)
from cifarviz.ui.inside.step import PIXEL, render_step
from cifarviz.ui.navigation import ViewEntry, render_title_and_views
from cifarviz.ui.pickers import available_checkpoints, checkpoint_label, distinct_names, run_labels
from cifarviz.ui.query import render_choice, update_query_params

WITH, AT = "with", "at"
SIDE = "side"
"""Whose channel is open, in the address: ``"right"``, or nothing for the left one's."""
_SAME = "same"
_NONE = "none"


InsideView = Literal["layers", "step", "mute", "weights"]
RenderView = Callable[[InspectedNetwork, InputImage, Sequence[str]], None]
"""Renders a view's part below the image, for a network and the class names shown."""


@dataclass(frozen=True)
class _View:
    """A view's entry in the switch; only the first renders two networks, and by itself."""

    entry: ViewEntry
    render: RenderView | None = None


_VIEWS: Mapping[InsideView, _View] = {
    "layers": _View(ViewEntry("Layers", "layers")),
    "step": _View(ViewEntry("Step through", "footprint"), render_step),
    "mute": _View(ViewEntry("Mute", "volume_off"), render_mute),
    "weights": _View(ViewEntry("Weights", "stacked_line_chart"), render_layer_histories),
}
# Query parameters that mean another thing in each view, or belong to one.
_VIEW_PARAMS = ("layer", "channel", "side", PIXEL)


@dataclass(frozen=True)
class ComparedRun:
    """The other run, or the same run at another epoch, with its weights and their label."""

    run: Run
    weights: WeightsChoice
    label: str
    same_run: bool


# Smallest and largest side of a tile, CSS pixels.
_SIZE = 60, 96
_HALF_SIZE = 48, 72
_SCALES = {"own": "Per filter", "layer": "Shared"}

# By the number of input channels.
_FILTER_CAPTIONS = {
    3: "Each picture is a filter: its weights for red, green and blue, shown as those colours. "
    "The filter responds most to image patches that look like it; mid-grey is 0. Click a filter "
    "to see its feature map for this image.",
    1: "Each picture is a filter: light in the image raises its output where the filter is light "
    "and lowers it where the filter is dark; mid-grey is 0. Click a filter to see its feature map "
    "for this image.",
}


def choose_view() -> InsideView:
    """Show title and switch, and return the view of the address."""
    return render_title_and_views(
        "Inside",
        {name: view.entry for name, view in _VIEWS.items()},
        key="inside-view",
        problem=lambda word: (
            f"Inside has no view {word}, so the layers are shown. Choose from {', '.join(_VIEWS)}."
        ),
        forget=_VIEW_PARAMS,
    )


def render_inspection(
    run: Run,
    weights: WeightsChoice,
    epoch: int,
    weights_label: str,
    right_column: DeltaGenerator,
    other: Run | None,
    view: InsideView,
) -> str:
    """Render the image, the prediction and the view; returns the image's title and class.

    ``weights`` are those of ``epoch``, labelled ``weights_label``. ``other`` is the run to
    compare with, whose weights are chosen in ``right_column``.
    """
    classes = class_names(run.experiment.data.dataset)
    about = st.empty()
    compared = None
    if other is not None:
        with right_column, render_errors():
            compared = pick_compared_weights(run, epoch, other)
    row = st.container(horizontal=True, gap="medium")
    choice_column = row.container(width=330)
    image_column = row.container(width=IMAGE_WIDTH)
    prediction_column = row.container()
    wanted = _wanted_channel(run, compared) if view == "layers" else None
    image = None
    with choice_column, render_errors():
        image = pick_image(run)
    if image is None:
        return ""
    has_dataset = find_data_problem(run, cache.settings()) is None
    if has_images(run, cache.settings(), "test"):
        with choice_column, render_errors():
            render_pins(run, image)
    if view == "layers":
        about.markdown(
            f"{escaped(image.title)}: what each layer computes {epoch_label(epoch)}. A tile is a "
            "channel, bright where its pattern is found."
            if compared is None
            else f"{escaped(image.title)}: what each layer of the two networks computes, side by "
            "side."
        )
    with image_column:
        render_image(image, classes)
    titles = ("", "") if compared is None else network_titles(run, weights_label, compared)
    right: InspectedNetwork | None = None
    if compared is not None:
        # An error of the right network does not hide the left one.
        with prediction_column, render_errors():
            right = inspect_network(compared.run, compared.weights, image, titles[1])
            render_problem(right)
    left = inspect_network(run, weights, image, titles[0] if right else "")
    with prediction_column, render_errors():
        render_predictions(left, right, classes, image.actual)

    if left.model is None:
        render_problem(left)
        saved = (
            "These are the feature maps that the run saved of this pinned image, with 256 levels "
            "per channel. Filters and heatmaps need an epoch with weights."
        )
        st.info(
            saved
            if left.problem
            else f"The weights of epoch {epoch} were not saved, or were deleted to save space. "
            f"{saved}",
            icon=":material/inventory_2:",
        )
    body = _VIEWS[view].render
    if body is not None:
        with render_errors():
            body(left, image, classes)
    else:
        _render_layers_view(left, right, wanted, image, classes, has_dataset=has_dataset)
    return ", ".join([image.title, *([] if image.actual is None else [classes[image.actual]])])


def _render_layers_view(
    left: InspectedNetwork,
    right: InspectedNetwork | None,
    wanted: ChannelRef | None,
    image: InputImage,
    classes: Sequence[str],
    *,
    has_dataset: bool,
) -> None:
    """Render heatmaps, filters and all layers, and the dialog of the channel ``wanted``."""
    run, weights = left.run, left.weights
    heatmaps = st.container()
    # The right network may be one that cannot be opened.
    selected = wanted if wanted is not None and (right is not None or not wanted.right) else None
    clicked = None if left.model is None else render_first_filters(left, right, selected)
    st.header("Layers", anchor="layers")
    activations_place = st.container()
    all_image_activations = None
    if left.model is not None and has_dataset:
        with activations_place, render_errors():
            all_image_activations = finished_activations(run, weights)
    clicked = render_layers(left, right, classes, selected, all_image_activations) or clicked
    # After the layers, which users wait for most.
    if left.model is not None:
        with heatmaps, render_errors():
            names = query_class_names(run.experiment.data.dataset)
            render_heatmaps(left, right, image, classes, names)
    opened = clicked or selected
    if opened is not None:
        # Together with the side, as a single history entry.
        side = "right" if opened.right else None
        update_query_params(layer=opened.layer, channel=str(opened.channel), side=side)
        network = right if right is not None and opened.right else left
        context = ChannelContext(
            network.run,
            network.weights,
            image,
            network.model,
            classes,
            can_step=network is left and network.model is not None,
        )
        render_channel(network.layer(opened.layer), context)
    elif left.model is not None and has_dataset:
        with activations_place:
            render_activations_job(run, weights)


def _wanted_channel(run: Run, compared: ComparedRun | None) -> ChannelRef | None:
    """The channel in the address; reports what is wrong with it."""
    on_right = compared is not None and is_right_side()
    network = compared.run if compared and on_right else run
    found = channel_in_address(network.experiment.architecture)
    return None if found is None else ChannelRef(*found, right=on_right)


def run_params() -> tuple[str, ...]:
    """The query parameters that belong to a run and its comparison."""
    return ("layer", "channel", PIXEL, OFF, "look", "class", WITH, *_compared_params())


def is_right_side() -> bool:
    """Whether the channel in the address is of the network on the right."""
    side = st.query_params.get(SIDE)
    if side not in (None, "right"):
        st.error(
            f"The address has the unknown side {quoted(side)}. Use “right” for a channel of the "
            "right network; leave it out for the left network.",
            icon=":material/error:",
        )
    return side == "right"


def pick_compared_run(run: Run) -> Run | None:
    """Render a menu of the runs on the same data and return the choice, maybe ``run`` itself.

    The address holds it as ``with``. A run there that cannot be compared is reported.
    """
    runs = cache.store().all()
    dataset = _dataset_of(run.experiment_json)
    comparable = [
        candidate
        for candidate in runs
        if candidate.id == run.id
        or (_dataset_of(candidate.experiment_json) == dataset and _has_weights(candidate))
    ]
    names = run_labels(comparable)
    options = {
        _NONE: "nothing",
        run.id: "this run at another epoch",
        **{candidate.id: names[candidate.id] for candidate in comparable if candidate.id != run.id},
    }
    chosen = render_choice(
        WITH,
        "Compare with",
        options,
        key="inside-with",
        hint="Shows another network, or this network at another epoch, side by side for the same "
        "image.",
        problem=lambda word: _comparison_problem(word, st.query_params[WITH], run, runs),
        forget=_compared_params(),
        menu=True,
    )
    return next((candidate for candidate in comparable if candidate.id == chosen), None)


def pick_compared_weights(run: Run, epoch: int, other: Run) -> ComparedRun:
    """Render a menu of the weights of ``other``; the address holds them as ``at``.

    ``epoch`` is the epoch of ``run`` on the page. Raises ``ArtifactMissing`` if ``other`` has
    none.
    """
    same_run = other.id == run.id
    epochs = epochs_with_weights(other)
    options: dict[str, str] = {}
    if epochs and not same_run:
        options[_SAME] = "same epoch"
    options |= {name: checkpoint_label(other, name) for name in available_checkpoints(other)}
    options |= {str(epoch): epoch_label(epoch) for epoch in epochs}
    if not options:
        raise ArtifactMissing(
            "{run_name} has no weights to compare with.", run_name=quoted(other.name)
        )
    usual = next(iter(options))
    if epochs and same_run:
        # A network differs most from its first epoch.
        usual = str(min(epochs) if min(epochs) != epoch else max(epochs))
    chosen = render_choice(
        AT,
        "Weights on the right",
        options,
        key="inside-at",
        hint="The weights of the network on the right. They stay when the slider changes the left "
        "epoch, except with “same epoch”.",
        problem=lambda word: (
            f"{quoted(other.name)} has no weights {word}. Its default weights are shown."
        ),
        usual=usual,
        menu=True,
    )
    if chosen == _SAME:
        nearest = _nearest_epoch(other, epochs, epoch)
        return ComparedRun(other, epochs[nearest], epoch_label(nearest), same_run)
    if chosen.isdecimal():
        return ComparedRun(other, epochs[int(chosen)], options[chosen], same_run)
    checkpoint = next(name for name in available_checkpoints(other) if name == chosen)
    return ComparedRun(other, checkpoint, options[chosen], same_run)


def network_titles(run: Run, weights_label: str, compared: ComparedRun) -> tuple[str, str]:
    """The titles of the two networks; ``weights_label`` is for the weights of ``run``."""
    both = [weights_label, compared.label]
    if compared.same_run:
        return both[0][0].upper() + both[0][1:], both[1][0].upper() + both[1][1:]
    names = distinct_names([run, compared.run])
    return f"{names[run.id]}, {both[0]}", f"{names[compared.run.id]}, {both[1]}"


def epoch_label(epoch: int) -> str:
    """The label of an epoch's weights."""
    return "before training" if epoch == 0 else f"after epoch {epoch}"


def _compared_params() -> tuple[str, ...]:
    # The order by change needs two epochs of a run.
    return (AT, SIDE, *(["order"] if st.query_params.get("order") == "change" else []))


def _nearest_epoch(other: Run, epochs: Collection[int], wanted: int) -> int:
    nearest = min(epochs, key=lambda epoch: abs(epoch - wanted))
    if nearest != wanted:
        st.caption(
            f"{quoted(other.name)} has no weights of epoch {wanted}. Its weights "
            f"{epoch_label(nearest)} are shown."
        )
    return nearest


def _comparison_problem(name: str, run_id: str, run: Run, runs: Sequence[Run]) -> str:
    other = next((run_ for run_ in runs if run_.id == run_id), None)
    if other is None:
        return f"There is no run {name} to compare with."
    if not _has_weights(other):
        return f"{quoted(other.name)} has no weights to compare with."
    mine, its = (_dataset_title(run_) for run_ in (run, other))
    return (
        f"{quoted(other.name)} was trained on {its} and {quoted(run.name)} on {mine}. Choose a "
        "run on the same data set."
    )


def _has_weights(run: Run) -> bool:
    return bool(available_checkpoints(run)) or has_saved_weights(run)


def _dataset_title(run: Run) -> str:
    name = _dataset_of(run.experiment_json)
    return "other data" if name is None else dataset_title(name)


# Parsing an experiment takes a millisecond, and a home may have hundreds.
@lru_cache(maxsize=1024)
def _dataset_of(experiment_json: str) -> str | None:
    try:
        return Experiment.from_json(experiment_json).data.dataset
    except CifarvizError:
        # Written by a newer version, which its own page reports.
        return None


def render_first_filters(
    left: InspectedNetwork, right: InspectedNetwork | None, chosen: ChannelRef | None
) -> ChannelRef | None:
    """Render all filters of the first convolution, of each network; returns a clicked channel.

    ``chosen`` is highlighted. Renders nothing for networks without maps.
    """
    networks = [left] if right is None else [left, right]
    if not any(network.has_maps for network in networks):
        return None
    st.header("Filters of the first layer", anchor="filters")
    one_scale = False
    kernels = [_kernel(network) for network in networks]
    input_counts = [kernel.shape[2] for kernel in kernels if kernel is not None]
    if caption := next(
        (_FILTER_CAPTIONS[inputs] for inputs in input_counts if inputs in _FILTER_CAPTIONS), None
    ):
        scale = render_choice(
            "filters",
            "Scale of filters",
            _SCALES,
            key="inside-filters",
            hint="Per filter shows the pattern of each filter; a shared scale shows which filters "
            "have large weights.",
            problem=lambda word: f"The scale of filters is {' or '.join(_SCALES)}, not {word}.",
        )
        one_scale = scale == "layer"
        st.caption(caption)
    clicked: ChannelRef | None = None
    columns = [st.container()] if right is None else st.columns(2, gap="medium")
    for column, network in zip(columns, networks, strict=True):
        with column:
            if network.title:
                st.markdown(f"**{escaped(network.title)}**")
            in_network = _render_filters(
                network, chosen, one_scale=one_scale, right=network is right
            )
            clicked = in_network or clicked
    return clicked


def _first_convolution(network: InspectedNetwork) -> LayerView | None:
    return next((view for view in network.views if LAYER_TYPES[view.type].has_filters), None)


def _kernel(network: InspectedNetwork) -> NDArray[np.float32] | None:
    """The first convolution's kernel (h, w, inputs, filters), if it and the weights exist."""
    first = _first_convolution(network)
    return None if first is None or network.model is None else network.model.kernel(first.name)


def _render_filters(
    network: InspectedNetwork, chosen: ChannelRef | None, *, one_scale: bool, right: bool = False
) -> ChannelRef | None:
    first, kernel = _first_convolution(network), _kernel(network)
    if first is None:
        st.caption("This network has no convolution layer, so it has no filters.")
        return None
    if kernel is None:
        st.caption("The filters cannot be shown because the weights cannot be read.")
        return None
    height, width, inputs, count = kernel.shape
    # Layers before it, such as pooling, do not mix the image's channels.
    if inputs not in _FILTER_CAPTIONS:
        st.caption(
            f"The filters of {first.name} have {inputs} input channels, so they cannot be shown as "
            "pictures."
        )
        return None
    st.caption(f"{first.name} · {format_count(count, 'filter')} of {height} × {width}")
    is_here = chosen is not None and (chosen.layer, chosen.right) == (first.name, right)
    size, largest = _HALF_SIZE if network.title else _SIZE
    number = image_grid(
        sprite(filter_pictures(kernel, one_scale=one_scale)),
        key="filters-right" if right else "filters",
        size=size,
        largest=largest,
        labels=[str(index) for index in range(count)],
        tooltips=[f"Filter {index}" for index in range(count)],
        selected=chosen.channel if chosen is not None and is_here else None,
        noun="Filter",
        description=f"Filters of {first.name}" + (f", {network.title}" if right else ""),
    )
    return None if number is None else ChannelRef(first.name, number, right)
