"""A series with what has become of its runs so far, in a table."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from cifarviz.analysis.lab_results import Result, common_epoch, result_of
from cifarviz.analysis.overfitting import TURN_RULE, VERDICT_WORDS
from cifarviz.runs.kept_weights import given_back
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.series import Series, runs_of
from cifarviz.runs.states import RunState
from cifarviz.ui import cache
from cifarviz.ui.class_names import address_names
from cifarviz.ui.live.words import state_word

_ROW_HEIGHT = 35


@dataclass(frozen=True)
class Standing:
    """One run of a series: its label, its epochs, and its result once it has validated."""

    label: str
    run: Run
    history: Sequence[Epoch]
    result: Result | None


def standings(series: Series) -> list[Standing]:
    """The runs of a series that are still here, in their order."""
    labels = dict(zip(series.run_ids, series.labels, strict=True))
    runs = runs_of(cache.store(), series)
    histories = cache.store().histories([run.id for run in runs])
    return [_standing(labels[run.id], run, histories[run.id]) for run in runs]


def comparable_results(found: Sequence[Standing]) -> list[Result]:
    """The results there are; where a run was cut short, all up to the epoch they all reached."""
    results = [one.result for one in found if one.result is not None]
    until = common_epoch(results)
    if until is None:
        return results
    at_common = (_result(one.label, one.run, one.history, until) for one in found)
    return [result for result in at_common if result is not None]


def results_table(found: Sequence[Standing]) -> None:
    """Show a row a run, those that wait too."""
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
            "Weights of": st.column_config.NumberColumn(
                width=80,
                format="epoch %d",
                help="The epoch whose weights it stands with; accuracies and gap are those.",
            ),
            "Training": st.column_config.NumberColumn(
                width=80,
                format="%.1f%%",
                help="Accuracy on the training images, as they were shown: with augmentation and "
                "dropout, where the run has these.",
            ),
            "Validation": st.column_config.NumberColumn(
                width=80, format="%.1f%%", help="Accuracy on images that it never learned from."
            ),
            "Gap": st.column_config.NumberColumn(
                width=85,
                format="%.1f points",
                help="How far training is ahead of validation: the measure of overfitting.",
            ),
            "Turn": st.column_config.NumberColumn(
                width=80,
                format="epoch %d",
                help=f"{TURN_RULE} Empty where it has not turned.",
            ),
            "It is": st.column_config.TextColumn(
                width=110, help="What its curves say, by the rule of the turn and of the gap."
            ),
        },
    )


def _standing(label: str, run: Run, history: Sequence[Epoch]) -> Standing:
    return Standing(label, run, history, _result(label, run, history))


def _result(
    label: str, run: Run, history: Sequence[Epoch], until: int | None = None
) -> Result | None:
    return result_of(
        label,
        history,
        planned=run.experiment.epochs,
        ended=run.state is RunState.FINISHED,
        given_back=run.best_epoch if given_back(run) else None,
        train_images=run.train_images or 0,
        validation_images=run.validation_images or 0,
        classes=len(address_names(run.experiment.data.dataset)),
        until=until,
    )


def _row(one: Standing) -> dict[str, object]:
    run, result = one.run, one.result
    row: dict[str, object] = {
        "Run": one.label,
        "State": state_word(run),
        "Epochs": f"{run.epochs_done} of {run.experiment.epochs}",
    }
    if result is None:
        nothing = ("Weights of", "Training", "Validation", "Gap", "Turn", "It is")
        return row | dict.fromkeys(nothing)
    return row | {
        "Weights of": result.kept,
        "Training": 100 * result.accuracy,
        "Validation": 100 * result.val_accuracy,
        "Gap": 100 * result.gap,
        "Turn": result.fit.turn,
        "It is": VERDICT_WORDS[result.fit.verdict],
    }
