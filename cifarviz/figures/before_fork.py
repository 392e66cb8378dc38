"""The way that led to a fork: its parent's curves, up to the epoch it began after."""

from dataclasses import dataclass, field

import numpy as np
import plotly.graph_objects as go

from cifarviz.figures.theme import TRAINING, VALIDATION


@dataclass(frozen=True, eq=False)
class EpochCurves:
    """Values after each epoch: arrays of one length, NaN where nothing was measured."""

    epochs: np.ndarray
    training: np.ndarray
    validation: np.ndarray
    rates: np.ndarray = field(default_factory=lambda: np.empty(0))
    """The learning rate in the last step of each epoch; empty where they are not known."""


def add_before(figure: go.Figure, before: EpochCurves, number: str) -> None:
    """Draw them thin and dotted; ``number`` is how a value is written."""
    for name, values, color in (
        ("training", before.training, TRAINING),
        ("validation", before.validation, VALIDATION),
    ):
        if np.isfinite(values).any():
            figure.add_scatter(
                x=before.epochs,
                y=values,
                name=f"Before the fork, {name}",
                mode="lines",
                legendrank=7,
                showlegend=False,
                line={"color": color, "width": 1.5, "dash": "dot"},
                hovertemplate=(
                    f"Before the fork, {name}, epoch %{{x}}: %{{y:{number}}}<extra></extra>"
                ),
            )
