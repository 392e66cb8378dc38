"""What the settings of trials did: slices, contours and importances.

Optuna's slices and contours know nothing of runs, and its contours have a row and a column for each
trial: a million cells for 500 trials of two numbers. These are drawn here; the importances are
Optuna's.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from cifarviz.analysis.importance import Importances
from cifarviz.analysis.trials import Trial, TrialParameter, Trials, TrialValue
from cifarviz.escaping import plotly_text
from cifarviz.figures.percent import format_percent
from cifarviz.figures.theme import (
    NEUTRAL,
    TRAINING,
    base_layout,
    empty_figure,
    label_width,
    merged,
)
from cifarviz.figures.trials.text import (
    BEST,
    FINISHED,
    GOAL_TITLES,
    PRUNED,
    axis_value,
    categories,
    finite_values,
    parameter_axis,
    point_trace,
    result_axis,
)

MOST_SLICES: Final = 12
_COLUMNS = 4
_SLICE_GROUPS = (("Pruned", "pruned", PRUNED), ("Finished", "finished", FINISHED))
_SLICE_HEIGHT, _GAP = 250, 0.05
_HEIGHT = 460
_ROW = 34
# Cells of a contour in each direction, and the least points that it is drawn of.
_CELLS, FEWEST_FOR_CONTOUR = 48, 10


def slices_figure(trials: Trials) -> dict[str, Any]:
    """Draw the results over each parameter, at most twelve, in rows of four.

    A dict of ``data`` and ``layout``; the ``customdata`` of a point is the id of its run.
    """
    parameters = trials.parameters[:MOST_SLICES]
    drawn = [
        trial
        for trial in trials.trials
        if trial.value is not None and trial.state in ("finished", "pruned")
    ]
    if not parameters or not drawn:
        message = "Each finished trial adds a point here." if parameters else "No setting differs."
        return empty_figure(message, height=_SLICE_HEIGHT).to_plotly_json()
    columns = min(_COLUMNS, len(parameters))
    rows = -(-len(parameters) // columns)
    layout = base_layout(
        height=rows * _SLICE_HEIGHT + 60, margin={"l": 60, "r": 16, "t": 40, "b": 56}
    )
    base_x, base_y = layout.pop("xaxis"), layout.pop("yaxis")
    results = result_axis(trials, [trial.value or 0.0 for trial in drawn])
    data: list[dict[str, Any]] = []
    for place, parameter in enumerate(parameters):
        row, column = divmod(place, columns)
        name = "" if place == 0 else str(place + 1)
        values = [trial.values.get(parameter.key) for trial in drawn]
        layout[f"xaxis{name}"] = merged(
            base_x,
            {
                "anchor": f"y{name}",
                "domain": _part(column, columns, _GAP / 2),
                **parameter_axis(parameter, values),
            },
        )
        top = _part(rows - 1 - row, rows, 0.28 / (rows + 1) if rows > 1 else 0)
        layout[f"yaxis{name}"] = merged(
            base_y,
            {
                "anchor": f"x{name}",
                "domain": top,
                **results,
                # All slices share their results, which are named once a row.
                **({"matches": "y"} if place else {}),
                **({} if column == 0 else {"title": {"text": ""}, "showticklabels": False}),
            },
        )
        data += _slice(trials, parameter, drawn, name, is_first=place == 0)
    return {"data": data, "layout": layout}


def _part(place: int, count: int, gap: float) -> list[float]:
    """Return the ``place``-th of ``count`` equal parts of the range from 0 to 1, with gaps."""
    size = (1 - gap * (count - 1)) / count
    start = place * (size + gap)
    return [start, min(start + size, 1.0)]


def _slice(
    trials: Trials, parameter: TrialParameter, drawn: Sequence[Trial], axis: str, *, is_first: bool
) -> list[dict[str, Any]]:
    groups = [
        (name, marker, [trial for trial in drawn if trial.state == state])
        for name, state, marker in (
            ("Pruned", "pruned", PRUNED),
            ("Finished", "finished", FINISHED),
        )
    ]
    best = trials.best
    groups.append(("Best", BEST, [best] if best is not None and best in drawn else []))
    place = {"xaxis": f"x{axis}", "yaxis": f"y{axis}", "showlegend": is_first}
    return [
        point_trace(
            trials,
            chosen,
            [axis_value(parameter, trial.values.get(parameter.key)) for trial in chosen],
            name,
            marker,
            brief=True,
        )
        | place
        | {"legendgroup": name}
        for name, marker, chosen in groups
        if chosen
    ]


def importances_figure(importances: Importances) -> dict[str, Any]:
    """Draw a bar for each parameter, the most important at the top; form as ``slices_figure``."""
    shares = importances.shares[::-1]
    labels = [plotly_text(parameter.label) for parameter, _ in shares]
    values = [share for _, share in shares]
    bar = {
        "type": "bar",
        "orientation": "h",
        "x": values,
        "y": labels,
        "text": [format_percent(share, 0) for share in values],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": TRAINING},
        "hovertemplate": "<b>%{y}</b>: %{x:.1%} of the variance<extra></extra>",
    }
    return {
        "data": [bar],
        "layout": base_layout(
            height=_ROW * len(labels) + 90,
            margin={"l": label_width(labels), "r": 60, "t": 12, "b": 48},
            xaxis={
                "title": {"text": "Share of the variance of the results"},
                "range": [0, 1.02 * max(values, default=1.0) or 1.0],
                "tickformat": ".0%",
            },
            yaxis={"type": "category", "showgrid": False},
        ),
    }


def contour_figure(trials: Trials, across: str, up: str) -> dict[str, Any]:
    """Draw the results over two parameters, given by their keys; form as ``slices_figure``.

    Between ten or more points of two numbers the results are interpolated linearly, never beyond
    the points.
    """
    horizontal, vertical = trials.parameter(across), trials.parameter(up)
    drawn = list(trials.finished)
    if horizontal is None or vertical is None or not drawn:
        return empty_figure(
            "Each finished trial adds a point here.", height=_HEIGHT
        ).to_plotly_json()
    xs = [trial.values.get(across) for trial in drawn]
    ys = [trial.values.get(up) for trial in drawn]
    results = finite_values(drawn)
    surface = _surface(trials, horizontal, vertical, drawn)
    scale = {
        "cmin": float(results.min()),
        "cmax": float(results.max()),
        # The better, the stronger.
        "autocolorscale": True,
        "reversescale": trials.goal == "loss",
        "colorbar": {
            "title": {"text": GOAL_TITLES[trials.goal], "side": "top"},
            "tickformat": ".0%" if trials.goal == "accuracy" else ".2f",
            "outlinewidth": 0,
            "thickness": 14,
        },
    }
    marker = {
        "size": 10,
        "color": results.tolist(),
        "line": {"color": NEUTRAL, "width": 1.2},
        "showscale": surface is None,
        **scale,
    }
    points = point_trace(
        trials, drawn, [axis_value(horizontal, value) for value in xs], "Finished", marker
    ) | {"y": [axis_value(vertical, value) for value in ys]}
    data = [points]
    if surface is not None:
        limits = {"zmin": scale.pop("cmin"), "zmax": scale.pop("cmax")}
        data.insert(0, surface | limits | scale)
    if (best := trials.best) is not None:
        data.append(
            point_trace(
                trials, [best], [axis_value(horizontal, best.values.get(across))], "Best", BEST
            )
            | {"y": [axis_value(vertical, best.values.get(up))]}
        )
    return {
        "data": data,
        "layout": base_layout(
            height=_HEIGHT,
            showlegend=False,
            margin={"l": 30 + _width(vertical, ys), "r": 16, "t": 20, "b": 56},
            xaxis=parameter_axis(horizontal, xs),
            yaxis=parameter_axis(vertical, ys),
        ),
    }


def _width(parameter: TrialParameter, values: Sequence[TrialValue]) -> int:
    """Return the pixels of the texts along a vertical axis."""
    return label_width(categories(values)) if parameter.kind == "category" else 54


def _surface(
    trials: Trials, horizontal: TrialParameter, vertical: TrialParameter, drawn: Sequence[Trial]
) -> dict[str, Any] | None:
    """Return the results between the points; ``None`` if they do not span an area."""
    if "category" in (horizontal.kind, vertical.kind):
        return None
    found: dict[tuple[float, float], list[float]] = {}
    for trial in drawn:
        x = axis_value(horizontal, trial.values.get(horizontal.key))
        y = axis_value(vertical, trial.values.get(vertical.key))
        if isinstance(x, float) and isinstance(y, float) and trial.value is not None:
            found.setdefault((x, y), []).append(trial.value)
    points = np.array(list(found), np.float64).reshape(-1, 2)
    if len(points) < FEWEST_FOR_CONTOUR:
        return None
    values = np.array([float(np.mean(each)) for each in found.values()])
    for column, parameter in enumerate((horizontal, vertical)):
        if parameter.log:
            points[:, column] = np.log10(points[:, column])
    low, high = points.min(axis=0), points.max(axis=0)
    if (low == high).any():
        return None
    # scipy.interpolate takes 0.1 s to import.
    from scipy.interpolate import griddata
    from scipy.spatial import QhullError

    grid = np.linspace(0, 1, _CELLS)
    try:
        z = griddata((points - low) / (high - low), values, tuple(np.meshgrid(grid, grid)))
    except QhullError:
        return None
    x, y = (low[i] + grid * (high[i] - low[i]) for i in (0, 1))
    return {
        "type": "contour",
        "x": 10**x if horizontal.log else x,
        "y": 10**y if vertical.log else y,
        "z": z.astype(np.float32),
        "contours": {"coloring": "heatmap"},
        "line": {"width": 0.5, "color": NEUTRAL},
        "hoverinfo": "skip",
    }
