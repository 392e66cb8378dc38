"""A run's curves with the time of each point, for a replay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from cifarviz.figures.history import history_curves, trend_reach
from cifarviz.figures.theme import METRIC_TITLES, MetricName

# Dots per panel: more are indistinguishable, and all of them are sent.
_MAX_DOTS = 1200
# A few batches may be far above all others: the axis leaves them out.
_HIGHEST_SHARE = 0.995
_ROOM = 1.06


class GapStart(NamedTuple):
    """The epoch after which the gap between the curves is shaded, and its label."""

    epoch: int
    label: str


@dataclass(frozen=True, eq=False)
class Panel:
    """One metric over the run; arrays of one length each for batches and for epochs.

    ``batch_x`` is in epochs, 1 = after the first. ``low`` and ``high`` hold all that is drawn.
    """

    metric: MetricName
    title: str
    batch_x: np.ndarray
    batch_y: np.ndarray
    trend: np.ndarray
    training: np.ndarray
    validation: np.ndarray
    low: float
    high: float
    gap: GapStart | None = None


@dataclass(frozen=True)
class RunLosses:
    """The losses of a run after each epoch, and the seconds that each took."""

    label: str
    seconds: Sequence[float]
    training: Sequence[float]
    validation: Sequence[float | None]
    gap: GapStart | None


@dataclass(frozen=True, eq=False)
class Replay:
    """Curves of a run and the time of each epoch.

    ``epochs`` are the numbers of the finished epochs, in order; ``clock`` float64 (epochs + 1,) are
    the training seconds at ``begin`` (0) and after each of them. ``reach``: epochs after a batch
    at which its trend is known. ``last`` is the last epoch of the axis. After the epoch ``branch``
    the curves are those of a fork.
    """

    begin: int
    epochs: tuple[int, ...]
    clock: np.ndarray
    reach: float
    last: int
    panels: tuple[Panel, ...]
    branch: int | None

    @property
    def seconds(self) -> float:
        """Training seconds of the finished epochs."""
        return float(self.clock[-1])

    @property
    def until(self) -> float:
        """The end of the curves in epochs; a part of an unfinished epoch counts."""
        dots = [float(panel.batch_x[-1]) for panel in self.panels if panel.batch_x.size]
        return max([float(self.begin + len(self.epochs)), *dots])


def replay(
    *,
    epochs: Sequence[int],
    seconds: Sequence[float],
    losses: tuple[Sequence[float], Sequence[float | None]],
    accuracies: tuple[Sequence[float], Sequence[float | None]],
    batch_epochs: np.ndarray,
    batch_losses: np.ndarray,
    batch_accuracies: np.ndarray,
    last: int,
    begin: int = 0,
    branch: int | None = None,
) -> Replay:
    """Shape a history; ``losses`` and ``accuracies`` are (training, validation) of each epoch.

    ``seconds`` is the time of each epoch; unless all are known, the epochs take equally long.
    ``batch_epochs`` ascend. ``begin`` is the epoch before the first, ``last`` the planned last
    epoch; after ``branch`` the curves are those of a fork.
    """
    took = np.asarray(seconds, np.float64)
    if not (np.isfinite(took) & (took > 0)).all():
        took = np.ones(len(took))
    pairs: tuple[tuple[MetricName, Any, np.ndarray], ...] = (
        ("loss", losses, batch_losses),
        ("accuracy", accuracies, batch_accuracies),
    )
    spanned = float(batch_epochs[-1]) - begin if len(batch_epochs) else 0.0
    return Replay(
        begin=begin,
        epochs=tuple(epochs),
        clock=np.concatenate([[0.0], np.cumsum(took)]),
        reach=trend_reach(len(batch_epochs)) * spanned / max(len(batch_epochs), 1),
        last=max([last, *epochs]),
        panels=tuple(
            _panel(metric, epochs, pair, batch_epochs, values) for metric, pair, values in pairs
        ),
        branch=branch,
    )


def overfitting_gap(epoch: int | None) -> GapStart | None:
    """The gap of a run that overfits after ``epoch``, if it does."""
    return GapStart(epoch, f"Overfitting starts after epoch {epoch}") if epoch else None


def epochs_only(value: Replay, metric: MetricName, gap: GapStart | None = None) -> Replay:
    """The same with only the panel of ``metric``, and without its batches."""
    empty = np.zeros(0, np.float32)
    panels = tuple(
        _bounded(replace(panel, batch_x=empty, batch_y=empty, trend=empty, gap=gap))
        for panel in value.panels
        if panel.metric == metric
    )
    return replace(value, panels=panels)


def compared_losses(runs: Sequence[RunLosses]) -> Replay:
    """Return the losses of several runs as panels with one axis and one clock.

    An epoch takes the mean of its times in the runs.
    """
    count = max(len(run.training) for run in runs)
    nothing = np.zeros(0, np.float32)
    value = replay(
        epochs=range(1, count + 1),
        seconds=np.nanmean([_padded(run.seconds, count) for run in runs], axis=0).tolist(),
        losses=((), ()),
        accuracies=((), ()),
        batch_epochs=nothing,
        batch_losses=nothing,
        batch_accuracies=nothing,
        last=count,
    )
    panels = [
        _bounded(
            Panel(
                "loss",
                f"{run.label}: loss",
                nothing,
                nothing,
                nothing,
                _padded(run.training, count),
                _padded(run.validation, count),
                0.0,
                1.0,
                run.gap,
            )
        )
        for run in runs
    ]
    high = max(panel.high for panel in panels)
    return replace(value, panels=tuple(replace(panel, high=high) for panel in panels))


def _padded(values: Sequence[float | None], count: int) -> np.ndarray:
    padded = np.full(count, np.nan)
    padded[: len(values)] = [np.nan if value is None else value for value in values]
    return padded


@lru_cache(maxsize=16)
def replay_json(value: Replay) -> Mapping[str, Any]:
    """The replay as values for JSON; ``None`` is a gap. Cached, so equal calls share it."""
    return {
        "begin": value.begin,
        "epochs": list(value.epochs),
        "clock": [round(float(seconds), 2) for seconds in value.clock],
        "reach": value.reach,
        "last": value.last,
        "until": round(value.until, 4),
        "branch": value.branch,
        "panels": [
            {
                "metric": panel.metric,
                "title": panel.title,
                "gap": panel.gap,
                "low": panel.low,
                "high": panel.high,
                "x": _plain(panel.batch_x),
                "y": _plain(panel.batch_y),
                "trend": _plain(panel.trend),
                "training": _plain(panel.training),
                "validation": _plain(panel.validation),
            }
            for panel in value.panels
        ],
    }


def _panel(
    metric: MetricName,
    epochs: Sequence[int],
    pair: tuple[Sequence[float], Sequence[float | None]],
    batch_epochs: np.ndarray,
    batch_values: np.ndarray,
) -> Panel:
    training, validation = (
        np.array([np.nan if number is None else number for number in values], np.float64)
        for values in pair
    )
    curves = history_curves(
        metric,
        epochs=epochs,
        training=training,
        batch_epochs=batch_epochs,
        batch_values=batch_values,
        max_points=_MAX_DOTS,
    )
    return _bounded(
        Panel(
            metric,
            METRIC_TITLES[metric],
            curves.batch_x,
            curves.batch_y,
            curves.trend,
            training,
            validation,
            0.0,
            1.0,
        )
    )


def _bounded(panel: Panel) -> Panel:
    """The panel with the limits of its axis."""
    if panel.metric == "accuracy":
        return replace(panel, low=0.0, high=1.0)
    known = [
        values[np.isfinite(values)]
        for values in (panel.batch_y, panel.trend, panel.training, panel.validation)
    ]
    tops = [float(np.quantile(known[0], _HIGHEST_SHARE))] if known[0].size else []
    tops += [float(values.max()) for values in known[1:] if values.size]
    return replace(panel, low=0.0, high=_ROOM * max(tops, default=1.0) or 1.0)


def _plain(values: np.ndarray) -> list[float | None]:
    """The values rounded to five significant digits."""
    exact = values.astype(np.float64)
    known = np.isfinite(exact)
    size = np.abs(np.where(known & (exact != 0), exact, 1))
    scale = 10.0 ** (4 - np.floor(np.log10(size)))
    rounded = (np.round(exact * scale) / scale).tolist()
    return (
        rounded
        if known.all()
        else [
            number if finite else None
            for number, finite in zip(rounded, known.tolist(), strict=True)
        ]
    )
