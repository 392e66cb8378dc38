"""Objects shared by all sessions of this server; the only file of ``ui`` with TensorFlow."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from cifarviz.analysis import feature_maps
from cifarviz.analysis.feature_maps import LayerView
from cifarviz.bytecode import compile_missing
from cifarviz.data import library
from cifarviz.data.image_set import Dataset
from cifarviz.data.statistics import channel_mean_std
from cifarviz.datasets.info import Variant
from cifarviz.datasets.own import use_folder
from cifarviz.datasets.registry import find_dataset
from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import Augmentation
from cifarviz.experiment.experiment import Experiment
from cifarviz.loading import tensorflow_imports
from cifarviz.runs.recorded import unpack_recorded_once
from cifarviz.runs.records import Run
from cifarviz.runs.run_data import check_run_data
from cifarviz.runs.snapshots import SnapshotKind, WeightsChoice, snapshot_path, weights_path
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_maps import load_maps, map_image_indices
from cifarviz.settings import Settings
from cifarviz.training.range_test import RangeTest
from cifarviz.training.study_driver import Studies

if TYPE_CHECKING:
    from cifarviz.analysis.trained_model import TrainedModel
    from cifarviz.training.augmentation_examples import AugmentationExamples

log = logging.getLogger(__name__)

# Seconds before TensorFlow is loaded in the background, so that the first page is not slowed.
_WARM_UP_DELAY = 1.0

_WORKERS: list[Worker] = []


def settings() -> Settings:
    """Return the settings of this server."""
    here = Settings.from_environment()
    use_folder(here.datasets)
    return here


def store() -> RunStore:
    """Return the run store of this server's home."""
    return worker().store


def worker() -> Worker:
    """Return this server's worker."""
    return _worker(settings())


@st.cache_resource(show_spinner=False, hash_funcs={Settings: repr})
def _worker(settings: Settings) -> Worker:
    worker = Worker(settings, "dashboard")
    if settings.recorded:
        unpack_recorded_once(worker.store)
    _adopt(worker)
    _WORKERS.append(worker)
    return worker


def close_workers(seconds: float) -> None:
    """Save the weights of what trains in this server, which is about to end, within ``seconds``."""
    for worker in _WORKERS:
        worker.close(seconds)


def studies() -> Studies:
    """Return the studies in which this server searches."""
    return _studies(settings())


@st.cache_resource(show_spinner=False, hash_funcs={Settings: repr})
def _studies(settings: Settings) -> Studies:
    return Studies(_worker(settings))


def adopt_orphans() -> None:
    """Let this server's worker train queued runs whose process has ended."""
    _adopt(worker())


def _adopt(worker: Worker) -> None:
    try:
        worker.adopt()
    except Exception:
        # Pages work without it, and the next page tries again.
        log.exception("queued runs of ended processes could not be adopted")


def dataset(name: str, variant: Variant) -> Dataset:
    """Load a data set, cached. Raises ``DatasetNotFound`` and ``DatasetDamaged``."""
    return _dataset(name, variant, settings(), dataset_stamp(name))


def dataset_stamp(name: str) -> int:
    """Return a number that changes when the images on this machine do; 0 without a full set."""
    return _stamp(settings().datasets / name / "verified.json")


def run_dataset(run: Run) -> Dataset:
    """Load the data set a run was trained on, cached; raises ``DatasetChanged`` too."""
    check_run_data(run)
    return dataset(run.experiment.data.dataset, run.experiment.data.variant)


def nearest_dataset(name: str, variant: Variant) -> Dataset:
    """Load a data set in this variant, or in the other one where this is not available.

    Raises ``DatasetNotFound`` where neither is on this machine.
    """
    info = find_dataset(name)
    here = library.available_variants(info, settings())
    wanted = variant if variant in here or not here else here[0]
    return dataset(info.name, wanted if wanted in info.variants else "full")


@st.cache_resource(
    max_entries=4, show_spinner="Loading the images …", show_time=True, hash_funcs={Settings: repr}
)
def _dataset(name: str, variant: Variant, settings: Settings, stamp: int) -> Dataset:
    return library.load(name, variant, settings)


_IMAGE_CACHES: list[Any] = []


def holds_images(*cached: Any) -> None:
    """Register cached functions whose results hold images or show them."""
    _IMAGE_CACHES.extend(cached)


def forget_images() -> None:
    """Empty the caches that hold images, after some were deleted."""
    for cached in _IMAGE_CACHES:
        cached.clear()


def weights_stamp(run: Run, which: WeightsChoice) -> int:
    """Return a number that changes when these weights of a run do; 0 without weights."""
    return _stamp(weights_path(store().folder(run.id), which))


def trained_model(run: Run, which: WeightsChoice) -> "TrainedModel":
    """Load a run's network with these weights, cached.

    Raises ``ArtifactMissing`` and ``ArtifactDamaged``.
    """
    return _trained_model(run.id, which, settings(), weights_stamp(run, which))


@st.cache_resource(
    max_entries=16,
    show_spinner="Loading the network …",
    show_time=True,
    hash_funcs={Settings: repr},
)
def _trained_model(
    run_id: str, which: WeightsChoice, settings: Settings, stamp: int
) -> "TrainedModel":
    with tensorflow_imports(settings.home):
        from cifarviz.analysis.trained_model import open_checkpoint

    runs = RunStore(settings)
    return open_checkpoint(runs, runs.get(run_id), which)


def open_model(run: Run, which: WeightsChoice, runs: RunStore | None = None) -> "TrainedModel":
    """Load as ``trained_model`` does, but uncached, for work outside a page's script.

    ``runs`` is the store for a thread that has no access to this server's cache.
    """
    runs = runs or store()
    with tensorflow_imports(runs.settings.home):
        from cifarviz.analysis.trained_model import open_checkpoint

    return open_checkpoint(runs, run, which)


