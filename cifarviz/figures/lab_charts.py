"""Charts of the lab experiments."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from cifarviz.escaping import plotly_text
from cifarviz.figures.theme import (
    NEUTRAL,
    SHARE_TICKS,
    TRAINING,
    VALIDATION,
    WARNING,
    base_layout,
    empty_figure,
    label_width,
)

_HEIGHT = 420
_GAP = "rgba(128, 138, 148, 0.16)"


@dataclass(frozen=True, eq=False)
class AccuracyBySize:
    """Final accuracies, 0 to 1, of runs on ``images``, ascending; arrays of one length.

    ``planned`` are all planned numbers of images, for the axis.
    """

    images: np.ndarray
    training: np.ndarray
    validation: np.ndarray
    planned: tuple[int, ...]


_ROW = 44


@dataclass(frozen=True)
class GapBar:
    """A run's accuracies, 0 to 1; ``None`` before its first epoch."""

    label: str
    training: float | None
    validation: float | None


_BARS_HEIGHT = 300


@dataclass(frozen=True, eq=False)
class LearnedEpochs:
    """Shares, 0 to 1, of correct and wrong labels learned from each epoch on, or never."""

    epochs: np.ndarray
    true: np.ndarray
    false: np.ndarray
    true_never: float
    false_never: float


@dataclass(frozen=True, eq=False)
class MemorisationCurves:
    """Shares, 0 to 1, after each of ``epochs``; arrays of one length, validation has its own.

    ``true_known`` of the images with correct labels and ``false_known`` of those with wrong labels
    that are predicted as the label they were trained with; ``seen_through`` of those with wrong
    labels that are predicted as their correct one.
    """

    epochs: np.ndarray
    true_known: np.ndarray
    false_known: np.ndarray
    seen_through: np.ndarray
    validation_epochs: np.ndarray
    validation: np.ndarray


def accuracy_by_size_figure(sizes: AccuracyBySize) -> go.Figure:
    """Draw both accuracies over a logarithmic axis, with the gap between them shaded."""
    if not sizes.planned:
        return empty_figure("Each finished run adds a point here.", height=_HEIGHT)
    low, high = np.log10(sizes.planned[0]), np.log10(sizes.planned[-1])
    margin = 0.06 * (high - low) or 0.1
    figure = go.Figure(
        layout=base_layout(
            height=_HEIGHT,
            xaxis={
                "title": {"text": "Training images"},
                "type": "log",
                "range": [low - margin, high + margin],
                "tickvals": list(sizes.planned),
                "ticktext": [f"{count:,}" for count in sizes.planned],
            },
            yaxis={
                "title": {"text": "Final accuracy"},
                "range": [0, 1.02],
                "tickformatstops": SHARE_TICKS,
            },
        )
    )
    lines = (
        ("Training", sizes.training, TRAINING, None),
        ("Validation", sizes.validation, VALIDATION, "tonexty"),
    )
    for name, values, color, fill in lines:
        figure.add_scatter(
            x=sizes.images.tolist(),
            y=values.tolist(),
            name=name,
            mode="lines+markers",
            line={"color": color, "width": 2.4},
            marker={"size": 9},
            fill=fill,
            fillcolor=_GAP,
            hovertemplate=f"<b>{name}</b><br>%{{x:,}} images: %{{y:.1%}}<extra></extra>",
        )
    return figure


def gap_bars_figure(bars: Sequence[GapBar]) -> go.Figure:
    """Draw a row for each run, the first at the top, also for those not started yet."""
    if not bars:
        return empty_figure("Each run has a row here.", height=4 * _ROW)
    labels = [plotly_text(bar.label) for bar in bars]
    known = [
        (label, bar.training, bar.validation)
        for label, bar in zip(labels, bars, strict=True)
        if bar.training is not None and bar.validation is not None
    ]
    figure = go.Figure(
        layout=base_layout(
            height=_ROW * len(bars) + 110,
            margin={"l": label_width(bar.label for bar in bars), "r": 16, "t": 40, "b": 48},
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
    # One trace: None separates the lines.
    figure.add_scatter(
        x=[value for _, train, val in known for value in (val, train, None)],
        y=[value for label, _, _ in known for value in (label, label, None)],
        mode="lines",
        line={"color": NEUTRAL, "width": 7},
        opacity=0.45,
        name="Gap",
        hoverinfo="skip",
    )
    for name, column, color in (("Training", 1, TRAINING), ("Validation", 2, VALIDATION)):
        figure.add_scatter(
            x=[row[column] for row in known],
            y=[row[0] for row in known],
            mode="markers",
            marker={"size": 14, "color": color},
            name=name,
            hovertemplate=f"<b>%{{y}}</b><br>{name}: %{{x:.1%}}<extra></extra>",
        )
    return figure


def learned_epochs(
    epochs: np.ndarray, true_learned: np.ndarray, false_learned: np.ndarray
) -> LearnedEpochs:
    """Count labels by the epoch from which on an image is predicted so; 0 is never."""

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
    """Draw a pair of bars for each epoch."""
    if not len(learned.epochs):
        return empty_figure("Bars appear here after the first epoch.", height=_BARS_HEIGHT)
    figure = go.Figure(
        layout=base_layout(
            height=_BARS_HEIGHT,
            barmode="group",
            bargap=0.15,
            xaxis={"title": {"text": "Learned for good from epoch"}, "rangemode": "tozero"},
            yaxis={"title": {"text": "Share of the images"}, "tickformatstops": SHARE_TICKS},
        )
    )
    bars = (
        ("correct", learned.true, learned.true_never, TRAINING),
        ("wrong", learned.false, learned.false_never, WARNING),
    )
    for kind, values, never, color in bars:
        name = f"{kind.capitalize()} labels" + (f" ({never:.0%} never learned)" if never else "")
        figure.add_bar(
            x=learned.epochs.tolist(),
            y=values.tolist(),
            name=name,
            marker={"color": color},
            hovertemplate=f"%{{y:.1%}} of the {kind} labels<br>from epoch %{{x}} on<extra></extra>",
        )
    return figure


def memorisation_figure(curves: MemorisationCurves) -> go.Figure:
    """Draw the four curves over the epochs."""
    if not len(curves.epochs):
        return empty_figure("Curves appear here after the first epoch.", height=_HEIGHT)
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
        ("Correct label, learned", curves.epochs, curves.true_known, TRAINING, "solid"),
        ("Wrong label, memorised", curves.epochs, curves.false_known, WARNING, "solid"),
        ("Wrong label, predicted correctly", curves.epochs, curves.seen_through, NEUTRAL, "dash"),
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
