"""One channel of a layer: its map, what excites it, and how it came to be."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.feature_maps import LayerView
from cifarviz.analysis.top_activations import Excited, TopActivations
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
from cifarviz.figures.sprite import sprite
from cifarviz.figures.theme import CHANNEL_COLORS
from cifarviz.layers.registry import LAYER_TYPES
from cifarviz.runs.kept_weights import epoch_of
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, quoted, whole_number
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.dataset_images import SPLIT_LABELS
from cifarviz.ui.epoch_scrubber import inspectable_epochs
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.inside.dataset_activations import job_over_all, show_progress, test_images
from cifarviz.ui.inside.image import ChosenImage, shown_network
from cifarviz.ui.pickers import checkpoint_label
from cifarviz.ui.query import current_query_params, update_query_params
from cifarviz.ui.streamlit_patches import uninterruptible

if TYPE_CHECKING:
    from cifarviz.analysis.trained_model import TrainedModel


_TILE = 64


@dataclass(frozen=True, eq=False)
class EpochMaps:
    """A layer's maps after an epoch, float32 (height, width, channels), or why there are none."""

    epoch: int
    maps: NDArray[np.float32] | None
    problem: str = ""


# Seconds the look at all images may take before anything is said of it.
_UNSAID = 0.4
_TOP_TILE = 128

# CSS pixels; a multiple of the usual kernels' sides.
_PICTURE = 120
_OVERLAY = 320

# So that it begins as high as the charts beside it, which have their buttons above the picture.
_BESIDE_BUTTONS = 18


@dataclass(frozen=True, eq=False)
class Looked:
    """Whose channels are looked at, and in what: a run's network with some of its weights, an
    image, and what its classes are called on the page."""

    run: Run
    which: WeightsChoice
    image: ChosenImage
    model: "TrainedModel | None"
    names: Sequence[str]


def chosen_channel(architecture: Architecture) -> tuple[str, int] | None:
    """Layer and channel that the address names, or ``None``; says all that is wrong with them."""
    name, number = st.query_params.get("layer"), st.query_params.get("channel")
    channel = whole_number(number)
    row = next((row for row in architecture.trace().rows if row.name == name), None)
    count = row.output_shape[2] if row and row.output_shape and len(row.output_shape) == 3 else None
    problems = []
    if name is not None and row is None:
        problems.append(
            f"This network has no layer {quoted(name)}; those it has are listed under Layers."
        )
    if number is not None:
        if name is None:
            problems.append(f"To channel {quoted(number)} the address names no layer.")
        elif row is None:
            if channel is None:
                problems.append(f"Channels are numbered from 0; {quoted(number)} is no number.")
        elif count is None:
            problems.append(f"{quoted(row.name)} has no channels: its values are shown as bars.")
        elif channel is None or channel >= count:
            problems.append(
                f"The {count} channels of {quoted(row.name)} are numbered from 0 to {count - 1}; "
                f"{quoted(number)} is none of them."
            )
    for problem in problems:
        st.error(problem, icon=":material/error:")
    if problems or row is None or channel is None:
        return None
    return row.name, channel


def show_channel(view: LayerView, looked: Looked) -> None:
    """Open the channel of a layer with maps that the address names in front of the page."""
    open_ = st.dialog(
        f"A channel of {view.name}",
        width="large",
        on_dismiss=uninterruptible(_forget),
    )
    open_(_content)(view, looked)


def _content(view: LayerView, looked: Looked) -> None:
    assert view.maps is not None
    count = len(view.maps.images)
    # The first, should the address have come to name one that this layer does not have.
    wanted = whole_number(current_query_params().get("channel")) or 0
    channel = wanted if wanted < count else 0
    _head(view, channel, looked)
    first, second, third = st.columns(3, gap="medium")
    with first:
        kept = looked.model is None
        st.markdown(f"Output, as {'kept, in 256 steps' if kept else 'the network computed it'}")
        chart(
            channel_map_figure(channel_map(view.values[..., channel])),
            key="channel-map",
            view=f"{view.name}-{channel}",
            file_name=f"{view.name}-channel-{channel}",
            description=f"Values of channel {channel} of {view.name}",
        )
    with second:
        _over_image(view.values[..., channel], channel, looked.image)
    with third, errors_shown():
        if looked.model is None:
            st.caption("Its kernel is among the weights of this epoch, which are not here.")
        else:
            _kernel(view, channel, looked.model)
    if looked.model is not None:
        with errors_shown():
            show_top_images(
                looked.run, looked.which, view.name, channel, looked.image.title, looked.names
            )
    with errors_shown():
        show_channel_epochs(looked.run, looked.which, view.name, channel, looked.image)


