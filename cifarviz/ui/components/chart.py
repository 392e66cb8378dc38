"""An interactive Plotly chart that reports clicks."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from cifarviz.escaping import safe_file_name
from cifarviz.figures.figure_json import encode
from cifarviz.figures.theme import chart_script
from cifarviz.static_files import PLOTLY_SCRIPT
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.loading import component, ignore


@dataclass(frozen=True)
class ChartClick:
    """A point that was clicked; fields the trace doesn't have are None.

    ``trace`` is its number in the figure, ``point`` its index in the trace, for a heatmap
    (row, column).
    """

    trace: int
    point: int | tuple[int, int] | None
    x: Any = None
    y: Any = None
    z: Any = None
    customdata: Any = None


def chart(
    figure: go.Figure | Mapping[str, Any],
    *,
    key: str,
    height: int | None = None,
    rem_height: float | None = None,
    min_width: int | None = None,
    on_click: bool = False,
    view: str = "",
    file_name: str = "chart",
    description: str = "",
    live: Live | None = None,
    live_name: str = "",
) -> ChartClick | None:
    """Show ``figure`` at full width; zoom and legend choices survive each update.

    ``figure`` may be a dict of ``data`` and ``layout`` (NumPy arrays allowed), which is cheaper
    than a ``go.Figure``. ``height`` in CSS pixels overrides the layout's. With ``rem_height`` the
    height is in rem, and texts and lines grow with the page's font size. In a place narrower than
    ``min_width`` the figure keeps that width and scrolls sideways. Another ``view`` (a run's
    id, say) starts with fresh axes. With ``on_click`` a clicked point is returned, once.
    ``file_name`` names saved pictures, without an ending; ``description`` is for screen readers,
    which get the points in tables (chart_table.js).
    Between runs of the script the browser draws the figure ``live_name`` of the feed ``live``.
    """
    body = encode(figure)
    head = {
        "click": on_click,
        "description": description,
        "fileName": safe_file_name(file_name),
        "height": height,
        "live": None if live is None else {**live.values(), "name": live_name},
        "minWidth": min_width,
        "remHeight": rem_height,
        "script": PLOTLY_SCRIPT,
        "view": view,
    }
    header = json.dumps(head).encode()
    # A header line, a hash line, then the figure: if the hash is unchanged, the script reads no
    # further.
    revision = hashlib.blake2b(header + body, digest_size=12).hexdigest().encode()
    result = component(
        "chart",
        html='<div class="cifarviz-chart"></div><div class="cifarviz-chart-tables"></div>',
        setup=chart_script,
        shared=("live",),
        # Plotly puts its own styles into the page's head, where a shadow root does not see them.
        isolate_styles=False,
    )(
        key=key,
        data=b"\n".join((header, revision, body)),
        on_click_change=ignore,
        on_rerun_change=ignore,
    )
    return _parse_click(result.get("click")) if on_click else None


def _parse_click(sent: Any) -> ChartClick | None:
    if not isinstance(sent, Mapping) or not isinstance(sent.get("trace"), int):
        return None
    point = sent.get("point")
    return ChartClick(
        trace=sent["trace"],
        point=(point[0], point[1]) if isinstance(point, list) and len(point) == 2 else point,
        x=sent.get("x"),
        y=sent.get("y"),
        z=sent.get("z"),
        customdata=sent.get("customdata"),
    )
