"""How often a network gives training images the label it was shown, right ones and wrong ones."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from cifarviz.figures.theme import (
    NEUTRAL,
    SHARE_TICKS,
    TRAINING,
    VALIDATION,
    WARNING,
    base_layout,
    empty_figure,
)

_HEIGHT = 420


@dataclass(frozen=True, eq=False)
class MemorisationCurves:
    """Shares 0–1 after each of ``epochs``; arrays of one length, ``validation`` with its own.

    ``true_known`` of the images with right labels, ``false_known`` of those with wrong ones that
    get the label they were trained with; ``seen_through`` of the latter that get the right one.
    """

    epochs: np.ndarray
    true_known: np.ndarray
    false_known: np.ndarray
    seen_through: np.ndarray
    validation_epochs: np.ndarray
    validation: np.ndarray


def memorisation_figure(curves: MemorisationCurves) -> go.Figure:
    """Draw the four of them over the epochs."""
    if not len(curves.epochs):
        return empty_figure("The curves begin with the first epoch.", height=_HEIGHT)
    figure = go.Figure(
        layout=base_layout(
            height=_HEIGHT,
            margin={"l": 60, "r": 16, "t": 64, "b": 48},
            xaxis={"title": {"text": "Epoch"}, "rangemode": "tozero"},
            yaxis={
                "title": {"text": "Share of the images"},
                "range": [0, 1.02],
                "tickformatstops": SHARE_TICKS,
            },
        )
    )
    lines = (
        ("Right label, learned", curves.epochs, curves.true_known, TRAINING, "solid"),
        ("Wrong label, learned", curves.epochs, curves.false_known, WARNING, "solid"),
        ("Wrong label, seen through", curves.epochs, curves.seen_through, NEUTRAL, "dash"),
        ("Validation", curves.validation_epochs, curves.validation, VALIDATION, "solid"),
    )
    for name, epochs, values, color, dash in lines:
        figure.add_scatter(
            x=epochs.tolist(),
            y=values.tolist(),
            name=name,
            mode="lines+markers" if len(epochs) <= 10 else "lines",
            line={"color": color, "width": 2.4, "dash": dash},
            hovertemplate=f"<b>{name}</b><br>epoch %{{x}}: %{{y:.1%}}<extra></extra>",
        )
    return figure
