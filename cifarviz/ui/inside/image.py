"""The image and the network that Inside shows."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.feature_maps import LayerView
from cifarviz.data.image_set import ImageSet, Split
from cifarviz.data.pictures import fit_picture
from cifarviz.data.uploads import decode
from cifarviz.datasets.info import DatasetInfo
from cifarviz.datasets.registry import find
from cifarviz.errors import ArtifactDamaged, ArtifactMissing
from cifarviz.experiment.experiment import Experiment
from cifarviz.figures.sprite import sprite
from cifarviz.figures.theme import TRAINING
from cifarviz.runs.kept_weights import epoch_of
from cifarviz.runs.pins import FIRST_SHOWN, MOST, pin, pinned_images, unpin
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice, weights_path
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, quoted, whole_number
from cifarviz.ui.class_names import class_names
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.dataset_images import (
    available_images,
    check_shape,
    dataset_from_query,
    find_image,
    neighbours,
)
from cifarviz.ui.epoch_scrubber import images_with_any_maps
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.query import (
    current_query_params,
    fill_query_param,
    same_text,
    typed_text,
    update_query_params,
    widget_key,
    widget_value,
)
from cifarviz.ui.streamlit_patches import uninterruptible

if TYPE_CHECKING:
    from cifarviz.analysis.trained_model import TrainedModel


_SOURCES = {"test": "Test images", "train": "Training images", "upload": "Your own"}


@dataclass(frozen=True, eq=False)
class ChosenImage:
    """An image as the network takes it.

    ``pixels`` uint8 (height, width, channels); ``actual`` is the index of its class, if it is
    known; ``notes``: a sentence for each thing that was done to an uploaded file; ``test_index``
    is the official one of a test image.
    """

    pixels: NDArray[np.uint8]
    title: str
    actual: int | None
    notes: tuple[str, ...] = ()
    test_index: int | None = None


@dataclass(frozen=True, eq=False)
class ShownNetwork:
    """``views`` are the layers in order; ``title`` says which of two networks it is.

    Without ``model``, the weights are gone or, as ``problem`` says then, cannot be used, and the
    views are those that the run kept of a pinned image.
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
        """The layer of this name; the network has one."""
        return next(view for view in self.views if view.name == name)


# CSS pixels; eight fit beside each other.
_TILE = 36
_MARK = TRAINING


def choose_image(experiment: Experiment) -> ChosenImage | None:
    """Show the choice and return the image, or ``None`` while there is none.

    The address holds it as ``split`` and ``image``, the official index. Raises an error in words
    for what cannot be shown, after the controls that choose another are on the page.
    """
    source = _source()
    if source == "upload":
        return _uploaded(experiment)
    split: Split = "train" if source == "train" else "test"
    info = dataset_from_query(experiment.data.dataset)
    images = available_images(info, split)
    wanted = fill_query_param("image", str(_first(images, split)))
    _index_controls(wanted, images, split)
    check_shape(info, experiment.architecture.input_shape)
    image = find_image(wanted, images, info, split)
    return ChosenImage(
        image.pixels,
        image.title,
        image.actual,
        test_index=image.index if split == "test" else None,
    )


def test_image_in_address() -> int | None:
    """The official index of the test image that will be shown, if it is one."""
    if st.query_params.get("split", "test") != "test":
        return None
    return whole_number(st.query_params.get("image", str(FIRST_SHOWN)))


def _source() -> str:
    wanted = st.query_params.get("split", "test")
    chosen = wanted if wanted in _SOURCES else "test"
    st.segmented_control(
        "Image",
        list(_SOURCES),
        default=chosen,
        format_func=_SOURCES.__getitem__,
        key=widget_key("inside-source", chosen),
        required=True,
        on_change=uninterruptible(_change_source),
        help="The network has learned from training images, but has never seen the test images.",
    )
    if chosen != wanted:
        st.warning(
            f"There are no images called {quoted(wanted)}: it is test, train or upload. "
            "Here are the test images.",
            icon=":material/warning:",
        )
    return chosen


def _first(images: ImageSet, split: Split) -> int:
    if split == "test" and images.position_of(FIRST_SHOWN) is not None:
        return FIRST_SHOWN
    return int(images.indices[0])


def _index_controls(wanted: str, images: ImageSet, split: Split) -> None:
    key = widget_key("inside-index", wanted, same_text)
    st.text_input(
        "Official index",
        wanted,
        key=key,
        on_change=uninterruptible(_change_index),
        args=(key, wanted),
        help="An image's place in the published data set, counted from 0.",
    )
    index = whole_number(wanted)
    before, after = (None, None) if index is None else neighbours(index, images)
    row = st.container(horizontal=True, gap="small")
    for label, help_, side, there in (
        ("Previous", "The image before this one.", 0, before),
        ("Next", "The image after this one.", 1, after),
    ):
        row.button(
            label,
            key=f"inside-{label.lower()}",
            help=help_,
            disabled=there is None,
            on_click=uninterruptible(_step),
            args=(images, split, side),
        )
    row.button(
        "Random",
        key="inside-random",
        icon=":material/shuffle:",
        help="Draw one of these images.",
        on_click=uninterruptible(_show_random),
        args=(images.indices,),
    )


def _uploaded(experiment: Experiment) -> ChosenImage | None:
    file = st.file_uploader(
        "Your image",
        key="inside-upload",
        help="PNG, JPEG, WebP, BMP or GIF, of any size. It stays on this machine.",
    )
    if file is None:
        st.info("Choose an image file, and the network is shown it.", icon=":material/info:")
        return None
    image = decode(file.getvalue(), file.name)
    info = find(experiment.data.dataset)
    shape = experiment.architecture.input_shape
    fitted = fit_picture(image, shape, dark_background=info.dark_background)
    prepared = fitted.prepare()
    if info.dark_background:
        inverted = st.toggle(
            "Swap light and dark",
            value=prepared.inverted,
            key=f"inside-invert-{file.file_id}",
            help=f"{info.title} shows things light on black: an image with a light background is "
            "inverted, or the network would see something it has never learned from.",
        )
        prepared = fitted.prepare(inverted)
    return ChosenImage(prepared.pixels, file.name, None, tuple(map(str, prepared.notes)))


