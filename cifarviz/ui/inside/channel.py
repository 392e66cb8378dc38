"""The dialog of a channel: its map, its top test images, and its map after each epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.feature_maps import LayerView
from cifarviz.analysis.top_activations import TopActivations, TopImage
from cifarviz.data.image_set import ImageSet
from cifarviz.errors import CifarvizError
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.receptive_field import ReceptiveField, receptive_field
from cifarviz.figures.channel_map import (
    channel_map,
    channel_map_figure,
    kernel_grid,
    kernel_grid_figure,
)
from cifarviz.figures.pictures import common_scale, heat_overlay, map_pictures, marked_images
from cifarviz.figures.sprite import enlarge, sprite
from cifarviz.figures.theme import CHANNEL_COLORS
from cifarviz.layers.registry import LAYER_TYPES
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice
from cifarviz.runs.stored_weights import weights_epoch
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, quoted, whole_number
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.dataset_images import SPLIT_LABELS
from cifarviz.ui.epoch_scrubber import epoch_label, inspectable_epochs
from cifarviz.ui.errors import render_errors
from cifarviz.ui.inside.dataset_activations import activations_job, render_progress, test_images
from cifarviz.ui.inside.ideal_image import render_ideal_image
from cifarviz.ui.inside.image import InputImage, inspect_network
from cifarviz.ui.pickers import checkpoint_label
from cifarviz.ui.query import current_query_params, update_query_params

if TYPE_CHECKING:
    from cifarviz.analysis.trained_model import TrainedModel


_TILE = 64


@dataclass(frozen=True, eq=False)
class EpochMaps:
    """A layer's maps after an epoch, float32 (height, width, channels), or why there are none."""

    epoch: int
    maps: NDArray[np.float32] | None
    problem: str = ""


# Seconds before the progress of a scan is shown.
_PROGRESS_DELAY = 0.4
_TOP_TILE = 128

# CSS pixels; a multiple of the usual kernels' sides.
_PICTURE = 120
_OVERLAY = 320

# Height of the buttons above the charts in the other columns.
_CHART_BUTTONS_HEIGHT = 18


@dataclass(frozen=True, eq=False)
class ChannelContext:
    """The run, weights, image and open model of a channel, with the class names shown.

    ``can_step``: the other view can step through its calculation.
    """

    run: Run
    weights: WeightsChoice
    image: InputImage
    model: "TrainedModel | None"
    names: Sequence[str]
    can_step: bool = False


def channel_in_address(architecture: Architecture) -> tuple[str, int] | None:
    """Layer and channel in the address, or ``None``; reports all that is wrong with them."""
    name, number = st.query_params.get("layer"), st.query_params.get("channel")
    channel = whole_number(number)
    row = next((row for row in architecture.trace().all_rows if row.name == name), None)
    count = row.output_shape[2] if row and row.output_shape and len(row.output_shape) == 3 else None
    problems = []
    if name is not None and row is None:
        problems.append(
            f"This network has no layer {quoted(name)}. Its layers are listed under Layers."
        )
    if number is not None:
        if name is None:
            problems.append(f"The address has channel {quoted(number)}, but no layer.")
        elif row is None:
            if channel is None:
                problems.append(f"Channels are numbered from 0; {quoted(number)} is not a number.")
        elif count is None:
            problems.append(f"{quoted(row.name)} has no channels; its values are shown as bars.")
        elif channel is None or channel >= count:
            problems.append(
                f"{quoted(row.name)} has channels 0 to {count - 1}; there is no channel "
                f"{quoted(number)}."
            )
    for problem in problems:
        st.error(problem, icon=":material/error:")
    if problems or row is None or channel is None:
        return None
    return row.name, channel


def render_channel(view: LayerView, context: ChannelContext) -> None:
    """Render the dialog of the address's channel, of a layer with maps."""
    dialog = st.dialog(
        f"Channel of {view.name}",
        width="large",
        on_dismiss=_close,
    )
    dialog(_render_dialog)(view, context)


