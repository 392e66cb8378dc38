"""What the runs of a lab experiment have shown so far."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.lab_verdicts import (
    ArmResult,
    LabVerdict,
    arm_result,
    common_epoch,
    cures_verdict,
    duel_verdict,
    memorisation_verdict,
    sizes_verdict,
)
from cifarviz.analysis.memorisation import (
    LabelMemorisation,
    LabelPredictions,
    find_positions,
    load_label_predictions,
    track_labels,
)
from cifarviz.analysis.overfitting import START_RULE, VERDICT_LABELS
from cifarviz.data.image_set import Dataset
from cifarviz.datasets.arrays import Labels
from cifarviz.experiment.lab import BASELINE_LABEL, LabKind
from cifarviz.live.items import state_label
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.series import Series, series_runs
from cifarviz.runs.snapshots import snapshot_epochs, snapshot_path
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.training.plan import training_images
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.class_names import address_names

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
class SeriesRun:
    """One run of a series: its label, its epochs, and its result once it has validated."""

    label: str
    run: Run
    history: Sequence[Epoch]
    result: ArmResult | None


@dataclass(frozen=True, eq=False)
class RunMemory:
    """``memory`` of the images with these official ``indices``, the labels they were given and the
    right ones, each (n,); ``said`` (e, n) is the class that each was given after each epoch."""

    memory: LabelMemorisation
    indices: NDArray[np.int64]
    given: Labels
    right: Labels
    said: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TrainingLabels:
    """The official ``indices`` of a run's training images, the labels they were given and the
    right ones, each (n,), and the number of classes."""

    indices: NDArray[np.int64]
    given: Labels
    right: Labels
    class_count: int


_TOO_FEW = "Too few of its runs are here with an epoch finished, so there is nothing to compare: "


def standings(store: RunStore, series: Series) -> list[SeriesRun]:
    """The runs of a series that are still here, in their order."""
    labels = dict(zip(series.run_ids, series.labels, strict=True))
    runs = series_runs(store, series)
    histories = store.histories([run.id for run in runs])
    return [_series_run(labels[run.id], run, histories[run.id]) for run in runs]


def comparable_results(found: Sequence[SeriesRun]) -> list[ArmResult]:
    """The results there are; where a run was cut short, all up to the epoch they all reached."""
    results = [one.result for one in found if one.result is not None]
    until = common_epoch(results)
    if until is None:
        return results
    at_common = (arm_result(one.label, one.run, one.history, until) for one in found)
    return [result for result in at_common if result is not None]


def results_table(found: Sequence[SeriesRun]) -> None:
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


def _series_run(label: str, run: Run, history: Sequence[Epoch]) -> SeriesRun:
    return SeriesRun(label, run, history, arm_result(label, run, history))


def is_moving(run: Run) -> bool:
    """Whether a run's numbers change just now."""
    return run.state in (RunState.RUNNING, RunState.STOPPING)


def _row(one: SeriesRun) -> dict[str, object]:
    run, result = one.run, one.result
    epochs = run.experiment.epochs
    row: dict[str, object] = {
        "Run": one.label,
        "State": state_label(run),
        "Epochs": f"of {epochs}" if is_moving(run) else f"{run.epochs_done} of {epochs}",
    }
    if result is None or is_moving(run):
        return row | dict.fromkeys(_RESULT)
    return row | {
        "Weights from": result.weights_epoch,
        "Training accuracy": 100 * result.accuracy,
        "Validation accuracy": 100 * result.val_accuracy,
        "Gap": 100 * result.gap,
        "Overfitting starts": result.fit.overfits_after,
        "Verdict": VERDICT_LABELS[result.fit.verdict],
    }


def memory_of(run: Run) -> RunMemory | None:
    """As far as the run has come; ``None`` before its first epoch, or where nothing is left.

    Raises ``DatasetNotFound``, ``ArtifactDamaged`` and ``UnknownFormat``.
    """
    if not _epochs(cache.store(), run):
        return None
    return memory_so_far(cache.store(), run, labels_of(run))


def memory_so_far(store: RunStore, run: Run, labels: TrainingLabels) -> RunMemory | None:
    """Return the same outside of a script; raises ``ArtifactDamaged`` and ``UnknownFormat``."""
    epochs = _epochs(store, run)
    if not epochs:
        return None
    folder = store.folder(run.id)
    return _cached_memorisation(
        folder, tuple((epoch, _stamp(folder, epoch)) for epoch in epochs), labels
    )


