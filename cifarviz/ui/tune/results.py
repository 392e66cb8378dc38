"""Trials on a page: the best, charts of what mattered, and a table of all."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from cifarviz.analysis.trials import Trial, TrialParameter, Trials, TrialValue
from cifarviz.experiment.experiment import Experiment
from cifarviz.figures.trials.text import GOAL_TITLES, format_setting
from cifarviz.ui.address import escaped
from cifarviz.ui.class_names import language_query_params
from cifarviz.ui.components.live import Live
from cifarviz.ui.csv_button import csv_button
from cifarviz.ui.runs.rows import column_width
from cifarviz.ui.tune.best import render_best
from cifarviz.ui.tune.charts import render_charts

_ROW_HEIGHT = 35
_MOST_ROWS = 12


def render_trials(
    trials: Trials, *, key: str, live: Live | None = None, base: Experiment | None = None
) -> None:
    """Show the best of ``trials``, one chart of them, and all in a table.

    ``key`` begins the keys of widgets. ``live`` is a feed whose figures, by the names of charts,
    are drawn between runs of the script. ``base`` is the experiment that the trials vary, for a
    comparison with the best.
    """
    for note in trials.notes:
        st.caption(f":material/info: {escaped(note)}")
    if not trials.trials:
        return
    render_best(trials, key=key, base=base)
    selected = render_charts(trials, key=key, live=live)
    _render_table(trials, selected, key)


def _render_table(trials: Trials, selected: Sequence[Trial] | None, key: str) -> None:
    shown = sorted(trials.trials if selected is None else selected, key=trials.rank)
    with st.container(horizontal=True, vertical_alignment="center"):
        title = "All trials" if selected is None else f"{len(shown)} trials selected"
        st.header(title, anchor=False, width="content")
        csv_button("CSV", lambda: trials_table(trials, shown), "trials", "These trials as a table.")
    if not shown:
        st.caption("No trial has these values: clear the selection above.")
        return
    table = _shown_table(trials, shown)
    st.dataframe(
        table,
        key=f"{key}-table",
        hide_index=True,
        placeholder="–",
        row_height=_ROW_HEIGHT,
        height=_ROW_HEIGHT * (min(len(shown), _MOST_ROWS) + 1) + 3,
        column_config={
            "number": st.column_config.NumberColumn("Trial", width=60, pinned=True),
            "open": st.column_config.LinkColumn("Run", width=60, display_text="Open", pinned=True),
            "name": st.column_config.TextColumn("Name", width=260),
            "state": st.column_config.TextColumn("State", width=80),
            "result": st.column_config.NumberColumn(
                GOAL_TITLES[trials.goal],
                width=130,
                format="%.1f%%" if trials.goal == "accuracy" else "%.4f",
                help="The best after any of its epochs.",
            ),
            "epochs": st.column_config.NumberColumn("Epochs", width=70),
            "seconds": st.column_config.NumberColumn("Training", width=90, format="%.0f s"),
            "message": st.column_config.TextColumn("Message", width=300),
            **{
                parameter.key: _parameter_column(parameter, table[parameter.key])
                for parameter in trials.parameters
            },
        },
    )


def _parameter_column(parameter: TrialParameter, cells: pd.Series) -> Any:
    width = column_width([parameter.label, *cells.map(str)], least=70, most=300)
    if parameter.kind == "number":
        # As they are: the usual format rounds small learning rates to 0.
        return st.column_config.NumberColumn(parameter.label, width=width, format="plain")
    return st.column_config.TextColumn(parameter.label, width=width)


def trials_table(trials: Trials, shown: Sequence[Trial]) -> pd.DataFrame:
    """Return a row for each trial, by its number: its run, state, result and settings."""
    rows = [
        {
            "run": trial.run_id,
            "name": trial.name,
            "state": trial.state,
            f"validation_{trials.goal}": trial.value,
            "epochs": len(trial.epoch_values),
            "seconds": trial.seconds,
            **{parameter.label: trial.values.get(parameter.key) for parameter in trials.parameters},
        }
        for trial in shown
    ]
    return pd.DataFrame(rows, index=pd.Index([trial.number for trial in shown], name="trial"))


def _shown_table(trials: Trials, shown: Sequence[Trial]) -> pd.DataFrame:
    factor = 100.0 if trials.goal == "accuracy" else 1.0
    rows = [
        {
            "number": trial.number,
            "open": _run_link(trial.run_id),
            "result": None if trial.value is None else factor * trial.value,
            **{
                parameter.key: _cell(parameter, trial.values.get(parameter.key))
                for parameter in trials.parameters
            },
            "state": trial.state,
            "epochs": len(trial.epoch_values),
            "seconds": trial.seconds,
            "name": trial.name,
            "message": trial.message,
        }
        for trial in shown
    ]
    table = pd.DataFrame(rows)
    return table if table["message"].notna().any() else table.drop(columns="message")


def _cell(parameter: TrialParameter, value: TrialValue) -> object:
    """Return a number with four digits, which sorts as a number, or a text."""
    if parameter.kind == "category":
        return format_setting(value)
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _run_link(run_id: str) -> str:
    # Beside the page's own address, under any base path.
    return f"train?{urlencode({'view': 'watch', 'run': run_id} | language_query_params())}"
