"""A series with what has become of its runs so far, in a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd
import streamlit as st

from cifarviz.analysis.lab_results import Result, common_epoch, result_of
from cifarviz.analysis.overfitting import START_RULE, VERDICT_WORDS
from cifarviz.live.words import state_word
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.series import Series, runs_of
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore

_ROW_HEIGHT = 35
_RESULT = (
    "Weights from", "Training accuracy", "Validation accuracy", "Gap", "Overfitting starts",
    "Verdict",
)  # fmt: skip
HINTS: Final = {
    "Weights from": "The epoch whose weights the run has at its end: its last, or its best where "
    "early stopping restored those. Accuracies and gap are of this epoch.",
    "Training accuracy": "On the training images, as they were shown: with augmentation and "
    "dropout, where the run has these. After the epoch of “Weights from”.",
    "Validation accuracy": "On images that it never learned from, after the epoch of “Weights "
    "from”.",
    "Gap": "How far training is ahead of validation: the measure of overfitting.",
    "Overfitting starts": f"{START_RULE} Empty where the run does not overfit.",
    "Verdict": "What its curves show.",
}
"""What the columns of the table mean."""


@dataclass(frozen=True)
class Standing:
    """One run of a series: its label, its epochs, and its result once it has validated."""

    label: str
    run: Run
    history: Sequence[Epoch]
    result: Result | None


def standings(store: RunStore, series: Series) -> list[Standing]:
    """The runs of a series that are still here, in their order."""
    labels = dict(zip(series.run_ids, series.labels, strict=True))
    runs = runs_of(store, series)
    histories = store.histories([run.id for run in runs])
    return [_standing(labels[run.id], run, histories[run.id]) for run in runs]


def comparable_results(found: Sequence[Standing]) -> list[Result]:
    """The results there are; where a run was cut short, all up to the epoch they all reached."""
    results = [one.result for one in found if one.result is not None]
    until = common_epoch(results)
    if until is None:
        return results
    at_common = (result_of(one.label, one.run, one.history, until) for one in found)
    return [result for result in at_common if result is not None]


def results_table(found: Sequence[Standing]) -> None:
    """Show a row a run, those that wait too; of one at work the page shows the numbers apart."""
    st.dataframe(
        pd.DataFrame([_row(one) for one in found]),
        hide_index=True,
        row_height=_ROW_HEIGHT,
        height=_ROW_HEIGHT * (len(found) + 1) + 3,
        placeholder="",
        key="lab-results",
        column_config={
            "Run": st.column_config.TextColumn(width="medium"),
            "State": st.column_config.TextColumn(width=80),
            "Epochs": st.column_config.TextColumn(width=75),
            "Weights from": st.column_config.NumberColumn(
                width=92, format="epoch %d", help=HINTS["Weights from"]
            ),
            "Training accuracy": st.column_config.NumberColumn(
                width=118, format="%.1f%%", help=HINTS["Training accuracy"]
            ),
            "Validation accuracy": st.column_config.NumberColumn(
                width=124, format="%.1f%%", help=HINTS["Validation accuracy"]
            ),
            "Gap": st.column_config.NumberColumn(width=85, format="%.1f points", help=HINTS["Gap"]),
            "Overfitting starts": st.column_config.NumberColumn(
                width=118, format="after epoch %d", help=HINTS["Overfitting starts"]
            ),
            "Verdict": st.column_config.TextColumn(width=140, help=HINTS["Verdict"]),
        },
    )


def _standing(label: str, run: Run, history: Sequence[Epoch]) -> Standing:
    return Standing(label, run, history, result_of(label, run, history))


def is_moving(run: Run) -> bool:
    """Whether a run's numbers change just now."""
    return run.state in (RunState.RUNNING, RunState.STOPPING)


def _row(one: Standing) -> dict[str, object]:
    run, result = one.run, one.result
    epochs = run.experiment.epochs
    row: dict[str, object] = {
        "Run": one.label,
        "State": state_word(run),
        "Epochs": f"of {epochs}" if is_moving(run) else f"{run.epochs_done} of {epochs}",
    }
    if result is None or is_moving(run):
        return row | dict.fromkeys(_RESULT)
    return row | {
        "Weights from": result.kept,
        "Training accuracy": 100 * result.accuracy,
        "Validation accuracy": 100 * result.val_accuracy,
        "Gap": 100 * result.gap,
        "Overfitting starts": result.fit.overfits_after,
        "Verdict": VERDICT_WORDS[result.fit.verdict],
    }
