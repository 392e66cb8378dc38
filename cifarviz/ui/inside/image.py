"""The image and the network that Inside shows."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from cifarviz.analysis.feature_maps import LayerView
from cifarviz.data.image_set import ImageSet, Split
from cifarviz.data.pictures import fit_picture
from cifarviz.data.uploads import decode
from cifarviz.datasets.info import DatasetInfo
from cifarviz.datasets.registry import find_dataset
from cifarviz.errors import ArtifactDamaged, ArtifactMissing
from cifarviz.experiment.experiment import Experiment
from cifarviz.figures.sprite import sprite
from cifarviz.figures.theme import TRAINING
from cifarviz.people.person import may_make
from cifarviz.runs.pins import DEFAULT_IMAGE, MAX_PINNED, pin, pinned_images, unpin
from cifarviz.runs.records import Run
from cifarviz.runs.run_data import has_images, is_data_unchanged
from cifarviz.runs.snapshots import WeightsChoice, weights_path
from cifarviz.runs.stored_weights import weights_epoch
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, quoted, whole_number
from cifarviz.ui.class_names import class_names
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.data_problem import render_data_problem
from cifarviz.ui.dataset_images import (
    available_images,
    check_shape,
    dataset_from_query,
    find_image,
    neighbours,
)
from cifarviz.ui.epoch_scrubber import images_with_any_maps
from cifarviz.ui.errors import render_errors
from cifarviz.ui.query import (
    current_query_params,
    fill_query_param,
    same_text,
    typed_text,
    update_query_params,
    widget_key,
    widget_value,
)
from cifarviz.ui.upload_sizes import MAX_PICTURE_MB

if TYPE_CHECKING:
    from cifarviz.analysis.trained_model import TrainedModel


_SOURCES = {"test": "Test images", "train": "Training images", "upload": "Upload"}


@dataclass(frozen=True, eq=False)
class InputImage:
    """An image as input of the network.

    ``pixels`` uint8 (height, width, channels); ``actual`` is the index of its class, if known;
    ``notes``: a sentence per change to an uploaded file; ``test_index`` is the image number of
    a test image.
    """

    pixels: NDArray[np.uint8]
    title: str
    actual: int | None
    notes: tuple[str, ...] = ()
    test_index: int | None = None


@dataclass(frozen=True, eq=False)
class InspectedNetwork:
    """A network with its layers' outputs for an image; ``title`` identifies it in a pair.

    ``views`` are the layers in order. Without ``model`` they are the maps that the run saved
    of a pinned image: the weights were deleted or, as ``problem`` says, cannot be used.
    """

    run: Run
    weights: WeightsChoice
    title: str
    model: "TrainedModel | None"
    views: tuple[LayerView, ...]
    problem: str = ""

    @property
    def has_maps(self) -> bool:
        """Whether any layer's output is maps."""
        return any(view.maps is not None for view in self.views)

    def layer(self, name: str) -> LayerView:
        """The layer of this name, which must exist."""
        return next(view for view in self.views if view.name == name)


# CSS pixels; eight fit in a row.
_TILE = 36
_MARK = TRAINING


def pick_image(run: Run, messages: DeltaGenerator) -> InputImage | None:
    """Render the image controls and return the image, or ``None`` while there is none.

    ``messages`` is where problems and hints are shown. The address holds ``split`` and ``image``,
    the image number. Raises a ``CifarvizError`` for an image that cannot be shown, after the
    controls have been rendered.
    """
    experiment = run.experiment
    source = _pick_source(messages)
    if source == "upload":
        return _pick_upload(experiment, messages)
    split: Split = "train" if source == "train" else "test"
    info = dataset_from_query(experiment.data.dataset)
    if info.name == experiment.data.dataset:
        with messages:
            render_data_problem(run)
        if not has_images(run, cache.settings(), split):
            if may_make():
                messages.caption("Choose Upload to look inside with another picture.")
            return None
    images = available_images(run, split, info)
    wanted = fill_query_param("image", str(_default_image(images, split)))
    _render_image_number(wanted, images, split)
    check_shape(info, experiment.architecture.input_shape)
    image = find_image(wanted, images, info, split)
    return InputImage(
        image.pixels,
        image.title,
        image.actual,
        test_index=image.index if split == "test" else None,
    )


