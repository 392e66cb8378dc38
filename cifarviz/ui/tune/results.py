"""Trials on a page: the best, charts of what mattered, and a table of all."""

import pandas as pd
import streamlit as st

from cifarviz.analysis.trials import Trial, Trials
from cifarviz.ui.components.live import Live

_ROW_HEIGHT = 35
_MOST_ROWS = 15


def render_trials(trials: Trials, *, key: str, live: Live | None = None) -> None:
    """Show ``trials``; ``key`` begins the keys of widgets, ``live`` is what charts follow."""
    st.dataframe(
        pd.DataFrame([_row(trials, trial) for trial in trials.trials]),
        key=f"{key}-table",
        hide_index=True,
        row_height=_ROW_HEIGHT,
        height=_ROW_HEIGHT * (min(len(trials.trials), _MOST_ROWS) + 1) + 3,
    )


def _row(trials: Trials, trial: Trial) -> dict[str, object]:
    settings = {parameter.label: trial.values[parameter.key] for parameter in trials.parameters}
    return {
        "Trial": trial.number,
        "Run": trial.name,
        "State": trial.state,
        "Value": trial.value,
        **settings,
        "Seconds": trial.seconds,
    }
