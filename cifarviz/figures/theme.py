"""Colours and layout that all figures share.

Figures fit light and dark pages: their background is transparent, their grid a half-transparent
grey, and the chart component (``cifarviz.ui.components.chart``) sets the colour of their text.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

import numpy as np
import plotly.graph_objects as go

TRAINING: Final = "#0072B2"
VALIDATION: Final = "#E69F00"
TEST: Final = "#009E73"
WARNING: Final = "#D55E00"
NEUTRAL: Final = "#808A94"
"""Grey that is legible on white and on near-black."""
GRID: Final = "rgba(128, 138, 148, 0.22)"
AXIS: Final = "rgba(128, 138, 148, 0.55)"
CLEAR: Final = "rgba(0, 0, 0, 0)"
CLASS_COLORS: Final = (
    "#3CAEB4",
    "#B62538",
    "#9F7932",
    "#F46282",
    "#A516A0",
    "#8972B3",
    "#45AE1E",
    "#D673EE",
    "#3A4FE1",
    "#33695F",
)
"""Of classes 0 to 9. Found by a search for ten colours that are as distinct as possible, also with
red-green colour blindness, distinct from both curves, and visible in both themes."""
CHANNEL_COLORS: Final[Mapping[int, tuple[tuple[str, str], ...]]] = {
    1: (("Grey", NEUTRAL),),
    3: (("Red", "#CE3B4A"), ("Green", "#2F9A55"), ("Blue", "#4673D6")),
}
"""Name and colour of each channel, by the number of channels of an image."""
SHARE_TICKS: Final = (
    {"dtickrange": [None, 0.0008], "value": ".2%"},
    {"dtickrange": [0.0008, 0.008], "value": ".1%"},
    {"dtickrange": [0.008, None], "value": ".0%"},
)
"""``tickformatstops`` of an axis of shares: enough decimals for its ticks at any zoom."""
# Distances in Oklab below which small marks are taken for each other.
_SIMILAR = 0.18
_CURVE_COLORS = (TRAINING, VALIDATION)
_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
FONT_SIZE: Final = 13
HEIGHT: Final = 360

# Pixels of an average letter, also in bold.
_LETTER = 7.2
MetricName = Literal["loss", "accuracy"]
METRIC_TITLES: Final[dict[MetricName, str]] = {"loss": "Loss", "accuracy": "Accuracy"}
METRIC_FORMATS: Final[dict[MetricName, str]] = {"loss": ".4f", "accuracy": ".2%"}
PLOTLY_CONFIG: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "displaylogo": False,
        "responsive": False,
        "scrollZoom": False,
        # Plotly 7 can upload a chart to its maker's cloud. Data must not leave this machine, so the
        # button and the address are removed.
        "showSendToCloud": False,
        "plotlyServerURL": "",
        # chart.js and report.js have their own buttons for PNG and SVG.
        "modeBarButtonsToRemove": ("toImage", "select2d", "lasso2d", "zoomIn2d", "zoomOut2d"),
    }
)
"""Plotly's own options, for every chart."""


def class_color(index: int) -> str:
    """The colour of class ``index``, the same in all figures."""
    if index < len(CLASS_COLORS):
        return CLASS_COLORS[index]
    # By powers of two, so that the colours are computed only a few times.
    return _class_colors(2 ** index.bit_length())[index]


