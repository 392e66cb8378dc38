"""The images of the Samples page: the grid, and one of them opened large."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from cifarviz.data.image_set import Dataset, ImageSet
from cifarviz.figures.sprite import enlarge, sprite
from cifarviz.figures.theme import CHANNEL_COLORS, class_color
from cifarviz.ui.address import escaped
from cifarviz.ui.class_names import (
    address_names,
    class_names,
    language_query_params,
    number_in_words,
)
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.navigation import link_to
from cifarviz.ui.query import current_query_params
from cifarviz.ui.samples.view import (
    SPLIT_WORDS,
    VARIANT_WORDS,
    SamplesView,
    read_address,
    show_in_address,
)
from cifarviz.ui.streamlit_patches import uninterruptible

# On-screen pixels an image: the fewer there are, the larger.
_SIZES = ((12, 160), (72, 96), (10_000, 64))
_LARGE = 448
_DIALOG = 960


def grid(view: SamplesView, dataset: Dataset) -> SamplesView:
    """Show the images drawn; gives the view with the image that was clicked opened in it."""
    images = dataset.split(view.shown_split)
    shown = images.take(view.positions(images))
    st.caption(_caption(view, shown, images))
    if not len(shown):
        st.info(
            "None of the images here is of the classes chosen. Choose others, or none for all.",
            icon=":material/info:",
        )
        return view
    words = SPLIT_WORDS[view.shown_split]
    classes = class_names(dataset.info)
    names = [classes[label] for label in shown.labels]
    clicked = image_grid(
        sprite(shown.images),
        key="samples-grid",
        labels=names,
        tooltips=[
            f"{name}, {words} image {index:,}"
            for name, index in zip(names, shown.indices, strict=True)
        ],
        colors=[class_color(int(label)) for label in shown.labels],
        size=next(size for most, size in _SIZES if len(shown) <= most),
        selected=_place(shown, view.image),
        description="Images drawn",
    )
    if clicked is None:
        return view
    view = view.changed(image=int(shown.indices[clicked]))
    show_in_address(view)
    return view


def opened_image(view: SamplesView, dataset: Dataset) -> None:
    """Show the image the view has open in a dialog; a word when this part of the data lacks it."""
    if view.image is None:
        return
    images = dataset.split(view.shown_split)
    position = images.position_of(view.image)
    if position is None:
        st.warning(
            f"{SPLIT_WORDS[view.shown_split].capitalize()} image {view.image:,} is not among the "
            f"{len(images):,} of the {VARIANT_WORDS[dataset.variant]}; the full set has it.",
            icon=":material/warning:",
        )
        in_full = {"dataset": view.dataset} | view.changed(variant="full").address()
        if in_full | language_query_params() != st.query_params.to_dict():
            link_to("samples", "Open it in the full set", **in_full)
        return
    shown = images.take(view.positions(images))
    name = class_names(view.info)[images.labels[position]]
    title = f"{escaped(name)} · {SPLIT_WORDS[view.shown_split]} image {view.image:,}"
    show = st.dialog(title, width=_DIALOG, on_dismiss=uninterruptible(_close))(_opened)
    show(images, shown, view.image)


def _caption(view: SamplesView, shown: ImageSet, images: ImageSet) -> str:
    published = view.info.published_images
    if view.view == "published" and published is not None:
        return (
            f"The {number_in_words(len(published.indices))} training images that the published "
            f"experiment “{published.preset}” shows: `{published.code}`. Click one to see it large."
        )
    kind = f"{SPLIT_WORDS[view.shown_split]} images"
    if view.classes:
        labels = [address_names(view.info).index(name) for name in view.classes]
        total = int(np.isin(images.labels, labels).sum())
        kind += f" of {_listed([escaped(class_names(view.info)[label]) for label in labels])}"
    else:
        total = len(images)
    return (
        f"{len(shown):,} of the {total:,} {kind} in the {VARIANT_WORDS[view.variant]}, drawn with "
        f"seed {view.seed}. Click one to see it large."
    )


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _opened(images: ImageSet, shown: ImageSet, titled: int) -> None:
    # The dialog runs again by itself when it steps on: the address says to which image.
    view, _ = read_address(current_query_params())
    if view.image not in (None, titled):
        st.rerun()  # its title is the page's to make
    position = None if view.image is None else images.position_of(view.image)
    if position is None:
        st.write("This image is not here.")
        return
    pixels, label = images.images[position], int(images.labels[position])
    name = class_names(view.info)[label]
    picture, facts = st.columns([470, 370], gap="large")
    with picture:
        # Whole squares of one size, so that nothing has to be smoothed on the screen.
        large = enlarge(pixels, _LARGE)
        st.image(
            large,
            width=large.shape[1],
            output_format="PNG",
            alt=f"{name}, {SPLIT_WORDS[view.shown_split]} image {view.image}",
        )
    with facts:
        st.markdown(_facts(view, pixels))
        index = int(images.indices[position])
        # Links, not buttons that switch the page: a dialog runs by itself, and a page switched to
        # from there at times came up empty.
        named = {"dataset": view.dataset, "split": view.shown_split, "image": str(index)}
        link_to("inside", "See its feature maps", None, **named)
        link_to("predict", "Predict its class", None, **named)
        _stepping(view.image, shown)


def _facts(view: SamplesView, pixels: np.ndarray) -> str:
    height, width, channels = pixels.shape
    rows = [
        f"{SPLIT_WORDS[view.shown_split].capitalize()} image **{view.image:,}** of "
        f"{view.image_count:,} (official index, from 0)  ",
        f"{width} × {height} pixels, 1 channel of 0 to 255"
        if channels == 1
        else f"{width} × {height} pixels, {channels} channels of 0 to 255",
        "",
        "| Channel | Lowest | Highest | Mean |",
        "|:--|--:|--:|--:|",
    ]
    for channel, (word, _) in enumerate(CHANNEL_COLORS[channels]):
        values = pixels[..., channel]
        rows.append(f"| {word} | {values.min()} | {values.max()} | {values.mean():.1f} |")
    return "\n".join(rows)


def _stepping(index: int | None, shown: ImageSet) -> None:
    place = _place(shown, index)
    if place is None or len(shown) < 2:
        return
    before, after = max(0, place - 1), min(len(shown) - 1, place + 1)
    with st.container(horizontal=True):
        st.button(
            "Previous",
            shortcut="Left",
            disabled=place == before,
            on_click=uninterruptible(_open),
            args=(int(shown.indices[before]),),
            help="The image before it in the grid.",
        )
        st.button(
            "Next",
            shortcut="Right",
            disabled=place == after,
            on_click=uninterruptible(_open),
            args=(int(shown.indices[after]),),
            help="The image after it in the grid.",
        )


def _open(index: int | None) -> None:
    view, _ = read_address(current_query_params())
    show_in_address(view.changed(image=index))


def _close() -> None:
    _open(None)


def _place(shown: ImageSet, index: int | None) -> int | None:
    return None if index is None else shown.position_of(index)
