"""Values of trials as text, and the axes and marks that their figures share."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from cifarviz.analysis.trials import Trial, TrialParameter, Trials, TrialValue
from cifarviz.escaping import plotly_text
from cifarviz.experiment.study import Goal
from cifarviz.figures.percent import format_percent
from cifarviz.figures.theme import NEUTRAL, SHARE_TICKS, TRAINING, WARNING

MISSING: Final = "–"
GOAL_TITLES: Final[Mapping[Goal, str]] = {
    "accuracy": "Validation accuracy",
    "loss": "Validation loss",
}
FINISHED: Final = {"color": TRAINING, "size": 8, "opacity": 0.85}
PRUNED: Final = {"size": 8, "symbol": "x-thin", "line": {"color": NEUTRAL, "width": 1.8}}
ONGOING: Final = {"color": NEUTRAL, "size": 8, "symbol": "circle-open", "line": {"width": 1.6}}
BEST: Final = {"color": WARNING, "size": 15, "symbol": "star"}
_MOST_SETTINGS = 8
WIDE_LOSSES: Final = 20.0
"""Losses are drawn on a log axis if the highest is more than so many times the lowest."""


def format_result(value: float | None, goal: Goal) -> str:
    """Format an accuracy as ``71.3%`` and a loss as ``0.842``; ``–`` without one."""
    if value is None or not math.isfinite(value):
        return MISSING
    return format_percent(value) if goal == "accuracy" else f"{value:.3f}"


def format_setting(value: TrialValue) -> str:
    """Format the value of a parameter: ``0.00316``, ``1,024``, ``on``, ``Adam``."""
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, str):
        return value
    text = f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return text.replace("e-0", "e-").replace("e+0", "e")


def hover_text(trials: Trials, trial: Trial) -> str:
    """Return the lines on a trial that its points show: name, result and settings."""
    lines = [f"<b>Trial {trial.number}</b>: {plotly_text(trial.name)}"]
    lines.append(f"{GOAL_TITLES[trials.goal]} {format_result(trial.value, trials.goal)}")
    if trial.state != "finished":
        lines[-1] += f" ({trial.state})"
    shown = trials.parameters[:_MOST_SETTINGS]
    lines += [
        f"{plotly_text(parameter.label)}: "
        f"{plotly_text(format_setting(trial.values.get(parameter.key)))}"
        for parameter in shown
    ]
    if len(trials.parameters) > len(shown):
        lines.append("…")
    return "<br>".join(lines)


def point_trace(
    trials: Trials,
    chosen: Sequence[Trial],
    xs: Sequence[object],
    name: str,
    marker: Mapping[str, Any],
    *,
    brief: bool = False,
) -> dict[str, Any]:
    """Return the points of some trials, at ``xs`` and their results.

    A point shows what its trial is, without its settings if ``brief``, and its ``customdata`` is
    the id of the run.
    """
    number = ".1%" if trials.goal == "accuracy" else ".3f"
    texts = [f"Trial {trial.number}" if brief else hover_text(trials, trial) for trial in chosen]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": list(xs),
        "y": [trial.value for trial in chosen],
        "marker": dict(marker),
        "customdata": [trial.run_id for trial in chosen],
        "hovertext": texts,
        "hovertemplate": f"<b>%{{hovertext}}</b><br>%{{x}}: %{{y:{number}}}<extra></extra>"
        if brief
        else "%{hovertext}<extra></extra>",
    }


def result_axis(trials: Trials, values: Iterable[float]) -> dict[str, Any]:
    """Return the axis of the results: shares as per cent, far apart losses on a log axis."""
    axis: dict[str, Any] = {"title": {"text": GOAL_TITLES[trials.goal]}}
    if trials.goal == "accuracy":
        return axis | {"tickformatstops": SHARE_TICKS}
    finite = [value for value in values if math.isfinite(value) and value > 0]
    if finite and max(finite) / min(finite) > WIDE_LOSSES:
        return axis | log_axis(min(finite), max(finite))
    return axis


def parameter_axis(
    parameter: TrialParameter, values: Sequence[TrialValue], *, title: str = ""
) -> dict[str, Any]:
    """Return the axis of a parameter, for its ``values`` in all trials."""
    axis: dict[str, Any] = {"title": {"text": plotly_text(title or parameter.label)}}
    if parameter.kind == "category":
        texts = categories(values)
        return axis | {
            "type": "category",
            "categoryorder": "array",
            "categoryarray": [plotly_text(text) for text in texts],
            "range": [-0.5, len(texts) - 0.5],
        }
    numbers = [float(value) for value in values if value is not None]
    if parameter.log and numbers:
        return axis | log_axis(min(numbers), max(numbers))
    if len(set(numbers)) <= _FEW and all(number.is_integer() for number in numbers):
        ticks = sorted(set(numbers))
        return axis | {"tickvals": ticks, "ticktext": [format_setting(int(tick)) for tick in ticks]}
    return axis


_FEW = 5


def axis_value(parameter: TrialParameter, value: TrialValue) -> float | str | None:
    """Return where a value is on the parameter's axis: a number, or a category's text."""
    if parameter.kind == "category":
        return plotly_text(format_setting(value))
    assert not isinstance(value, str)
    return None if value is None else float(value)


def categories(values: Iterable[TrialValue]) -> list[str]:
    """Return the texts of all values, numbers by size before the others by name."""
    texts: dict[str, TrialValue] = {format_setting(value): value for value in values}

    def order(text: str) -> tuple[bool, float, str]:
        value = texts[text]
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return not is_number, float(value) if is_number else 0.0, text  # type: ignore[arg-type]

    return sorted(texts, key=order)


def log_axis(low: float, high: float) -> dict[str, Any]:
    """Return a log axis from ``low`` to ``high``, above 0, with numbers that can be read."""
    ticks = log_ticks(low, high)
    margin = 0.04 * (math.log10(high / low) or 1.0)
    return {
        "type": "log",
        "tickvals": ticks,
        "ticktext": [format_setting(tick) for tick in ticks],
        "range": [math.log10(low) - margin, math.log10(high) + margin],
    }


def log_ticks(low: float, high: float) -> list[float]:
    """Return powers of ten from ``low`` to ``high``; 2 and 5 times these if there are few."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    factors = (1, 2, 5) if last - first <= 2 else (1,)
    ticks = [
        float(f"{factor}e{exponent}") for exponent in range(first, last + 1) for factor in factors
    ]
    inside = [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]
    return inside if len(inside) > 1 else sorted({low, high})


def linear_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return round numbers from ``low`` to ``high``, at most ``most``."""
    if low == high:
        return [low]
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    count = math.floor(high / step + 1e-9) - first + 1
    return [float(f"{(first + place) * step:.10g}") for place in range(count)]


def finite_values(trials: Sequence[Trial]) -> np.ndarray:
    """Return the results, float64 (n,); NaN where there is none."""
    return np.array([np.nan if trial.value is None else trial.value for trial in trials])
