"""The results of a lab experiment so far."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
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
    partial_verdict,
    sizes_verdict,
    transfer_verdict,
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
from cifarviz.experiment.lab import BASELINE_LABEL, SCRATCH_LABEL, LabKind
from cifarviz.live.items import state_label
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.series import Series
from cifarviz.runs.series import series_runs as stored_series_runs
from cifarviz.runs.snapshots import snapshot_epochs, snapshot_path
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.training.plan import training_images
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.class_names import query_class_names
from cifarviz.ui.evaluate.evaluation import dataset_key

_ROW_HEIGHT = 35
COLUMN_HELP: Final = {
    "Weights from": "The epoch of the run's final weights: its last, or its best if early stopping "
    "restored those. Accuracies and gap are of this epoch.",
    "Training accuracy": "On the training images as they were shown, with augmentation and "
    "dropout, after the epoch of “Weights from”.",
    "Validation accuracy": "On images that it did not learn from, after the epoch of “Weights "
    "from”.",
    "Gap": "Training accuracy minus validation accuracy: the measure of overfitting.",
    "Overfitting starts": f"{START_RULE} Empty where the run does not overfit.",
    "Verdict": "What its curves show.",
}
"""The columns of results, and what they mean."""


@dataclass(frozen=True)
class SeriesRun:
    """A run of a series: its label, its epochs, and its result once it has validated."""

    label: str
    run: Run
    history: Sequence[Epoch]
    result: ArmResult | None


@dataclass(frozen=True, eq=False)
class TrainingLabels:
    """The official ``indices`` of a run's training images, the ``labels`` it was trained with and
    the ``true_labels``, each (n,), and the number of classes."""

    indices: NDArray[np.int64]
    labels: Labels
    true_labels: Labels
    class_count: int


@dataclass(frozen=True, eq=False)
class RunMemorisation:
    """How a run memorised the images of these official ``indices``, each array (n,).

    ``predicted`` (e, n) holds the predicted classes after each epoch of ``memorisation``.
    """

    memorisation: LabelMemorisation
    indices: NDArray[np.int64]
    labels: Labels
    true_labels: Labels
    predicted: NDArray[np.int64]


def series_runs(store: RunStore, series: Series) -> list[SeriesRun]:
    """Return the runs of a series that are not deleted, in their order."""
    labels = dict(zip(series.run_ids, series.labels, strict=True))
    runs = stored_series_runs(store, series)
    histories = store.histories([run.id for run in runs])
    return [
        SeriesRun(
            labels[run.id],
            run,
            histories[run.id],
            arm_result(labels[run.id], run, histories[run.id]),
        )
        for run in runs
    ]


def compared_runs(members: Sequence[SeriesRun]) -> list[SeriesRun]:
    """Return the runs to compare: without the one whose weights others start with.

    All of them as long as only that one has an epoch.
    """
    transfers = [member.run.experiment.transfer for member in members]
    sources = {transfer.run for transfer in transfers if transfer is not None}
    compared = [member for member in members if member.run.id not in sources]
    return compared if any(member.history for member in compared) else list(members)


def is_training(run: Run) -> bool:
    """Whether a run's numbers are changing."""
    return run.state in (RunState.RUNNING, RunState.STOPPING)


def render_results_table(members: Sequence[SeriesRun]) -> None:
    """Show a row for each run; of a run that is training, the page shows the numbers elsewhere."""
    formats = {
        "Weights from": (92, "epoch %d"),
        "Training accuracy": (118, "%.1f%%"),
        "Validation accuracy": (124, "%.1f%%"),
        "Gap": (85, "%.1f points"),
        "Overfitting starts": (118, "after epoch %d"),
    }
    st.dataframe(
        pd.DataFrame([_row(member) for member in members]),
        hide_index=True,
        row_height=_ROW_HEIGHT,
        height=_ROW_HEIGHT * (len(members) + 1) + 3,
        placeholder="",
        key="lab-results",
        column_config={
            "Run": st.column_config.TextColumn(width="medium"),
            "State": st.column_config.TextColumn(width=80),
            "Epochs": st.column_config.TextColumn(width=75),
            "Verdict": st.column_config.TextColumn(width=140, help=COLUMN_HELP["Verdict"]),
            **{
                name: st.column_config.NumberColumn(
                    width=width, format=number_format, help=COLUMN_HELP[name]
                )
                for name, (width, number_format) in formats.items()
            },
        },
    )