def _head(view: LayerView, channel: int, looked: Looked) -> None:
    assert view.maps is not None
    count = len(view.maps.images)
    row = st.container(horizontal=True, vertical_alignment="center")
    for label, help_, step in (
        ("Previous", "The channel before this one.", -1),
        ("Next", "The channel after this one.", 1),
    ):
        row.button(
            label,
            key=f"channel-{label.lower()}",
            help=help_,
            disabled=not 0 <= channel + step < count,
            on_click=uninterruptible(_change_page),
            args=(step, count),
        )
    image, name = looked.image, escaped(looked.run.name)
    title = image.title if image.actual is None else f"{image.title}, {looked.names[image.actual]}"
    words = row.container(gap=None)
    words.markdown(
        f"**Channel {channel}** · one of {count}, counted from 0 · {_range(view, channel)}"
    )
    words.caption(f"{name} · {weights_words(looked.run, looked.which)} · {escaped(title)}")


def _over_image(values: NDArray[np.float32], channel: int, image: ChosenImage) -> None:
    st.markdown("Where in the image that is")
    low, high = common_scale(values)
    if low == high:
        st.caption("Nowhere more than elsewhere: the channel has one value.")
        return
    heat = np.where(np.isfinite(values), values - low, 0).astype(np.float32)
    picture = heat_overlay(image.pixels, heat, high - low, side=_OVERLAY)
    alt = f"Channel {channel} over {image.title}"
    st.space(_BESIDE_BUTTONS)
    st.image(sprite(picture[np.newaxis]).png, width=picture.shape[1], alt=alt)
    scale = f"Dark is {low:.4g}, bright is {high:.4g}.".replace("-", "−")
    st.caption(f"Smoothed, over the image in grey. {scale}")


def _kernel(view: LayerView, channel: int, model: "TrainedModel") -> None:
    if not LAYER_TYPES[view.type].has_filters:
        st.caption(f"{LAYER_TYPES[view.type].title} has no kernel.")
        return
    kernel = model.kernel(view.name)[..., channel]
    height, width, inputs = kernel.shape
    # What comes before the first convolution, such as pooling, leaves the image's channels apart.
    network = model.architecture
    layers = zip(network.layer_names, network.layers, strict=True)
    first = view.name == next(name for name, layer in layers if layer.has_filters)
    sees_image = first and inputs == network.input_shape[2]
    names = [name for name, _ in CHANNEL_COLORS[inputs]] if sees_image else None
    if names is not None:
        inputs_text = f"each of the image's channels: {', '.join(names).lower()}"
    else:
        inputs_text = "one input channel" if inputs == 1 else f"each of {inputs} input channels"
    st.markdown(f"Its kernel, {height} × {width} for {inputs_text}")
    chart(
        kernel_grid_figure(kernel_grid(kernel, names)),
        key="channel-kernel",
        view=f"{view.name}-{channel}",
        file_name=f"{view.name}-kernel-{channel}",
        description=f"Kernel of channel {channel} of {view.name}",
    )
    if sees_image and inputs == 3:
        row = st.container(horizontal=True, vertical_alignment="center")
        row.image(_as_picture(kernel), width=_PICTURE, output_format="PNG", alt="Its kernel")
        row.caption("All three as one colour picture. Grey is 0.")


