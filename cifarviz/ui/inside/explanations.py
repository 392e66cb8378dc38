"""Slow calculations of Inside: in the background, kept for all sessions of this server."""

import hashlib
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.background_job import BackgroundJobs
from cifarviz.analysis.ideal_image import IdealImage
from cifarviz.errors import DatasetNotFound
from cifarviz.runs.records import Run
from cifarviz.runs.run_data import has_images
from cifarviz.runs.snapshots import WeightsChoice
from cifarviz.ui import cache
from cifarviz.ui.dataset_images import training_images
from cifarviz.ui.weights_job import compute_soon, weights_key

if TYPE_CHECKING:
    from cifarviz.analysis.trained_model import TrainedModel

Result = TypeVar("Result")

_MAX_JOBS = 64
_MID_GREY = 128


def compute_or_wait(
    run: Run,
    weights: WeightsChoice,
    key: tuple[Hashable, ...],
    work: Callable[["TrainedModel"], Result],
) -> Result | None:
    """The result of ``work`` for a run's network; ``None`` with a note while it is computed.

    ``key`` says all that the result depends on besides the network. The page reruns when there is
    a result. Raises what ``work`` does, ``ArtifactMissing`` and ``ArtifactDamaged``.
    """
    model = cache.trained_model(run, weights)
    return wait_for(weights_key(run, weights, *key), lambda: work(model))


def wait_for(key: tuple[Hashable, ...], work: Callable[[], Result]) -> Result | None:
    """The result of ``work``; ``None`` with a note while it is computed, as ``compute_or_wait``.

    ``key`` says all that the result depends on.
    """
    jobs: BackgroundJobs[Result] = _jobs()
    return compute_soon(jobs, key, work, "Computing", key=f"explanation-{hash(key)}")


def image_key(pixels: NDArray[Any]) -> str:
    """A part of a key for an image."""
    return hashlib.blake2b(pixels.tobytes(), digest_size=12).hexdigest()


def mean_image(run: Run) -> NDArray[np.float32] | None:
    """The mean of the run's training images, float32 (h, w, c); ``None`` where there are none.

    Images that were held back for validation are not among them.
    """
    if not has_images(run, cache.settings(), "train"):
        return None
    stamp = cache.dataset_stamp(run.experiment.data.dataset)
    try:
        return _mean_image(run.id, str(cache.settings()), stamp, run)
    except DatasetNotFound:
        return None


def find_ideal_images(
    run: Run, weights: WeightsChoice, layer: str, channels: Sequence[int]
) -> Sequence[IdealImage] | None:
    """The image that each of these channels responds to most; as ``compute_or_wait``."""
    # Here, since the job's thread has no access to this server's cache.
    color = _mean_color(run)
    return compute_or_wait(
        run,
        weights,
        ("ideal", layer, *channels, *color.tolist()),
        lambda model: [model.ideal_image(layer, channel, color) for channel in channels],
    )


def _mean_color(run: Run) -> NDArray[np.float32]:
    """The mean colour (c,) of the run's training images, or mid-grey where there are none."""
    image = mean_image(run)
    if image is not None:
        return image.mean(axis=(0, 1))
    return np.full(run.experiment.architecture.input_shape[2], _MID_GREY, np.float32)


@st.cache_resource(max_entries=16, show_spinner=False)
def _mean_image(run_id: str, settings: str, stamp: int, _run: Run) -> NDArray[np.float32] | None:
    images = training_images(_run).images
    return images.mean(axis=0, dtype=np.float64).astype(np.float32) if len(images) else None


@st.cache_resource(show_spinner=False)
def _jobs() -> BackgroundJobs[Any]:
    return BackgroundJobs(_MAX_JOBS)


cache.holds_images(_mean_image, _jobs)
