"""How the curves of several runs in one chart are told apart."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final, Literal

from cifarviz.escaping import plotly_text, single_line
from cifarviz.figures.theme import TRAINING, VALIDATION, mix

Kind = Literal["training", "validation"]

MOST_ALIKE: Final = 3
"""So many runs at most differ in lightness, dash and marker. Of more, each has a number, which
stands on its curves and before its name."""

_SHADES = ((0.0, "#FFFFFF"), (0.42, "#FFFFFF"), (0.2, "#000000"))
# None is "dash", as published curves are.
_DASHES = ("solid", "dot", "dashdot")
_MARKERS = ("circle", "square", "diamond")
# Of many runs the first are light and the last dark, as far as both pages allow.
_LIGHTEST, _DARKEST = 0.3, 0.25
# With more, numbers on training, too, would hide the curves.
_MOST_NUMBERED_TWICE = 10
_BADGE, _SMALL_BADGE = 17, 14
# Each next number stands so far along its curve from the one before, as part of the whole: so
# numbers of neighbours lie apart, however many there are.
_GOLDEN = 0.618
# Letters in a line of the legend: a longer name would take the room of the curves.
_LEGEND_WIDTH = 34


@dataclass(frozen=True)
class Place:
    """The ``position`` of a run among ``count`` that are given, from 0."""

    position: int
    count: int

    @property
    def few(self) -> bool:
        """Whether dashes tell the runs apart, and not numbers."""
        return self.count <= MOST_ALIKE


ALONE: Final = Place(0, 1)


def curve_style(place: Place, kind: Kind, *, alone: bool) -> dict[str, Any]:
    """Plotly's ``mode``, ``line`` and ``marker`` of a curve of the run at ``place``.

    Training is blue and validation orange, as everywhere. One epoch ``alone`` is a point.
    """
    return _alike(place.position, kind) if place.few else _shaded(place, kind, alone)


def mark_color(place: Place, *, validated: bool = True) -> str:
    """The colour of what is marked on that run: on its validation, or on training without."""
    if place.few:
        return VALIDATION if validated else TRAINING
    return _shade(place, "validation" if validated else "training")


def number_badge(
    place: Place, kind: Kind, epochs: Sequence[int], values: Sequence[float]
) -> dict[str, Any] | None:
    """The number of the run at ``place`` as a Plotly trace of one point on its curve.

    ``None`` where it has none: of a few runs, of nothing finite, and of training where numbers
    are too many.
    """
    training = kind == "training"
    known = [at for at, value in enumerate(values) if isfinite(value)]
    if place.few or not known or (training and place.count > _MOST_NUMBERED_TWICE):
        return None
    along = (place.position * _GOLDEN + (0.3 if training else 0.0)) % 1
    at = known[round((0.35 + 0.65 * along) * (len(known) - 1))]
    return {
        "type": "scatter",
        "x": [epochs[at]],
        "y": [values[at]],
        "mode": "markers+text",
        "marker": {
            "size": _SMALL_BADGE if training else _BADGE,
            "color": _shade(place, kind),
            "line": {"width": 0},
        },
        "text": [str(place.position + 1)],
        "textfont": {"size": 10, "color": "#FFFFFF" if training else "#1A1A1A"},
        "hoverinfo": "skip",
        "showlegend": False,
        "legendgroup": str(place.position),
    }


def legend_name(name: str, place: Place) -> str:
    """``name`` as Plotly text, in lines that leave room for the curves; many have their number."""
    lines = textwrap.wrap(single_line(numbered_name(name, place)), _LEGEND_WIDTH)
    return "<br>".join(map(plotly_text, lines)) or " "


def numbered_name(name: str, place: Place) -> str:
    """``name``, with its number before it where the curves have numbers."""
    return name if place.few else f"{place.position + 1} · {name}"


def _alike(position: int, kind: Kind) -> dict[str, Any]:
    amount, toward = _SHADES[position % len(_SHADES)]
    color = mix(TRAINING if kind == "training" else VALIDATION, toward, amount)
    return {
        "mode": "lines+markers",
        "marker": {"size": 6, "symbol": _MARKERS[position % len(_MARKERS)]},
        "line": {"color": color, "width": 2.2, "dash": _DASHES[position % len(_DASHES)]},
    }


def _shaded(place: Place, kind: Kind, alone: bool) -> dict[str, Any]:
    training = kind == "training"
    line = {
        "color": _shade(place, kind),
        "width": 1.3 if training else 2.2,
        "dash": "dot" if training else "solid",
    }
    if not alone:
        return {"mode": "lines", "line": line}
    return {"mode": "lines+markers", "line": line, "marker": {"size": 5 if training else 8}}


def _shade(place: Place, kind: Kind) -> str:
    part = place.position / max(place.count - 1, 1) * (_LIGHTEST + _DARKEST) - _LIGHTEST
    color = TRAINING if kind == "training" else VALIDATION
    return mix(color, "#FFFFFF" if part < 0 else "#000000", abs(part))
