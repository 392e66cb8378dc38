"""The first two scenes: the data, and the network."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import streamlit as st

from cifarviz.data.library import image_counts
from cifarviz.escaping import html_text
from cifarviz.experiment.choices import TestValidation
from cifarviz.figures.network_diagram import DrawnLayer, LayerBlock, network_diagram
from cifarviz.figures.pictures import picture_sheet
from cifarviz.figures.theme import class_color, mix
from cifarviz.layers.base import format_shape
from cifarviz.layers.registry import layer_label
from cifarviz.runs.records import Run
from cifarviz.runs.run_data import is_data_unchanged
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
    render_headline(data_title(stage))
    labels = _select_labels(count)
    names = "".join(
        f'<span style="border-color: {class_color(label)}">{html_text(stage.names[label])}</span>'
        for label in labels
    )
    shown_classes = (
        "each class" if len(labels) == count else f"{len(labels)} of the {count} classes"
    )
    alt = f"{_PER_CLASS} training images of {shown_classes} of {info.title}"
    sheet = _sheet(info.name, info.fingerprint, cache.settings())
    # There is room for four rows.
    rem = min(_MAX_WIDTH, _ROW * len(labels) * width / height)
    st.html(
        f'<div class="present-classes" style="--columns: {len(labels)}; --width: {rem:.1f}rem">'
        f'{picture_html(sheet, alt)}<div class="present-names">{names}</div></div>'
    )
    run = stage.run
    parts = _image_parts(run) if run is not None else []
    if run is not None and parts:
        st.html(_parts_html(parts, run))
    return [
        f"This is **{info.title}**: {info.train_images:,} training and {info.test_images:,} test "
        f"images of {height} × {width} pixels, which people labelled with "
        f"{format_number_word(count)} classes. These are the first {_PER_CLASS} training images of "
        f"{shown_classes}, not a selection.",
        _parts_note(parts) if parts else "No run uses them yet.",
    ]


def data_title(stage: Stage) -> str:
    """The number of images and of classes."""
    total = stage.info.train_images + stage.info.test_images
    return f"{total:,} small pictures in {format_number_word(len(stage.names))} classes"


def network_title(stage: Stage) -> str:
    """The number of layers and of parameters."""
    assert stage.run is not None
    architecture = stage.run.experiment.architecture
    return f"{architecture.layer_count} layers, {architecture.parameters:,} parameters"


class _Part(NamedTuple):
    """A part of the images, and what the run uses it for."""

    images: int
    use: str


def _image_parts(run: Run) -> list[_Part]:
    """The parts that add up to all images of the run's data; none before the run has started.

    Nor if the images have changed since.
    """
    if not run.train_images or not is_data_unchanged(run):
        return []
    data = run.experiment.data
    train, test = image_counts(data.dataset, data.variant)
    validated = run.validation_images or 0
    parts = [_Part(run.train_images, "to learn from")]
    if isinstance(run.experiment.validation, TestValidation):
        # The test images take the place of validation images.
        parts += [_Part(train - run.train_images, "not used"), _Part(validated, "to validate")]
        parts.append(_Part(test - validated, "to test"))
    else:
        parts += [
            _Part(validated, "to validate"),
            _Part(train - run.train_images - validated, "not used"),
            _Part(test, "to test"),
        ]
    # Counts that an imported run tells may not fit the data set.
    return [part for part in parts if part.images] if min(parts).images >= 0 else parts[:1]


def _parts_html(parts: Sequence[_Part], run: Run) -> str:
    """The parts as a sum, in large type."""
    cells = "<i>+</i>".join(
        f"<div><b>{part.images:,}</b><span>{part.use}</span></div>" for part in parts
    )
    data = run.experiment.data
    total = "in all" if data.variant == "full" else "in the embedded sample"
    all_images = sum(image_counts(data.dataset, data.variant))
    if len(parts) > 1:
        cells += f"<i>=</i><div><b>{all_images:,}</b><span>{total}</span></div>"
    return f'<div class="present-sum">{cells}</div>'


def _parts_note(parts: Sequence[_Part]) -> str:
    listed = ", ".join(f"{part.images:,} {part.use}" for part in parts)
    return (
        f"This run uses the images so: {listed}. The network never learns from those to validate "
        "and to test."
    )


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs={Settings: repr})
def _sheet(dataset: str, fingerprint: str | None, settings: Settings) -> bytes:
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
    drawn = [
        DrawnLayer(layer_label(layer.model_dump()), layer.type, row.output_shape, row.parameters)
        for layer, row in zip(architecture.layers, rows, strict=True)
    ]
    render_headline(network_title(stage))
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


cache.holds_images(_sheet)