def _row(member: SeriesRun) -> dict[str, object]:
    run, result = member.run, member.result
    epochs = run.experiment.epochs
    row: dict[str, object] = {
        "Run": member.label,
        "State": state_label(run),
        "Epochs": f"{epochs} planned" if is_training(run) else f"{run.epochs_done} of {epochs}",
    }
    if result is None or is_training(run):
        return row | dict.fromkeys(COLUMN_HELP)
    return row | {
        "Weights from": result.weights_epoch,
        "Training accuracy": 100 * result.accuracy,
        "Validation accuracy": 100 * result.val_accuracy,
        "Gap": 100 * result.gap,
        "Overfitting starts": result.fit.overfits_after,
        "Verdict": VERDICT_LABELS[result.fit.verdict],
    }


def load_memorisation(
    store: RunStore, run: Run, labels: TrainingLabels | None = None
) -> RunMemorisation | None:
    """Return the memorisation up to the run's newest epoch; ``None`` if nothing was saved.

    Without ``labels``, those of the run are read, which takes a page's script. Raises
    ``ArtifactDamaged``, ``UnknownFormat`` and, without ``labels``, ``DatasetNotFound``.
    """
    folder = store.folder(run.id)
    epochs = [
        epoch for epoch in snapshot_epochs(folder, "train_predictions") if epoch <= run.epochs_done
    ]
    if not epochs:
        return None
    stamps = tuple((epoch, _stamp(folder, epoch)) for epoch in epochs)
    return _cached_memorisation(folder, stamps, labels or training_labels(run))


def training_labels(run: Run) -> TrainingLabels:
    """Return the labels a run was trained with; raises ``DatasetNotFound``."""
    data = cache.run_dataset(run)
    return _cached_labels(run.experiment_json, data, run)


@lru_cache(maxsize=32)
def _cached_memorisation(
    folder: Path, stamps: tuple[tuple[int, int], ...], labels: TrainingLabels
) -> RunMemorisation:
    snapshots = [
        _cached_label_predictions(folder, epoch, stamp, labels.class_count)
        for epoch, stamp in stamps
    ]
    places = find_positions(labels.indices, snapshots, folder)
    trained, true = labels.labels[places], labels.true_labels[places]
    predicted = np.stack([snapshot.predicted for snapshot in snapshots])
    memorisation = track_labels(trained, true, tuple(epoch for epoch, _ in stamps), predicted)
    return RunMemorisation(memorisation, snapshots[0].indices, trained, true, predicted)


@lru_cache(maxsize=2000)
def _cached_label_predictions(
    folder: Path, epoch: int, stamp: int, classes: int
) -> LabelPredictions:
    return load_label_predictions(folder, epoch, classes)


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs={Dataset: dataset_key})
def _cached_labels(experiment_json: str, dataset: Dataset, _run: Run) -> TrainingLabels:
    trained = training_images(_run.experiment, dataset)
    return TrainingLabels(
        trained.train.indices.copy(),
        trained.train.labels.copy(),
        trained.true_labels.copy(),
        len(query_class_names(dataset.info)),
    )


def _stamp(folder: Path, epoch: int) -> int:
    path = snapshot_path(folder, "train_predictions", epoch)
    return path.stat().st_mtime_ns if path.exists() else 0


def render_verdict(kind: LabKind, members: Sequence[SeriesRun]) -> None:
    """Show the verdict, or why there is none and what each run has reached."""
    verdict = series_verdict(kind, members)
    if verdict is None:
        resumable = sum(member.run.resumable for member in members)
        advice = {
            0: "Train the runs again.",
            1: "Resume the unfinished run, or train the runs again.",
        }
        todo = advice.get(resumable, "Resume the unfinished runs, or train them again.")
        st.warning(
            f"{missing_verdict_text(kind, members)} {todo}",
            icon=":material/warning:",
        )
        for result in (member.result for member in members):
            if result is not None:
                st.markdown(escaped(_result_text(result)))
        return
    icon = ":green[:material/check_circle:]" if verdict.confirmed else ":orange[:material/info:]"
    with st.container(border=True, key="lab-verdict"):
        st.markdown(f"### {icon} {escaped(verdict.headline)}")
        st.markdown("\n".join(f"- {escaped(sentence)}" for sentence in verdict.sentences))


