"""The table of runs, and the verdict on a run."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from cifarviz.analysis.intervals import accuracy_interval
from cifarviz.analysis.overfitting import (
    START_RULE,
    VERDICT_LABELS,
    Fit,
    Gap,
    format_loss,
    gap_after,
)
from cifarviz.analysis.suggestions import ExperimentSuggestion, suggestions
from cifarviz.datasets.registry import dataset_title
from cifarviz.errors import CifarvizError
from cifarviz.experiment.address import pack_changes
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.draft import make_draft
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.formatting import format_brief
from cifarviz.experiment.presets import PRESETS
from cifarviz.figures.percent import format_percent
from cifarviz.live.items import DAMAGED, VERDICT_COLORS, Metric
from cifarviz.runs.damage import MAX_TIME
from cifarviz.runs.recorded import ORIGIN
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.run_headline import best_criterion, format_duration, time_at_work
from cifarviz.runs.states import RunState
from cifarviz.runs.stored_weights import restored_best_weights
from cifarviz.ui.address import escaped
from cifarviz.ui.metrics import render_metrics
from cifarviz.ui.navigation import link_to

UNKNOWN = "unknown"


@dataclass(frozen=True)
class RunPlan:
    """The planned data, network and training of a run; unknown for a damaged run."""

    data: str = UNKNOWN
    network: str = UNKNOWN
    parameters: int | None = None
    epochs: int | None = None
    seed: int | None = None
    preset: str | None = None
    source: str = UNKNOWN
    """The data set and its variant, such as ``cifar10-sample``."""


# Pixels: the width of an average letter, and the padding of a cell.
_LETTER, _PADDING = 6.7, 18

# Names have few digits and capitals, which are wider.
_NAME_LETTER = 5.85
_UNKNOWN = "–"
_MOST_SUGGESTIONS = 4
_GAP_HELP = (
    "Validation loss minus training loss, and training accuracy minus validation accuracy. "
    "Training is measured during the epoch, with dropout and augmentation, so it may be worse at "
    "first."
)


def run_plan(run: Run) -> RunPlan:
    """Return the plan of ``run``, cached by experiment."""
    if run.damage is not None:
        return RunPlan()
    return _run_plan(run.experiment_json)


def runs_table(runs: Sequence[Run], now: float | None = None) -> pd.DataFrame:
    """Return a table with a row per run, in the same order."""
    now = time.time() if now is None else now
    return pd.DataFrame([_row(run, run_plan(run), now) for run in runs])


def format_state(run: Run) -> str:
    """Return the state of ``run``, and a pending request."""
    if run.damage is not None:
        return DAMAGED
    if run.origin == ORIGIN:
        return ORIGIN
    if run.requested is not None:
        return f"{run.state}, {run.requested} requested"
    return str(run.state)


def format_short_row(run: Run, name: str) -> str:
    """Return star, ``name``, state and best epoch's accuracy (if known) of ``run`` as Markdown."""
    star = "★ " if run.starred else ""
    share = None if _is_under_way(run) else run.best_epoch_val_accuracy
    accuracy = "" if share is None else f", {format_percent(share)} at best epoch"
    return f"{star}**{escaped(name)}** · {escaped(format_state(run))}{accuracy}"


def format_date(moment: float) -> str:
    """Format a Unix time as ``3 Mar 2026, 14:05``, in this machine's time zone."""
    if not 0 <= moment <= MAX_TIME:
        return "at an unknown time"
    then = datetime.fromtimestamp(moment)
    return f"{then.day} {then:%b %Y, %H:%M}"


