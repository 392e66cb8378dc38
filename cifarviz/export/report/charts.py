"""Figures inside a page: their data as JSON, drawn by the page's own Plotly."""

import itertools
import json
from collections.abc import Callable
from typing import Any, Final

import plotly.graph_objects as go
import plotly.io

from cifarviz.escaping import safe_file_name
from cifarviz.export.report.markup import Html, text

WIDTH: Final = 680
"""CSS pixels of every chart: what A4 and US letter have between margins of 12 mm, and a bit less,
so that no chart is cut when the page is printed."""

_TEXT, _PANEL = "#1d2730", "#eef2f6"
# From the colour of panels to a strong blue; above this share, white numbers are read better.
_SCALE = [[0, _PANEL], [0.4, "#6fb1da"], [1, "#00558a"]]
_DARK_FROM = 0.68

# What a chart has above it, and below it for the axis and its title.
_ABOVE, _AXIS = 16, 48

Chart = Callable[[go.Figure, str, str], Html]


def chart_maker() -> Chart:
    """A function of figure, file name and description that gives a chart with an id of its own."""
    numbers = itertools.count(1)

    def chart(figure: go.Figure, file_name: str, description: str) -> Html:
        return _chart(figure, f"chart-{next(numbers)}", file_name, description)

    return chart


def _chart(figure: go.Figure, name: str, file_name: str, description: str) -> Html:
    # Plotly's own encoder knows arrays and what is not a number.
    spec = json.loads(plotly.io.to_json(figure, validate=False))
    layout = spec["layout"]
    layout |= {"width": WIDTH, "autosize": False}
    layout["font"] = {**layout.get("font", {}), "color": _TEXT}
    layout["template"] = {"layout": {"colorscale": {"sequential": _SCALE}}}
    for trace in spec["data"]:
        _readable(trace)
    height = int(layout.get("height", 360))
    data = in_script(
        {"data": spec["data"], "layout": layout, "fileName": safe_file_name(file_name)}
    )
    return Html(
        f'<figure class="chart" role="figure" aria-label="{text(description)}">'
        f'<div class="plot" id="{name}" style="width:{WIDTH}px;height:{height}px"></div>'
        f'<script type="application/json" data-for="{name}">{data}</script></figure>'
    )


def in_script(value: Any) -> str:
    """JSON that stands inside a script element, whatever texts are in it."""
    written = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return written.replace("<", "\\u003c").replace("&", "\\u0026")


def below(figure: go.Figure, entries: int, *, height: int) -> go.Figure:
    """``figure`` so high and its legend under it, where a page has room for so many entries."""
    room = 40 + 24 * entries
    plot = height - _ABOVE - _AXIS
    place = {"x": 0, "y": -(_AXIS + 9) / plot, "xanchor": "left", "yanchor": "top"}
    figure.update_layout(
        legend={"orientation": "h", **place},
        margin={"t": _ABOVE, "b": _AXIS + room},
        height=height + room,
    )
    return figure


def _readable(trace: dict[str, Any]) -> None:
    """Numbers on a colour scale (``meta.onScale``, 0 to 1) in a colour that is read there."""
    meta = trace.get("meta")
    places = meta.get("onScale") if isinstance(meta, dict) else None
    if places:
        colors = ["#ffffff" if place > _DARK_FROM else _TEXT for place in places]
        trace["textfont"] = {**trace.get("textfont", {}), "color": colors}
