"""Histograms of each layer over the epochs, as small multiples."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sequential

from cifarviz.analysis.layer_histories import LayerHistory
from cifarviz.figures.theme import FONT_SIZE, base_layout, empty_figure

_COLUMNS = 3
# Pixels.
_PANEL, _GAP, _TOP, _BOTTOM = 150, 62, 40, 44
# Of the plot's width.
_COLUMN_GAP = 0.055
_MOST_EPOCHS = 60


def layer_histories_figure(layers: Sequence[LayerHistory], values: str) -> go.Figure:
    """Draw a heatmap a layer: its values to the right, epochs upwards, brighter where more are.

    The colour is the share of an epoch's values, on a scale of its own in each row. ``values``
    names what they are, in the plural.
    """
    if not layers:
        return empty_figure(f"No {values} were measured.")
    rows = math.ceil(len(layers) / _COLUMNS)
    height = _TOP + rows * _PANEL + (rows - 1) * _GAP + _BOTTOM
    inner = height - _TOP - _BOTTOM
    width = (1 - (_COLUMNS - 1) * _COLUMN_GAP) / _COLUMNS
    axes: dict[str, Any] = {}
    traces, titles = [], []
    for number, layer in enumerate(layers):
        row, column = divmod(number, _COLUMNS)
        name = "" if number == 0 else str(number + 1)
        left = column * (width + _COLUMN_GAP)
        top = 1 - row * (_PANEL + _GAP) / inner
        bottom = max(top - _PANEL / inner, 0.0)
        last = number + _COLUMNS >= len(layers)
        axes[f"xaxis{name}"] = _axis([left, left + width], f"y{name}") | {
            "title": {"text": values.capitalize() if last else "", "standoff": 6},
            "nticks": 5,
        }
        axes[f"yaxis{name}"] = _axis([bottom, top], f"x{name}") | {
            "title": {"text": "" if column else "Epoch", "standoff": 6},
            # Epochs with weights are ever farther apart.
            "type": "category",
            "nticks": 6,
        }
        traces.append(_heatmap(layer, values, name))
        titles.append(
            {
                "text": layer.name,
                "x": left,
                "y": top,
                "xref": "paper",
                "yref": "paper",
                "xanchor": "left",
                "yanchor": "bottom",
                "showarrow": False,
                "font": {"size": FONT_SIZE + 1},
            }
        )
    margin = {"l": 52, "r": 12, "t": _TOP, "b": _BOTTOM}
    layout = base_layout(height=height, margin=margin, annotations=titles)
    return go.Figure(traces, {**layout, **axes})


def _axis(domain: list[float], anchor: str) -> dict[str, Any]:
    return {"domain": domain, "anchor": anchor, "showgrid": False, "zeroline": False}


def _heatmap(layer: LayerHistory, values: str, name: str) -> go.Heatmap:
    # More rows than pixels would only take time.
    step = math.ceil(len(layer.epochs) / _MOST_EPOCHS)
    places = sorted({*range(0, len(layer.epochs), step), len(layer.epochs) - 1})
    shares = layer.shares[places]
    # The second highest is the brightest: with ReLU most activations are 0, in a single bin. The
    # root, so that the tails are seen beside the peak.
    most = np.sort(shares, axis=1)[:, -2:-1]
    most = np.where(most > 0, most, np.maximum(shares.max(axis=1, keepdims=True), 1e-9))
    colors = np.sqrt(np.minimum(shares / most, 1))
    bins = shares.shape[1]
    middles = layer.low + (np.arange(bins) + 0.5) * (layer.high - layer.low) / bins
    return go.Heatmap(
        x=middles,
        y=[str(layer.epochs[place]) for place in places],
        z=colors.round(3),
        customdata=shares.round(5),
        colorscale=sequential.Viridis,
        zmin=0,
        zmax=1,
        showscale=False,
        xaxis=f"x{name}",
        yaxis=f"y{name}",
        name=layer.name,
        hovertemplate=f"{layer.name}, epoch %{{y}}<br>%{{customdata:.2%}} of the {values} near "
        "%{x:.3g}<extra></extra>",
    )
