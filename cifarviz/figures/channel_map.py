"""A channel of a layer's output as a large map, and the kernel that computes it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from cifarviz.figures.color_maps import PURPLE_GREEN
from cifarviz.figures.theme import FONT_SIZE, NEUTRAL, base_layout, empty_figure

_HEIGHT = 360
_NAMED_HEIGHT = 250
# Pixels above the picture for the chart's buttons.
_BUTTONS = 34
_DIVERGING = [list(pair) for pair in zip((0, 0.25, 0.5, 0.75, 1), PURPLE_GREEN, strict=True)]


@dataclass(frozen=True, eq=False)
class ChannelMap:
    """``values`` float32 (h, w), as the network computed them."""

    values: np.ndarray

    @property
    def constant(self) -> bool:
        """Whether all values are equal, as in a dead channel."""
        return bool(self.values.size) and bool(np.ptp(self.values) == 0)


@dataclass(frozen=True, eq=False)
class KernelGrid:
    """A kernel's slices side by side with a gap of NaN between them.

    ``cells`` float32 (rows, columns); ``origin`` int (rows, columns, 3): input channel, row and
    column of each cell in its slice, −1 in the gaps.
    """

    cells: np.ndarray
    origin: np.ndarray
    slices: int
    names: tuple[str, ...] | None = None
    """Names of the input channels, if they have any."""

    def name(self, number: int) -> str:
        """The name of input channel ``number``."""
        return f"input channel {number}" if self.names is None else self.names[number]


def channel_map(values: np.ndarray) -> ChannelMap:
    """Shape one channel's output (h, w)."""
    return ChannelMap(np.asarray(values, np.float32))


def channel_map_figure(value: ChannelMap) -> go.Figure:
    """Draw a square picture with row, column and value of each cell on hover."""
    if value.values.size == 0:
        return empty_figure("This layer has no map.", height=_HEIGHT)
    figure = _picture()
    hover = "row %{y}, column %{x}: %{z:.5g}<extra></extra>"
    if value.constant:
        # Plotly would invent a scale around the single value.
        grey = [[0, NEUTRAL], [1, NEUTRAL]]
        figure.add_heatmap(z=value.values, colorscale=grey, showscale=False, hovertemplate=hover)
        figure.add_annotation(
            text=f"{float(value.values.flat[0]):.4g} everywhere".replace("-", "−"),
            x=(value.values.shape[1] - 1) / 2,
            y=(value.values.shape[0] - 1) / 2,
            showarrow=False,
            font={"color": "white", "size": FONT_SIZE + 2},
        )
        return figure
    figure.add_heatmap(
        z=value.values,
        colorscale="Viridis",
        colorbar={"thickness": 12, "outlinewidth": 0, "tickformat": ".3~g"},
        hovertemplate=hover,
    )
    return figure


def kernel_grid(kernel: np.ndarray, names: Sequence[str] | None = None) -> KernelGrid:
    """Lay out the slices of ``kernel`` (kh, kw, cin), one per input channel, in a near square.

    Channels with ``names`` are laid out in one row. Raises ``ValueError`` unless there is a name
    for each channel.
    """
    kernel = np.asarray(kernel, np.float32)
    height, width, slices = kernel.shape
    if names is not None and len(names) != slices:
        raise ValueError(f"{len(names)} names for {slices} input channels.")
    columns = max(1, math.ceil(math.sqrt(slices)) if names is None else slices)
    rows = math.ceil(slices / columns)
    shape = (max(0, rows * (height + 1) - 1), max(0, columns * (width + 1) - 1))
    cells = np.full(shape, np.nan, np.float32)
    origin = np.full((*shape, 3), -1, np.int32)
    for s in range(slices):
        top, left = (s // columns) * (height + 1), (s % columns) * (width + 1)
        cells[top : top + height, left : left + width] = kernel[:, :, s]
        block = origin[top : top + height, left : left + width]
        block[..., 0] = s
        block[..., 1:] = np.moveaxis(np.indices((height, width)), 0, -1)
    return KernelGrid(cells, origin, slices, None if names is None else tuple(names))


def kernel_grid_figure(value: KernelGrid) -> go.Figure:
    """Draw the slices in one picture: purple below zero, white at zero, green above."""
    if value.cells.size == 0:
        return empty_figure("This layer has no kernel.", height=_HEIGHT)
    limit = float(np.nanmax(np.abs(value.cells))) or 1.0
    figure = _picture()
    figure.add_heatmap(
        z=value.cells,
        zmin=-limit,
        zmax=limit,
        colorscale=_DIVERGING,
        colorbar={"thickness": 12, "outlinewidth": 0, "tickformat": ".3~g"},
        customdata=[
            [[value.name(channel), row, column] for channel, row, column in line]
            for line in value.origin.tolist()
        ],
        hoverongaps=False,
        hovertemplate=(
            "%{customdata[0]}, row %{customdata[1]}, column %{customdata[2]}: "
            "%{z:.5g}<extra></extra>"
        ),
    )
    if value.names is not None:
        step = (value.cells.shape[1] + 1) / value.slices
        for number, name in enumerate(value.names):
            figure.add_annotation(
                text=name,
                x=number * step + (step - 2) / 2,
                y=-0.5,
                yanchor="bottom",
                showarrow=False,
            )
        figure.update_layout(height=_NAMED_HEIGHT, margin={"t": 32 + _BUTTONS})
    return figure


def _picture() -> go.Figure:
    axis = {
        "showgrid": False,
        "showline": False,
        "showticklabels": False,
        "ticks": "",
        "constrain": "domain",
    }
    return go.Figure(
        layout=base_layout(
            height=_HEIGHT,
            margin={"l": 8, "r": 8, "t": _BUTTONS, "b": 8},
            xaxis=axis,
            yaxis={**axis, "autorange": "reversed", "scaleanchor": "x"},
        )
    )
