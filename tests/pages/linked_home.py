"""A home in which every kind of link leads somewhere; nothing in it was trained."""

import numpy as np

from cifarviz.data import library
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.choices import Data, TestValidation
from cifarviz.experiment.presets import PRESETS
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import MaxPool2D
from cifarviz.runs.artifacts import FolderArtifacts
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.records import Run
from cifarviz.runs.series import save_series
from cifarviz.runs.snapshots import save_predictions, save_weights
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.training.plan import make_plan
from tests import stored_runs
from tests.stored_runs import Arrays

_GREY = Architecture(
    input_shape=(28, 28, 1),
    classes=10,
    layers=(Conv2D(filters=4), MaxPool2D(), Flatten(), Dense(units=10, activation="softmax")),
)


def fill(store: RunStore, weights: Arrays) -> dict[str, str]:
    """Store the runs and series; returns their ids by what links here call them.

    ``MINE``, the newest, has last and best weights, those of epochs 0 and 1, and answers to 60
    training images after epochs 1 to 3. ``OTHER`` is the same network with other weights, and has
    answers to the test images after epochs 1 and 2. ``CLOTHES`` learned from Fashion-MNIST.
    ``VGG`` began with a published preset and has curves only. ``DUEL`` and ``HEART`` are series
    of the Lab.
    """
    base = PRESETS["fashion-mnist-cnn"].experiment
    grey = base.model_copy(
        update={
            "architecture": _GREY,
            "data": Data(dataset="fashion-mnist"),
            "epochs": 3,
            "early_stopping": None,
        }
    )
    runs = {
        "CLOTHES": stored_runs.store_run(
            store, grey, name="clothes", checkpoints={"best": stored_runs.weights(grey)}
        ),
        "VGG": stored_runs.store_run(
            store, PRESETS["cifar10-vgg"].experiment, name="as published", epochs=2
        ),
    }
    series = {"HEART": _memorised(store), "DUEL": _duel(store)}
    noise = np.random.default_rng(2)
    others = {
        name: value + noise.normal(0, 0.1, value.shape).astype(np.float32)
        if value.dtype == np.float32
        else value
        for name, value in weights.items()
    }
    runs["OTHER"] = stored_runs.store_run(
        store,
        stored_runs.experiment(seed=2, test_epochs=(1, 2)),
        name="other",
        checkpoints={"last": others},
    )
    runs["MINE"] = stored_runs.store_run(
        store, stored_runs.experiment(), name="mine", checkpoints={"last": weights, "best": weights}
    )
    _keep_epochs(store, runs["MINE"], weights, others)
    _keep_votes(store, runs["OTHER"])
    store.star(runs["OTHER"].id, True)
    return {name: run.id for name, run in runs.items()} | series


def _keep_epochs(store: RunStore, run: Run, weights: Arrays, others: Arrays) -> None:
    folder = store.folder(run.id)
    save_weights(FolderArtifacts(folder), 0, dict(others))
    save_weights(FolderArtifacts(folder), 1, {name: value / 2 for name, value in weights.items()})
    images = library.load("cifar10", "sample", store.settings).train.take(np.arange(60))
    for epoch, right in ((1, 20), (2, 30), (3, 40)):
        said = np.where(np.arange(60) < right, images.labels, (images.labels + 1) % 10)
        shares = np.full((60, 10), 0.03, np.float32)
        shares[np.arange(60), said] = 0.73
        save_predictions(
            FolderArtifacts(folder),
            epoch,
            "train",
            images.indices,
            Predictions.from_probabilities(shares),
        )


def _keep_votes(store: RunStore, run: Run) -> None:
    images = library.load("cifar10", "sample", store.settings).test
    for epoch, right in ((1, 200), (2, 300)):
        said = np.where(np.arange(len(images)) < right, images.labels, (images.labels + 1) % 10)
        shares = np.full((len(images), 10), 0.03, np.float32)
        shares[np.arange(len(images)), said] = 0.73
        stored_runs.save_predictions(store, run, epoch, shares, images.indices)


def _duel(store: RunStore) -> str:
    made = stored_runs.experiment(data=Data(train_images=200))
    runs = [stored_runs.store_run(store, made, name=name) for name in ("narrow", "wide")]
    for run in runs:
        store.describe(run.id, validation_images=1000)
    labelled = [(run.id, run.name) for run in runs]
    return save_series(store, "duel", "Width: narrow against wide", labelled).id


def _memorised(store: RunStore) -> str:
    data = Data(train_images=200, wrong_labels=0.2, wrong_labels_seed=6)
    made = stored_runs.experiment(data=data, validation=TestValidation())
    run = stored_runs.store_run(store, made, name="by heart", state=RunState.FINISHED)
    plan = make_plan(run.experiment, library.load("cifar10", "sample", store.settings))
    watched = plan.train.take(plan.tracked)
    right = plan.true_labels[plan.tracked]
    wrong = np.flatnonzero(watched.labels != right)
    for epoch, late in ((1, wrong), (2, wrong[20:]), (3, wrong[:3])):
        said = watched.labels.copy()
        said[late] = right[late]
        save_predictions(
            FolderArtifacts(store.folder(run.id)),
            epoch,
            "train",
            watched.indices,
            Predictions.from_probabilities(np.eye(10, dtype=np.float32)[said]),
            kind="train_predictions",
        )
    return save_series(store, "memorisation", "By heart", [(run.id, "20% wrong labels")]).id