def _change_source() -> None:
    update_query_params(image=None, dataset=None, split=widget_value("inside-source"))


def _change_index(key: str, given: str) -> None:
    update_query_params(image=typed_text(key, given))


def _step(images: ImageSet, split: Split, side: int) -> None:
    # From where the session is by now: with a quick second press the page has not come as far.
    index = whole_number(current_query_params().get("image") or str(_first(images, split)))
    there = None if index is None else neighbours(index, images)[side]
    if there is not None:
        update_query_params(image=str(there))


def _show_random(indices: NDArray[np.int64]) -> None:
    update_query_params(image=str(np.random.default_rng().choice(indices)))


def shown_network(
    run: Run, which: WeightsChoice, image: ChosenImage, title: str = ""
) -> ShownNetwork:
    """The network opened and asked about the image; both are kept for the next time.

    Where its weights cannot be used, the maps that were kept of the image stand in. Raises
    ``ArtifactMissing`` and ``ArtifactDamaged`` where there are none either, and
    ``ExperimentInvalid`` for an image of another shape.
    """
    problem = ""
    if _is_there(run, which) or not _maps_kept(run, which, image):
        try:
            model = cache.trained_model(run, which)
            views = cache.layer_views(run, which, image.pixels)
            return ShownNetwork(run, which, title, model, views)
        except (ArtifactMissing, ArtifactDamaged) as error:
            if not _maps_kept(run, which, image):
                raise
            problem = str(error)
    return ShownNetwork(run, which, title, None, _kept_views(run, which, image), problem)


def say_problem(network: ShownNetwork) -> None:
    """Say why the weights cannot be used, where they are there and cannot."""
    if network.problem:
        st.error(escaped(network.problem), icon=":material/error:")


def _is_there(run: Run, which: WeightsChoice) -> bool:
    return weights_path(cache.store().folder(run.id), which).exists()


def _maps_kept(run: Run, which: WeightsChoice, image: ChosenImage) -> bool:
    """Whether the run has kept the image's feature maps of the epoch that these weights are of."""
    epoch = epoch_of(run, which)
    return epoch is not None and image.test_index in cache.images_with_maps(run, epoch)


def _kept_views(run: Run, which: WeightsChoice, image: ChosenImage) -> tuple[LayerView, ...]:
    epoch = epoch_of(run, which)
    assert epoch is not None
    assert image.test_index is not None
    return cache.snapshot_layer_views(run, epoch, image.test_index)


def offer_images_with_maps(run: Run) -> None:
    """Say that a run has kept no weights, only maps of some images, and offer these."""
    images = sorted(images_with_any_maps(run))
    if not images:
        st.error(
            f"{quoted(run.name)} has no weights any more, and the feature maps that it kept cannot "
            "be read. Choose another run.",
            icon=":material/error:",
        )
        return
    st.info(
        f"{quoted(run.name)} has no weights any more, only feature maps of images that were pinned "
        "while it trained. Choose one of them.",
        icon=":material/inventory_2:",
    )
    with st.container(horizontal=True):
        for image in images:
            st.button(
                f"Test image {image}",
                key=f"kept-image-{image}",
                help="Shows the feature maps that the run kept of this image.",
                on_click=uninterruptible(_go_to),
                args=(image,),
            )


def _go_to(image: int) -> None:
    update_query_params(split=None, image=str(image))


def show_pins(run: Run, image: ChosenImage) -> None:
    """The pinned images in a row, and a button to pin the one that is shown or to take it off."""
    info = find(run.experiment.data.dataset)
    pinned = pinned_images(cache.store(), info)
    here = available_images(info, "test").having(pinned)
    if len(here):
        classes = class_names(info)
        indices = here.indices.tolist()
        kept = images_with_any_maps(run) & set(indices)
        # Where it is so of all or of none, there is nothing to tell apart.
        marked = 0 < len(kept) < len(indices)
        clicked = image_grid(
            sprite(here.images),
            key="pinned",
            size=_TILE,
            tooltips=[
                f"Test image {index}, {classes[label]}"
                + (": maps kept on the way" if marked and index in kept else "")
                for index, label in zip(indices, here.labels, strict=True)
            ],
            colors=[_MARK if index in kept else "transparent" for index in indices]
            if marked
            else None,
            selected=indices.index(image.test_index) if image.test_index in indices else None,
            noun="Pinned image",
            description="Pinned images",
        )
        if clicked is not None:
            update_query_params(split=None, dataset=None, image=str(indices[clicked]))
            st.rerun()
        if marked:
            st.caption(
                "Underlined: the run has kept their feature maps, at more epochs than weights."
            )
    if image.test_index is not None:
        _button(info, image.test_index, pinned)


def _button(info: DatasetInfo, index: int, pinned: tuple[int, ...]) -> None:
    there = index in pinned
    if st.button(
        "Unpin" if there else "Pin",
        key="inside-pin",
        icon=":material/keep_off:" if there else ":material/keep:",
        help=f"Runs keep the feature maps of the pinned images, {MOST} at most, on their way, so "
        "that these can be looked at when the weights have been thinned out."
        + (" What runs have kept of this one stays." if there else ""),
    ):
        with errors_shown():
            (unpin if there else pin)(cache.store(), info, index)
            st.rerun()
