"""The first two scenes: the data, and the network."""

import math
from collections.abc import Sequence

import numpy as np
import streamlit as st

from cifarviz.escaping import html_text
from cifarviz.figures.network_diagram import DrawnLayer, LayerBlock, network_diagram
from cifarviz.figures.pictures import picture_sheet
from cifarviz.figures.theme import class_color, mix
from cifarviz.layers.base import format_shape
from cifarviz.layers.registry import layer_label
from cifarviz.runs.records import Run
from cifarviz.settings import Settings
from cifarviz.ui import cache
from cifarviz.ui.class_names import format_number_word, query_class_names
from cifarviz.ui.present.stage import Stage, picture_html, render_headline

_PER_CLASS = 4
_MAX_CLASSES = 12

# Largest width of the sheet and height of a picture, in rem.
_MAX_WIDTH, _ROW = 48, 5.2

# Blocks per row for few layers, and the height of the tallest block in pixels.
_BLOCKS_PER_ROW, _BLOCK_HEIGHT = 7, 56.0

# Rows that fit with text of full size.
_FULL_SIZE_ROWS = 3


def render_data(stage: Stage) -> Sequence[str]:
    """Render four pictures per class above its name, of at most twelve classes."""
    info = stage.info
    height, width, _ = info.image_shape
    count = len(stage.names)
    render_headline(
        f"{info.train_images + info.test_images:,} small pictures in {format_number_word(count)} "
        "classes"
    )
    labels = _select_labels(count)
    names = "".join(
        f'<span style="border-color: {class_color(label)}">{html_text(stage.names[label])}</span>'
        for label in labels
    )
    shown_classes = (
        "each class" if len(labels) == count else f"{len(labels)} of the {count} classes"
    )
    alt = f"{_PER_CLASS} training images of {shown_classes} of {info.title}"
    sheet = _sheet(info.name, cache.settings())
    # There is room for four rows.
    rem = min(_MAX_WIDTH, _ROW * len(labels) * width / height)
    st.html(
        f'<div class="present-classes" style="--columns: {len(labels)}; --width: {rem:.1f}rem">'
        f'{picture_html(sheet, alt)}<div class="present-names">{names}</div></div>'
    )
    run = stage.run
    training = _training_sentence(run) if run is not None else ""
    st.html(f'<p class="present-words centred">{training}</p>')
    return [
        f"This is **{info.title}**: {info.train_images:,} training and {info.test_images:,} test "
        f"images of {height} × {width} pixels, which people labelled with "
        f"{format_number_word(count)} classes. These are the first {_PER_CLASS} training images of "
        f"{shown_classes}, not a selection.",
        training or "No run uses them yet.",
    ]


def _training_sentence(run: Run) -> str:
    if not run.train_images:
        return ""
    images = f"{run.train_images:,} of them"
    if run.experiment.data.variant == "sample":
        images = f"{run.train_images:,} of them (the embedded sample)"
    if not run.validation_images:
        return f"The network learns from {images}, without validation images."
    return f"The network learns from {images} and is validated on {run.validation_images:,} others."


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs={Settings: repr})
def _sheet(dataset: str, settings: Settings) -> bytes:
    """The first images of each class, a column per class; transparent where images are missing."""
    train = cache.nearest_dataset(dataset, "sample").train
    first = [
        np.flatnonzero(train.labels == label)[:_PER_CLASS]
        for label in _select_labels(len(query_class_names(dataset)))
    ]
    rows = [[column[row : row + 1] for column in first] for row in range(_PER_CLASS)]
    sheet = [None if not len(column) else train.images[column[0]] for row in rows for column in row]
    return picture_sheet(sheet, len(first))


def _select_labels(classes: int) -> list[int]:
    """All labels, or evenly spaced ones if there are too many."""
    return np.unique(np.linspace(0, classes - 1, min(classes, _MAX_CLASSES)).astype(int)).tolist()


def render_network(stage: Stage) -> Sequence[str]:
    """Render every layer from the picture to the probabilities, in reading order."""
    assert stage.run is not None
    architecture = stage.run.experiment.architecture
    rows = architecture.trace().rows
    drawn: list[DrawnLayer] = [
        (layer_label(layer.model_dump()), layer.type, row.output_shape, row.parameters, False)
        for layer, row in zip(architecture.layers, rows, strict=True)
    ]
    render_headline(f"{len(rows)} layers, {architecture.parameters:,} parameters")
    blocks = network_diagram(drawn, input_shape=architecture.input_shape).blocks
    lines = max(1, math.ceil(len(blocks) / _BLOCKS_PER_ROW))
    if lines > _FULL_SIZE_ROWS:
        # A deep network is drawn smaller so that it is not cut off.
        lines = max(_FULL_SIZE_ROWS, math.ceil(math.sqrt(len(blocks) / 3)))
    columns = math.ceil(len(blocks) / lines)
    cells = "".join(_block_html(block) for block in blocks)
    scale = min(1, _FULL_SIZE_ROWS / lines)
    st.html(
        f'<div class="present-network" role="img" aria-label="The network, layer by layer" '
        f'style="--columns: {columns}; --rows: {lines}; --scale: {scale:.2f}">{cells}</div>'
    )
    heaviest = max(rows, key=lambda row: row.parameters)
    learned = sum(1 for row in rows if row.trainable_parameters)
    share = heaviest.parameters / max(architecture.parameters, 1)
    return [
        f"The input is a picture of {format_shape(architecture.input_shape)} numbers, the output "
        f"{len(stage.names)} probabilities. A block's height is the size of its maps and its width "
        "the number of channels, both on a logarithmic scale.",
        f"{learned} of the {len(rows)} layers learn; **{heaviest.name}** alone has "
        f"{heaviest.parameters:,} of the {architecture.parameters:,} parameters ({share:.0%}).",
    ]


def _block_html(block: LayerBlock) -> str:
    thick = 0.5 + 14 * block.width
    tall = 4.6 * block.height / _BLOCK_HEIGHT
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
