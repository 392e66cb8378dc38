"""From which epoch on training images were known: those with right labels, and with wrong ones."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from cifarviz.figures.theme import SHARE_TICKS, TRAINING, WARNING, base_layout, empty_figure

_HEIGHT = 300


@dataclass(frozen=True, eq=False)
class LearnedEpochs:
    """Shares 0–1 of each kind that were known from each of ``epochs`` on, and those never known."""

    epochs: np.ndarray
    true: np.ndarray
    false: np.ndarray
    true_never: float
    false_never: float


def learned_epochs(
    epochs: np.ndarray, true_learned: np.ndarray, false_learned: np.ndarray
) -> LearnedEpochs:
    """Count them; the last two hold an epoch for each image, 0 for one that was never known."""

    def shares(learned: np.ndarray) -> np.ndarray:
        counts = (learned[None, :] == np.asarray(epochs)[:, None]).sum(axis=1)
        return counts / max(len(learned), 1)

    def never(learned: np.ndarray) -> float:
        return float((learned == 0).mean()) if len(learned) else 0.0

    return LearnedEpochs(
        np.asarray(epochs),
        shares(true_learned),
        shares(false_learned),
        never(true_learned),
        never(false_learned),
    )


def learned_epochs_figure(learned: LearnedEpochs) -> go.Figure:
    """Draw both beside each other, an epoch a pair of bars."""
    if not len(learned.epochs):
        return empty_figure("The bars begin with the first epoch.", height=_HEIGHT)
    figure = go.Figure(
        layout=base_layout(
            height=_HEIGHT,
            barmode="group",
            bargap=0.15,
            xaxis={"title": {"text": "Known for good from epoch"}, "rangemode": "tozero"},
            yaxis={"title": {"text": "Share of the images"}, "tickformatstops": SHARE_TICKS},
        )
    )
    bars = (
        ("right", learned.true, learned.true_never, TRAINING),
        ("wrong", learned.false, learned.false_never, WARNING),
    )
    for kind, values, never, color in bars:
        name = f"{kind.capitalize()} labels" + (f" ({never:.0%} not known)" if never else "")
        figure.add_bar(
            x=learned.epochs.tolist(),
            y=values.tolist(),
            name=name,
            marker={"color": color},
            hovertemplate=f"%{{y:.1%}} of the {kind} labels<br>from epoch %{{x}} on<extra></extra>",
        )
    return figure
