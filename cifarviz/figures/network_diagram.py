"""A network drawn as a strip of blocks, one per layer, with label and output shape.

A block's height is the size of its map, its width the number of its channels, both on a
logarithmic scale, so that 32×32 and 4×4 fit into one picture. A layer without maps is a thin plate
whose height is the number of its units. All blocks have places of the same width, with their text
below; a long network continues in the next row. Of a block with branches the longest is in the
strip, and the others are arcs above it, from its input to where the branches meet.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import plotly.graph_objects as go

from cifarviz.escaping import plotly_text
from cifarviz.experiment.architecture import LayerRow
from cifarviz.figures.theme import AXIS, NEUTRAL, WARNING, base_layout, empty_figure, mix
from cifarviz.layers.registry import LAYER_TYPES

_INPUT_COLOR: Final = "#6C7781"

# Places per row: labels of twelve characters fit side by side on a page 1,000 pixels wide. A small
# network does not fill the row.
_MAX_PLACES, _MIN_PLACES = 14, 10
_LONGEST_LABEL = 12

# Pixels: on a narrower page the labels of neighbours would overlap.
_PLACE_WIDTH = 70

# Heights in pixels, widths in places.
_ROW, _BLOCKS, _TALLEST = 104, 66, 56.0
_NAME_Y, _SHAPE_Y = 79, 94
_MARGIN = 4
# Room for arcs and their labels above a row; those of a block inside another are lower.
_ARC, _ARC_Y, _ARC_STEP = 18, 14, 5
_SKEW_X, _SKEW_Y = 0.0062, 0.18


class DrawnLayer(NamedTuple):
    """A layer to draw; ``shape`` is of its output, without a batch axis, ``None`` if unknown."""

    label: str
    type: str
    shape: tuple[int, ...] | None
    parameters: int
    is_wrong: bool = False
    branches: "tuple[tuple[DrawnLayer, ...], ...]" = ()


def drawn_row(row: LayerRow) -> DrawnLayer:
    """Return a layer of a valid network to draw, labelled with its name."""
    branches = tuple(tuple(map(drawn_row, branch)) for branch in row.branches)
    return DrawnLayer(row.name, row.type, row.output_shape, row.parameters, branches=branches)


@dataclass(frozen=True)
class Arc:
    """A branch past the strip's layers, from the left of place ``first`` to place ``last``.

    ``depth`` counts the blocks around its own; ``label`` names its layers, if it has any.
    """

    first: int
    last: int
    depth: int
    label: str


@dataclass(frozen=True)
class LayerBlock:
    """A layer in ``row``, centred at ``middle`` places from the left.

    ``width`` (places) and ``height`` (pixels) are those of its front; ``depth`` (pixels) of its
    slanted side is 0 for a plate. ``number`` counts layers from 1; the input is 0. ``wrong``: the
    layer is invalid.
    """

    number: int
    label: str
    color: str
    wrong: bool
    shape: tuple[int, ...] | None
    parameters: int
    row: int
    middle: float
    width: float
    height: float
    depth: float

    @property
    def shape_text(self) -> str:
        """The shape as ``32×32×64``, or a question mark if unknown."""
        return "?" if self.shape is None else "×".join(str(n) for n in self.shape)


@dataclass(frozen=True)
class NetworkDiagram:
    """Blocks from the input (if shown) to the output, in ``rows`` of ``places``."""

    blocks: tuple[LayerBlock, ...]
    rows: int
    places: int
    arcs: tuple[Arc, ...] = ()

    @property
    def row_height(self) -> int:
        return _ROW + (_ARC if self.arcs else 0)

    @property
    def height(self) -> int:
        """Height of the figure in pixels."""
        return self.rows * self.row_height + 2 * _MARGIN

    def top(self, row: int) -> float:
        """The y position of a row, below the arcs."""
        return row * self.row_height + (_ARC if self.arcs else 0)

    def level(self, row: int) -> float:
        """The y position of a row's line."""
        return self.top(row) + _BLOCKS / 2 + 2

    @property
    def min_width(self) -> int:
        """Width in pixels below which labels overlap."""
        return self.places * _PLACE_WIDTH


