"""Choosing the image that a network is shown: from the data set, or a person's own."""

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.data.image_set import ImageSet, Split
from cifarviz.data.pictures import fit_picture
from cifarviz.data.uploads import decode
from cifarviz.datasets.registry import find
from cifarviz.experiment.experiment import Experiment
from cifarviz.runs.pins import FIRST_SHOWN
from cifarviz.ui.address import quoted, whole_number
from cifarviz.ui.named_image import (
    check_shape,
    images_of,
    named_dataset,
    neighbours,
    open_image,
)
from cifarviz.ui.query import (
    current_query_params,
    fill_query_param,
    same_text,
    typed_text,
    update_query_params,
    widget_key,
    widget_value,
)
from cifarviz.ui.unbroken import unbroken

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


def choose_image(experiment: Experiment) -> ChosenImage | None:
    """Show the choice and return the image, or ``None`` while there is none.

    The address holds it as ``split`` and ``image``, the official index. Raises an error in words
    for what cannot be shown, after the controls that choose another are on the page.
    """
    source = _source()
    if source == "upload":
        return _uploaded(experiment)
    split: Split = "train" if source == "train" else "test"
    info = named_dataset(experiment.data.dataset)
    images = images_of(info, split)
    wanted = fill_query_param("image", str(_first(images, split)))
    _index_controls(wanted, images, split)
    check_shape(info, experiment.architecture.input_shape)
    image = open_image(wanted, images, info, split)
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
        on_change=unbroken(_change_source),
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
        on_change=unbroken(_change_index),
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
            on_click=unbroken(_step),
            args=(images, split, side),
        )
    row.button(
        "Random",
        key="inside-random",
        icon=":material/shuffle:",
        help="Draw one of these images.",
        on_click=unbroken(_show_random),
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
