"""The first scene: the pictures that are learned from."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from cifarviz.escaping import html_text
from cifarviz.figures.picture_sheet import picture_sheet
from cifarviz.figures.theme import class_color
from cifarviz.runs.records import Run
from cifarviz.settings import Settings
from cifarviz.ui import cache
from cifarviz.ui.class_names import address_names
from cifarviz.ui.number_words import in_words
from cifarviz.ui.present.stage import Stage, headline, picture

_A_CLASS = 4
_MOST_CLASSES = 12
# The sheet's width and a picture's height, in rem.
_WIDEST, _ROW = 48, 5.2


def show(stage: Stage) -> Sequence[str]:
    """Four pictures of each class above its name; of some classes, where there are very many."""
    info = stage.info
    height, width, _ = info.image_shape
    count = len(stage.names)
    headline(
        f"{info.train_images + info.test_images:,} small pictures of {in_words(count)} kinds of "
        "things"
    )
    labels = _labels_shown(count)
    names = "".join(
        f'<span style="border-color: {class_color(label)}">{html_text(stage.names[label])}</span>'
        for label in labels
    )
    some = "each class" if len(labels) == count else f"{len(labels)} of the {count} classes"
    alt = f"{_A_CLASS} training images of {some} of {info.title}"
    sheet = _sheet(info.name, cache.settings())
    # Four rows are as high as there is room for.
    wide = min(_WIDEST, _ROW * len(labels) * width / height)
    st.html(
        f'<div class="present-classes" style="--columns: {len(labels)}; --width: {wide:.1f}rem">'
        f'{picture(sheet, alt)}<div class="present-names">{names}</div></div>'
    )
    run = stage.run
    learns = _learns(run) if run is not None else ""
    st.html(f'<p class="present-words centred">{learns}</p>')
    return [
        f"This is **{info.title}**: {info.train_images:,} training and {info.test_images:,} test "
        f"images of {height} × {width} pixels, each with one of {in_words(count)} labels that "
        f"people gave it. Here are the first {_A_CLASS} training images of {some}, not chosen "
        "ones.",
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


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs={Settings: repr})
def _sheet(dataset: str, settings: Settings) -> bytes:
    """The first images of each class, a column a class; see-through where a class has fewer."""
    train = cache.nearest_dataset(dataset, "sample").train
    first = [
        np.flatnonzero(train.labels == label)[:_A_CLASS]
        for label in _labels_shown(len(address_names(dataset)))
    ]
    rows = [[column[row : row + 1] for column in first] for row in range(_A_CLASS)]
    sheet = [None if not len(one) else train.images[one[0]] for row in rows for one in row]
    return picture_sheet(sheet, len(first))


def _labels_shown(classes: int) -> list[int]:
    """All labels, or as many as there is room for, evenly spread."""
    return np.unique(np.linspace(0, classes - 1, min(classes, _MOST_CLASSES)).astype(int)).tolist()