def _render_dialog(view: LayerView, context: ChannelContext) -> None:
    assert view.maps is not None
    count = len(view.maps.images)
    # Channel 0 if the address has changed to a channel that this layer lacks.
    wanted = whole_number(current_query_params().get("channel")) or 0
    channel = wanted if wanted < count else 0
    _render_header(view, channel, context)
    first, second, third = st.columns(3, gap="medium")
    with first:
        st.markdown("Output, saved with 256 levels" if context.model is None else "Output")
        clicked = chart(
            channel_map_figure(channel_map(view.values[..., channel])),
            key="channel-map",
            view=f"{view.name}-{channel}",
            on_click=context.can_step,
            file_name=f"{view.name}-channel-{channel}",
            description=f"Values of channel {channel} of {view.name}",
        )
        if clicked is not None and isinstance(clicked.point, tuple):
            _step_through("{},{}".format(*clicked.point))
        if context.can_step:
            st.caption("Click a pixel to see how its value is calculated.")
        elif context.model is not None:
            st.caption("To step through this network, choose its run and weights above, as Run.")
    with second:
        _render_overlay(view.values[..., channel], channel, context.image)
    with third, render_errors():
        if context.model is None:
            st.caption("The kernel needs the weights of this epoch, which are not available.")
        else:
            _render_kernel(view, channel, context.model)
    if context.model is not None:
        left, right = st.columns([1, 4], gap="medium")
        with left, render_errors():
            render_ideal_image(context.run, context.weights, view.name, channel)
        with right, render_errors():
            render_top_images(
                context.run,
                context.weights,
                view.name,
                channel,
                context.image.title,
                context.names,
            )
    with render_errors():
        render_channel_epochs(context.run, context.weights, view.name, channel, context.image)


def _render_header(view: LayerView, channel: int, context: ChannelContext) -> None:
    assert view.maps is not None
    count = len(view.maps.images)
    row = st.container(horizontal=True, vertical_alignment="center")
    for label, hint, step in (
        ("Previous", "Show the previous channel.", -1),
        ("Next", "Show the next channel.", 1),
    ):
        row.button(
            label,
            key=f"channel-{label.lower()}",
            help=hint,
            disabled=not 0 <= channel + step < count,
            on_click=_step_channel,
            args=(step, count),
        )
    if context.can_step and row.button(
        "Step through",
        key="channel-step",
        icon=":material/footprint:",
        help="Show how each value is calculated.",
    ):
        _step_through(None)
    image, name = context.image, escaped(context.run.name)
    title = image.title if image.actual is None else f"{image.title}, {context.names[image.actual]}"
    text = row.container(gap=None)
    text.markdown(
        f"**Channel {channel}** of {count}, numbered from 0 · {_format_range(view, channel)}"
    )
    text.caption(f"{name} · {weights_label(context.run, context.weights)} · {escaped(title)}")


def _step_through(pixel: str | None) -> None:
    update_query_params(view="step", pixel=pixel, side=None)
    st.rerun()


def _render_overlay(values: NDArray[np.float32], channel: int, image: InputImage) -> None:
    st.markdown("Output over the image")
    low, high = common_scale(values)
    if low == high:
        st.caption("The channel has the same value everywhere.")
        return
    heat = np.where(np.isfinite(values), values - low, 0).astype(np.float32)
    picture = heat_overlay(image.pixels, heat, high - low, side=_OVERLAY)
    alt = f"Channel {channel} over {image.title}"
    st.space(_CHART_BUTTONS_HEIGHT)
    st.image(sprite(picture[np.newaxis]).png, width=picture.shape[1], alt=alt)
    st.caption(
        f"Smoothed, over the image in grey. Dark is {low:.4g}, bright is {high:.4g}.".replace(
            "-", "−"
        )
    )


def _render_kernel(view: LayerView, channel: int, model: "TrainedModel") -> None:
    if not LAYER_TYPES[view.type].has_filters:
        st.caption(f"{LAYER_TYPES[view.type].title} has no kernel.")
        return
    kernel = model.kernel(view.name)[..., channel]
    height, width, inputs = kernel.shape
    # Layers before the first convolution, such as pooling, do not mix the image's channels.
    network = model.architecture
    rows = network.trace().all_rows
    first = view.name == next(row.name for row in rows if LAYER_TYPES[row.type].has_filters)
    sees_image = first and inputs == network.input_shape[2]
    names = [name for name, _ in CHANNEL_COLORS[inputs]] if sees_image else None
    if names is not None:
        st.markdown(f"Kernel, {height} × {width} for {', '.join(names).lower()}")
    elif inputs == 1:
        st.markdown(f"Kernel, {height} × {width} for 1 input channel")
    else:
        st.markdown(f"Kernel, {height} × {width} for each of {inputs} input channels")
    chart(
        kernel_grid_figure(kernel_grid(kernel, names)),
        key="channel-kernel",
        view=f"{view.name}-{channel}",
        file_name=f"{view.name}-kernel-{channel}",
        description=f"Kernel of channel {channel} of {view.name}",
    )
    if sees_image and inputs == 3:
        row = st.container(horizontal=True, vertical_alignment="center")
        row.image(_kernel_picture(kernel), width=_PICTURE, output_format="PNG", alt="Kernel")
        row.caption("All three channels as a colour picture. Grey is 0.")


