"""How trials went, one after the other: their results, and their epochs.

Optuna's figures number trials from 0, draw a trace for each and know nothing of runs, so that these
are drawn here: three traces for any number of trials, with the run's id in each point.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from cifarviz.analysis.trials import Trial, Trials
from cifarviz.experiment.study import TrialState
from cifarviz.figures.theme import (
    NEUTRAL,
    TRAINING,
    VALIDATION,
    WARNING,
    base_layout,
    empty_figure,
)
from cifarviz.figures.trials.text import BEST, FINISHED, ONGOING, PRUNED, point_trace, result_axis

_HEIGHT = 400
_FEW = 20
_MARKS: Mapping[str, tuple[tuple[TrialState, ...], Mapping[str, Any]]] = {
    "Finished": (("finished",), FINISHED),
    "Pruned": (("pruned",), PRUNED),
    "Running or stopped": (("running", "stopped", "failed", "waiting"), ONGOING),
}
_LINES: Mapping[str, tuple[tuple[TrialState, ...], Mapping[str, Any]]] = {
    "Finished": (("finished",), {"color": TRAINING, "width": 1.4}),
    "Running or stopped": (
        ("running", "stopped", "failed", "waiting"),
        {"color": VALIDATION, "width": 1.6},
    ),
    "Pruned": (("pruned",), {"color": NEUTRAL, "width": 1.4, "dash": "dot"}),
}


def history_figure(trials: Trials) -> dict[str, Any]:
    """Draw each trial's result over its number, and the best so far as a line.

    A dict of ``data`` and ``layout``; the ``customdata`` of a point is the id of its run.
    """
    measured = [trial for trial in trials.trials if trial.value is not None]
    if not measured:
        return empty_figure("Each trial adds a point here.", height=_HEIGHT).to_plotly_json()
    data = [
        point_trace(trials, chosen, [trial.number for trial in chosen], name, marker)
        for name, (states, marker) in _MARKS.items()
        if (chosen := [trial for trial in measured if trial.state in states])
    ]
    data += _best_so_far(trials)
    return {
        "data": data,
        "layout": base_layout(
            height=_HEIGHT,
            xaxis={"title": {"text": "Trial"}, **_whole_numbers(1, len(trials.trials))},
            yaxis=result_axis(trials, [trial.value or 0.0 for trial in measured]),
        ),
    }


def _best_so_far(trials: Trials) -> list[dict[str, Any]]:
    """Return the steps of the best finished trial, and a star at the last of them."""
    steps: list[Trial] = []
    for trial in trials.finished:
        if not steps or trials.rank(trial) < trials.rank(steps[-1]):
            steps.append(trial)
    best = trials.best
    if not steps or best is None:
        return []
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": "Best so far",
        "x": [*(trial.number for trial in steps), trials.trials[-1].number],
        "y": [*(trial.value for trial in steps), best.value],
        "line": {"color": WARNING, "width": 1.6, "shape": "hv"},
        "hoverinfo": "skip",
    }
    return [line, point_trace(trials, [best], [best.number], "Best", BEST)]


def _whole_numbers(first: int, last: int) -> dict[str, Any]:
    """Return an axis of whole numbers with a margin."""
    margin = 0.02 * (last - first) or 0.5
    axis: dict[str, Any] = {"range": [first - margin, last + margin]}
    return axis | {"dtick": 1} if last - first <= _FEW else axis


def epochs_figure(trials: Trials) -> dict[str, Any]:
    """Draw each trial's validation accuracy or loss over its epochs; form as ``history_figure``.

    Pruned trials are dotted, with a cross where they ended; the best is thick.
    """
    drawn = [trial for trial in trials.trials if trial.epoch_values]
    if not drawn:
        message = "Each epoch of a trial adds a point here."
        return empty_figure(message, height=_HEIGHT).to_plotly_json()
    best = trials.best
    data = [
        _curves(trials, name, chosen, line, opacity=0.55 if len(drawn) <= 60 else 0.3)
        for name, (states, line) in _LINES.items()
        if (chosen := [trial for trial in drawn if trial.state in states and trial is not best])
    ]
    if pruned := [trial for trial in drawn if trial.state == "pruned"]:
        data.append(_ends(trials, pruned))
    if best is not None and best.epoch_values:
        data.append(_curves(trials, "Best", [best], {"color": WARNING, "width": 3}, opacity=1))
    epochs = [epoch for trial in drawn for epoch, _ in trial.epoch_values]
    values = [value for trial in drawn for _, value in trial.epoch_values]
    return {
        "data": data,
        "layout": base_layout(
            height=_HEIGHT,
            xaxis={"title": {"text": "Epoch"}, **_whole_numbers(min(epochs), max(epochs))},
            yaxis=result_axis(trials, values),
        ),
    }


def _ends(trials: Trials, pruned: Sequence[Trial]) -> dict[str, Any]:
    """Return a cross at the last epoch of each pruned trial."""
    epochs, values = zip(*(trial.epoch_values[-1] for trial in pruned), strict=True)
    crosses = point_trace(trials, pruned, epochs, "Pruned", PRUNED)
    return crosses | {"y": list(values), "showlegend": False, "legendgroup": "Pruned"}


def _curves(
    trials: Trials, name: str, chosen: Sequence[Trial], line: Mapping[str, Any], *, opacity: float
) -> dict[str, Any]:
    """Return the curves of some trials as one trace, in which ``None`` separates them."""
    xs: list[int | None] = []
    ys: list[float | None] = []
    runs: list[str | None] = []
    texts: list[str | None] = []
    for trial in chosen:
        count = len(trial.epoch_values)
        xs += [*(epoch for epoch, _ in trial.epoch_values), None]
        ys += [*(value for _, value in trial.epoch_values), None]
        runs += [*[trial.run_id] * count, None]
        texts += [*[f"Trial {trial.number}"] * count, None]
    number = ".1%" if trials.goal == "accuracy" else ".3f"
    return {
        "type": "scatter",
        # A curve of a single epoch is a point.
        "mode": "lines+markers",
        "name": name,
        "x": xs,
        "y": ys,
        "line": dict(line),
        "legendgroup": name,
        "marker": {"size": 4},
        "opacity": opacity,
        "customdata": runs,
        "hovertext": texts,
        "hovertemplate": f"%{{hovertext}}, epoch %{{x}}: %{{y:{number}}}<extra></extra>",
    }
