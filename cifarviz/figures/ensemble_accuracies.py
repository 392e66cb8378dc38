"""The accuracies of an ensemble and its members."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from cifarviz.escaping import plotly_text
from cifarviz.figures.percent import format_bounds, format_percent
from cifarviz.figures.theme import NEUTRAL, TEST, base_layout, empty_figure, label_width

SUM, MAJORITY = "Ensemble, by sum", "Ensemble, by majority"
# Rows with whiskers are higher: their number is above the point.
_ROW, _WHISKERED, _FRAME = 26, 36, 64

Bounds = tuple[float, float]


@dataclass(frozen=True)
class EnsembleAccuracies:
    """Accuracies, 0 to 1; ``labels`` are short and distinct, ``names`` are shown on hover.

    ``published`` are the authors' accuracies, each with its label; ``digits`` is the number of
    decimals of a percentage. ``bounds`` are 95 % intervals, low and high, of the members, then of
    ``by_sum``, then of ``by_majority``.
    """

    labels: tuple[str, ...]
    names: tuple[str, ...]
    members: tuple[float, ...]
    by_sum: float
    by_majority: float
    published: tuple[tuple[str, float], ...] = ()
    digits: int = 2
    bounds: tuple[Bounds, ...] = ()


def ensemble_accuracies(
    labels: Sequence[str],
    names: Sequence[str],
    members: Sequence[float],
    *,
    by_sum: float,
    by_majority: float,
    published: Sequence[tuple[str, float]] = (),
    digits: int = 2,
    bounds: Sequence[Bounds] = (),
) -> EnsembleAccuracies:
    """Shape them; raises ``ValueError`` unless each member has a label and a name.

    ``bounds`` are none, or a pair for each member and two for the ensemble, else ``ValueError``.
    """
    if not len(labels) == len(names) == len(members):
        raise ValueError(f"{len(labels)} labels, {len(names)} names, {len(members)} members")
    if bounds and len(bounds) != len(members) + 2:
        raise ValueError(f"{len(bounds)} bounds for {len(members)} members and their ensemble")
    return EnsembleAccuracies(
        tuple(labels),
        tuple(names),
        tuple(map(float, members)),
        float(by_sum),
        float(by_majority),
        tuple(published),
        digits,
        tuple(bounds),
    )


def ensemble_accuracies_figure(value: EnsembleAccuracies) -> go.Figure:
    """Draw a point for each member, two for the ensemble, and the published accuracies.

    The axis does not begin at 0: points, unlike bars, allow that.
    """
    count = len(value.members)
    row = _WHISKERED if value.bounds else _ROW
    height = _FRAME + row * (count + 2 + len(value.published))
    if not count:
        return empty_figure("No members yet.", height=height)
    shown = (*value.members, value.by_sum, value.by_majority, *(y for _, y in value.published))
    shown += tuple(end for pair in value.bounds for end in pair)
    room = max(0.02, 0.18 * (max(shown) - min(shown)))
    members = [plotly_text(label) for label in value.labels]
    others = [MAJORITY, SUM, *(label for label, _ in value.published)]
    figure = go.Figure(
        layout=base_layout(
            height=height,
            showlegend=False,
            margin={
                "l": label_width([*value.labels, *others]),
                "r": 16,
                "t": 12,
                "b": 36,
            },
            xaxis={
                "range": [max(0.0, min(shown) - room), min(1.0, max(shown) + 1.6 * room)],
                "tickformat": ".0%" if max(shown) - min(shown) > 0.04 else ".1%",
            },
            yaxis={
                "type": "category",
                "categoryorder": "array",
                "categoryarray": [*members, *others],
                "autorange": "reversed",
            },
        )
    )
    by_sum, by_majority = value.bounds[count:] or (None, None)
    for title, labels, names, accuracies, marker, bounds in (
        (
            "Members",
            members,
            [plotly_text(name) for name in value.names],
            value.members,
            {"symbol": "circle", "size": 11, "color": NEUTRAL},
            value.bounds[:count],
        ),
        (
            "Ensemble",
            (MAJORITY, SUM),
            ("Majority vote", "Sum of probabilities"),
            (value.by_majority, value.by_sum),
            {"symbol": ["diamond-open", "diamond"], "size": 14, "color": TEST},
            (by_majority, by_sum) if by_majority and by_sum else (),
        ),
        (
            "Published",
            [label for label, _ in value.published],
            [label for label, _ in value.published],
            [accuracy for _, accuracy in value.published],
            {"symbol": "square-open", "size": 10, "color": NEUTRAL},
            (),
        ),
    ):
        figure.add_scatter(
            x=accuracies,
            y=labels,
            name=title,
            mode="markers+text",
            marker=marker,
            text=[f" {format_percent(accuracy, value.digits)}" for accuracy in accuracies],
            textposition="top center" if bounds else "middle right",
            cliponaxis=False,
            error_x=_whiskers(accuracies, bounds, str(marker["color"])) if bounds else None,
            customdata=names,
            hovertext=_labels(accuracies, bounds, value.digits),
            hovertemplate="%{customdata}: %{hovertext}<extra></extra>",
        )
    return figure


def _whiskers(accuracies: Sequence[float], bounds: Sequence[Bounds], color: str) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [high - accuracy for accuracy, (_, high) in zip(accuracies, bounds, strict=True)],
        "arrayminus": [
            accuracy - low for accuracy, (low, _) in zip(accuracies, bounds, strict=True)
        ],
        "color": color,
        "thickness": 1.5,
        "width": 4,
    }


def _labels(accuracies: Sequence[float], bounds: Sequence[Bounds], digits: int) -> list[str]:
    if not bounds:
        return [format_percent(accuracy, digits) for accuracy in accuracies]
    return [
        f"{format_percent(accuracy, digits)} ({format_bounds(*pair, digits)})"
        for accuracy, pair in zip(accuracies, bounds, strict=True)
    ]
