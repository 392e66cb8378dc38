"""The training images that the network sees as most similar to the chosen picture."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.background_job import BackgroundJob, BackgroundJobs, ReportProgress
from cifarviz.analysis.neighbours import NeighbourIndex, max_images
from cifarviz.analysis.predictions import most_probable_class
from cifarviz.data.image_set import ImageSet
from cifarviz.errors import DatasetNotFound
from cifarviz.figures.sprite import sprite
from cifarviz.figures.theme import class_color
from cifarviz.runs.records import Run
from cifarviz.runs.run_images import load_run_images
from cifarviz.runs.snapshots import WeightsChoice
from cifarviz.settings import Settings
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.dataset_images import available_images
from cifarviz.ui.familiarity import detector_jobs, is_judged_unknown
from cifarviz.ui.predict.picture import ChosenNetwork, ChosenPicture
from cifarviz.ui.query import update_query_params
from cifarviz.ui.weights_job import is_job_over, render_weights_job

_SHOWN = 9
_TILE = 96
# Each holds at most 40 MB.
_MAX_JOBS = 4
_WHY_BOTH = (
    "That some images are near does not contradict the warning above: the cosine distance compares "
    "the last hidden layer only, which turns anything into the features of its classes; the "
    "out-of-distribution score compares all layers."
)


@dataclass(frozen=True, eq=False)
class TrainingIndex:
    """The ``indices`` (n,) of the training images that are searched, and how a network sees them.

    ``width``: how many values it sees of each.
    """

    indices: NDArray[np.int64]
    index: NeighbourIndex
    width: int


def render_nearest(picture: ChosenPicture, network: ChosenNetwork) -> None:
    """Render the nearest training images, once the network has seen all of them."""
    st.subheader("Nearest training images", anchor=False)
    run, weights = network.run, network.weights
    text = "Showing the training images to the network"
    if not is_job_over(detector_jobs(), run, weights):
        # One after the other: the warning is needed first.
        st.caption(f"{text} …")
        return
    found = render_weights_job(
        _jobs(), run, weights, partial(_job, run, weights), text=text, key="predict-nearest"
    )
    if found is None:
        return
    model = cache.trained_model(run, weights)
    features, predictions = model.features(picture.pixels[np.newaxis])
    own = picture.train_index(run)
    # A training image is its own nearest, which tells nothing.
    nearest = found.index.nearest(features[0], _SHOWN + 1)
    others = found.indices[nearest.positions] != own
    if not others.any():
        st.caption("The network was trained on this image alone, so there are no others.")
        return
    indices = found.indices[nearest.positions][others][:_SHOWN]
    distances = nearest.distances[others][:_SHOWN]
    shown = available_images(run, "train").having(indices)
    names = [network.names[label] for label in shown.labels]
    predicted = most_probable_class(network.names, predictions.probabilities[0])
    same = sum(name == predicted.name for name in names)
    st.caption(
        f"{same} of {len(names)} are of the predicted class, {escaped(predicted.name)}. These are "
        f"the nearest of {_format_searched(found, own)} in {_space(found, network)}. Below each: "
        "its class and its cosine distance: 0 means that the network sees both alike. Click an "
        "image to see its own prediction."
    )
    if is_judged_unknown(run, weights, picture.pixels, own):
        st.caption(_WHY_BOTH)
    clicked = image_grid(
        sprite(shown.images),
        key="predict-nearest-images",
        labels=[f"{name}\n{distance:.3f}" for name, distance in zip(names, distances, strict=True)],
        tooltips=[
            f"{name}\n{distance:.3f}, training image {index}"
            for name, distance, index in zip(names, distances, shown.indices, strict=True)
        ],
        colors=[class_color(int(label)) for label in shown.labels],
        size=_TILE,
        description="Nearest training images",
    )
    if clicked is not None:
        index = int(shown.indices[clicked])
        update_query_params(dataset=None, split="train", image=str(index))
        st.rerun()


def _format_searched(found: TrainingIndex, own: int | None) -> str:
    count = len(found.indices) - int((found.indices == own).sum())
    others = "" if count == len(found.indices) else "other "
    return f"{count:,} {others}training images"


def _space(found: TrainingIndex, network: ChosenNetwork) -> str:
    # Layers with weights before the last one.
    rows = network.run.experiment.architecture.trace().rows
    if any(row.parameters for row in rows[:-1]):
        return f"the output of its last hidden layer, {found.width:,} values"
    return f"{found.width:,} pixel values, as this network has no hidden layer"


def _job(run: Run, weights: WeightsChoice) -> BackgroundJob[TrainingIndex]:
    runs = cache.store()

    def compute(report: ReportProgress) -> TrainingIndex:
        model = cache.open_model(run, weights, runs)
        first, _ = model.features(_training_images(run, runs.settings, 1).images)
        width = first.shape[1]
        images = _training_images(run, runs.settings, max_images(width))
        job.total = len(images)
        features, _ = model.features(images.images, on_progress=report)
        return TrainingIndex(images.indices, NeighbourIndex(features), width)

    # How many images are here is known once they are loaded.
    job = BackgroundJob(compute, 0, "cifarviz-nearest")
    return job


def _training_images(run: Run, settings: Settings, most: int) -> ImageSet:
    images = load_run_images(run, settings, most_train=most, most_reference=0).train
    if not len(images):
        raise DatasetNotFound(
            "None of the images that this run was trained on are on this machine. The full set "
            "has them: see the Data page."
        )
    return images


@st.cache_resource(show_spinner=False)
def _jobs() -> BackgroundJobs[TrainingIndex]:
    return BackgroundJobs(_MAX_JOBS)


cache.holds_images(_jobs)