def folder_bytes(folder: Path) -> int:
    """Return the size of a folder's files in bytes; 0 if it does not exist."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _row(run: Run, plan: RunPlan, now: float) -> dict[str, object]:
    # The live values of an active run are above the list; these would be out of date.
    ended = not _is_under_way(run)
    best, last = (run.best_epoch_val_accuracy, run.last_val_accuracy) if ended else (None, None)
    return {
        "★": "★" if run.starred else "",
        "Name": run.name,
        "Seed": plan.seed,
        "State": format_state(run),
        "Epochs": _epochs(run, plan),
        "Best epoch": run.best_epoch if ended else None,
        "Accuracy at best epoch": _percent(best),
        "Best ±": _half_interval(best, run.validation_images),
        "Accuracy at last epoch": _percent(last),
        "Last ±": _half_interval(last, run.validation_images),
        "Best by": "" if run.damage or run.best_epoch is None else best_criterion(run),
        "Time at work": _time_at_work(run, now),
        # The time itself may be the damage.
        "Started": None if run.damage else datetime.fromtimestamp(run.started or run.created),
        "Data": plan.data,
        "Parameters": plan.parameters,
        "Network": plan.network,
        "Note": run.remark or "",
    }


def _is_under_way(run: Run) -> bool:
    return run.state.active and run.state is not RunState.QUEUED


def _epochs(run: Run, plan: RunPlan) -> str:
    if run.damage is not None:
        return UNKNOWN
    planned_epochs = "?" if plan.epochs is None else plan.epochs
    return (
        f"{planned_epochs} planned"
        if _is_under_way(run)
        else f"{run.epochs_done} of {planned_epochs}"
    )


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _half_interval(share: float | None, images: int | None) -> float | None:
    """Return half the width of the 95% confidence interval of an accuracy, in points."""
    if share is None or not images:
        return None
    low, high = accuracy_interval(share, images)
    return 50 * (high - low)


def _time_at_work(run: Run, now: float) -> str:
    if run.damage is not None:
        return UNKNOWN
    seconds = time_at_work(run, now)
    if seconds is None:
        return "not started"
    return "training" if _is_under_way(run) else format_duration(seconds)


@lru_cache(maxsize=1000)
def _run_plan(experiment_json: str) -> RunPlan:
    experiment = Experiment.from_json(experiment_json)
    data = experiment.data
    variant = "full" if data.variant == "full" else "sample"
    layers = experiment.architecture.layer_count
    wrong = f", {format_brief('wrong_labels', '', data.wrong_labels)}" if data.wrong_labels else ""
    return RunPlan(
        data=f"{dataset_title(data.dataset)} {variant}{wrong}",
        network=(
            f"{_network_name(experiment.architecture)}, 1 layer"
            if layers == 1
            else f"{_network_name(experiment.architecture)}, {layers} layers"
        ),
        parameters=experiment.architecture.parameters,
        epochs=experiment.epochs,
        seed=experiment.seed,
        preset=experiment.preset,
        source=f"{data.dataset}-{variant}",
    )


def _network_name(architecture: Architecture) -> str:
    # By comparison, because layers of the run's preset may have been changed.
    for preset in PRESETS.values():
        if preset.experiment.architecture == architecture:
            return preset.name
    return "Custom network"


def column_width(
    texts: Iterable[object], *, least: int = 50, most: int = 2000, letter: float = _LETTER
) -> int:
    """Return a column's width in pixels for its longest text, ``letter`` pixels a letter."""
    longest = max((len(str(text)) for text in texts), default=0)
    return min(max(least, round(letter * longest) + _PADDING), most)


def list_columns(rows: pd.DataFrame) -> dict[str, Any]:
    """Return the ``column_config`` of the table of ``runs_table``."""

    def share(label: str, width: int, hint: str) -> Any:
        return st.column_config.NumberColumn(label, width=width, format="%.1f%%", help=hint)

    half_interval = st.column_config.NumberColumn(
        "±",
        width=42,
        format="%.1f",
        help="Half the width of the 95% confidence interval (Wilson’s) for this many validation "
        "images, in points.",
    )
    return {
        "★": st.column_config.TextColumn(width=28, pinned=True, help="Starred runs."),
        "Name": st.column_config.TextColumn(
            # Limited, so that the results are visible, too.
            width=column_width(rows["Name"], least=115, most=402, letter=_NAME_LETTER),
            pinned=True,
        ),
        "Seed": st.column_config.NumberColumn(
            width=46, format="%d", help="Fixes everything random in a run."
        ),
        "State": st.column_config.TextColumn(width=column_width(rows["State"], least=72, most=180)),
        "Epochs": st.column_config.TextColumn(width=column_width(rows["Epochs"], least=68)),
        "Best epoch": st.column_config.NumberColumn(
            width=80, format="%d", help="The best epoch by “Best by”; its weights are saved."
        ),
        "Accuracy at best epoch": share(
            "Best epoch acc.",
            115,
            "Validation accuracy after the best epoch. Another epoch’s may be higher.",
        ),
        "Best ±": half_interval,
        "Accuracy at last epoch": share(
            "Last epoch acc.",
            115,
            "Validation accuracy after the last epoch, even if the best epoch’s weights were "
            "restored.",
        ),
        "Last ±": half_interval,
        "Best by": st.column_config.TextColumn(
            width=column_width(rows["Best by"], least=80),
            help="How the run chooses its best epoch: by a validation metric, or by a training "
            "metric if it has no validation images.",
        ),
        "Time at work": st.column_config.TextColumn(
            width=column_width(rows["Time at work"], least=90),
            help="Over all sessions of the run, without pauses.",
        ),
        "Started": st.column_config.DatetimeColumn(width=98, format="D MMM, HH:mm"),
        "Data": st.column_config.TextColumn(width=column_width(rows["Data"], least=80)),
        "Parameters": st.column_config.NumberColumn(width=84, format="localized"),
        "Network": st.column_config.TextColumn(width=column_width(rows["Network"], least=80)),
    }


