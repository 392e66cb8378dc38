"""The output of a dense layer, a bar for each unit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from cifarviz.escaping import plotly_text
from cifarviz.figures.theme import NEUTRAL, base_layout, class_color, empty_figure

_HEIGHT = 220
_MOST_BARS = 64


@dataclass(frozen=True, eq=False)
class DenseBars:
    """``values`` float32 (units,); ``names`` of the units if they are classes."""

    values: np.ndarray
    names: tuple[str, ...] | None

    @property
    def silent(self) -> int:
        """The number of units whose output is exactly zero."""
        return int(np.sum(self.values == 0))


def dense_bars(
    values: Sequence[float] | np.ndarray, names: Sequence[str] | None = None
) -> DenseBars:
    """Shape a layer's output; raises ``ValueError`` if names and values differ in number."""
    array = np.asarray(values, np.float32).reshape(-1)
    if names is not None and len(names) != array.size:
        raise ValueError(f"{len(names)} names for {array.size} units.")
    return DenseBars(array, None if names is None else tuple(names))


def dense_bars_figure(value: DenseBars) -> go.Figure:
    """Draw bars, or for more than 64 units their outline, which is faster to draw."""
    if value.values.size == 0:
        return empty_figure("This layer has no units.", height=_HEIGHT)
    figure = go.Figure(
        layout=base_layout(
            height=_HEIGHT,
            margin={"l": 52, "r": 12, "t": 8, "b": 36},
            bargap=0.2,
            showlegend=False,
            xaxis={
                "showgrid": False,
                "title": {"text": "" if value.names else "Unit"},
                # The rotation of the names depends on the width.
                "automargin": value.names is not None,
            },
            yaxis={"rangemode": "tozero", "title": {"text": "Output"}},
        )
    )
    hover = "%{x}: %{y:.4g}<extra></extra>" if value.names else "unit %{x}: %{y:.4g}<extra></extra>"
    if value.names is None and value.values.size > _MOST_BARS:
        figure.add_scatter(
            x=np.arange(value.values.size),
            y=value.values,
            mode="lines",
            line={"shape": "hvh", "width": 1, "color": NEUTRAL},
            fill="tozeroy",
            fillcolor="rgba(128, 138, 148, 0.45)",
            hovertemplate=hover,
        )
        return figure
    if value.names:
        figure.update_xaxes(type="category")
    figure.add_bar(
        x=[*map(plotly_text, value.names)] if value.names else np.arange(value.values.size),
        y=value.values,
        marker={
            "color": [class_color(i) for i in range(len(value.names))] if value.names else NEUTRAL
        },
        hovertemplate=hover,
    )
    return figure