def _kernel_picture(kernel: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Kernel (h, w, 3) as RGB, mid-grey where it is 0, enlarged without smoothing."""
    limit = float(np.abs(kernel).max()) or 1.0
    return enlarge(((kernel / limit + 1) * 127.5).round().astype(np.uint8), 2 * _PICTURE)


def _format_range(view: LayerView, channel: int) -> str:
    values = view.values[..., channel]
    low, high = float(values.min()), float(values.max())
    if view.maps is not None and channel in view.maps.dead:
        text = f"dead: {low:.4g} everywhere in this image"
    else:
        text = f"values from {low:.4g} to {high:.4g}, mean {float(values.mean()):.4g}"
    return text.replace("-", "−")


def _step_channel(step: int, count: int) -> None:
    # From the current address: after a quick second press the page may not have rerun yet.
    channel = (whole_number(current_query_params().get("channel")) or 0) + step
    if 0 <= channel < count:
        update_query_params(channel=str(channel))


def _close() -> None:
    update_query_params(layer=None, channel=None, side=None)


def render_channel_epochs(
    run: Run, weights: WeightsChoice, layer: str, channel: int, image: InputImage
) -> None:
    """Render the channel's map of ``image`` after each epoch; a click opens that epoch."""
    st.markdown("**Over the epochs**")
    saved = inspectable_epochs(run, image.test_index)
    if len(saved) < 2:
        st.caption(
            "This run has no weights of other epochs: it was trained by an earlier version, or "
            "they were deleted to save space."
        )
        return
    all_maps = epoch_maps(run, layer, image)
    shapes = [maps.maps.shape[:2] for maps in all_maps if maps.maps is not None]
    if not shapes:
        st.warning("No weights of this run can be read.", icon=":material/warning:")
        return
    missing = np.zeros(shapes[0], np.float32)
    known = np.stack([maps.maps[..., channel] for maps in all_maps if maps.maps is not None])
    low, high = (f"{value:.4g}".replace("-", "−") for value in common_scale(known))
    st.caption(
        "The channel’s map for this image after each epoch with saved weights or maps. Its value "
        f"is {low} everywhere after all of them. Click a map to go to its epoch."
        if low == high
        else "The channel’s map for this image after each epoch with saved weights or maps, on "
        f"one scale: darkest is {low}, brightest {high}. Click a map to go to its epoch."
    )
    pictures = iter(map_pictures(known))
    empty = map_pictures(missing[np.newaxis])[0]
    current = weights_epoch(run, weights)
    numbers = [maps.epoch for maps in all_maps]
    clicked = image_grid(
        sprite(np.stack([empty if maps.maps is None else next(pictures) for maps in all_maps])),
        key="channel-epochs",
        labels=[f"epoch {number}" for number in numbers],
        tooltips=[_format_tooltip(maps, channel) for maps in all_maps],
        size=_TILE,
        selected=numbers.index(current) if current in numbers else None,
        muted=[place for place, maps in enumerate(all_maps) if maps.maps is None],
        muted_word="cannot be shown",
        description="The channel over the epochs",
    )
    for maps in all_maps:
        if maps.maps is None:
            st.caption(f"Epoch {maps.epoch}: {escaped(maps.problem)}")
    if clicked is not None:
        update_query_params(checkpoint="epochs", epoch=str(numbers[clicked]))
        st.rerun()


def epoch_maps(run: Run, layer: str, image: InputImage) -> tuple[EpochMaps, ...]:
    """A layer's maps of ``image`` after each epoch with saved weights or maps, in order."""
    sources = tuple(
        (epoch, weights, cache.weights_stamp(run, weights))
        for epoch, weights in inspectable_epochs(run, image.test_index).items()
    )
    return _cached_epoch_maps(
        run.id, str(cache.settings()), layer, sources, image.pixels, run, image
    )


@st.cache_resource(max_entries=8, show_spinner=False)
def _cached_epoch_maps(
    run_id: str,
    settings: str,
    layer: str,
    sources: tuple[tuple[int, WeightsChoice, int], ...],
    pixels: NDArray[np.uint8],
    _run: Run,
    _image: InputImage,
) -> tuple[EpochMaps, ...]:
    return tuple(
        _load_epoch_maps(_run, epoch, weights, layer, _image) for epoch, weights, _ in sources
    )


def _load_epoch_maps(
    run: Run, epoch: int, weights: WeightsChoice, layer: str, image: InputImage
) -> EpochMaps:
    try:
        views = inspect_network(run, weights, image).views
    except CifarvizError as error:
        # Maps of other epochs may be readable.
        return EpochMaps(epoch, None, str(error))
    return EpochMaps(epoch, next(view.values for view in views if view.name == layer))


def _format_tooltip(maps: EpochMaps, channel: int) -> str:
    if maps.maps is None:
        return f"Epoch {maps.epoch}"
    values = maps.maps[..., channel]
    low, high = float(values.min()), float(values.max())
    text = (
        f"Epoch {maps.epoch}: {low:.4g} everywhere"
        if low == high
        else f"Epoch {maps.epoch}: from {low:.4g} to {high:.4g}"
    )
    return text.replace("-", "−")


def render_top_images(
    run: Run,
    weights: WeightsChoice,
    layer: str,
    channel: int,
    image_title: str,
    classes: Sequence[str],
) -> None:
    """Render the test images with the channel's highest values; a click opens an image.

    ``image_title`` is the title of the image on the page, ``classes`` are the names shown.
    """
    st.markdown("**Test images with the highest activation**")
    job = activations_job(run, weights)
    if not job.wait(_PROGRESS_DELAY):
        render_progress(job)
        return
    activations = job.result()
    if activations is None:
        st.caption("The scan of all test images was stopped.")
        st.button(
            "Scan test images",
            key="begin-top-images",
            icon=":material/search:",
            on_click=job.start,
            help="Finds the test images with the highest activation of each channel. Takes some "
            "seconds.",
        )
        return
    top = activations.test[layer]
    images, best = test_images(run), top.top_images(channel)
    if not best:
        st.caption(f"The channel is dead for all {top.images:,} test images.")
        return
    fields = [_value_field(run.experiment.architecture, layer, image) for image in best]
    st.caption(_format_top_images_caption(top, channel, fields, run.experiment.architecture))
    clicked = _render_image_grid(images, best, fields, f"{layer}-{channel}", image_title, classes)
    if clicked is not None:
        index = int(images.indices[best[clicked].position])
        update_query_params(dataset=None, split="test", image=str(index))
        st.rerun()


def _render_image_grid(
    images: ImageSet,
    best: Sequence[TopImage],
    fields: Sequence[ReceptiveField],
    view: str,
    image_title: str,
    classes: Sequence[str],
) -> int | None:
    positions = [image.position for image in best]
    names = [classes[label] for label in images.labels[positions].tolist()]
    titles = [f"{SPLIT_LABELS['test']} {index}" for index in images.indices[positions].tolist()]
    boxes = [(field.top, field.left, field.bottom, field.right) for field in fields]
    values = [f"{image.value:.4g}".replace("-", "−") for image in best]
    return image_grid(
        sprite(marked_images(images.images[positions], boxes)),
        key="channel-top-images",
        labels=[f"{name}\n{value}" for name, value in zip(names, values, strict=True)],
        tooltips=[
            f"{title}, {name}: {value} in rows {field.top} to {field.bottom}, columns {field.left} "
            f"to {field.right}"
            for title, name, value, field in zip(titles, names, values, fields, strict=True)
        ],
        size=_TOP_TILE,
        selected=titles.index(image_title) if image_title in titles else None,
        description=f"Test images with the highest activation of {view}",
    )


def _format_top_images_caption(
    top: TopActivations,
    channel: int,
    fields: Sequence[ReceptiveField],
    architecture: Architecture,
) -> str:
    height, width = (max(getattr(field, side) for field in fields) for side in ("height", "width"))
    silent = int(top.silent_for[channel])
    sentences = [f"Out of all {top.images:,}, with the channel’s highest value in each."]
    if silent:
        sentences.append(f"The channel is dead for {silent:,} of them.")
    sentences.append(
        "The receptive field of that value is the whole image."
        if (height, width) == architecture.input_shape[:2]
        else f"The box is the receptive field of that value: {height} × {width} pixels, fewer at "
        "an edge."
    )
    return " ".join([*sentences, "Click an image to open it."])


def _value_field(architecture: Architecture, layer: str, image: TopImage) -> ReceptiveField:
    row = next(row for row in architecture.trace().all_rows if row.name == layer)
    assert row.output_shape is not None
    return receptive_field(architecture, layer, *divmod(image.place, row.output_shape[1]))


def weights_label(run: Run, weights: WeightsChoice) -> str:
    """The label of these weights with their epoch."""
    epoch = weights_epoch(run, weights)
    if isinstance(weights, int):
        return epoch_label(weights)
    words = checkpoint_label(run, weights)
    return words if epoch is None or f"epoch {epoch}" in words else f"{words}, after epoch {epoch}"


cache.holds_images(_cached_epoch_maps)
