"""What tells the chosen runs apart: their verdicts in numbers, and the settings that differ."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from cifarviz.analysis.overfitting import VERDICT_WORDS, Fit
from cifarviz.errors import CifarvizError
from cifarviz.experiment.differences import Difference, differences
from cifarviz.figures.history_comparison import FEW_RUNS
from cifarviz.runs.records import Run
from cifarviz.ui.address import escaped
from cifarviz.ui.fit import verdict
from cifarviz.ui.live.words import named
from cifarviz.ui.pickers import distinct_names


def show_fits(runs: Sequence[Run], fits: Mapping[str, Fit]) -> None:
    """Show what the curves of each run say, with the gap at the turn and at the end."""
    st.subheader("Fit", anchor="fit")
    names = distinct_names(runs)
    if len(runs) <= FEW_RUNS:
        for run in runs:
            fit = fits[run.id]
            st.markdown(f"{verdict(fit)} **{escaped(names[run.id])}**: {escaped(fit.reason)}")
    rows = []
    for run in runs:
        fit = fits[run.id]
        rows.append(
            {
                "Run": names[run.id],
                "Fit": VERDICT_WORDS[fit.verdict],
                "Turn": fit.turn,
                "Loss gap, turn": None if fit.at_turn is None else fit.at_turn.loss,
                "Accuracy gap, turn": None if fit.at_turn is None else 100 * fit.at_turn.accuracy,
                "Loss gap, end": None if fit.at_end is None else fit.at_end.loss,
                "Accuracy gap, end": None if fit.at_end is None else 100 * fit.at_end.accuracy,
            }
        )
    gap = "Validation loss less training loss"
    points = st.column_config.NumberColumn(
        width=120, format="%.1f points", help="Training accuracy less validation accuracy."
    )
    loss = st.column_config.NumberColumn(width=95, format="%.3f", help=f"{gap}.")
    st.dataframe(
        pd.DataFrame(rows),
        key="runs-fits",
        hide_index=True,
        placeholder="",
        column_config={
            "Turn": st.column_config.NumberColumn(
                width=50, format="%d", help="The epoch after which validation loss rose."
            ),
            "Loss gap, turn": loss,
            "Loss gap, end": loss,
            "Accuracy gap, turn": points,
            "Accuracy gap, end": points,
        },
    )


def show_differences(runs: Sequence[Run]) -> None:
    """Show the settings that are not the same in all ``runs``, and only those."""
    st.subheader("Differences", anchor="differences")
    # The oldest first: what was changed since is then said of the later ones.
    shown = sorted(runs[:FEW_RUNS], key=lambda run: run.created)
    names = distinct_names(shown)
    readable, unreadable = [], []
    for run in shown:
        try:
            readable.append((run, run.experiment))
        except CifarvizError:
            unreadable.append(names[run.id])
    if unreadable:
        st.caption(escaped(f"The settings of {named(unreadable)} cannot be read."))
    rows = differences([experiment for _, experiment in readable]) if len(readable) > 1 else []
    found = [run for run, _ in readable]
    rows += _forks(found, names)
    if not rows:
        st.caption("They have the same settings, seed included.")
        return
    st.dataframe(
        pd.DataFrame(
            [
                {"Setting": row.setting}
                | {names[run.id]: value for run, value in zip(found, row.values, strict=True)}
                for row in rows
            ]
        ),
        key="runs-differences",
        hide_index=True,
    )
    if len(runs) > len(shown):
        st.caption(f"Of the first {len(shown)} runs; choose fewer to compare the others.")


def _forks(runs: Sequence[Run], names: Mapping[str, str]) -> list[Difference]:
    began = tuple(
        "random weights"
        if run.parent is None
        else f"epoch {run.parent_epoch} of {names.get(run.parent, f'run {run.parent}')}"
        for run in runs
    )
    return [Difference("began with", began)] if len(set(began)) > 1 else []
