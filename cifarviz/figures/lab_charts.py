"""Charts of the lab's experiments."""

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
    """Accuracies 0–1 at the end of runs on ``images``, ascending; arrays of one length.

    ``planned`` are all numbers of images that there will be, for the axis.
    """

    images: np.ndarray
    training: np.ndarray
    validation: np.ndarray
    planned: tuple[int, ...]


_ROW = 44


@dataclass(frozen=True)
class GapBar:
    """One run; accuracies 0–1, ``None`` while there is none yet."""

    label: str
    training: float | None
    validation: float | None


_BARS_HEIGHT = 300


@dataclass(frozen=True, eq=False)
class LearnedEpochs:
    """Shares 0–1 of each kind that were known from each of ``epochs`` on, and those never known."""

    epochs: np.ndarray
    true: np.ndarray
    false: np.ndarray
    true_never: float
    false_never: float


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


def accuracy_by_size_figure(sizes: AccuracyBySize) -> go.Figure:
    """Draw both over a logarithmic axis, with the gap between them shaded."""
    if not sizes.planned:
        return empty_figure("Here is a point for each run as it ends.", height=_HEIGHT)
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
                "ticktext": [f"{one:,}" for one in sizes.planned],
            },
            yaxis={
                "title": {"text": "Accuracy at the end"},
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
        return empty_figure("The bars begin with the first epoch.", height=_BARS_HEIGHT)
    figure = go.Figure(
        layout=base_layout(
            height=_BARS_HEIGHT,
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
