"""What muted channels cost over the validation images, computed in the background."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.background_job import BackgroundJob, BackgroundJobs, JobResult
from cifarviz.analysis.evaluation import Evaluation, evaluate
from cifarviz.analysis.muting import (
    Ablation,
    Muted,
    ablate,
    channel_counts,
    channel_mask,
    format_muted,
    spread_over_classes,
)
from cifarviz.analysis.predictions import predicted_classes
from cifarviz.data.image_set import ImageSet
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice
from cifarviz.ui import cache
from cifarviz.ui.class_names import query_class_names
from cifarviz.ui.dataset_images import available_images, validation_images
from cifarviz.ui.weights_job import weights_key

ABLATION_IMAGES = 300
_BATCH = 100
# An evaluation holds the predictions of the whole and the muted network, for up to 10,000 images
# or more; an ablation a few numbers a channel.
_MAX_EVALUATIONS, _MAX_ABLATIONS = 8, 32


@dataclass(frozen=True, eq=False)
class MutedEvaluation:
    """The same images judged by the whole network and by the muted one."""

    whole: Evaluation
    muted: Evaluation


def judged_images(run: Run) -> tuple[ImageSet, str]:
    """The run's validation images, else the test images, and what they are called."""
    validation = validation_images(run)
    if validation is not None:
        return validation, "validation"
    return available_images(run, "test"), "test"


def evaluation_job(
    run: Run, weights: WeightsChoice, muted: Muted, *, start: bool
) -> BackgroundJob[MutedEvaluation] | None:
    """The job that judges the whole and the muted network; with ``start`` it is started."""
    key = weights_key(run, weights, format_muted(muted))
    return _job(_evaluations(), key, partial(_evaluation, run, weights, muted), start=start)


def ablation_job(
    run: Run, weights: WeightsChoice, layer: str, *, start: bool
) -> BackgroundJob[Ablation] | None:
    """The job that mutes each channel of ``layer`` in turn; with ``start`` it is started."""
    key = weights_key(run, weights, layer)
    return _job(_ablations(), key, partial(_ablation, run, weights, layer), start=start)


def _job(
    jobs: BackgroundJobs[JobResult],
    key: tuple[Hashable, ...],
    make: Callable[[], BackgroundJob[JobResult]],
    *,
    start: bool,
) -> BackgroundJob[JobResult] | None:
    if not start:
        return jobs.get(key)
    job = jobs.get_or_start(key, make)
    # Again, if it was stopped or failed.
    job.start()
    return job


@st.cache_resource(show_spinner=False)
def _evaluations() -> BackgroundJobs[MutedEvaluation]:
    return BackgroundJobs(_MAX_EVALUATIONS)


@st.cache_resource(show_spinner=False)
def _ablations() -> BackgroundJobs[Ablation]:
    return BackgroundJobs(_MAX_ABLATIONS)


def _evaluation(run: Run, weights: WeightsChoice, muted: Muted) -> BackgroundJob[MutedEvaluation]:
    (images, _), runs = judged_images(run), cache.store()
    architecture = run.experiment.architecture
    mask = channel_mask(channel_counts(architecture), muted)
    classes = query_class_names(run.experiment.data.dataset)

    def compute(report: Callable[[int], None]) -> MutedEvaluation:
        model = cache.open_model(run, weights, runs)
        whole = model.predictions(images.images, on_progress=report)
        without = model.muted_predictions(
            images.images, mask, on_progress=lambda done: report(len(images) + done)
        )
        judged = (
            evaluate(images.labels, each, images.indices, classes) for each in (whole, without)
        )
        return MutedEvaluation(*judged)

    return BackgroundJob(compute, 2 * len(images), "cifarviz-muted")


def _ablation(run: Run, weights: WeightsChoice, layer: str) -> BackgroundJob[Ablation]:
    (every, _), runs = judged_images(run), cache.store()
    images = every.take(spread_over_classes(every.labels, ABLATION_IMAGES))
    counts = channel_counts(run.experiment.architecture)
    classes = len(query_class_names(run.experiment.data.dataset))

    def compute(report: Callable[[int], None]) -> Ablation:
        model = cache.open_model(run, weights, runs)
        done = 0

        def predict(mask: NDArray[np.float32]) -> NDArray[np.int64]:
            nonlocal done
            predictions = model.muted_predictions(
                images.images,
                mask,
                batch_size=_BATCH,
                on_progress=lambda count: report(done + count),
            )
            done += len(images)
            return predicted_classes(predictions.log_probabilities)

        return ablate(layer, counts, images.labels.astype(np.int64), classes, predict)

    return BackgroundJob(compute, (counts[layer] + 1) * len(images), "cifarviz-ablation")


cache.holds_images(_evaluations, _ablations)
