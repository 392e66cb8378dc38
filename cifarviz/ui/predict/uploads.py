"""The answers to a person's own files: few of them in full, many at a glance."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.runtime.uploaded_file_manager import UploadedFile

from cifarviz.analysis.predictions import top
from cifarviz.data.pictures import FitMode
from cifarviz.data.uploads import MAX_PIXELS
from cifarviz.datasets.info import DatasetInfo
from cifarviz.figures.percent import sure_percent
from cifarviz.figures.sprite import sprite
from cifarviz.figures.theme import class_color
from cifarviz.ui import state
from cifarviz.ui.address import escaped
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.components.scroll_here import scroll_here
from cifarviz.ui.predict.answer import upload_card
from cifarviz.ui.predict.example import forget_example
from cifarviz.ui.predict.files import BadFile, Fitting, ReadImage
from cifarviz.ui.query import render_choice
from cifarviz.ui.unbroken import unbroken

FITS: dict[FitMode, str] = {"crop": "Crop", "stretch": "Stretch", "pad": "Pad"}
INVERSIONS = {"auto": "If it is light", "yes": "Always", "no": "Never"}
_INVERT = {"auto": None, "yes": True, "no": False}

# More than so many are shown at a glance first.
_IN_FULL = 5
_TILE = 96


def uploader() -> list[UploadedFile]:
    """Show where files are dropped and return them; new ones come before a linked image."""
    # Any type: a wrong ending would make Streamlit raise before this page runs.
    files = st.file_uploader(
        "Your images",
        accept_multiple_files=True,
        key="predict-files",
        on_change=unbroken(forget_example),
        help="Photos or drawings of anything; the network has learned to tell the classes of its "
        "data set apart, and answers with one of them whatever it is shown.",
    )
    st.caption(
        "PNG, JPEG, WebP, BMP or GIF; at most "
        f"{st.get_option('server.maxUploadSize')} MB and {MAX_PIXELS // 1_000_000} million pixels "
        "a file. They are not kept."
    )
    return files


def pick_fitting(info: DatasetInfo) -> Fitting:
    """Show the ways to make an image like those of a data set; the address holds those chosen."""
    with st.container(horizontal=True, gap="medium"):
        mode = _pick_mode()
        return Fitting(mode, _pick_inversion(info)) if info.dark_background else Fitting(mode)


def _pick_mode() -> FitMode:
    return render_choice(
        "fit",
        "Fitting",
        FITS,
        key="predict-fit",
        hint="How an image that isn't square is made so: the middle is cut out, it is distorted, "
        "or borders are added.",
        problem=lambda word: f"Images cannot be fitted by {word}: it is crop, stretch or pad.",
    )


def _pick_inversion(info: DatasetInfo) -> bool | None:
    chosen = render_choice(
        "invert",
        "Swap light and dark",
        INVERSIONS,
        key="predict-invert",
        hint=f"{info.title} shows things light on black, so an image with a light background is "
        "inverted, or the network would see something it has never learned from.",
        problem=lambda word: f"Light and dark cannot be swapped by {word}: it is auto, yes or no.",
    )
    return _INVERT[chosen]


def upload_answers(
    files: Sequence[ReadImage | BadFile],
    fit: Fitting,
    given: NDArray[np.float32],
    classes: Sequence[str],
) -> None:
    """A card for each file in its order; of many, a grid of all and the card of one.

    ``given`` float32 (images, classes): the probabilities for the readable ones, in their order.
    """
    if not files:
        return
    images = [file for file in files if isinstance(file, ReadImage)]
    bad = [file for file in files if isinstance(file, BadFile)]
    scroll_here([file.id for file in files], key="predict-answers")
    st.subheader(_counted(len(images), len(bad)), anchor="answers")
    if len(files) <= _IN_FULL:
        answers = iter(given)
        for file in files:
            if isinstance(file, BadFile):
                _say(file)
            else:
                upload_card(file, fit, next(answers), classes)
        return
    if images:
        st.caption("Click an image to see its probabilities.")
        chosen = _overview(images, fit, given, classes)
        upload_card(images[chosen], fit, given[chosen], classes)
    for file in bad:
        _say(file)


def _overview(
    images: Sequence[ReadImage],
    fit: Fitting,
    given: NDArray[np.float32],
    classes: Sequence[str],
) -> int:
    answers = [top(classes, one) for one in given]
    before = state.recall("predict-file")
    chosen = next((i for i, image in enumerate(images) if image.id == before), 0)
    clicked = image_grid(
        sprite(np.stack([image.prepared(fit).pixels for image in images])),
        key="predict-overview",
        labels=[f"{one.name} {sure_percent(one.probability, 0)}" for one in answers],
        tooltips=[
            f"{image.name}: {one.name}, {sure_percent(one.probability)}"
            for image, one in zip(images, answers, strict=True)
        ],
        colors=[class_color(one.index) for one in answers],
        size=_TILE,
        selected=chosen,
        description="Your images as the network saw them",
    )
    if clicked is None or clicked == chosen:
        return chosen
    state.remember("predict-file", images[clicked].id)
    return clicked


def _counted(images: int, bad: int) -> str:
    one_image, one_bad = images == 1, bad == 1
    if not bad:
        return "1 image added" if one_image else f"{images} images added"
    if not images:
        return "1 file that cannot be read" if one_bad else f"{bad} files that cannot be read"
    if one_bad:
        if one_image:
            return "1 image added, 1 file that cannot be read"
        return f"{images} images added, 1 file that cannot be read"
    if one_image:
        return f"1 image added, {bad} files that cannot be read"
    return f"{images} images added, {bad} files that cannot be read"


def _say(file: BadFile) -> None:
    st.error(escaped(file.problem), icon=":material/error:")
