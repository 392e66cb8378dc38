"""A network drawn as a row of blocks, one a layer.

A block's front is its map, as tall as the map is large; its thickness along the row is its
channels; both on a logarithmic scale, so that 32×32 and 4×4 fit one picture. A layer without maps
is a thin plate as tall as it has units.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import plotly.graph_objects as go

from cifarviz.figures.theme import AXIS, NEUTRAL, WARNING, base_layout, empty_figure, mix

_KINDS: Final = {
    "conv2d": ("Convolution", "#7C6BC9"),
    "max_pool2d": ("Pooling", "#C9709F"),
    "average_pool2d": ("Pooling", "#C9709F"),
    "global_average_pool2d": ("Pooling", "#C9709F"),
    "global_max_pool2d": ("Pooling", "#C9709F"),
    "dense": ("Dense", "#A98A5B"),
    "batch_norm": ("Normalisation", "#5E97A8"),
    "dropout": ("Dropout", "#9AA3AB"),
    "activation": ("Activation", "#8FAE62"),
    "flatten": ("Flatten", "#B7BEC5"),
}
_OTHER: Final = ("Other", NEUTRAL)
_INPUT: Final = ("Input", "#6C7781")

_GAP = 0.55
_SKEW_X, _SKEW_Y = 0.30, 0.22
_MOST_LEVEL_LABELS = 7
_LEAST_WIDTH = 13.0


@dataclass(frozen=True)
class Block:
    """One layer's place: ``left`` and ``width`` along the row, ``height`` centred on it, in units
    of the drawing; ``depth`` of the slanted side, 0 for a plate."""

    name: str
    kind: str
    color: str
    shape: tuple[int, ...] | None
    parameters: int
    left: float
    width: float
    height: float
    depth: float

    @property
    def shape_text(self) -> str:
        """``32×32×64``, or a question mark where the layer cannot work."""
        return "?" if self.shape is None else "×".join(str(n) for n in self.shape)


@dataclass(frozen=True)
class NetworkDiagram:
    """The blocks from the input (if it was given) to the output."""

    blocks: tuple[Block, ...]


def network_diagram(
    layers: Iterable[tuple[str, str, tuple[int, ...] | None, int]],
    *,
    input_shape: tuple[int, ...] | None = None,
) -> NetworkDiagram:
    """Place ``layers``, each (name, type, output shape or None where it cannot work, parameters).

    Types are those of the layer specs (``conv2d``, ``max_pool2d``, …); shapes have no batch axis.
    """
    blocks: list[Block] = []
    left = 0.0
    if input_shape is not None:
        blocks.append(_block("input", _INPUT, input_shape, 0, left))
        left = _next(blocks[-1])
    for name, kind, shape, parameters in layers:
        blocks.append(_block(name, _KINDS.get(kind, _OTHER), shape, parameters, left))
        left = _next(blocks[-1])
    return NetworkDiagram(tuple(blocks))


def network_diagram_figure(value: NetworkDiagram) -> go.Figure:
    """Draw the blocks, names below and output shapes above; customdata is the block's number."""
    if not value.blocks:
        return empty_figure("Add a layer and the network is drawn here.", height=300)
    upright = len(value.blocks) > _MOST_LEVEL_LABELS
    last = value.blocks[-1]
    top = max(b.height / 2 + b.depth * _SKEW_Y for b in value.blocks)
    bottom = -max(b.height for b in value.blocks) / 2
    right = last.left + last.width + last.depth * _SKEW_X
    # A short network stays in the middle instead of being drawn out.
    spare = max(0.0, _LEAST_WIDTH - right) / 2
    longest = max(len(b.name) for b in value.blocks)
    below = 24 + round(6.2 * longest) if upright else 40
    hidden = {"visible": False, "fixedrange": True}
    figure = go.Figure(
        layout=base_layout(
            height=(290 if upright else 270) + below,
            margin={"l": 8, "r": 8, "t": 36, "b": below},
            dragmode=False,
            xaxis={**hidden, "range": [-0.4 - spare, right + 0.4 + spare]},
            yaxis={**hidden, "range": [bottom - 0.1, top + (1.9 if upright else 0.7)]},
            annotations=[
                note for block in value.blocks for note in _labels(block, bottom, upright)
            ],
        )
    )
    figure.add_scatter(
        x=[0, last.left + last.width],
        y=[0, 0],
        mode="lines",
        line={"color": AXIS, "width": 2},
        hoverinfo="skip",
        showlegend=False,
    )
    # Left to right, so that a block's slanted side lies over the line and under the next block.
    seen: set[str] = set()
    for block in value.blocks:
        for x, y, shade in _faces(block):
            figure.add_scatter(
                x=x,
                y=y,
                mode="lines",
                fill="toself",
                fillcolor=shade,
                line={"color": mix(block.color, "#000000", 0.35), "width": 1},
                name=block.kind,
                legendgroup=block.kind,
                showlegend=block.kind not in seen,
                hoverinfo="skip",
            )
            seen.add(block.kind)
    _add_targets(figure, value.blocks)
    return figure


