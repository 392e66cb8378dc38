"""HTML of a report: elements, tables and charts."""

import base64
import io
import itertools
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NewType

import numpy as np
import plotly.graph_objects as go
import plotly.io
from numpy.typing import NDArray
from PIL import Image

from cifarviz.escaping import html_text, safe_file_name

Html = NewType("Html", str)
"""Markup, with all text in it escaped."""
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


def text(value: object) -> Html:
    """Any value as text: names of runs may hold markup."""
    return Html(html_text(str(value)))


def joined(parts: Iterable[Html | str]) -> Html:
    """Parts that are markup already, one after the other."""
    return Html("\n".join(part for part in parts if part))


def paragraph(sentence: str) -> Html:
    """One paragraph of text; none of an empty one."""
    return Html(f"<p>{text(sentence)}</p>" if sentence else "")


def section(title: str, *parts: Html | str) -> Html:
    """A part of the report under its heading."""
    return Html(f"<section>\n<h2>{text(title)}</h2>\n{joined(parts)}\n</section>")


def table(headings: Sequence[object], rows: Iterable[Sequence[object]], *, style: str = "") -> Html:
    """A table of text; its ``style`` is a class of the style sheet."""
    kind = f' class="{style}"' if style else ""
    head = "".join(f"<th>{text(one)}</th>" for one in headings)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{_cell(one)}</td>" for one in row) + "</tr>" for row in rows
    )
    thead = f"<thead><tr>{head}</tr></thead>" if headings else ""
    return Html(f"<table{kind}>{thead}<tbody>\n{body}\n</tbody></table>")


def picture(pixels: NDArray[np.uint8], description: str, *, width: int) -> Html:
    """An image (h, w) or (h, w, 1 or 3) inside the page, so wide in CSS pixels, not smoothed."""
    shown = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    file = io.BytesIO()
    Image.fromarray(shown).save(file, "PNG", optimize=True)
    encoded = base64.b64encode(file.getvalue()).decode("ascii")
    return Html(
        f'<img src="data:image/png;base64,{encoded}" width="{width}" alt="{text(description)}">'
    )


def folded(title: str, *parts: Html | str) -> Html:
    """Something long that is opened by a click; a printed report has it open."""
    return Html(f"<details><summary>{text(title)}</summary>\n{joined(parts)}\n</details>")


def code(source: str) -> Html:
    """A program or a command, as it is."""
    return Html(f"<pre><code>{text(source)}</code></pre>")


def _cell(value: object) -> Html:
    return text("–" if value is None else value)


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
