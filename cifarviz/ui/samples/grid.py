"""The image grid of the Samples page, and the dialog of an image."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cifarviz.data.image_set import Dataset, ImageSet
from cifarviz.figures.sprite import enlarge, sprite
from cifarviz.figures.theme import CHANNEL_COLORS, class_color
from cifarviz.ui.address import escaped
from cifarviz.ui.class_names import (
    class_names,
    format_number_word,
    language_query_params,
    query_class_names,
)
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.navigation import link_to
from cifarviz.ui.query import current_query_params
from cifarviz.ui.samples.view import (
    SPLIT_LABELS,
    VARIANT_LABELS,
    SamplesView,
    read_address,
    write_address,
)

# Largest number of images and their side in CSS pixels.
_TILE_SIZES = ((12, 160), (72, 96), (10_000, 64))
_LARGE_SIDE = 448
_DIALOG_WIDTH = 960


def render_grid(view: SamplesView, dataset: Dataset, about: DeltaGenerator) -> SamplesView:
    """Render the chosen images; returns the view with a clicked image opened.

    ``about`` is the place of the line that says which they are.
    """
    images = dataset.split(view.shown_split)
    shown = images.take(view.positions(images))
    about.markdown(_caption(view, shown, images))
    if not len(shown):
        st.info(
            "No images of these classes are on this machine. Choose other classes, or none for all "
            "classes.",
            icon=":material/info:",
        )
        return view
    split = SPLIT_LABELS[view.shown_split]
    classes = class_names(dataset.info)
    names = [classes[label] for label in shown.labels]
    clicked = image_grid(
        sprite(shown.images),
        key="samples-grid",
        labels=names,
        tooltips=[
            f"{name}, {split} image {index:,}"
            for name, index in zip(names, shown.indices, strict=True)
        ],
        colors=[class_color(int(label)) for label in shown.labels],
        size=next(size for most, size in _TILE_SIZES if len(shown) <= most),
        selected=_position(shown, view.image),
        description="Sampled images",
    )
    if clicked is None:
        return view
    view = view.changed(image=int(shown.indices[clicked]))
    write_address(view)
    return view


def render_opened_image(view: SamplesView, dataset: Dataset) -> None:
    """Render the dialog of the view's image, or a warning if the sample lacks it."""
    if view.image is None:
        return
    images = dataset.split(view.shown_split)
    position = images.position_of(view.image)
    if position is None:
        st.warning(
            f"{SPLIT_LABELS[view.shown_split].capitalize()} image {view.image:,} is not among the "
            f"{len(images):,} images of the {VARIANT_LABELS[dataset.variant]}. Open it in the full "
            "set.",
            icon=":material/warning:",
        )
        in_full = {"dataset": view.dataset} | view.changed(variant="full").address()
        if in_full | language_query_params() != st.query_params.to_dict():
            link_to("samples", "Open it in the full set", **in_full)
        return
    shown = images.take(view.positions(images))
    name = class_names(view.info)[images.labels[position]]
    title = f"{escaped(name)} · {SPLIT_LABELS[view.shown_split]} image {view.image:,}"
    open_dialog = st.dialog(title, width=_DIALOG_WIDTH, on_dismiss=_close)(_render_dialog)
    open_dialog(images, shown, view.image)


def _caption(view: SamplesView, shown: ImageSet, images: ImageSet) -> str:
    published = view.info.published_images
    if view.view == "published" and published is not None:
        count = format_number_word(len(published.indices)).capitalize()
        return (
            f"{count} images from “{published.preset}”: `{published.code}`. Click an image to "
            "enlarge it."
        )
    split, variant = SPLIT_LABELS[view.shown_split], VARIANT_LABELS[view.variant]
    if not view.classes:
        return (
            f"{len(shown):,} of {len(images):,} {split} images in the {variant}, drawn with seed "
            f"{view.seed}. Click an image to enlarge it."
        )
    labels = [query_class_names(view.info).index(name) for name in view.classes]
    names = _joined([escaped(class_names(view.info)[label]) for label in labels])
    return (
        f"{len(shown):,} of {int(np.isin(images.labels, labels).sum()):,} {split} images of "
        f"{names} in the {variant}, drawn with seed {view.seed}. Click an image to enlarge it."
    )


def _joined(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _render_dialog(images: ImageSet, shown: ImageSet, title_index: int) -> None:
    # The dialog reruns alone when it steps: the address has the image.
    view, _ = read_address(current_query_params())
    if view.image not in (None, title_index):
        st.rerun()  # its title is the page's to make
    position = None if view.image is None else images.position_of(view.image)
    if position is None:
        st.write("This image is not on this machine.")
        return
    pixels, label = images.images[position], int(images.labels[position])
    name = class_names(view.info)[label]
    picture, facts = st.columns([470, 370], gap="large")
    with picture:
        # Enlarged by a whole factor, so that the browser does not smooth it.
        large = enlarge(pixels, _LARGE_SIDE)
        st.image(
            large,
            width=large.shape[1],
            output_format="PNG",
            alt=f"{name}, {SPLIT_LABELS[view.shown_split]} image {view.image}",
        )
    with facts:
        st.markdown(_format_facts(view, pixels))
        index = int(images.indices[position])
        # Links instead of buttons: a dialog runs alone, and pages it switched to were sometimes
        # empty.
        address = {"dataset": view.dataset, "split": view.shown_split, "image": str(index)}
        link_to("inside", "See its feature maps", None, **address)
        link_to("predict", "Predict its class", None, **address)
        _render_stepping(view.image, shown)


def _format_facts(view: SamplesView, pixels: np.ndarray) -> str:
    height, width, channels = pixels.shape
    rows = [
        f"Image number **{view.image:,}** of {view.image_count:,} "
        f"{SPLIT_LABELS[view.shown_split]} images, from 0  ",
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


def _render_stepping(index: int | None, shown: ImageSet) -> None:
    position = _position(shown, index)
    if position is None or len(shown) < 2:
        return
    before, after = max(0, position - 1), min(len(shown) - 1, position + 1)
    with st.container(horizontal=True):
        st.button(
            "Previous",
            shortcut="Left",
            disabled=position == before,
            on_click=_open,
            args=(int(shown.indices[before]),),
            help="Show the previous image of the grid.",
        )
        st.button(
            "Next",
            shortcut="Right",
            disabled=position == after,
            on_click=_open,
            args=(int(shown.indices[after]),),
            help="Show the next image of the grid.",
        )


def _open(index: int | None) -> None:
    view, _ = read_address(current_query_params())
    write_address(view.changed(image=index))


def _close() -> None:
    _open(None)


def _position(shown: ImageSet, index: int | None) -> int | None:
    return None if index is None else shown.position_of(index)