def _next(block: Block) -> float:
    return block.left + block.width + _GAP + 0.6 * block.depth * _SKEW_X


def _block(
    name: str,
    look: tuple[str, str],
    shape: tuple[int, ...] | None,
    parameters: int,
    left: float,
) -> Block:
    kind, color = look
    if shape is None:
        return Block(name, "Cannot work", WARNING, None, parameters, left, 0.6, 1.6, 0.0)
    if len(shape) == 3:
        side = max(shape[0], shape[1])
        height = 0.5 + 0.62 * math.log2(side + 1)
        width = 0.12 + 0.11 * math.log2(shape[2] + 1)
        return Block(name, kind, color, shape, parameters, left, width, height, height)
    units = math.prod(shape)
    height = 0.3 + 0.28 * math.log2(units + 1)
    return Block(name, kind, color, shape, parameters, left, 0.26, height, 0.0)


def _faces(block: Block) -> list[tuple[list[float], list[float], str]]:
    """Outlines of the visible faces with their colours: the front first, then side and top."""
    left, right, half = block.left, block.left + block.width, block.height / 2
    dx, dy = block.depth * _SKEW_X, block.depth * _SKEW_Y
    front = ([left, right, right, left, left], [-half, -half, half, half, -half], block.color)
    if block.depth == 0:
        return [front]
    side = (
        [right, right + dx, right + dx, right, right],
        [-half, -half + dy, half + dy, half, -half],
        mix(block.color, "#FFFFFF", 0.35),
    )
    top = (
        [left, left + dx, right + dx, right, left],
        [half, half + dy, half + dy, half, half],
        mix(block.color, "#FFFFFF", 0.6),
    )
    return [front, side, top]


def _labels(block: Block, bottom: float, upright: bool) -> list[dict[str, object]]:
    middle = block.left + block.width / 2
    above = block.height / 2 + block.depth * _SKEW_Y
    shape = {
        "text": block.shape_text,
        "x": middle + block.depth * _SKEW_X / 2,
        "y": above + 0.08,
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 12},
    }
    name = {
        "text": block.name,
        "x": middle,
        "y": bottom,
        "yanchor": "top",
        "showarrow": False,
        "font": {"size": 12, **({"color": WARNING} if block.shape is None else {})},
    }
    if upright:
        shape["textangle"] = name["textangle"] = -90
    return [shape, name]


def _add_targets(figure: go.Figure, blocks: tuple[Block, ...]) -> None:
    """Invisible marks in the blocks' middles: what the pointer finds and a click answers."""
    figure.add_scatter(
        x=[b.left + b.width / 2 + b.depth * _SKEW_X / 2 for b in blocks],
        y=[0.0] * len(blocks),
        mode="markers",
        marker={"size": 26, "opacity": 0},
        showlegend=False,
        customdata=list(range(len(blocks))),
        hovertext=[
            f"<b>{b.name}</b><br>{b.kind}<br>output {b.shape_text}<br>{b.parameters:,} parameters"
            for b in blocks
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )
