"""The HTML elements, tables and charts of a report."""

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
"""Markup in which all text is escaped."""
WIDTH: Final = 680
"""Width of charts in CSS pixels: fits A4 and US letter with margins of 12 mm."""
_TEXT, _PANEL = "#1d2730", "#eef2f6"

# From the colour of panels to a strong blue; numbers above _DARK_FROM (0 to 1) are white.
_SCALE = [[0, _PANEL], [0.4, "#6fb1da"], [1, "#00558a"]]
_DARK_FROM = 0.68

# Pixels above a plot, and below it for the axis and its title.
_ABOVE, _AXIS = 16, 48
Chart = Callable[[go.Figure, str, str], Html]


def text(value: object) -> Html:
    """Return any value as escaped text: names of runs may contain markup."""
    return Html(html_text(str(value)))


def joined(parts: Iterable[Html | str]) -> Html:
    """Join parts that are markup already."""
    return Html("\n".join(part for part in parts if part))


def paragraph(sentence: str) -> Html:
    """Return a paragraph of text; nothing for an empty text."""
    return Html(f"<p>{text(sentence)}</p>" if sentence else "")


def section(title: str, *parts: Html | str) -> Html:
    """Return a section of the report with its heading."""
    return Html(f"<section>\n<h2>{text(title)}</h2>\n{joined(parts)}\n</section>")


def table(headings: Sequence[object], rows: Iterable[Sequence[object]], *, style: str = "") -> Html:
    """Return a table of texts; ``style`` is a class of the style sheet."""
    kind = f' class="{style}"' if style else ""
    head = "".join(f"<th>{text(heading)}</th>" for heading in headings)
    body = "\n".join(
        f"<tr>{''.join(f'<td>{_cell(value)}</td>' for value in row)}</tr>" for row in rows
    )
    thead = f"<thead><tr>{head}</tr></thead>" if headings else ""
    return Html(f"<table{kind}>{thead}<tbody>\n{body}\n</tbody></table>")


def picture(pixels: NDArray[np.uint8], description: str, *, width: int) -> Html:
    """Return an inline image, (h, w) or (h, w, 1 or 3), ``width`` CSS pixels wide, unsmoothed."""
    image = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", optimize=True)
    encoded = base64.b64encode(file.getvalue()).decode("ascii")
    return Html(
        f'<img src="data:image/png;base64,{encoded}" width="{width}" alt="{text(description)}">'
    )


def folded(title: str, *parts: Html | str) -> Html:
    """Return collapsed content; it is expanded in print."""
    return Html(f"<details><summary>{text(title)}</summary>\n{joined(parts)}\n</details>")


def code(source: str) -> Html:
    """Return a program or command as preformatted text."""
    return Html(f"<pre><code>{text(source)}</code></pre>")


def _cell(value: object) -> Html:
    return text("–" if value is None else value)


def chart_maker() -> Chart:
    """Return a function (figure, file name, description) that numbers its charts."""
    numbers = itertools.count(1)

    def chart(figure: go.Figure, file_name: str, description: str) -> Html:
        return _chart(figure, f"chart-{next(numbers)}", file_name, description)

    return chart


def _chart(figure: go.Figure, name: str, file_name: str, description: str) -> Html:
    # Plotly's encoder handles arrays and NaN.
    spec = json.loads(plotly.io.to_json(figure, validate=False))
    layout = spec["layout"]
    layout |= {"width": WIDTH, "autosize": False}
    layout["font"] = {**layout.get("font", {}), "color": _TEXT}
    layout["template"] = {"layout": {"colorscale": {"sequential": _SCALE}}}
    for trace in spec["data"]:
        _set_text_colors(trace)
    height = int(layout.get("height", 360))
    data = script_json(
        {"data": spec["data"], "layout": layout, "fileName": safe_file_name(file_name)}
    )
    return Html(
        f'<figure class="chart" role="figure" aria-label="{text(description)}">'
        f'<div class="plot" id="{name}" style="width:{WIDTH}px;height:{height}px"></div>'
        f'<script type="application/json" data-for="{name}">{data}</script></figure>'
    )


def script_json(value: Any) -> str:
    """Return JSON that is safe inside a script element."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("&", "\\u0026")


def place_legend_below(figure: go.Figure, entries: int, *, height: int) -> go.Figure:
    """Set a figure's ``height`` in pixels and add room for a legend of ``entries`` below it."""
    room = 40 + 24 * entries
    plot = height - _ABOVE - _AXIS
    position = {"x": 0, "y": -(_AXIS + 9) / plot, "xanchor": "left", "yanchor": "top"}
    figure.update_layout(
        legend={"orientation": "h", **position},
        margin={"t": _ABOVE, "b": _AXIS + room},
        height=height + room,
    )
    return figure


def _set_text_colors(trace: dict[str, Any]) -> None:
    """Give numbers on a colour scale (``meta.onScale``, 0 to 1) a readable colour."""
    meta = trace.get("meta")
    values = meta.get("onScale") if isinstance(meta, dict) else None
    if values:
        colors = ["#ffffff" if value > _DARK_FROM else _TEXT for value in values]
        trace["textfont"] = {**trace.get("textfont", {}), "color": colors}
