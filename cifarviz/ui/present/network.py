"""The second scene: the network, a block a layer."""

import math
from collections.abc import Sequence

import streamlit as st

from cifarviz.escaping import html_text
from cifarviz.experiment.architecture import in_words
from cifarviz.figures.network_diagram import Block, DrawnLayer, network_diagram
from cifarviz.figures.theme import mix
from cifarviz.layers.registry import layer_label
from cifarviz.ui.present.stage import Stage, headline

# Blocks that stand in a row where there are few of them, and pixels of the tallest block.
_A_ROW, _TALLEST = 7, 56.0
# Rows that leave words their size.
_ROWS = 3


def show(stage: Stage) -> Sequence[str]:
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


def _cell(block: Block) -> str:
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