def test_image_in_address() -> int | None:
    """The number of the test image in the address, if it has a test image."""
    if st.query_params.get("split", "test") != "test":
        return None
    return whole_number(st.query_params.get("image", str(DEFAULT_IMAGE)))


def _pick_source(messages: DeltaGenerator) -> str:
    sources = [source for source in _SOURCES if source != "upload" or may_make()]
    wanted = st.query_params.get("split", "test")
    chosen = wanted if wanted in sources else "test"
    st.segmented_control(
        "Image",
        sources,
        default=chosen,
        format_func=_SOURCES.__getitem__,
        key=widget_key("inside-source", chosen),
        required=True,
        on_change=_change_source,
        help="The network was trained on training images and has never seen test images.",
    )
    if chosen != wanted:
        messages.warning(
            f"There is no split {quoted(wanted)}: use {' or '.join(sources)}. Test images "
            "are shown.",
            icon=":material/warning:",
        )
    return chosen


def _default_image(images: ImageSet, split: Split) -> int:
    if split == "test" and images.position_of(DEFAULT_IMAGE) is not None:
        return DEFAULT_IMAGE
    return int(images.indices[0])


def _render_image_number(wanted: str, images: ImageSet, split: Split) -> None:
    key = widget_key("inside-index", wanted, same_text)
    st.text_input(
        "Image number",
        wanted,
        key=key,
        on_change=_change_number,
        args=(key, wanted),
        help="The image’s position in the published data set, counted from 0.",
    )
    index = whole_number(wanted)
    before, after = (None, None) if index is None else neighbours(index, images)
    row = st.container(horizontal=True, gap="small")
    for label, hint, side, neighbour in (
        ("Previous", "Show the previous image.", 0, before),
        ("Next", "Show the next image.", 1, after),
    ):
        row.button(
            label,
            key=f"inside-{label.lower()}",
            help=hint,
            disabled=neighbour is None,
            on_click=_step,
            args=(images, split, side),
        )
    row.button(
        "Random",
        key="inside-random",
        icon=":material/shuffle:",
        help="Show a random image of this split.",
        on_click=_show_random,
        args=(images.indices,),
    )


def _pick_upload(experiment: Experiment, messages: DeltaGenerator) -> InputImage | None:
    file = st.file_uploader(
        "Your image",
        key="inside-upload",
        max_upload_size=MAX_PICTURE_MB,
        help="PNG, JPEG, WebP, BMP or GIF of any size. It stays on this machine.",
    )
    if file is None:
        messages.info("Choose an image file for the network.", icon=":material/info:")
        return None
    image = decode(file.getvalue(), file.name)
    info = find_dataset(experiment.data.dataset)
    shape = experiment.architecture.input_shape
    fitted = fit_picture(image, shape, dark_background=info.dark_background)
    prepared = fitted.prepare()
    if info.dark_background:
        inverted = st.toggle(
            "Swap light and dark",
            value=prepared.inverted,
            key=f"inside-invert-{file.file_id}",
            help=f"Images of {info.title} are light on black. Images with a light background are "
            "inverted to match.",
        )
        prepared = fitted.prepare(inverted)
    return InputImage(prepared.pixels, file.name, None, tuple(map(str, prepared.notes)))


def _change_source() -> None:
    update_query_params(image=None, dataset=None, split=widget_value("inside-source"))


def _change_number(key: str, given: str) -> None:
    update_query_params(image=typed_text(key, given))


def _step(images: ImageSet, split: Split, side: int) -> None:
    # From the current address: after a quick second press the page may not have rerun yet.
    index = whole_number(current_query_params().get("image") or str(_default_image(images, split)))
    neighbour = None if index is None else neighbours(index, images)[side]
    if neighbour is not None:
        update_query_params(image=str(neighbour))


def _show_random(indices: NDArray[np.int64]) -> None:
    update_query_params(image=str(np.random.default_rng().choice(indices)))


