"""The first scene: the pictures that are learned from."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from cifarviz.escaping import html_text
from cifarviz.figures.picture_sheet import picture_sheet
from cifarviz.figures.theme import class_color
from cifarviz.runs.records import Run
from cifarviz.ui import cache
from cifarviz.ui.class_names import address_names
from cifarviz.ui.present.stage import Stage, headline, picture

_A_CLASS = 4


def show(stage: Stage) -> Sequence[str]:
    """Four pictures of each class above its name."""
    info = stage.info
    height, width, _ = info.image_shape
    headline(f"{info.train_images + info.test_images:,} small pictures of ten kinds of things")
    names = "".join(
        f'<span style="border-color: {class_color(label)}">{html_text(name)}</span>'
        for label, name in enumerate(stage.names)
    )
    alt = f"{_A_CLASS} training images of each class of {info.title}"
    st.html(
        f'<div class="present-classes">{picture(_sheet(info.name), alt)}'
        f'<div class="present-names">{names}</div></div>'
    )
    run = stage.run
    learns = _learns(run) if run is not None else ""
    st.html(f'<p class="present-words centred">{learns}</p>')
    return [
        f"This is **{info.title}**: {info.train_images:,} training and {info.test_images:,} test "
        f"images of {height} × {width} pixels, each with one of ten labels that people gave it. "
        f"Here are the first {_A_CLASS} training images of each class, not chosen ones.",
        learns or "No run is presented yet that would learn from them.",
    ]


def _learns(run: Run) -> str:
    if not run.train_images:
        return ""
    held = (
        f"and is checked on {run.validation_images:,} that it never learns from"
        if run.validation_images
        else "and none are held back to check it on"
    )
    part = " (the embedded sample)" if run.experiment.data.variant == "sample" else ""
    return f"The network learns from {run.train_images:,} of them{part}, {held}."


@st.cache_resource(max_entries=4, show_spinner=False)
def _sheet(dataset: str) -> bytes:
    """The first images of each class, a column a class; of the sample, which is always here."""
    train = cache.dataset(dataset, "sample").train
    labels = range(len(address_names(dataset)))
    first = [np.flatnonzero(train.labels == label)[:_A_CLASS] for label in labels]
    return picture_sheet(train.images[np.stack(first, axis=1).ravel()], len(first))