@cache
def _class_colors(count: int) -> tuple[str, ...]:
    """``CLASS_COLORS``, then each time the colour with the largest distance from all before it.

    Distances are Euclidean in Oklab (Ottosson, 2020), which is perceptually uniform.
    """
    grid = np.stack(np.meshgrid(*[np.arange(16) * 17] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    places = _oklab(grid)
    # Colours visible on white and on dark pages, and no greys.
    chroma = np.hypot(places[:, 1], places[:, 2])
    visible = (places[:, 0] > 0.45) & (places[:, 0] < 0.8) & (chroma > 0.06)
    grid, places = grid[visible], places[visible]
    taken = _oklab(np.array([_channels(color) for color in (*CLASS_COLORS, *_CURVE_COLORS)]))
    nearest = np.linalg.norm(places[:, None] - taken[None], axis=-1).min(axis=1)
    colors = list(CLASS_COLORS)
    while len(colors) < count:
        farthest = int(nearest.argmax())
        colors.append("#{:02X}{:02X}{:02X}".format(*grid[farthest]))
        nearest = np.minimum(nearest, np.linalg.norm(places - places[farthest], axis=-1))
    return tuple(colors)


def similar_colors(colors: Sequence[str]) -> list[bool]:
    """Return which of ``colors`` need a second sign, since one before looks much like them.

    Of two that are similar, one has the sign and the other has not, as far as that is possible.
    """
    places = _oklab(np.array([_channels(color) for color in colors]))
    groups: tuple[list[int], list[int]] = ([], [])
    for index, place in enumerate(places):
        plain, signed = (
            np.linalg.norm(places[group] - place, axis=1).min(initial=np.inf) for group in groups
        )
        groups[int(plain < _SIMILAR and signed > plain)].append(index)
    return [index in groups[1] for index in range(len(colors))]


def _oklab(colors: np.ndarray) -> np.ndarray:
    """Convert sRGB colours (n, 3), 0 to 255, to Oklab (n, 3)."""
    share = colors / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    cones = np.cbrt(linear @ _TO_CONES.T)
    return cones @ _TO_OKLAB.T


def base_layout(**changes: Any) -> dict[str, Any]:
    """The layout that all figures start from, with ``changes`` in Plotly's terms.

    A plain dict, which Plotly validates only once.
    """
    axis = {
        "gridcolor": GRID,
        "linecolor": AXIS,
        "showline": True,
        "zeroline": False,
        "title": {"standoff": 8, "font": {"size": FONT_SIZE}},
    }
    layout = {
        # Plotly's default template is large and paints backgrounds.
        "template": {},
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "font": {"size": FONT_SIZE},
        "height": HEIGHT,
        "margin": {"l": 60, "r": 16, "t": 40, "b": 48},
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        "uirevision": "keep",
        "xaxis": axis,
        "yaxis": axis,
    }
    return merged(layout, changes)


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``base`` with ``changes``, merged at every level."""
    result = dict(base)
    for name, value in changes.items():
        under = result.get(name)
        if isinstance(under, Mapping) and isinstance(value, Mapping):
            value = merged(under, value)
        result[name] = value
    return result


def label_width(names: Iterable[str]) -> int:
    """Pixels for the longest of ``names`` beside an axis, including the distance to it.

    Plotly's ``automargin`` draws a figure twice, which takes twice as long.
    """
    return 14 + math.ceil(_LETTER * max(map(len, names), default=0))


def empty_figure(message: str, *, height: int = HEIGHT) -> go.Figure:
    """An empty figure with ``message``, a short sentence."""
    return go.Figure(
        layout=base_layout(
            height=height,
            xaxis={"visible": False},
            yaxis={"visible": False},
            annotations=[
                {
                    "text": message,
                    "showarrow": False,
                    "xref": "paper",
                    "yref": "paper",
                    "x": 0.5,
                    "y": 0.5,
                    "font": {"size": FONT_SIZE + 2},
                }
            ],
        )
    )


def mix(color: str, other: str, amount: float) -> str:
    """Mix ``amount`` (0 to 1) of ``other`` into ``color``; all colours are ``#RRGGBB``."""
    pairs = zip(_channels(color), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * amount):02X}" for a, b in pairs)


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def translucent(color: str, opacity: float) -> str:
    """Return ``color``, ``#RRGGBB``, as ``rgba(…)`` with an opacity from 0 to 1."""
    red, green, blue = _channels(color)
    return f"rgba({red}, {green}, {blue}, {opacity:.3g})"


def css_properties() -> str:
    """Return the colours as CSS properties: ``--validation-color: #…;``."""
    colors = {
        "training": TRAINING,
        "validation": VALIDATION,
        "warning": WARNING,
        "neutral": NEUTRAL,
    }
    return " ".join(f"--{name}-color: {color};" for name, color in colors.items())


def chart_script() -> str:
    """JavaScript that declares ``PLOTLY_CONFIG`` and the functions of ``chart_table.js``."""
    tables = Path(__file__).with_name("chart_table.js").read_text("utf-8")
    return f"const PLOTLY_CONFIG = {json.dumps(dict(PLOTLY_CONFIG))};\n{tables}"
