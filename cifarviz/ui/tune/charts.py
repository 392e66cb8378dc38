"""Charts of trials, one at a time."""

import hashlib
from collections.abc import Mapping
from functools import partial
from typing import Any, Literal, NamedTuple

import streamlit as st

from cifarviz.analysis.background_job import BackgroundJob, BackgroundJobs
from cifarviz.analysis.importance import MIN_TRIALS, Importances, compute_importances
from cifarviz.analysis.trials import Trial, Trials
from cifarviz.figures.trials.parallel import MOST_AXES, parallel_coordinates
from cifarviz.figures.trials.progress import epochs_figure, history_figure
from cifarviz.figures.trials.settings import (
    FEWEST_FOR_CONTOUR,
    MOST_SLICES,
    contour_figure,
    importances_figure,
    slices_figure,
)
from cifarviz.ui.address import escaped
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items, rerun_on_change
from cifarviz.ui.components.parallel_coordinates import parallel_coordinates_chart
from cifarviz.ui.navigation import go_to
from cifarviz.ui.query import render_choice

ChartName = Literal["parallel", "history", "epochs", "importance", "slices", "contour"]
CHART_PARAMS = ("chart", "x", "y")
"""Query parameters that choose a chart and its axes."""
_STILL = ("parallel", "importance")
# Seconds a page waits for importances before it is shown without them.
_PATIENCE = 0.15
_MENU_WIDTH = 300


class _Chart(NamedTuple):
    title: str
    explanation: str


_CHARTS: Mapping[ChartName, _Chart] = {
    "parallel": _Chart(
        "Parallel coordinates",
        "Each line is a trial, and crosses every axis at its value; the better, the bluer. "
        "Where good lines bundle, a setting matters.",
    ),
    "history": _Chart(
        "History",
        "The result of each trial in the order of the trials. Click a point to open its run.",
    ),
    "epochs": _Chart(
        "Epochs",
        "The validation results of each trial after its epochs. Dotted trials were pruned: ended "
        "early, as others were better by then.",
    ),
    "importance": _Chart(
        "Importance",
        "How much of the difference between results each setting accounts for (fANOVA, by "
        "Optuna). It says how much a setting mattered in the range that was tried, not which "
        "value is good.",
    ),
    "slices": _Chart(
        "Slices",
        "The results over each setting alone. A clear shape is its effect; a cloud means that "
        "other settings mattered more.",
    ),
    "contour": _Chart(
        "Contour",
        "The results over two settings, bluer where they are better. Between the points they are "
        "interpolated.",
    ),
}


def render_charts(
    trials: Trials, *, key: str, live: Live | None = None
) -> tuple[Trial, ...] | None:
    """Show the chart that the address names, and return the trials selected in it, if any.

    A clicked trial's run is opened. Between runs of the script the browser draws the figure of
    ``live`` that has the chart's name.
    """
    name = _pick_chart(trials, key)
    if live is not None and name in _STILL:
        # Nothing else on the page would run it again.
        live_items({}, key=f"{key}-charts-live", live=live)
    st.caption(_CHARTS[name].explanation)
    match name:
        case "parallel":
            return _render_parallel(trials, key)
        case "importance":
            _render_importances(trials, key)
        case "contour":
            _render_contour(trials, key, live)
        case "history":
            _render(history_figure(trials), "history", key, live)
        case "epochs":
            _render(epochs_figure(trials), "epochs", key, live)
        case "slices":
            if len(trials.parameters) > MOST_SLICES:
                st.caption(f"The first {MOST_SLICES} of {len(trials.parameters)} settings.")
            _render(slices_figure(trials), "slices", key, live)
    return None


def _pick_chart(trials: Trials, key: str) -> ChartName:
    return render_choice(
        "chart",
        "Chart",
        {name: chart.title for name, chart in _CHARTS.items()},
        key=f"{key}-chart",
        hint=None,
        usual="parallel" if trials.parameters else "history",
        problem=lambda word: f"There is no chart {word}. Choose from {', '.join(_CHARTS)}.",
        label_visibility="collapsed",
    )


def _render(
    figure: Mapping[str, Any], name: ChartName, key: str, live: Live | None, view: str = ""
) -> None:
    title = _CHARTS[name].title
    clicked = chart(
        figure,
        key=f"{key}-{name}",
        on_click=True,
        view=view,
        file_name=f"trials-{name}",
        description=f"{title} of the trials",
        live=live,
        live_name=name,
    )
    if clicked is not None and isinstance(clicked.customdata, str):
        go_to("train", view="watch", run=clicked.customdata)