def network_diagram(
    layers: Iterable[DrawnLayer], *, input_shape: tuple[int, ...] | None = None
) -> NetworkDiagram:
    """Arrange ``layers`` in rows, after the input if ``input_shape`` is given."""
    drawn: list[tuple[int, DrawnLayer]] = []
    arcs: list[Arc] = []
    if input_shape is not None:
        drawn.append((0, DrawnLayer("Input", "input", input_shape, 0)))
    for number, layer in enumerate(layers, start=1):
        _add_layer(number, DrawnLayer(*layer), drawn, arcs, depth=0)
    rows = max(1, math.ceil(len(drawn) / _MAX_PLACES))
    per_row = math.ceil(len(drawn) / rows)
    blocks = tuple(
        _block(number, layer, row=place // per_row, middle=place % per_row + 0.5)
        for place, (number, layer) in enumerate(drawn)
    )
    return NetworkDiagram(blocks, rows, max(per_row, _MIN_PLACES), tuple(arcs))


def _add_layer(
    number: int,
    layer: DrawnLayer,
    drawn: list[tuple[int, DrawnLayer]],
    arcs: list[Arc],
    *,
    depth: int,
) -> None:
    """Add a layer to ``drawn``, after those inside it; a block's other branches become arcs."""
    first = len(drawn)
    longest = max(layer.branches, key=len, default=())
    for inner in longest:
        _add_layer(number, inner, drawn, arcs, depth=depth + 1)
    others = [*layer.branches]
    if longest in others:
        others.remove(longest)
    for branch in others:
        label = " › ".join(inner.label for inner in branch)
        arcs.append(Arc(first, len(drawn), depth, label))
    drawn.append((number, layer))


def network_diagram_figure(value: NetworkDiagram) -> go.Figure:
    """Draw the blocks, label and output shape below each; customdata is the layer's number."""
    if not value.blocks:
        return empty_figure("Add a layer to see the network here.", height=value.height)
    hidden = {"visible": False, "fixedrange": True}
    figure = go.Figure(
        layout=base_layout(
            height=value.height,
            margin={"l": 0, "r": 0, "t": _MARGIN, "b": _MARGIN},
            dragmode=False,
            showlegend=False,
            xaxis={**hidden, "range": [0, value.places]},
            yaxis={**hidden, "range": [value.rows * value.row_height, 0]},
        )
    )
    _add_line(figure, value)
    _add_arcs(figure, value)
    _add_faces(figure, value)
    _add_labels(figure, value)
    return figure


def _block(number: int, layer: DrawnLayer, *, row: int, middle: float) -> LayerBlock:
    label, kind, shape, parameters, wrong, _ = layer
    short = label if len(label) <= _LONGEST_LABEL else f"{label[: _LONGEST_LABEL - 1]}…"
    # The shapes after an invalid layer are unknown.
    color = WARNING if wrong else NEUTRAL if shape is None else _color(kind)
    width, height, depth = 0.12, 34.0, 0.0
    if shape is not None and len(shape) == 3:
        height = depth = min(_TALLEST, 10.5 * math.log2(max(shape[:2]) + 1))
        width = 0.07 + 0.028 * math.log2(shape[2] + 1)
    elif shape is not None:
        height = min(_TALLEST, 5 * math.log2(math.prod(shape) + 1))
    return LayerBlock(
        number, short, color, wrong, shape, parameters, row, middle, width, height, depth
    )


def _color(kind: str) -> str:
    if kind == "input":
        return _INPUT_COLOR
    return LAYER_TYPES[kind].color if kind in LAYER_TYPES else NEUTRAL


def _add_line(figure: go.Figure, value: NetworkDiagram) -> None:
    """Draw a line through the blocks; between rows it leaves at the right."""
    x: list[float | None] = []
    y: list[float | None] = []
    for row in range(value.rows):
        middles = [block.middle for block in value.blocks if block.row == row]
        x += [
            middles[0] if row == 0 else 0,
            middles[-1] if row == value.rows - 1 else value.places,
            None,
        ]
        y += [value.level(row), value.level(row), None]
    figure.add_scatter(x=x, y=y, mode="lines", line={"color": AXIS, "width": 1.5}, hoverinfo="skip")


def _add_arcs(figure: go.Figure, value: NetworkDiagram) -> None:
    """Draw the branches past the strip; from one row to the next they leave at the right."""
    x: list[float | None] = []
    y: list[float | None] = []
    labels: list[tuple[float, float, str]] = []
    for arc in value.arcs:
        start, end = value.blocks[arc.first], value.blocks[arc.last]
        begin = start.middle - 0.5
        for row in range(start.row, end.row + 1):
            left = begin if row == start.row else 0.0
            right = end.middle if row == end.row else float(value.places)
            above = value.top(row) - _ARC + _ARC_Y + _ARC_STEP * arc.depth
            if row == start.row:
                x.append(left)
                y.append(value.level(row))
            x += [left, right]
            y += [above, above]
            if row == end.row:
                x.append(right)
                y.append(value.level(row) - end.height / 2)
            x.append(None)
            y.append(None)
        if arc.label:
            place = begin + 0.1, value.top(start.row) - _ARC + _ARC_Y - 8
            labels.append((*place, arc.label))
    if not x:
        return
    line = {"color": AXIS, "width": 1.5, "shape": "linear"}
    figure.add_scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip")
    if labels:
        figure.add_scatter(
            x=[left for left, _, _ in labels],
            y=[top for _, top, _ in labels],
            text=[plotly_text(label) for _, _, label in labels],
            mode="text",
            textposition="middle right",
            textfont={"size": 11, "color": NEUTRAL},
            hoverinfo="skip",
        )


def _add_faces(figure: go.Figure, value: NetworkDiagram) -> None:
    """Draw all faces with one trace per shade, since traces are slow to draw."""
    outlines: dict[tuple[str, str], tuple[list[float | None], list[float | None]]]
    outlines = defaultdict(lambda: ([], []))
    for block in value.blocks:
        for x, y, shade in _faces(block, value.level(block.row)):
            all_x, all_y = outlines[shade, mix(block.color, "#000000", 0.35)]
            all_x += [*x, x[0], None]
            all_y += [*y, y[0], None]
    for (shade, edge), (all_x, all_y) in outlines.items():
        figure.add_scatter(
            x=all_x,
            y=all_y,
            mode="lines",
            fill="toself",
            fillcolor=shade,
            line={"color": edge, "width": 1},
            hoverinfo="skip",
        )


def _faces(block: LayerBlock, level: float) -> list[tuple[list[float], list[float], str]]:
    """Outlines of the visible faces with their colours: the front first, then side and top."""
    dx, dy = block.depth * _SKEW_X, block.depth * _SKEW_Y
    left = block.middle - (block.width + dx) / 2
    right = left + block.width
    top = level - (block.height - dy) / 2
    bottom = top + block.height
    front = ([left, right, right, left], [bottom, bottom, top, top], block.color)
    if block.depth == 0:
        return [front]
    side = (
        [right, right + dx, right + dx, right],
        [bottom, bottom - dy, top - dy, top],
        mix(block.color, "#FFFFFF", 0.35),
    )
    lid = (
        [left, left + dx, right + dx, right],
        [top, top - dy, top - dy, top],
        mix(block.color, "#FFFFFF", 0.6),
    )
    return [front, side, lid]


def _add_labels(figure: go.Figure, value: NetworkDiagram) -> None:
    """Draw label and shape of each block, and an invisible marker with its hover text."""
    blocks = value.blocks
    x = [block.middle for block in blocks]
    text: dict[str, Any] = {"mode": "text", "hoverinfo": "skip"}
    # Only invalid layers have a text colour: the chart component sets that of all other text.
    for wrong in (False, True):
        chosen = [block for block in blocks if block.wrong is wrong]
        if chosen:
            figure.add_scatter(
                x=[block.middle for block in chosen],
                y=[value.top(block.row) + _NAME_Y for block in chosen],
                text=[plotly_text(block.label) for block in chosen],
                textfont={"size": 12, **({"color": WARNING} if wrong else {})},
                **text,
            )
    figure.add_scatter(
        x=x,
        y=[value.top(block.row) + _SHAPE_Y for block in blocks],
        text=[block.shape_text for block in blocks],
        textfont={"size": 11, "color": NEUTRAL},
        **text,
    )
    figure.add_scatter(
        x=x,
        y=[value.level(block.row) for block in blocks],
        mode="markers",
        marker={"size": 44, "opacity": 0},
        customdata=[block.number for block in blocks],
        hovertext=[_hover(block) for block in blocks],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _hover(block: LayerBlock) -> str:
    name = f"<b>{f'{block.number}. ' if block.number else ''}{plotly_text(block.label)}</b>"
    if block.wrong:
        return f"{name}<br>invalid at this position"
    if block.shape is None:
        return f"{name}<br>output unknown: a layer before it is invalid"
    return f"{name}<br>output {block.shape_text}<br>{block.parameters:,} parameters"
