"""Runs as rows of a table, in words."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import pandas as pd

from cifarviz.analysis.intervals import accuracy_interval
from cifarviz.datasets.registry import title_of
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.experiment.words import brief
from cifarviz.live.words import DAMAGED
from cifarviz.runs.damage import LATEST
from cifarviz.runs.recorded import ORIGIN
from cifarviz.runs.records import Run
from cifarviz.runs.run_headline import best_criterion, format_duration, time_at_work
from cifarviz.runs.states import RunState

NOT_KNOWN = "not known"


@dataclass(frozen=True)
class Planned:
    """What a run was made to do; nothing of that is known of a damaged one."""

    data: str = NOT_KNOWN
    network: str = NOT_KNOWN
    parameters: int | None = None
    epochs: int | None = None
    seed: int | None = None
    preset: str | None = None
    source: str = NOT_KNOWN
    """The data set and its variant as one word."""


def planned(run: Run) -> Planned:
    """What ``run`` was made to do, in words; read once for each experiment."""
    if run.damage is not None:
        return Planned()
    return _planned(run.experiment_json)


def table(runs: Sequence[Run], now: float | None = None) -> pd.DataFrame:
    """One row a run, in the order given."""
    now = time.time() if now is None else now
    return pd.DataFrame([_row(run, planned(run), now) for run in runs])


def state_words(run: Run) -> str:
    """The state of ``run``, and what was asked of it but not done yet."""
    if run.damage is not None:
        return DAMAGED
    if run.origin == ORIGIN:
        return ORIGIN
    if run.requested is not None:
        return f"{run.state}, asked to {run.requested}"
    return str(run.state)


def in_date(moment: float) -> str:
    """A Unix time as ``"3 Mar 2026, 14:05"``, in this machine's time zone."""
    if not 0 <= moment <= LATEST:
        return "at an unknown time"
    then = datetime.fromtimestamp(moment)
    return f"{then.day} {then:%b %Y, %H:%M}"


def bytes_of(folder: Path) -> int:
    """What a run's files take on the disk; 0 before there are any."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _row(run: Run, plan: Planned, now: float) -> dict[str, object]:
    # Of a run under way, what moves stands above the list; these cells would be of the past.
    ended = not _moves(run)
    best, last = (run.best_epoch_val_accuracy, run.last_val_accuracy) if ended else (None, None)
    return {
        "★": "★" if run.starred else "",
        "Name": run.name,
        "Seed": plan.seed,
        "State": state_words(run),
        "Epochs": _epochs(run, plan),
        "Best epoch": run.best_epoch if ended else None,
        "Accuracy at best epoch": _percent(best),
        "Best ±": _half_interval(best, run.validation_images),
        "Accuracy at last epoch": _percent(last),
        "Last ±": _half_interval(last, run.validation_images),
        "Best by": "" if run.damage or run.best_epoch is None else best_criterion(run),
        "Time at work": _time_at_work(run, now),
        # That of a damaged record may be what is wrong with it.
        "Started": None if run.damage else datetime.fromtimestamp(run.started or run.created),
        "Data": plan.data,
        "Parameters": plan.parameters,
        "Network": plan.network,
        "Note": run.remark or "",
    }


def _moves(run: Run) -> bool:
    return run.state.active and run.state is not RunState.QUEUED


def _epochs(run: Run, plan: Planned) -> str:
    if run.damage is not None:
        return NOT_KNOWN
    planned_epochs = "?" if plan.epochs is None else plan.epochs
    return f"of {planned_epochs}" if _moves(run) else f"{run.epochs_done} of {planned_epochs}"


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _half_interval(share: float | None, images: int | None) -> float | None:
    """Half the width, in points, of the interval in which an accuracy lies with 95 % confidence."""
    if share is None or not images:
        return None
    low, high = accuracy_interval(share, images)
    return 50 * (high - low)


def _time_at_work(run: Run, now: float) -> str:
    if run.damage is not None:
        return NOT_KNOWN
    seconds = time_at_work(run, now)
    if seconds is None:
        return "not begun"
    return "under way" if _moves(run) else format_duration(seconds)


@lru_cache(maxsize=1000)
def _planned(experiment_json: str) -> Planned:
    experiment = Experiment.from_json(experiment_json)
    data = experiment.data
    variant = "full" if data.variant == "full" else "sample"
    layers = len(experiment.architecture.layers)
    wrong = f", {brief('wrong_labels', '', data.wrong_labels)}" if data.wrong_labels else ""
    return Planned(
        data=f"{title_of(data.dataset)} {variant}{wrong}",
        network=f"{_origin(experiment.architecture)}, {layers} layer{'' if layers == 1 else 's'}",
        parameters=experiment.architecture.parameters,
        epochs=experiment.epochs,
        seed=experiment.seed,
        preset=experiment.preset,
        source=f"{data.dataset}-{variant}",
    )


def _origin(architecture: Architecture) -> str:
    # By comparison, not by the preset the run began with: its layers may have been changed since.
    for preset in PRESETS.values():
        if preset.experiment.architecture == architecture:
            return preset.name
    return "own"
