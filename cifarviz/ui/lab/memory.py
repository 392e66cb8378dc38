"""What a run with wrong labels kept of its way, read once for all who look on."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.memorisation import Memory, Said, follow, places_of, said_after
from cifarviz.data.image_set import Dataset
from cifarviz.datasets.arrays import Labels
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import snapshot_epochs, snapshot_path
from cifarviz.runs.store import RunStore
from cifarviz.training.plan import training_images
from cifarviz.ui import cache
from cifarviz.ui.class_names import address_names


@dataclass(frozen=True, eq=False)
class RunMemory:
    """``memory`` of the images with these official ``indices``, the labels they were given and the
    right ones, each (n,); ``said`` (e, n) is the class that each was given after each epoch."""

    memory: Memory
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
    return _memory(folder, tuple((epoch, _stamp(folder, epoch)) for epoch in epochs), labels)


def labels_of(run: Run) -> TrainingLabels:
    """Return what a run's training images were labelled with; raises ``DatasetNotFound``."""
    data = cache.dataset(run.experiment.data.dataset, run.experiment.data.variant)
    return _labels(run.experiment_json, data, run)


def _epochs(store: RunStore, run: Run) -> list[int]:
    kept = snapshot_epochs(store.folder(run.id), "memory")
    return [epoch for epoch in kept if epoch <= run.epochs_done]


@lru_cache(maxsize=32)
def _memory(folder: Path, stamps: tuple[tuple[int, int], ...], labels: TrainingLabels) -> RunMemory:
    said = [_said(folder, epoch, stamp, labels.class_count) for epoch, stamp in stamps]
    places = places_of(labels.indices, said, folder)
    given, right = labels.given[places], labels.right[places]
    answers = np.stack([one.answers for one in said])
    epochs = tuple(epoch for epoch, _ in stamps)
    return RunMemory(follow(given, right, epochs, answers), said[0].indices, given, right, answers)


@lru_cache(maxsize=2000)
def _said(folder: Path, epoch: int, stamp: int, classes: int) -> Said:
    return said_after(folder, epoch, classes)


def _name(dataset: Dataset) -> str:
    return f"{dataset.info.name} {dataset.variant}"


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs={Dataset: _name})
def _labels(experiment_json: str, dataset: Dataset, _run: Run) -> TrainingLabels:
    trained = training_images(_run.experiment, dataset)
    return TrainingLabels(
        trained.given.indices.copy(),
        trained.given.labels.copy(),
        trained.right_labels.copy(),
        len(address_names(dataset.info)),
    )


def _stamp(folder: Path, epoch: int) -> int:
    path = snapshot_path(folder, "memory", epoch)
    return path.stat().st_mtime_ns if path.exists() else 0