def weights_gap(run: Run, epochs: Sequence[Epoch]) -> Gap | None:
    """Return the gap at the run's final weights: the last epoch, or the restored best.

    ``None`` before the first validated epoch.
    """
    try:
        epoch = run.best_epoch if restored_best_weights(run) else run.epochs_done
    except CifarvizError:
        # Its experiment cannot be read, so it is unknown whether weights were restored.
        epoch = run.epochs_done
    return None if epoch is None else gap_after(epochs, epoch)


def format_verdict(fit: Fit) -> str:
    """Return the verdict as a coloured Markdown badge."""
    return f":{VERDICT_COLORS.get(fit.verdict, 'gray')}-badge[{VERDICT_LABELS[fit.verdict]}]"


def render_fit(run: Run, fit: Fit, at_weights: Gap | None) -> None:
    """Show the verdict with its reason, the gap in numbers, and suggestions.

    ``at_weights`` is the gap at the run's final weights.
    """
    st.markdown(f"{format_verdict(fit)} {escaped(fit.reason)}")
    if fit.gap_at_end is not None:
        figures = [
            Metric(
                "Overfitting starts",
                _UNKNOWN if fit.overfits_after is None else f"after epoch {fit.overfits_after}",
                START_RULE,
            )
        ]
        if fit.gap_at_start is not None:
            label = f"Gap after epoch {fit.gap_at_start.epoch}"
            figures.append(Metric(label, format_gap(fit.gap_at_start), _GAP_HELP))
        figures.append(
            Metric(f"Gap after epoch {fit.gap_at_end.epoch}", format_gap(fit.gap_at_end), _GAP_HELP)
        )
        if at_weights is not None and at_weights.epoch != fit.gap_at_end.epoch:
            hint = f"{_GAP_HELP} The run restored the weights of this epoch, its best."
            figures.append(
                Metric(
                    f"Gap of the weights used, epoch {at_weights.epoch}",
                    format_gap(at_weights),
                    hint,
                )
            )
        render_metrics(figures)
    _render_suggestions(run, fit)


def format_gap(gap: Gap) -> str:
    """Format a gap: ``loss 0.232, accuracy 8.2 points``."""
    return f"loss {format_loss(gap.loss)}, accuracy {100 * gap.accuracy:.1f} points"


def _render_suggestions(run: Run, fit: Fit) -> None:
    try:
        ideas = suggestions(run.experiment, fit, run.train_images)[:_MOST_SUGGESTIONS]
    except CifarvizError:
        return
    if not ideas:
        return
    st.markdown("**What to try next** (largest expected effect first):")
    for number, suggestion in enumerate(ideas, 1):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"{number}. **{suggestion.what}**: {escaped(suggestion.why)}.", width="content"
            )
            _render_suggestion_link(run, suggestion)


def _render_suggestion_link(run: Run, suggestion: ExperimentSuggestion) -> None:
    if suggestion.experiment is None:
        link_to("train", "Set up", ":material/tune:", view="setup", run=run.id)
        return
    preset = suggestion.experiment.preset
    known = preset if preset is not None and preset in PRESETS else next(iter(PRESETS))
    draft = make_draft(suggestion.experiment, known)
    packed = pack_changes(draft)
    address = {"preset": draft.preset, **({} if packed is None else {"changes": packed})}
    link_to("train", "Set up", ":material/tune:", view="setup", **address)