def missing_verdict_text(kind: LabKind, members: Sequence[SeriesRun]) -> str:
    """Return why there is no verdict on runs that have ended."""
    if kind == "memorisation":
        wrong = [member for member in members if member.run.experiment.data.wrong_labels]
        if not wrong:
            return "The run with wrong labels is missing or damaged, so there is nothing to judge."
        if wrong[0].result is not None:
            return (
                "The predictions for the training images are missing, perhaps deleted to save "
                "space, so there is nothing to judge."
            )
    elif len(members) < 2:
        return "Only one run can be read, so there is nothing to compare."
    measured = sum(member.result is not None for member in members)
    finished = "Only one run has" if measured == 1 else "No run has"
    return f"{finished} finished an epoch, so there is nothing to compare."


def series_verdict(kind: LabKind, members: Sequence[SeriesRun]) -> LabVerdict | None:
    """Return the verdict as ``compute_verdict`` does, with what this home has stored."""
    return compute_verdict(kind, members, lambda run: load_memorisation(cache.store(), run))


def _result_text(result: ArmResult) -> str:
    return (
        f"With {result.label}, after epoch {result.weights_epoch}: training accuracy "
        f"{result.accuracy:.1%}, validation accuracy {result.val_accuracy:.1%}. "
        f"{result.fit.reason}"
    )


def compute_verdict(
    kind: LabKind,
    members: Sequence[SeriesRun],
    memorisation: Callable[[Run], RunMemorisation | None],
) -> LabVerdict | None:
    """Return the verdict on these runs; ``None`` where too few have a result.

    While a run is active the verdict is marked as not final. It is then on the runs that have
    ended, if these can be compared, else on all of them up to the epoch that each has reached.
    ``memorisation`` loads that of a run, and is called for a series about memorisation only.
    """
    if not any(member.run.state.active for member in members):
        return _verdict(kind, members, memorisation)
    ended = [member for member in members if not member.run.state.active]
    verdict = _verdict(kind, ended, memorisation)
    if verdict is not None:
        judged = sum(member.result is not None for member in ended)
        return partial_verdict(verdict, f"with {judged} of {len(members)} runs")
    verdict = _verdict(kind, members, memorisation)
    epochs = max((result.epochs for result in _comparable_results(members)), default=0)
    basis = "after 1 epoch" if epochs == 1 else f"after {epochs} epochs"
    return None if verdict is None else partial_verdict(verdict, basis)


def _verdict(
    kind: LabKind,
    members: Sequence[SeriesRun],
    memorisation: Callable[[Run], RunMemorisation | None],
) -> LabVerdict | None:
    members = compared_runs(members)
    results = _comparable_results(members)
    if kind == "memorisation":
        wrong = next(
            (member for member in members if member.run.experiment.data.wrong_labels), None
        )
        by_label = {result.label: result for result in results}
        own = None if wrong is None else by_label.pop(wrong.label, None)
        memorised = None if wrong is None else memorisation(wrong.run)
        if memorised is None or own is None:
            return None
        other = next(iter(by_label.values()), None)
        verdict = memorisation_verdict(own, other, memorised.memorisation)
    elif len(results) < 2:
        return None
    elif kind == "sizes":
        verdict = sizes_verdict(results)
    elif kind == "transfer" and results[0].label == SCRATCH_LABEL:
        verdict = transfer_verdict(results)
    # Without the run that has no cure, the cures are compared like a duel.
    elif kind == "cures" and results[0].label == BASELINE_LABEL:
        verdict = cures_verdict(results)
    else:
        verdict = duel_verdict(results)
    return replace(verdict, sentences=(*verdict.sentences, *_notes(members)))


def _notes(members: Sequence[SeriesRun]) -> Iterator[str]:
    """Yield which runs are left out of the verdict, and whether precisions differ."""
    for member in members:
        if member.result is None and not member.run.state.active:
            why = (
                "never began"
                if member.run.started is None
                else "ended before its first epoch was done"
            )
            yield f"The run with {member.label} {why}, so it is left out."
    precisions = {
        member.label: member.run.precision for member in members if member.run.precision is not None
    }
    if len(set(precisions.values())) > 1:
        pairs = ", ".join(f"{label} in {precision}" for label, precision in precisions.items())
        yield f"The runs differ in precision, which may matter too: {pairs}."


def _comparable_results(members: Sequence[SeriesRun]) -> list[ArmResult]:
    """Return all results, up to the epoch that all runs reached if any was cut short."""
    results = [member.result for member in members if member.result is not None]
    until = common_epoch(results)
    if until is None:
        return results
    at_common = (arm_result(member.label, member.run, member.history, until) for member in members)
    return [result for result in at_common if result is not None]
