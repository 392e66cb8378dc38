"""What a run with wrong labels kept of its way, read once for all who look on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.memorisation import Memory, Said, follow, places_of, said_after
from cifarviz.data.datasets import Dataset
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import snapshot_epochs, snapshot_path
from cifarviz.settings import Settings
from cifarviz.training.plan import training_images
from cifarviz.ui import cache
from cifarviz.ui.class_names import address_names


@dataclass(frozen=True, eq=False)
class RunMemory:
    """``memory`` of the images with these official ``indices``, the labels they were given and the
    right ones, each (n,); ``said`` (e, n) is the class that each was given after each epoch."""

    memory: Memory
    indices: NDArray[np.int64]
    given: NDArray[np.uint8]
    right: NDArray[np.uint8]
    said: NDArray[np.int64]


def memory_of(run: Run) -> RunMemory | None:
    """As far as the run has come; ``None`` before its first epoch, or where nothing is left.

    Raises ``DatasetNotFound``, ``ArtifactDamaged`` and ``UnknownFormat``.
    """
    folder = cache.store().folder(run.id)
    epochs = [one for one in snapshot_epochs(folder, "memory") if one <= run.epochs_done]
    if not epochs:
        return None
    newest = snapshot_path(folder, "memory", epochs[-1]).stat().st_mtime_ns
    data = cache.dataset(run.experiment.data.dataset, run.experiment.data.variant)
    return _memory(run.id, tuple(epochs), newest, cache.settings(), data, run)


def _name(dataset: Dataset) -> str:
    return f"{dataset.info.name} {dataset.variant}"


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs={Settings: repr, Dataset: _name})
def _memory(
    run_id: str,
    epochs: tuple[int, ...],
    newest: int,
    settings: Settings,
    dataset: Dataset,
    _run: Run,
) -> RunMemory:
    folder = cache.store().folder(run_id)
    classes = len(address_names(dataset.info))
    said = [_said(folder, epoch, classes, _stamp(folder, epoch)) for epoch in epochs]
    trained = _labels(_run.experiment_json, dataset, _run)
    places = places_of(trained.indices, said, folder)
    given, right = trained.given[places], trained.right[places]
    answers = np.stack([one.answers for one in said])
    return RunMemory(follow(given, right, epochs, answers), said[0].indices, given, right, answers)


@st.cache_resource(max_entries=2000, show_spinner=False)
def _said(folder: Path, epoch: int, classes: int, stamp: int) -> Said:
    return said_after(folder, epoch, classes)


@dataclass(frozen=True, eq=False)
class _Labels:
    indices: NDArray[np.int64]
    given: NDArray[np.uint8]
    right: NDArray[np.uint8]


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs={Dataset: _name})
def _labels(experiment_json: str, dataset: Dataset, _run: Run) -> _Labels:
    trained = training_images(_run.experiment, dataset)
    return _Labels(
        trained.given.indices.copy(), trained.given.labels.copy(), trained.right_labels.copy()
    )


def _stamp(folder: Path, epoch: int) -> int:
    path = snapshot_path(folder, "memory", epoch)
    return path.stat().st_mtime_ns if path.exists() else 0
