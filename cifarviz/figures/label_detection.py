"""How many wrong labels are among the most doubted ones."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from cifarviz.figures.theme import NEUTRAL, TRAINING, VALIDATION, base_layout, empty_figure

_HEIGHT = 300
_POINTS = 400


@dataclass(frozen=True, eq=False)
class LabelDetection:
    """``precision`` and ``recall`` (n,) among the first 1, 2, … n labels, and how many are
    ``wrong``."""

    precision: np.ndarray
    recall: np.ndarray
    wrong: int


def label_detection_figure(value: LabelDetection) -> go.Figure:
    """Draw precision and recall over the number of labels looked at.

    Raises ``ValueError`` if the lengths differ.
    """
    count = len(value.precision)
    if count != len(value.recall):
        raise ValueError(f"{count} precisions and {len(value.recall)} recalls")
    if not value.wrong:
        return empty_figure("No label was made wrong.", height=_HEIGHT)
    # Precision jumps among the first few, so they are all drawn.
    shown = np.unique(np.geomspace(1, count, _POINTS).astype(int)) - 1
    figure = go.Figure(
        layout=base_layout(
            height=_HEIGHT,
            hovermode="x unified",
            xaxis={"title": {"text": "Labels looked at, the most doubted first"}},
            yaxis={"range": [0, 1.02], "tickformat": ".0%"},
        )
    )
    for name, values, color in (
        ("Precision", value.precision, TRAINING),
        ("Recall", value.recall, VALIDATION),
    ):
        figure.add_scatter(
            x=shown + 1,
            y=values[shown],
            mode="lines",
            name=name,
            line={"color": color, "width": 2.5},
            hovertemplate="%{y:.1%}",
        )
    figure.add_scatter(
        x=[1, count],
        y=[value.wrong / count] * 2,
        mode="lines",
        name="Precision of a random order",
        line={"color": NEUTRAL, "dash": "dot", "width": 2},
        hovertemplate="%{y:.1%}",
    )
    figure.add_vline(
        x=value.wrong,
        line={"color": NEUTRAL, "width": 1},
        annotation={"text": f"{value.wrong:,} wrong labels", "font": {"color": NEUTRAL}},
    )
    return figure
