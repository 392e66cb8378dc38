"""The first two scenes: the data, and the network."""

import math
from collections.abc import Sequence

import numpy as np
import streamlit as st

from cifarviz.escaping import html_text
from cifarviz.experiment.architecture import in_words
from cifarviz.figures.network_diagram import DrawnLayer, LayerBlock, network_diagram
from cifarviz.figures.pictures import picture_sheet
from cifarviz.figures.theme import class_color, mix
from cifarviz.layers.registry import layer_label
from cifarviz.runs.records import Run
from cifarviz.settings import Settings
from cifarviz.ui import cache
from cifarviz.ui.class_names import address_names, number_in_words
from cifarviz.ui.present.stage import Stage, headline, picture

_A_CLASS = 4
_MOST_CLASSES = 12

# The sheet's width and a picture's height, in rem.
_WIDEST, _ROW = 48, 5.2

# Blocks that stand in a row where there are few of them, and pixels of the tallest block.
_A_ROW, _TALLEST = 7, 56.0

# Rows that leave words their size.
_ROWS = 3


def render_data(stage: Stage) -> Sequence[str]:
    """Four pictures of each class above its name; of some classes, where there are very many."""
    info = stage.info
    height, width, _ = info.image_shape
    count = len(stage.names)
    headline(
        f"{info.train_images + info.test_images:,} small pictures of {number_in_words(count)} "
        "kinds of things"
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
        f"images of {height} × {width} pixels, each with one of {number_in_words(count)} labels "
        f"that people gave it. Here are the first {_A_CLASS} training images of {some}, not chosen "
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


def render_network(stage: Stage) -> Sequence[str]:
    """Every layer from the picture to the probabilities, in reading order."""
    assert stage.run is not None
    architecture = stage.run.experiment.architecture
    rows = architecture.trace().rows
    drawn: list[DrawnLayer] = [
        (layer_label(layer.model_dump()), layer.type, row.output_shape, row.parameters, False)
        for layer, row in zip(architecture.layers, rows, strict=True)
    ]
    headline(f"{len(rows)} layers, {architecture.parameters:,} numbers to learn")
    blocks = network_diagram(drawn, input_shape=architecture.input_shape).blocks
    lines = max(1, math.ceil(len(blocks) / _A_ROW))
    if lines > _ROWS:
        # A deep network is drawn smaller rather than cut off.
        lines = max(_ROWS, math.ceil(math.sqrt(len(blocks) / 3)))
    columns = math.ceil(len(blocks) / lines)
    cells = "".join(_cell(block) for block in blocks)
    st.html(
        f'<div class="present-network" role="img" aria-label="The network, layer by layer" '
        f'style="--columns: {columns}; --rows: {lines}; --scale: {min(1, _ROWS / lines):.2f}">'
        f"{cells}</div>"
    )
    heaviest = max(rows, key=lambda row: row.parameters)
    learned = sum(1 for row in rows if row.trainable_parameters)
    share = heaviest.parameters / max(architecture.parameters, 1)
    return [
        f"A picture goes in as {in_words(architecture.input_shape)} numbers and comes out as "
        f"{len(stage.names)} probabilities. A block is as tall as its maps are large and as "
        "thick as it has channels, both on a logarithmic scale.",
        f"{learned} of the {len(rows)} layers learn; **{heaviest.name}** alone holds "
        f"{heaviest.parameters:,} of the {architecture.parameters:,} parameters ({share:.0%}).",
    ]


def _cell(block: LayerBlock) -> str:
    thick = 0.5 + 14 * block.width
    tall = 4.6 * block.height / _TALLEST
    edge = mix(block.color, "#000000", 0.35)
    style = (
        f"width: calc({thick:.2f}em); height: calc({tall:.2f}em); background: {block.color}; "
        f"border-color: {edge}"
    )
    count = f"{block.parameters:,}" if block.parameters else ""
    title = f"{block.label}: output {block.shape_text}, {block.parameters:,} parameters"
    return (
        f'<div class="present-layer" title="{html_text(title)}"><div class="place">'
        f'<i style="{style}"></i></div><b>{html_text(block.label)}</b>'
        f"<span>{block.shape_text}</span><small>{count}</small></div>"
    )
