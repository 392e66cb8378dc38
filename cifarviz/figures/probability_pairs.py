"""The class probabilities of two networks for one image, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from cifarviz.escaping import plotly_text
from cifarviz.figures.percent import format_probability
from cifarviz.figures.theme import NEUTRAL, WARNING, base_layout, label_width

_MAX_CLASSES = 10


@dataclass(frozen=True, eq=False)
class ProbabilityPairs:
    """Classes from top to bottom with both probabilities, float64 (classes,) each."""

    names: tuple[str, ...]
    titles: tuple[str, str]
    before: NDArray[np.float64]
    after: NDArray[np.float64]


def probability_pairs(
    classes: Sequence[str],
    before: NDArray[np.floating],
    after: NDArray[np.floating],
    *,
    titles: tuple[str, str],
    actual: int | None = None,
) -> ProbabilityPairs:
    """Shape both, float (classes,): the most probable ``before`` first, at most 10.

    The most probable ``after`` and the ``actual`` class, which is ticked, are among them. Raises
    ``ValueError`` unless there are as many probabilities as classes.
    """
    if not len(classes) == len(before) == len(after):
        raise ValueError(f"{len(before)} and {len(after)} probabilities, {len(classes)} classes.")
    order = np.argsort(-np.asarray(before, np.float64), kind="stable").tolist()
    needed = {int(np.argmax(after)), *([] if actual is None else [actual])}
    rest = [index for index in order if index not in needed]
    chosen = needed | set(rest[: max(_MAX_CLASSES - len(needed), 0)])
    shown = [index for index in order if index in chosen]
    names = tuple(f"{classes[index]} ✓" if index == actual else classes[index] for index in shown)
    pair = (np.asarray(values, np.float64)[shown] for values in (before, after))
    return ProbabilityPairs(names, titles, *pair)


def probability_pairs_figure(value: ProbabilityPairs) -> go.Figure:
    """Draw two horizontal bars a class: grey before, orange after."""
    figure = go.Figure(
        layout=base_layout(
            height=70 + 42 * len(value.names),
            bargap=0.25,
            bargroupgap=0.05,
            margin={"l": label_width(value.names), "r": 56, "t": 34, "b": 24},
            xaxis={"range": [0, 1], "tickformat": ".0%", "fixedrange": True},
            yaxis={
                "type": "category",
                "autorange": "reversed",
                "showgrid": False,
                "fixedrange": True,
            },
            legend={"traceorder": "normal"},
        )
    )
    colors = NEUTRAL, WARNING
    for title, color, shares in zip(value.titles, colors, (value.before, value.after), strict=True):
        figure.add_bar(
            orientation="h",
            x=shares.tolist(),
            y=[plotly_text(name) for name in value.names],
            name=title,
            marker={"color": color},
            text=[format_probability(float(share)) for share in shares],
            textposition="outside",
            textfont={"size": 12},
            cliponaxis=False,
            hovertemplate=f"%{{y}}, {title}: %{{text}}<extra></extra>",
        )
    return figure
