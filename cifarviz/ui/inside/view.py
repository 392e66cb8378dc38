"""The Inside page for one network, or for two side by side."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from cifarviz.analysis.feature_maps import LayerView
from cifarviz.figures.pictures import filter_pictures
from cifarviz.figures.sprite import sprite
from cifarviz.layers.registry import LAYER_TYPES
from cifarviz.runs.records import Run
from cifarviz.runs.run_data import find_data_problem, has_images
from cifarviz.runs.snapshots import WeightsChoice
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, format_count
from cifarviz.ui.class_names import class_names, query_class_names
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.epoch_scrubber import epoch_label
from cifarviz.ui.errors import render_errors
from cifarviz.ui.inside.channel import ChannelContext, channel_in_address, render_channel
from cifarviz.ui.inside.compared_run import (
    WITH,
    ComparedRun,
    compared_params,
    is_compared,
    is_right_side,
    network_titles,
    pick_compared_weights,
)
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
    SMALL_WIDTH,
    render_image,
    render_notes,
    render_prediction_summary,
    render_predictions,
    render_small_image,
)
from cifarviz.ui.inside.step import PIXEL, render_step
from cifarviz.ui.navigation import ViewEntry, render_title_and_views
from cifarviz.ui.query import render_choice, update_query_params

InsideView = Literal["layers", "step", "mute", "weights"]
_VIEWS: Mapping[InsideView, ViewEntry] = {
    "layers": ViewEntry("Layers", "layers"),
    "step": ViewEntry("Step through", "footprint"),
    "mute": ViewEntry("Mute", "volume_off"),
    "weights": ViewEntry("Weights", "stacked_line_chart"),
}
# Of the run, the weights and what the view has beside them; and with a comparison.
_COLUMNS = 7, 5, 9
_COMPARED_COLUMNS = 7, 5, 5, 4
# Query parameters that mean another thing in each view, or belong to one.
_VIEW_PARAMS = ("layer", "channel", "side", PIXEL)


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
        _VIEWS,
        key="inside-view",
        problem=lambda word: (
            f"Inside has no view {word}, so the layers are shown. Choose from {', '.join(_VIEWS)}."
        ),
        forget=_VIEW_PARAMS,
    )


def header_columns(view: InsideView) -> list[DeltaGenerator]:
    """Return the columns of run, weights and, in the last, what ``render_inspection`` adds."""
    is_pair = view == "layers" and WITH in st.query_params
    return st.columns(_COMPARED_COLUMNS if is_pair else _COLUMNS)


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

    ``weights`` are those of ``epoch``, labelled ``weights_label``. ``right_column`` is the last of
    ``header_columns``; ``other`` is the run to compare with, whose weights are chosen in it.
    """
    if view == "weights":
        render_layer_histories(run, weights)
        return ""
    if view != "layers":
        render = render_step if view == "step" else render_mute
        return _render_single(run, weights, weights_label, right_column, render)
    return _render_compared(run, weights, epoch, weights_label, right_column, other)


def _render_single(
    run: Run,
    weights: WeightsChoice,
    weights_label: str,
    column: DeltaGenerator,
    render: Callable[[InspectedNetwork, InputImage, Sequence[str]], None],
) -> str:
    """Render a view of one network; image and prediction are small in ``column``."""
    classes = class_names(run.experiment.data.dataset)
    row = column.container(horizontal=True, gap="small", vertical_alignment="center")
    picture, text = row.container(width=SMALL_WIDTH), row.container(width="stretch", gap=None)
    messages = st.container()
    image = None
    with (
        messages,
        render_errors(),
        row.popover("Choose image", icon=":material/image_search:", key="inside-image"),
    ):
        image = pick_image(run, messages)
        if image is not None:
            _render_pins(run, image)
            render_notes(image)
    if image is None:
        return ""
    with picture:
        render_small_image(image, classes)
    network = inspect_network(run, weights, image)
    with text, render_errors():
        render_prediction_summary(network, image, classes)
    if is_compared(run):
        st.caption(
            f"Of the two networks compared under Layers, this is the left one: "
            f"{escaped(run.name)}, {escaped(weights_label)}. Choose the other as Run to see it."
        )
    render_problem(network)
    render(network, image, classes)
    return _image_title(image, classes)


def _render_compared(
    run: Run,
    weights: WeightsChoice,
    epoch: int,
    weights_label: str,
    right_column: DeltaGenerator,
    other: Run | None,
) -> str:
    """Render image, prediction and layers of a network, or of two side by side."""
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
    wanted = _wanted_channel(run, compared)
    image = None
    with choice_column, render_errors():
        image = pick_image(run, choice_column)
    if image is None:
        return ""
    with choice_column:
        _render_pins(run, image)
    about.markdown(
        f"{escaped(image.title)}: what each layer computes {epoch_label(epoch)}. A tile is a "
        "channel, bright where its pattern is found."
        if compared is None
        else f"{escaped(image.title)}: what each layer of the two networks computes, side by side."
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
    has_dataset = find_data_problem(run, cache.settings()) is None
    _render_layers_view(left, right, wanted, image, classes, has_dataset=has_dataset)
    return _image_title(image, classes)


def _render_pins(run: Run, image: InputImage) -> None:
    if has_images(run, cache.settings(), "test"):
        with render_errors():
            render_pins(run, image)


def _image_title(image: InputImage, classes: Sequence[str]) -> str:
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
    return ("layer", "channel", PIXEL, OFF, "look", "class", WITH, *compared_params())


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