def _as_picture(kernel: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Kernel (h, w, 3) as RGB, mid-grey where it is zero, enlarged without smoothing."""
    limit = float(np.abs(kernel).max()) or 1.0
    pixels = ((kernel / limit + 1) * 127.5).round().astype(np.uint8)
    scale = max(1, 2 * _PICTURE // max(kernel.shape[:2]))
    return pixels.repeat(scale, axis=0).repeat(scale, axis=1)


def _range(view: LayerView, channel: int) -> str:
    values = view.values[..., channel]
    low, high = float(values.min()), float(values.max())
    if view.maps is not None and channel in view.maps.dead:
        return f"{low:.4g} everywhere, so it says nothing about this image"
    words = f"values from {low:.4g} to {high:.4g}, mean {float(values.mean()):.4g}"
    return words.replace("-", "−")


def _change_page(step: int, count: int) -> None:
    # From where the session is by now: with a quick second press the page has not come as far.
    channel = (whole_number(current_query_params().get("channel")) or 0) + step
    if 0 <= channel < count:
        update_query_params(channel=str(channel))


def _forget() -> None:
    update_query_params(layer=None, channel=None, side=None)


def show_channel_epochs(
    run: Run, which: WeightsChoice, layer: str, channel: int, image: ChosenImage
) -> None:
    """The channel's map for ``image`` after each epoch there is; one clicked is gone to."""
    st.markdown("**Over the epochs**")
    kept = inspectable_epochs(run, image.test_index)
    if len(kept) < 2:
        st.caption(
            "This run has kept the weights of no other epoch, so it cannot be told how the channel "
            "came about: it was made by an earlier version, or they were thinned out for room."
        )
        return
    epochs = maps_over_epochs(run, layer, image)
    shapes = [one.maps.shape[:2] for one in epochs if one.maps is not None]
    if not shapes:
        st.warning("None of this run’s weights can be read.", icon=":material/warning:")
        return
    missing = np.zeros(shapes[0], np.float32)
    known = np.stack([one.maps[..., channel] for one in epochs if one.maps is not None])
    low, high = (f"{value:.4g}".replace("-", "−") for value in common_scale(known))
    scale = (
        f"; it is {low} everywhere after all of them"
        if low == high
        else f", all on one scale: darkest is {low}, brightest {high}"
    )
    st.caption(
        f"Its map for this image after each epoch of which weights or maps were kept{scale}. Click "
        "one to go to that epoch."
    )
    pictures = iter(map_pictures(known))
    empty = map_pictures(missing[np.newaxis])[0]
    current = epoch_of(run, which)
    numbers = [one.epoch for one in epochs]
    clicked = image_grid(
        sprite(np.stack([empty if one.maps is None else next(pictures) for one in epochs])),
        key="channel-epochs",
        labels=[f"epoch {number}" for number in numbers],
        tooltips=[_tip(one, channel) for one in epochs],
        size=_TILE,
        selected=numbers.index(current) if current in numbers else None,
        muted=[place for place, one in enumerate(epochs) if one.maps is None],
        muted_word="cannot be shown",
        description="The channel over the epochs",
    )
    for one in epochs:
        if one.maps is None:
            st.caption(f"Epoch {one.epoch}: {escaped(one.problem)}")
    if clicked is not None:
        update_query_params(checkpoint="epochs", epoch=str(numbers[clicked]))
        st.rerun()


def maps_over_epochs(run: Run, layer: str, image: ChosenImage) -> tuple[EpochMaps, ...]:
    """A layer's maps for ``image`` after every epoch of which ``run`` has kept them or its weights.

    In order.
    """
    kept = tuple(
        (epoch, which, cache.weights_stamp(run, which))
        for epoch, which in inspectable_epochs(run, image.test_index).items()
    )
    return _maps_over_epochs(run.id, str(cache.settings()), layer, kept, image.pixels, run, image)


@st.cache_resource(max_entries=8, show_spinner=False)
def _maps_over_epochs(
    run_id: str,
    settings: str,
    layer: str,
    kept: tuple[tuple[int, WeightsChoice, int], ...],
    pixels: NDArray[np.uint8],
    _run: Run,
    _image: ChosenImage,
) -> tuple[EpochMaps, ...]:
    return tuple(_maps_after(_run, epoch, which, layer, _image) for epoch, which, _ in kept)


def _maps_after(
    run: Run, epoch: int, which: WeightsChoice, layer: str, image: ChosenImage
) -> EpochMaps:
    try:
        views = shown_network(run, which, image).views
    except CifarvizError as error:
        # Other epochs may be whole.
        return EpochMaps(epoch, None, str(error))
    return EpochMaps(epoch, next(view.values for view in views if view.name == layer))


def _tip(one: EpochMaps, channel: int) -> str:
    if one.maps is None:
        return f"Epoch {one.epoch}"
    values = one.maps[..., channel]
    low, high = float(values.min()), float(values.max())
    words = f"{low:.4g} everywhere" if low == high else f"from {low:.4g} to {high:.4g}"
    return f"Epoch {one.epoch}: {words}".replace("-", "−")


def show_top_images(
    run: Run, which: WeightsChoice, layer: str, channel: int, shown: str, classes: Sequence[str]
) -> None:
    """The nine images in a row, once all have been looked at; one that is clicked is gone to.

    ``shown`` is the title of the image that is looked at, ``classes`` are as the page calls them.
    """
    st.markdown("**The test images that excite it most**")
    job = job_over_all(run, which)
    if not job.wait(_UNSAID):
        show_progress(job)
        return
    found = job.result()
    if found is None:
        st.caption("The look at all test images was stopped.")
        st.button(
            "Look at them",
            key="begin-top-images",
            icon=":material/search:",
            on_click=uninterruptible(job.start),
            help="Finds the test images that excite each channel most; it takes some seconds.",
        )
        return
    top = found.test[layer]
    images, best = test_images(run), top.of(channel)
    if not best:
        st.caption(f"None does: it is dead for all {top.images:,} of them.")
        return
    fields = [_field(run.experiment.architecture, layer, one) for one in best]
    st.caption(_channel_text(top, channel, fields, run.experiment.architecture))
    clicked = _grid(images, best, fields, f"{layer}-{channel}", shown, classes)
    if clicked is not None:
        index = int(images.indices[best[clicked].position])
        update_query_params(dataset=None, split="test", image=str(index))
        st.rerun()


def _grid(
    images: ImageSet,
    best: Sequence[Excited],
    fields: Sequence[ReceptiveField],
    view: str,
    shown: str,
    classes: Sequence[str],
) -> int | None:
    positions = [one.position for one in best]
    names = [classes[label] for label in images.labels[positions].tolist()]
    titles = [f"{SPLIT_LABELS['test']} {index}" for index in images.indices[positions].tolist()]
    boxes = [(field.top, field.left, field.bottom, field.right) for field in fields]
    values = [f"{one.value:.4g}".replace("-", "−") for one in best]
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
        selected=titles.index(shown) if shown in titles else None,
        description=f"Test images that excite {view} most",
    )