def network_file(run: Run, which: WeightsChoice, *, weights_only: bool) -> bytes:
    """Return a run's network as a Keras file, uncached; raises as ``trained_model`` does."""
    with tensorflow_imports(settings().home):
        from cifarviz.analysis import trained_model

    return trained_model.network_file(store(), run, which, weights_only=weights_only)


def find_learning_rate(
    runs: RunStore,
    experiment: Experiment,
    data: Dataset,
    on_progress: Callable[[RangeTest], None],
) -> RangeTest:
    """Make the range test of an experiment, for work outside a page's script.

    Raises as ``training.rate_finder.find_learning_rate`` does.
    """
    with tensorflow_imports(runs.settings.home):
        from cifarviz.training import rate_finder

    return rate_finder.find_learning_rate(runs, experiment, data, on_progress)


def augmentation_examples(
    data: Dataset, images: np.ndarray, augmentation: Augmentation, *, seed: int, times: int
) -> "AugmentationExamples":
    """Return raw images of ``data``, uint8 (n, h, w, c), as training would change them, cached."""
    cover = None
    if augmentation.cutout:
        cover = _mean_color(data.info.name, data.variant, data.info.fingerprint, data)
    return _augmentation_examples(images, augmentation, cover, seed, times, settings())


@st.cache_resource(
    max_entries=64,
    show_spinner="Drawing examples …",
    hash_funcs={Settings: repr, Augmentation: Augmentation.model_dump_json},
)
def _augmentation_examples(
    images: np.ndarray,
    augmentation: Augmentation,
    cover: np.ndarray | None,
    seed: int,
    times: int,
    settings: Settings,
) -> "AugmentationExamples":
    with tensorflow_imports(settings.home):
        from cifarviz.training.augmentation_examples import make_examples

    return make_examples(images, augmentation, cover, seed=seed, times=times)


@st.cache_resource(max_entries=8, show_spinner=False)
def _mean_color(name: str, variant: Variant, fingerprint: str | None, _data: Dataset) -> np.ndarray:
    return channel_mean_std(_data.train.images)[0]


def layer_views(run: Run, which: WeightsChoice, image: np.ndarray) -> tuple[LayerView, ...]:
    """Return the activations of every layer for one raw image, uint8 (h, w, c).

    Raises as ``trained_model`` does, and ``ExperimentInvalid`` for an image of another shape.
    """
    return _layer_views(run.id, which, weights_stamp(run, which), image, run)


@st.cache_resource(max_entries=32, show_spinner=False)
def _layer_views(
    run_id: str, which: WeightsChoice, stamp: int, image: np.ndarray, _run: Run
) -> tuple[LayerView, ...]:
    return feature_maps.layer_views(trained_model(_run, which).observe(image))


def snapshot_layer_views(run: Run, epoch: int, image: int) -> tuple[LayerView, ...]:
    """Return the saved activations of a pinned test image after an epoch; as ``layer_views``.

    Raises ``ArtifactMissing``, ``ArtifactDamaged`` and ``UnknownFormat``.
    """
    return _kept_views(run.id, epoch, image, snapshot_stamp(run, "maps", epoch), settings())


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs={Settings: repr})
def _kept_views(
    run_id: str, epoch: int, image: int, stamp: int, settings: Settings
) -> tuple[LayerView, ...]:
    return feature_maps.layer_views(load_maps(RunStore(settings).folder(run_id), epoch, image))


def images_with_maps(run: Run, epoch: int) -> tuple[int, ...]:
    """Return the indices of the test images with saved feature maps of an epoch."""
    return _images_with_maps(run.id, epoch, snapshot_stamp(run, "maps", epoch), settings())


@st.cache_resource(max_entries=1024, show_spinner=False, hash_funcs={Settings: repr})
def _images_with_maps(run_id: str, epoch: int, stamp: int, settings: Settings) -> tuple[int, ...]:
    return map_image_indices(RunStore(settings).folder(run_id), epoch)


holds_images(_dataset, _layer_views, _kept_views, _augmentation_examples, _mean_color)


def snapshot_stamp(run: Run, kind: SnapshotKind, epoch: int) -> int:
    """Return a number that changes when a snapshot does; 0 without it."""
    return _stamp(snapshot_path(store().folder(run.id), kind, epoch))


def warm_up() -> threading.Thread | None:
    """Load TensorFlow once in the background, so that the first training starts sooner.

    Returns the thread that loads it, or did; ``None`` if the settings do not want that.
    """
    return _warm_up_thread(settings().home) if settings().warm_up else None


@st.cache_resource(show_spinner=False)
def _warm_up_thread(home: Path) -> threading.Thread:
    thread = threading.Thread(
        target=_load_tensorflow, args=(home,), name="cifarviz-warm-up", daemon=True
    )
    thread.start()
    return thread


def _load_tensorflow(home: Path) -> None:
    time.sleep(_WARM_UP_DELAY)
    try:
        with tensorflow_imports(home):
            import sklearn.metrics
            import sklearn.model_selection  # noqa: F401

            import cifarviz.analysis.trained_model
            import cifarviz.training.augmentation_examples
            import cifarviz.training.engine  # noqa: F401
    except Exception:
        # The code that needs them imports them again and reports the error.
        log.exception("TensorFlow could not be loaded ahead")
        return
    compile_missing()


def _stamp(path: Path) -> int:
    """Return the file's modification time, ns, as part of a cache key; 0 without a file."""
    return path.stat().st_mtime_ns if path.exists() else 0
