"""How the curves of several runs in one chart are told apart."""

import textwrap
from typing import Any, Final, Literal

from cifarviz.figures.theme import RUN_COLORS, TRAINING, VALIDATION, mix

Kind = Literal["training", "validation"]

MOST_ALIKE: Final = 3
"""So many runs at most have training blue and validation orange, as everywhere, and differ in
lightness, dash and marker. Of more, each has a colour of its own."""

_SHADES = ((0.0, "#FFFFFF"), (0.42, "#FFFFFF"), (0.2, "#000000"))
# None is "dash", as published curves are.
_DASHES = ("solid", "dot", "dashdot")
_MARKERS = ("circle", "square", "diamond")
# Colours come round again, with markers on the curve.
_ROUNDS = (None, "circle", "square", "diamond", "triangle-up", "x", "star")
_MARKERS_A_CURVE = 8
# Letters in a line of the legend: a longer name would take the room of the curves.
_LEGEND_WIDTH = 34


def curve_style(position: int, kind: Kind, *, few: bool, alone: bool) -> dict[str, Any]:
    """Plotly's ``mode``, ``line`` and ``marker`` of a curve of the run at ``position``, from 0.

    Of a ``few`` runs the colour says what is drawn, and the rest of which run; of many the colour
    says of which run, and the line what is drawn. One epoch ``alone`` is a point.
    """
    return _alike(position, kind) if few else _own(position, kind, alone)


def mark_color(position: int, *, few: bool, validated: bool = True) -> str:
    """The colour of what is marked on that run: on its validation, or on training without."""
    if not few:
        return RUN_COLORS[position % len(RUN_COLORS)]
    return VALIDATION if validated else TRAINING


def legend_name(name: str) -> str:
    """``name`` as Plotly text, in lines that leave room for the curves."""
    return "<br>".join(map(plain, textwrap.wrap(name, _LEGEND_WIDTH))) or " "


def plain(name: str) -> str:
    """``name`` as Plotly text: a run may be called anything, markup and templates included."""
    return name.replace("&", "&amp;").replace("<", "&lt;").replace("%{", "%\u200b{")


def _alike(position: int, kind: Kind) -> dict[str, Any]:
    amount, toward = _SHADES[position % len(_SHADES)]
    color = mix(TRAINING if kind == "training" else VALIDATION, toward, amount)
    return {
        "mode": "lines+markers",
        "marker": {"size": 6, "symbol": _MARKERS[position % len(_MARKERS)]},
        "line": {"color": color, "width": 2.2, "dash": _DASHES[position % len(_DASHES)]},
    }


def _own(position: int, kind: Kind, alone: bool) -> dict[str, Any]:
    training = kind == "training"
    symbol = _ROUNDS[position // len(RUN_COLORS) % len(_ROUNDS)]
    style: dict[str, Any] = {
        "mode": "lines",
        "line": {
            "color": RUN_COLORS[position % len(RUN_COLORS)],
            "width": 1.3 if training else 2.2,
            "dash": "dot" if training else "solid",
        },
    }
    if symbol is None and not alone:
        return style
    marker = {"symbol": symbol or "circle", "size": 5 if training else 8}
    return style | {
        "mode": "lines+markers",
        # At a few epochs: they tell two curves of one colour apart, and leave both to be seen.
        "marker": marker | {"maxdisplayed": _MARKERS_A_CURVE},
    }