def labels_of(run: Run) -> TrainingLabels:
    """Return what a run's training images were labelled with; raises ``DatasetNotFound``."""
    data = cache.dataset(run.experiment.data.dataset, run.experiment.data.variant)
    return _labels(run.experiment_json, data, run)


def _epochs(store: RunStore, run: Run) -> list[int]:
    kept = snapshot_epochs(store.folder(run.id), "train_predictions")
    return [epoch for epoch in kept if epoch <= run.epochs_done]


@lru_cache(maxsize=32)
def _cached_memorisation(
    folder: Path, stamps: tuple[tuple[int, int], ...], labels: TrainingLabels
) -> RunMemory:
    said = [
        _cached_label_predictions(folder, epoch, stamp, labels.class_count)
        for epoch, stamp in stamps
    ]
    places = find_positions(labels.indices, said, folder)
    given, right = labels.given[places], labels.right[places]
    answers = np.stack([one.predicted for one in said])
    epochs = tuple(epoch for epoch, _ in stamps)
    return RunMemory(
        track_labels(given, right, epochs, answers), said[0].indices, given, right, answers
    )


@lru_cache(maxsize=2000)
def _cached_label_predictions(
    folder: Path, epoch: int, stamp: int, classes: int
) -> LabelPredictions:
    return load_label_predictions(folder, epoch, classes)


def _name(dataset: Dataset) -> str:
    return f"{dataset.info.name} {dataset.variant}"


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs={Dataset: _name})
def _labels(experiment_json: str, dataset: Dataset, _run: Run) -> TrainingLabels:
    trained = training_images(_run.experiment, dataset)
    return TrainingLabels(
        trained.train.indices.copy(),
        trained.train.labels.copy(),
        trained.true_labels.copy(),
        len(address_names(dataset.info)),
    )


def _stamp(folder: Path, epoch: int) -> int:
    path = snapshot_path(folder, "train_predictions", epoch)
    return path.stat().st_mtime_ns if path.exists() else 0


def show_verdict(kind: LabKind, found: Sequence[SeriesRun]) -> None:
    """Show it, or why there is none."""
    verdict = verdict_of(kind, found)
    if verdict is None:
        resumable = sum(one.run.resumable for one in found)
        way = {0: "", 1: "resume the one that was broken off, or "}
        how = way.get(resumable, "resume those that were broken off, or ")
        st.warning(f"{_TOO_FEW}{how}train once more.", icon=":material/warning:")
        return
    icon = ":green[:material/check_circle:]" if verdict.confirmed else ":orange[:material/info:]"
    with st.container(border=True, key="lab-verdict"):
        st.markdown(f"#### {icon} {escaped(verdict.headline)}")
        sentences = (*verdict.sentences, *_left_out(found), *_precisions(found))
        st.markdown("\n".join(f"- {escaped(one)}" for one in sentences))


def _left_out(found: Sequence[SeriesRun]) -> list[str]:
    return [
        f"The run with {one.label} ended before its first epoch was done, so it is left out."
        for one in found
        if one.result is None
    ]


def _precisions(found: Sequence[SeriesRun]) -> list[str]:
    """What more differs than what the experiment is about."""
    precisions = {one.label: one.run.precision for one in found if one.run.precision is not None}
    if len(set(precisions.values())) < 2:
        return []
    words = ", ".join(f"{label} in {precision}" for label, precision in precisions.items())
    return [f"They were not trained in the same precision, which may matter too: {words}."]


def verdict_of(kind: LabKind, found: Sequence[SeriesRun]) -> LabVerdict | None:
    """The verdict on these runs; ``None`` where too few have a result."""
    results = comparable_results(found)
    match kind:
        case "memorisation":
            wrong = [one for one in found if one.run.experiment.data.wrong_labels]
            memory = memory_of(wrong[0].run) if wrong else None
            by_label = {one.label: one for one in results}
            own = by_label.pop(wrong[0].label, None) if wrong else None
            if memory is None or own is None:
                return None
            return memorisation_verdict(own, next(iter(by_label.values()), None), memory.memory)
        case "duel" if len(results) >= 2:
            return duel_verdict(results)
        case "sizes" if len(results) >= 2:
            return sizes_verdict(results)
        case "cures" if len(results) >= 2 and results[0].label == BASELINE_LABEL:
            return cures_verdict(results)
        case "cures" if len(results) >= 2:
            return duel_verdict(results)
    return None
