"""How often an ensemble is right, beside its members."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from cifarviz.figures.theme import NEUTRAL, TEST, base_layout, empty_figure, room_for

SUM, MAJORITY = "Ensemble, by sum", "Ensemble, by majority"
_ROW, _FRAME = 26, 64


@dataclass(frozen=True)
class EnsembleAccuracies:
    """Accuracies, 0 to 1; ``labels`` are short and different, ``names`` are said on hover.

    ``published`` are the authors' figures, each with its label; ``digits`` stand after the point of
    a percentage.
    """

    labels: tuple[str, ...]
    names: tuple[str, ...]
    members: tuple[float, ...]
    by_sum: float
    by_majority: float
    published: tuple[tuple[str, float], ...] = ()
    digits: int = 2


def ensemble_accuracies(
    labels: Sequence[str],
    names: Sequence[str],
    members: Sequence[float],
    *,
    by_sum: float,
    by_majority: float,
    published: Sequence[tuple[str, float]] = (),
    digits: int = 2,
) -> EnsembleAccuracies:
    """Shape them; raises ``ValueError`` unless there is one label and name a member."""
    if not len(labels) == len(names) == len(members):
        raise ValueError(f"{len(labels)} labels, {len(names)} names, {len(members)} members")
    return EnsembleAccuracies(
        tuple(labels),
        tuple(names),
        tuple(map(float, members)),
        float(by_sum),
        float(by_majority),
        tuple(published),
        digits,
    )


def ensemble_accuracies_figure(value: EnsembleAccuracies) -> go.Figure:
    """A point a member, two for the ensemble, and what was published.

    The axis shows the part between them all, not all from 0: points, unlike bars, allow that.
    """
    count = len(value.members)
    height = _FRAME + _ROW * (count + 2 + len(value.published))
    if not count:
        return empty_figure("No members yet: nothing was measured.", height=height)
    shown = (*value.members, value.by_sum, value.by_majority, *(y for _, y in value.published))
    room = max(0.02, 0.18 * (max(shown) - min(shown)))
    shown_rows = [*value.labels, MAJORITY, SUM, *(one for one, _ in value.published)]
    figure = go.Figure(
        layout=base_layout(
            height=height,
            showlegend=False,
            margin={"l": room_for(shown_rows), "r": 16, "t": 12, "b": 36},
            xaxis={
                "range": [max(0.0, min(shown) - room), min(1.0, max(shown) + 1.6 * room)],
                "tickformat": ".0%" if max(shown) - min(shown) > 0.04 else ".1%",
            },
            yaxis={
                "categoryorder": "array",
                "categoryarray": shown_rows,
                "autorange": "reversed",
            },
        )
    )
    for title, labels, names, accuracies, marker in (
        (
            "Members",
            value.labels,
            value.names,
            value.members,
            {"symbol": "circle", "size": 11, "color": NEUTRAL},
        ),
        (
            "Ensemble",
            (MAJORITY, SUM),
            ("the majority of votes", "the sum of probabilities"),
            (value.by_majority, value.by_sum),
            {"symbol": ["diamond-open", "diamond"], "size": 14, "color": TEST},
        ),
        (
            "Published",
            [label for label, _ in value.published],
            [label for label, _ in value.published],
            [accuracy for _, accuracy in value.published],
            {"symbol": "square-open", "size": 10, "color": NEUTRAL},
        ),
    ):
        figure.add_scatter(
            x=accuracies,
            y=labels,
            name=title,
            mode="markers+text",
            marker=marker,
            text=[f" {one:.{value.digits}%}" for one in accuracies],
            textposition="middle right",
            cliponaxis=False,
            customdata=names,
            hovertemplate=f"%{{customdata}}: %{{x:.{value.digits}%}}<extra></extra>",
        )
    return figure