def _channel_text(
    top: TopActivations,
    channel: int,
    fields: Sequence[ReceptiveField],
    architecture: Architecture,
) -> str:
    height, width = (max(getattr(one, side) for one in fields) for side in ("height", "width"))
    silent = int(top.silent_for[channel])
    whole = (height, width) == architecture.input_shape[:2]
    box = "the whole image" if whole else f"{height} × {width} pixels, fewer at an edge"
    return (
        f"Of all {top.images:,}, with the channel’s highest value in each"
        + (f"; it is dead for {silent:,} of them. " if silent else ". ")
        + f"The box is all that the network can see from where that value is: {box}. "
        "Click one to look into it."
    )


def _field(architecture: Architecture, layer: str, one: Excited) -> ReceptiveField:
    row = next(row for row in architecture.trace().rows if row.name == layer)
    assert row.output_shape is not None
    return receptive_field(architecture, layer, *divmod(one.place, row.output_shape[1]))


def weights_words(run: Run, which: WeightsChoice) -> str:
    """What a person calls these weights: "as it ended, after epoch 30", for one."""
    epoch = epoch_of(run, which)
    if isinstance(which, int):
        return f"after epoch {epoch}" if epoch else "before training"
    words = checkpoint_label(run, which)
    return words if epoch is None or f"epoch {epoch}" in words else f"{words}, after epoch {epoch}"
