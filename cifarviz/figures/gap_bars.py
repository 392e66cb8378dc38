"""Training and validation accuracy of several runs, with the gap between them as a bar."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from cifarviz.escaping import plotly_text
from cifarviz.figures.theme import (
    NEUTRAL,
    SHARE_TICKS,
    TRAINING,
    VALIDATION,
    base_layout,
    empty_figure,
    room_for,
)

_ROW = 44


@dataclass(frozen=True)
class GapBar:
    """One run; accuracies 0–1, ``None`` while there is none yet."""

    label: str
    training: float | None
    validation: float | None


def gap_bars_figure(bars: Sequence[GapBar]) -> go.Figure:
    """Draw a row a run, the first at the top; one that has not begun has its place already."""
    if not bars:
        return empty_figure("Here is a row for each run.", height=4 * _ROW)
    labels = [plotly_text(bar.label) for bar in bars]
    known = [
        (label, bar.training, bar.validation)
        for label, bar in zip(labels, bars, strict=True)
        if bar.training is not None and bar.validation is not None
    ]
    figure = go.Figure(
        layout=base_layout(
            height=_ROW * len(bars) + 110,
            margin={"l": room_for(bar.label for bar in bars), "r": 16, "t": 40, "b": 48},
            xaxis={
                "title": {"text": "Accuracy"},
                "range": [0, 1.05],
                "tickformatstops": SHARE_TICKS,
            },
            yaxis={
                "type": "category",
                "categoryorder": "array",
                "categoryarray": labels[::-1],
                "range": [-0.6, len(bars) - 0.4],
                "showgrid": False,
            },
        )
    )
    # One trace: a gap in it is a None.
    figure.add_scatter(
        x=[value for _, train, val in known for value in (val, train, None)],
        y=[value for label, _, _ in known for value in (label, label, None)],
        mode="lines",
        line={"color": NEUTRAL, "width": 7},
        opacity=0.45,
        name="Gap",
        hoverinfo="skip",
    )
    for name, place, color in (("Training", 1, TRAINING), ("Validation", 2, VALIDATION)):
        figure.add_scatter(
            x=[one[place] for one in known],
            y=[one[0] for one in known],
            mode="markers",
            marker={"size": 14, "color": color},
            name=name,
            hovertemplate=f"<b>%{{y}}</b><br>{name}: %{{x:.1%}}<extra></extra>",
        )
    return figure