def inspect_network(
    run: Run, weights: WeightsChoice, image: InputImage, title: str = ""
) -> InspectedNetwork:
    """The network's outputs for the image, cached.

    If the weights cannot be used, the maps saved of the image replace them. Raises
    ``ArtifactMissing`` and ``ArtifactDamaged`` if there are none either, and
    ``ExperimentInvalid`` for an image of another shape.
    """
    problem = ""
    if _has_weights(run, weights) or not _has_maps(run, weights, image):
        try:
            model = cache.trained_model(run, weights)
            views = cache.layer_views(run, weights, image.pixels)
            return InspectedNetwork(run, weights, title, model, views)
        except (ArtifactMissing, ArtifactDamaged) as error:
            if not _has_maps(run, weights, image):
                raise
            problem = str(error)
    return InspectedNetwork(run, weights, title, None, _saved_views(run, weights, image), problem)


def render_problem(network: InspectedNetwork) -> None:
    """Render why existing weights cannot be used, if so."""
    if network.problem:
        st.error(escaped(network.problem), icon=":material/error:")


def _has_weights(run: Run, weights: WeightsChoice) -> bool:
    return weights_path(cache.store().folder(run.id), weights).exists()


def _has_maps(run: Run, weights: WeightsChoice, image: InputImage) -> bool:
    """Whether the run has saved maps of the image at the epoch of these weights."""
    epoch = weights_epoch(run, weights)
    if epoch is None or not is_data_unchanged(run, "test"):
        return False
    return image.test_index in cache.images_with_maps(run, epoch)


def _saved_views(run: Run, weights: WeightsChoice, image: InputImage) -> tuple[LayerView, ...]:
    epoch = weights_epoch(run, weights)
    assert epoch is not None
    assert image.test_index is not None
    return cache.snapshot_layer_views(run, epoch, image.test_index)


def render_images_with_maps(run: Run) -> None:
    """Render the images with saved maps of a run without weights, to choose from."""
    images = sorted(images_with_any_maps(run))
    if not images:
        st.error(
            f"The weights of {quoted(run.name)} were deleted, and its saved feature maps cannot "
            "be read. Choose another run.",
            icon=":material/error:",
        )
        return
    st.info(
        f"The weights of {quoted(run.name)} were deleted; only feature maps of pinned images are "
        "left. Choose an image.",
        icon=":material/inventory_2:",
    )
    with st.container(horizontal=True):
        for image in images:
            st.button(
                f"Test image {image}",
                key=f"kept-image-{image}",
                help="Show the saved feature maps of this image.",
                on_click=_open_image,
                args=(image,),
            )


def _open_image(image: int) -> None:
    update_query_params(split=None, image=str(image))


def render_pins(run: Run, shown: InputImage) -> None:
    """Render the pinned images, and a button that pins or unpins the image shown."""
    info = find_dataset(run.experiment.data.dataset)
    pinned = pinned_images(cache.store(), info)
    images = available_images(run, "test").having(pinned)
    if len(images):
        classes = class_names(info)
        indices = images.indices.tolist()
        with_maps = images_with_any_maps(run) & set(indices)
        # Underlining all images or none would tell nothing.
        mark_some = 0 < len(with_maps) < len(indices)
        clicked = image_grid(
            sprite(images.images),
            key="pinned",
            size=_TILE,
            tooltips=[
                f"Test image {index}, {classes[label]}"
                + (", maps saved at more epochs" if mark_some and index in with_maps else "")
                for index, label in zip(indices, images.labels, strict=True)
            ],
            colors=[_MARK if index in with_maps else "transparent" for index in indices]
            if mark_some
            else None,
            selected=indices.index(shown.test_index) if shown.test_index in indices else None,
            noun="Pinned image",
            description="Pinned images",
        )
        if clicked is not None:
            update_query_params(split=None, dataset=None, image=str(indices[clicked]))
            st.rerun()
        if mark_some:
            st.caption("Underlined: maps saved at more epochs")
    if shown.test_index is not None and may_make():
        _render_pin_button(info, shown.test_index, pinned)


def _render_pin_button(info: DatasetInfo, index: int, pinned: tuple[int, ...]) -> None:
    pinned_here = index in pinned
    if st.button(
        "Unpin" if pinned_here else "Pin",
        key="inside-pin",
        icon=":material/keep_off:" if pinned_here else ":material/keep:",
        help="Stops saving feature maps of this image while networks train. Saved maps are kept."
        if pinned_here
        else "Saves feature maps of this image while networks train, so that you can view them "
        f"when weights were deleted to save space. You can pin up to {MAX_PINNED} images.",
    ):
        with render_errors():
            (unpin if pinned_here else pin)(cache.store(), info, index)
            st.rerun()