def _render_parallel(trials: Trials, key: str) -> tuple[Trial, ...] | None:
    if not trials.parameters:
        st.info("No setting differs between these trials.", icon=":material/info:")
        return None
    coordinates = parallel_coordinates(trials)
    if not coordinates.lines:
        st.info("Each trial adds a line here after its first epoch.", icon=":material/info:")
        return None
    if len(trials.parameters) >= MOST_AXES:
        st.caption(f"The first {MOST_AXES - 1} of {len(trials.parameters)} settings.")
    selection = parallel_coordinates_chart(
        coordinates,
        key=f"{key}-parallel",
        best=trials.best,
        description=f"Parallel coordinates of {len(coordinates.lines)} trials; the table below "
        "has the same values.",
    )
    if selection.clicked is not None:
        go_to("train", view="watch", run=selection.clicked.run_id)
    return selection.brushed


# ---- Importances -----------------------------------------------------------------------------


def _render_importances(trials: Trials, key: str) -> None:
    if (problem := _too_little(trials)) is not None:
        st.info(problem, icon=":material/info:")
        return
    name = _fingerprint(trials)
    jobs = _importance_jobs()
    job = jobs.get_or_start(name, partial(_importance_job, trials))
    if not job.wait(_PATIENCE):
        st.caption(":material/hourglass_empty: Computing the importances …")
        rerun_on_change(f"importances-{name}", partial(_is_over, jobs, name), key=f"{key}-wait")
        return
    found = job.result()
    importances = None if found is None else found[0]
    if importances is None:
        st.info(
            "All finished trials have the same result, or the same settings, so none of these "
            "can have mattered.",
            icon=":material/info:",
        )
        return
    _render(importances_figure(importances), "importance", key, None)
    left_out = [parameter.label for parameter in importances.left_out]
    text = f"From {importances.trials:,} finished trials."
    if left_out:
        text += f" Left out, as not every trial has it: {', '.join(left_out)}."
    st.caption(escaped(text))


def _too_little(trials: Trials) -> str | None:
    finished = len(trials.finished)
    if not trials.parameters:
        return "No setting differs between these trials."
    if finished < MIN_TRIALS:
        return (
            f"Too few trials to tell: {finished} finished, at least {MIN_TRIALS} are needed. With "
            "fewer, the order would be chance."
        )
    return None


def _fingerprint(trials: Trials) -> str:
    """Return a text that is equal for trials with equal importances."""
    facts = [
        (trials.goal, trials.parameters),
        *((trial.value, sorted(trial.values.items())) for trial in trials.finished),
    ]
    return hashlib.blake2b(repr(facts).encode(), digest_size=12).hexdigest()


def _importance_job(trials: Trials) -> BackgroundJob[tuple[Importances | None]]:
    return BackgroundJob(lambda report: (compute_importances(trials),), 1, "cifarviz-importances")


@st.cache_resource(show_spinner=False)
def _importance_jobs() -> BackgroundJobs[tuple[Importances | None]]:
    return BackgroundJobs(max_jobs=32)


def _is_over(jobs: BackgroundJobs[Any], name: str) -> str:
    job = jobs.get(name)
    return str(job is None or job.over)


# ---- Contour ---------------------------------------------------------------------------------


def _render_contour(trials: Trials, key: str, live: Live | None) -> None:
    if len(trials.parameters) < 2:
        st.info("A contour needs two settings that differ.", icon=":material/info:")
        return
    # Numbers first: an area is drawn of two of them.
    ordered = sorted(trials.parameters, key=lambda parameter: parameter.kind == "category")
    labels = {parameter.key: parameter.label for parameter in ordered}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        across = _pick_axis("x", "Across", labels, key, forget=("y",))
        up = _pick_axis(
            "y", "Upwards", {name: text for name, text in labels.items() if name != across}, key
        )
    if len(trials.finished) < FEWEST_FOR_CONTOUR:
        st.caption(f"Areas are drawn from {FEWEST_FOR_CONTOUR} finished trials of two numbers on.")
    _render(contour_figure(trials, across, up), "contour", key, live, view=f"{across} {up}")


def _pick_axis(
    name: str, label: str, labels: Mapping[str, str], key: str, forget: tuple[str, ...] = ()
) -> str:
    with st.container(width=_MENU_WIDTH):
        return render_choice(
            name,
            label,
            labels,
            key=f"{key}-{name}-{'-'.join(labels)}",
            hint="The setting along this axis.",
            problem=lambda word: (
                f"These trials don't differ in {word}. Choose from {', '.join(labels)}."
            ),
            forget=forget,
            menu=True,
        )
