"""Choosing the image that a network is shown: from the data set, or a person's own."""

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.data import library
from cifarviz.data.datasets import DatasetInfo, ImageSet, Split, Variant, find
from cifarviz.data.uploads import decode, fit_to
from cifarviz.errors import DatasetNotFound, ExperimentInvalid
from cifarviz.experiment.architecture import in_words
from cifarviz.experiment.experiment import Experiment
from cifarviz.ui import cache, state
from cifarviz.ui.address import quoted, whole_number

_SOURCES = {"test": "Test images", "train": "Training images", "upload": "Your own"}
_WORDS: dict[Split, str] = {"test": "Test image", "train": "Training image"}
# The one whose feature maps the published experiment shows.
_FIRST_TEST_IMAGE = 1


@dataclass(frozen=True, eq=False)
class ChosenImage:
    """An image as the network takes it.

    ``pixels`` uint8 (height, width, channels); ``actual`` is the index of its class, if it is
    known; ``notes``: a sentence for each thing that was done to an uploaded file.
    """

    pixels: NDArray[np.uint8]
    title: str
    actual: int | None
    notes: tuple[str, ...] = ()


def choose_image(experiment: Experiment) -> ChosenImage | None:
    """Show the choice and return the image, or ``None`` while there is none.

    The address holds it as ``split`` and ``image``, the official index. Raises an error in words
    for what cannot be shown, after the controls that choose another are on the page.
    """
    source = _source()
    if source == "upload":
        return _uploaded(experiment.architecture.input_shape)
    split: Split = "train" if source == "train" else "test"
    info = find(st.query_params.get("dataset", experiment.data.dataset))
    images = _images(info, split)
    wanted = st.query_params.get("image")
    if wanted is None:
        wanted = str(_first(images, split))
        st.query_params["image"] = wanted
    _index_controls(wanted, images)
    if info.image_shape != experiment.architecture.input_shape:
        raise ExperimentInvalid(
            f"Images of {info.title} have {in_words(info.image_shape)} values, and this network "
            f"takes {in_words(experiment.architecture.input_shape)}. Choose another run."
        )
    position = _position(wanted, images, info, split)
    return ChosenImage(
        images.images[position], f"{_WORDS[split]} {int(wanted)}", int(images.labels[position])
    )


def _source() -> str:
    wanted = st.query_params.get("split", "test")
    chosen = wanted if wanted in _SOURCES else "test"
    state.put("inside-source", chosen)
    st.segmented_control(
        "Image",
        list(_SOURCES),
        format_func=_SOURCES.__getitem__,
        key="inside-source",
        required=True,
        on_change=_change_source,
        help="The network has learned from training images, but has never seen the test images.",
    )
    if chosen != wanted:
        st.warning(
            f"There are no images called {quoted(wanted)}: it is test, train or upload. "
            "Here are the test images.",
            icon=":material/warning:",
        )
    return chosen


def _images(info: DatasetInfo, split: Split) -> ImageSet:
    here = library.status(info, cache.settings())
    variant: Variant = "full" if here.full_available else "sample"
    return cache.dataset(info.name, variant).split(split)


def _first(images: ImageSet, split: Split) -> int:
    if split == "test" and images.position_of(_FIRST_TEST_IMAGE) is not None:
        return _FIRST_TEST_IMAGE
    return int(images.indices[0])


def _index_controls(wanted: str, images: ImageSet) -> None:
    state.put("inside-index", wanted)
    st.text_input(
        "Official index",
        key="inside-index",
        on_change=_change_index,
        help="An image's place in the published data set, counted from 0.",
    )
    before, after = _neighbours(wanted, images)
    row = st.container(horizontal=True, gap="small")
    for label, help_, index in (
        ("Previous", "The image before this one.", before),
        ("Next", "The image after this one.", after),
    ):
        row.button(
            label,
            key=f"inside-{label.lower()}",
            help=help_,
            disabled=index is None,
            on_click=_show,
            args=(index,),
        )
    row.button(
        "Random",
        key="inside-random",
        icon=":material/shuffle:",
        help="Draw one of these images.",
        on_click=_show_random,
        args=(images.indices,),
    )


def _neighbours(wanted: str, images: ImageSet) -> tuple[int | None, int | None]:
    index = whole_number(wanted)
    if index is None:
        return None, None
    ordered = np.sort(images.indices)
    before, after = ordered[ordered < index], ordered[ordered > index]
    return (
        int(before[-1]) if len(before) else None,
        int(after[0]) if len(after) else None,
    )


def _position(wanted: str, images: ImageSet, info: DatasetInfo, split: Split) -> int:
    index = whole_number(wanted)
    total = info.train_images if split == "train" else info.test_images
    if index is None or index >= total:
        raise DatasetNotFound(
            f"{_WORDS[split]}s of {info.title} are numbered 0 to {total - 1:,}; "
            f"{quoted(wanted)} is none of them."
        )
    position = images.position_of(index)
    if position is None:
        near = " and ".join(f"{one:,}" for one in _neighbours(wanted, images) if one is not None)
        raise DatasetNotFound(
            f"{_WORDS[split]} {index:,} is not among the {len(images):,} of the embedded sample; "
            f"the nearest are {near}. The Start page fetches the full set."
        )
    return position


def _uploaded(shape: tuple[int, int, int]) -> ChosenImage | None:
    file = st.file_uploader(
        "Your image",
        key="inside-upload",
        help="PNG, JPEG, WebP, BMP or GIF, of any size. It stays on this machine.",
    )
    if file is None:
        st.info("Choose an image file, and the network is shown it.", icon=":material/info:")
        return None
    image = decode(file.getvalue(), file.name)
    height, width, channels = shape
    notes = list(image.notes)
    if image.width != image.height:
        notes.append("The square in its middle was cut out.")
    if (image.width, image.height) != (width, height):
        notes.append(
            f"It was brought from {image.width:,} × {image.height:,} to the {width} × {height} "
            "pixels that this network takes."
        )
    if channels == 1:
        notes.append("It was made grey, as this network takes it.")
    return ChosenImage(fit_to(image.rgb, shape), file.name, None, tuple(notes))


def _change_source() -> None:
    for name in ("image", "dataset"):
        st.query_params.pop(name, None)
    st.query_params["split"] = state.get("inside-source")


def _change_index() -> None:
    st.query_params["image"] = str(state.get("inside-index")).strip()


def _show(index: int) -> None:
    st.query_params["image"] = str(index)


def _show_random(indices: NDArray[np.int64]) -> None:
    _show(int(np.random.default_rng().choice(indices)))
