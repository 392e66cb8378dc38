"""Trials as lines across an axis for each of their settings.

Plotly's own parallel coordinates need ``eval``, which the pages' security policy forbids, and
Optuna's cannot be brushed, so that these values are drawn by a component of the pages.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from cifarviz.analysis.trials import Trial, TrialParameter, Trials, TrialValue
from cifarviz.figures.trials.text import (
    GOAL_TITLES,
    MISSING,
    WIDE_LOSSES,
    categories,
    format_result,
    format_setting,
    linear_ticks,
    log_ticks,
)

MOST_AXES: Final = 11
"""Axes that fit side by side, that of the result among them."""
RESULT_KEY: Final = "result"
_FEW = 8
# Of the axis: texts closer than this overlap, and where numbers begin above those that are missing.
_LEAST_APART, _ABOVE_MISSING = 0.05, 0.12
_EPS = 1e-4  # positions are rounded for the browser


@dataclass(frozen=True)
class ParallelAxis:
    """An axis: ``ticks`` are positions, from 0 at the bottom to 1 at the top, with their texts."""

    key: str
    label: str
    ticks: tuple[tuple[float, str], ...]
    is_category: bool = False


@dataclass(frozen=True)
class ParallelLine:
    """A trial: where it crosses each axis, and how good it is.

    A missing number is at 0, below all others.
    ``quality`` is from 0, the worst, to 1, the best.
    """

    trial: Trial
    positions: tuple[float, ...]
    texts: tuple[str, ...]
    quality: float


@dataclass(frozen=True)
class ParallelCoordinates:
    """Axes from left to right, the result's last, and lines, the worst first."""

    axes: tuple[ParallelAxis, ...]
    lines: tuple[ParallelLine, ...]

    def inside(self, brush: Mapping[str, Sequence[float]]) -> tuple[Trial, ...]:
        """Return the trials whose positions are inside all ranges of ``brush``, by axis key.

        Unknown axes are ignored.
        """
        places = {axis.key: place for place, axis in enumerate(self.axes)}
        wanted = [(places[key], low, high) for key, (low, high) in brush.items() if key in places]
        return tuple(
            line.trial
            for line in self.lines
            if all(
                low - _EPS <= line.positions[place] <= high + _EPS for place, low, high in wanted
            )
        )


def parallel_coordinates(trials: Trials) -> ParallelCoordinates:
    """Return the trials that have a result as lines; at most ten parameters get an axis."""
    drawn = sorted(
        (trial for trial in trials.trials if trial.value is not None),
        key=trials.rank,
        reverse=True,
    )
    columns = [
        _parameter_column(parameter, [trial.values.get(parameter.key) for trial in drawn])
        for parameter in trials.parameters[: MOST_AXES - 1]
    ]
    columns.append(_result_column(trials, drawn))
    last = max(len(drawn) - 1, 1)
    return ParallelCoordinates(
        tuple(column.axis for column in columns),
        tuple(
            ParallelLine(
                trial,
                tuple(column.positions[row] for column in columns),
                tuple(column.texts[row] for column in columns),
                row / last,
            )
            for row, trial in enumerate(drawn)
        ),
    )


@dataclass(frozen=True)
class _Column:
    """An axis with the position and the text of each trial on it."""

    axis: ParallelAxis
    positions: Sequence[float]
    texts: Sequence[str]


def _parameter_column(parameter: TrialParameter, values: Sequence[TrialValue]) -> _Column:
    texts = [format_setting(value) for value in values]
    if parameter.kind == "category":
        names = categories(values)
        # In the middle of a part each, so that a brush can hold any of them.
        places = {name: (place + 0.5) / len(names) for place, name in enumerate(names)}
        ticks = tuple((places[name], name) for name in names)
        axis = ParallelAxis(parameter.key, parameter.label, ticks, is_category=True)
        return _Column(axis, [places[text] for text in texts], texts)
    numbers = [None if value is None else float(value) for value in values]
    ticks, positions = _scaled(numbers, log=parameter.log)
    return _Column(ParallelAxis(parameter.key, parameter.label, ticks), positions, texts)


def _scaled(
    numbers: Sequence[float | None], *, log: bool
) -> tuple[tuple[tuple[float, str], ...], list[float]]:
    """Return the ticks of an axis from the least to the greatest number, and all positions."""
    known = sorted({number for number in numbers if number is not None})
    if not known:
        return ((0.0, MISSING),), [0.0] * len(numbers)
    is_missing = None in numbers
    scale = _Scale(known[0], known[-1], log, _ABOVE_MISSING if is_missing else 0.0)
    if len(known) <= _FEW and _are_apart([scale.position(number) for number in known]):
        ticks = known
    else:
        ticks = _with_ends(scale)
    shown = [
        (scale.position(tick), format_setting(int(tick) if tick.is_integer() else tick))
        for tick in ticks
    ]
    if is_missing:
        shown.insert(0, (0.0, MISSING))
    return tuple(shown), [0.0 if number is None else scale.position(number) for number in numbers]


def _with_ends(scale: "_Scale") -> list[float]:
    """Return round numbers, and the ends of the axis where these leave room for them."""
    ends = [
        end
        for end in (scale.low, scale.high)
        if all(
            abs(scale.position(end) - scale.position(tick)) > 2 * _LEAST_APART
            for tick in scale.ticks()
        )
    ]
    return sorted([*scale.ticks(), *ends])


@dataclass(frozen=True)
class _Scale:
    """Positions of the numbers from ``low``, at ``bottom``, to ``high``, at 1."""

    low: float
    high: float
    log: bool
    bottom: float = 0.0

    def position(self, number: float) -> float:
        """Return where a number is, 0 to 1."""
        if self.low == self.high:
            share = 0.5
        elif self.log:
            share = math.log(number / self.low) / math.log(self.high / self.low)
        else:
            share = (number - self.low) / (self.high - self.low)
        return self.bottom + (1 - self.bottom) * share

    def ticks(self) -> list[float]:
        """Return round numbers between both."""
        return (log_ticks if self.log else linear_ticks)(self.low, self.high)


def _are_apart(positions: Sequence[float]) -> bool:
    """Whether there is room for a text at each of the ascending positions."""
    return all(after - before > _LEAST_APART for before, after in pairwise(positions))


def _result_column(trials: Trials, drawn: Sequence[Trial]) -> _Column:
    values = [trial.value for trial in drawn if trial.value is not None]
    texts = [format_result(value, trials.goal) for value in values]
    label = GOAL_TITLES[trials.goal]
    if not values:
        return _Column(ParallelAxis(RESULT_KEY, label, ()), (), ())
    low, high = min(values), max(values)
    scale = _Scale(low, high, log=trials.goal == "loss" and low > 0 and high / low > WIDE_LOSSES)
    ticks = scale.ticks()
    shown = ticks if len(ticks) > 1 else sorted({low, high})
    marks = tuple((scale.position(tick), _format_tick(tick, high - low, trials)) for tick in shown)
    axis = ParallelAxis(RESULT_KEY, label, marks)
    return _Column(axis, [scale.position(value) for value in values], texts)


def _format_tick(tick: float, span: float, trials: Trials) -> str:
    if trials.goal == "loss":
        return f"{tick:.3g}"
    return f"{tick:.0%}" if span > 0.05 else f"{tick:.1%}"


def line_values(line: ParallelLine) -> dict[str, Any]:
    """Return a line as values for the browser."""
    return {
        "number": line.trial.number,
        "name": line.trial.name,
        "state": line.trial.state,
        "positions": [round(at, 4) for at in line.positions],
        "texts": list(line.texts),
        "quality": round(line.quality, 3),
    }
