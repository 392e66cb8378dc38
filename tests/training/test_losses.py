"""Every loss is the plain cross-entropy that Keras computes for the exported network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from cifarviz.analysis.evaluation import cross_entropy, evaluate
from cifarviz.analysis.trained_model import open_checkpoint
from cifarviz.data import library
from cifarviz.data.image_set import ImageSet
from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import Loss, NoValidation, TestValidation
from cifarviz.experiment.optimizers import SGD
from cifarviz.experiment.prediction_views import ONLY_THE_IMAGE, PredictionViews
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import MaxPool2D
from cifarviz.network.keras_file import keras_file
from cifarviz.runs.artifacts import checkpoint_path, load_arrays, save_arrays
from cifarviz.runs.earlier_losses import earlier_losses
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice, load_predictions, load_weights
from cifarviz.runs.states import RunState
from cifarviz.runs.stored_predictions import checkpoint_stamp, load_checkpoint_predictions
from cifarviz.settings import Settings
from cifarviz.training.plan import make_plan

TrainRun = Callable[..., Run]

# Without what differs between training and evaluation.
PLAIN_LAYERS = (
    Conv2D(filters=4),
    MaxPool2D(pool_size=4, strides=4),
    Flatten(),
    Dense(units=10, activation="softmax"),
)
# So small a rate that float32 weights stay as they are.
STILL = SGD(learning_rate=1e-12)


def evaluated_by_keras(
    worker: Worker, run: Run, which: WeightsChoice, images: ImageSet, folder: Path
) -> float:
    """What Keras says of the exported file: its loss on ``images``."""
    arrays, _ = load_weights(worker.store.folder(run.id), which)
    assert run.scaling is not None
    made = run.experiment
    path = folder / "network.keras"
    path.write_bytes(keras_file(made.architecture, run.scaling, arrays, made.prediction_views))
    model = keras.saving.load_model(path)
    model.compile(loss="sparse_categorical_crossentropy")
    return float(model.evaluate(images.images, images.labels, verbose=0))


@pytest.mark.parametrize("views", [ONLY_THE_IMAGE, PredictionViews(True), PredictionViews(True, 2)])
@pytest.mark.parametrize("labels", ["integer", "one_hot"])
def test_history_evaluation_and_keras_agree_on_confident_mistakes(
    worker: Worker,
    trained: TrainRun,
    settings: Settings,
    tmp_path: Path,
    views: PredictionViews,
    labels: Any,
) -> None:
    run = trained(
        epochs=1,
        validation=TestValidation(),
        optimizer=SGD(learning_rate=0.4),
        mirrored_answers=views.mirrored,
        prediction_shift=views.shift,
        loss=Loss(labels=labels),
    )
    assert run.state is RunState.FINISHED, run.message
    test = library.load("cifar10", "sample", settings).test
    folder = worker.store.folder(run.id)
    expected = evaluated_by_keras(worker, run, "last", test, tmp_path)
    # More than a clip at 1e-7 would let through, and less than float16 holds.
    assert 20 < expected < 20_000
    loss = worker.store.epochs(run.id)[0].val_loss
    assert loss == pytest.approx(expected, rel=1e-5)
    asked = open_checkpoint(worker.store, run, "last").predictions(test.images)
    kept = load_checkpoint_predictions(folder, "last", checkpoint_stamp(folder, "last"), test, 10)
    assert kept is not None
    for predictions in (asked, kept):
        found = evaluate(test.labels, predictions, test.indices, tuple("0123456789"))
        assert found.loss == pytest.approx(expected, rel=1e-5)
    rounded = load_predictions(folder, 1, 10).predictions.log_probabilities
    assert cross_entropy(test.labels, rounded) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_losses_do_not_include_label_smoothing_or_l2(
    worker: Worker,
    trained: TrainRun,
    settings: Settings,
    tmp_path: Path,
    smoothing: float,
) -> None:
    run = trained(
        epochs=1,
        loss=Loss(labels="one_hot", label_smoothing=smoothing),
        l2=0.1,
        optimizer=STILL,
        architecture={"input_shape": (32, 32, 3), "classes": 10, "layers": PLAIN_LAYERS},
    )
    plan = make_plan(run.experiment, library.load("cifar10", "sample", settings))
    assert plan.validation is not None
    [epoch] = worker.store.epochs(run.id)
    learned = evaluated_by_keras(worker, run, "last", plan.train, tmp_path)
    held_back = evaluated_by_keras(worker, run, "last", plan.validation, tmp_path)
    assert epoch.loss == pytest.approx(learned, rel=1e-5)
    assert epoch.val_loss == pytest.approx(held_back, rel=1e-5)
    points = worker.store.batch_points(run.id)
    sizes = np.full(len(points), 16)
    sizes[-1] = 90 - 16 * (len(points) - 1)
    assert np.average(points.loss, weights=sizes) == pytest.approx(learned, rel=1e-5)


def test_label_smoothing_affects_training(worker: Worker, trained: TrainRun) -> None:
    runs = [
        trained(epochs=1, loss=Loss(labels="one_hot", label_smoothing=smoothing))
        for smoothing in (0.0, 0.5)
    ]
    plain, smoothed = (worker.store.batch_points(run.id).loss for run in runs)
    # The first batch is measured before anything was learned.
    assert plain[0] == smoothed[0]
    assert (plain[1:] != smoothed[1:]).all()


@pytest.mark.parametrize(("images", "first"), [(0, 2), (32, 3)])
def test_a_resumed_run_of_an_earlier_version_records_its_first_exact_loss(
    worker: Worker, trained: TrainRun, images: int, first: int
) -> None:
    run = trained(epochs=3)
    assert run.exact_loss_from == 1
    # As an earlier version left it: after its first epoch, or in the middle of the second.
    worker.store.rewind(run.id, step=6 + images // 16, epoch=1)
    worker.store.describe(run.id, exact_loss_from=None, state=RunState.STOPPED)
    path = checkpoint_path(worker.store.folder(run.id), "last")
    arrays, facts = load_arrays(path)
    position = {"epochs_done": 1, "step": 6 + images // 16, "images": images, "loss_sum": 99.0}
    save_arrays(path, arrays, facts | position)

    resumed = worker.wait(worker.resume(run.id).id)

    assert (resumed.state, resumed.epochs_done) == (RunState.FINISHED, 3)
    assert resumed.exact_loss_from == first
    earlier = earlier_losses(resumed)
    assert earlier is not None
    assert earlier.label == f"validation loss clipped at 16.1 per image up to epoch {first - 1}"


def test_a_run_restarted_from_the_beginning_has_only_exact_losses(
    worker: Worker, trained: TrainRun
) -> None:
    run = trained(epochs=1, validation=NoValidation())
    worker.store.describe(run.id, exact_loss_from=None, state=RunState.INTERRUPTED)
    checkpoint_path(worker.store.folder(run.id), "last").unlink()
    resumed = worker.wait(worker.resume(run.id).id)
    assert resumed.exact_loss_from == 1
    assert earlier_losses(resumed) is None
