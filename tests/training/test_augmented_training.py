"""Training on changed and mixed images: losses by hand, parts, precisions, and resuming."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from cifarviz.data import library
from cifarviz.data.statistics import channel_mean_std
from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.choices import Augmentation, Data, Loss, TestValidation
from cifarviz.experiment.experiment import Experiment
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.pooling import GlobalAveragePool2D
from cifarviz.settings import Settings
from cifarviz.training.augmentation import augment, mix, mixed_targets
from cifarviz.training.plan import Plan, make_plan
from cifarviz.training.step import TrainingTensors, objective
from cifarviz.training.trainable import Trainable, make_trainable
from tests.training.conftest import MakeExperiment
from tests.training.in_memory import made_up_data
from tests.training.stopped_run import check_stopped_run_continues
from tests.training.test_augmentation import EVERYTHING

# Without what differs between training and evaluation.
PLAIN = {
    "input_shape": (32, 32, 3),
    "classes": 10,
    "layers": (
        Conv2D(filters=4, strides=2),
        GlobalAveragePool2D(),
        Dense(units=10, activation="softmax"),
    ),
}
BATCH = np.arange(32)[None]


def made(make_experiment: MakeExperiment, **fields: Any) -> Experiment:
    defaults: dict[str, Any] = {
        "architecture": PLAIN,
        "augmentation": EVERYTHING,
        "batch_size": 32,
        "data": Data(wrong_labels=0.2, train_images=90),
    }
    return make_experiment(**{**defaults, **fields})


def opened(
    experiment: Experiment, settings: Settings, precision: Any = "float32"
) -> tuple[Plan, Trainable]:
    plan = make_plan(experiment, library.load("cifar10", "sample", settings))
    return plan, make_trainable(experiment, plan, TrainingTensors(plan.train), precision)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_loss_and_accuracy_are_those_of_the_mixed_label(
    make_experiment: MakeExperiment, settings: Settings, smoothing: float
) -> None:
    loss = Loss(labels="one_hot", label_smoothing=smoothing)
    experiment = made(make_experiment, loss=loss)
    plan, trainable = opened(experiment, settings)
    pixels, labels = plan.train.images[:32], plan.train.labels[:32].astype(np.int32)
    # Step 7 of a run with seed 5.
    seed = tf.constant([5, 14], tf.int32)
    changed = augment(tf.constant(pixels), EVERYTHING, seed, channel_mean_std(plan.train.images)[0])
    images, shares = mix(changed, EVERYTHING, seed)
    logs = np.log(trainable.model(images).numpy())
    targets = np.zeros((32, 10))
    for i, share in enumerate(shares.numpy()):
        targets[i, labels[i]] += share
        targets[i, labels[i - 1]] += 1 - share
    losses, accuracies = trainable.step(BATCH, np.array([0.0], np.float32), 7)
    # Label smoothing is minimized and not reported.
    assert losses[0] == pytest.approx(-(targets * logs).sum(1).mean(), rel=1e-5)
    assert accuracies[0] == pytest.approx((logs.argmax(1) == targets.argmax(1)).mean())
    smoothed = targets * (1 - smoothing) + smoothing / 10
    minimized = objective(loss, 10)(mixed_targets(labels, shares, 10), tf.constant(logs))
    np.testing.assert_allclose(minimized, -(smoothed * logs).sum(1), rtol=1e-4)


def test_an_alternating_flip_shows_both_sides_of_an_image_in_two_epochs(
    make_experiment: MakeExperiment, settings: Settings
) -> None:
    experiment = made(make_experiment, augmentation=Augmentation(alternating_flip=True))
    plan, trainable = opened(experiment, settings)
    steps = plan.steps_per_epoch
    for position in (0, 5, 80):
        image = plan.train.images[position : position + 1]
        expected = {
            round(float(-np.log(trainable.model(side)[0, plan.train.labels[position]])), 3)
            for side in (image, image[:, :, ::-1])
        }
        found = [
            trainable.step(np.array([[position]]), np.array([0.0], np.float32), step)[0][0]
            for step in (1, steps, steps + 1, 2 * steps + 1)
        ]
        assert {round(float(loss), 3) for loss in found} == expected
        assert found[0] == found[1] != found[2]
        assert found[3] == found[0]


def test_a_batch_in_parts_and_in_bfloat16_sees_the_same_images(
    make_experiment: MakeExperiment, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = made(make_experiment)
    rates, found = np.array([0.001], np.float32), []
    for parts, precision in ((1, "float32"), (2, "float32"), (3, "float32"), (1, "bfloat16")):
        monkeypatch.setattr("cifarviz.training.step.batch_parts", lambda images, parts=parts: parts)
        _plan, trainable = opened(experiment, settings, precision)
        found.append([trainable.step(BATCH, rates, step)[0][0] for step in (1, 2)])
    np.testing.assert_allclose(found[1], found[0], rtol=1e-4)
    np.testing.assert_allclose(found[2], found[0], rtol=1e-4)
    np.testing.assert_allclose(found[3], found[0], rtol=0.02)
    assert found[0][0] != pytest.approx(found[0][1], rel=1e-3)


def test_a_stopped_run_continues_exactly(
    make_experiment: MakeExperiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cifarviz.training.recorder.POLL_SECONDS", 0.0)
    monkeypatch.setattr("cifarviz.training.recorder.WRITE_SECONDS", 0.0)
    changes = EVERYTHING.model_copy(update={"flip": False, "alternating_flip": True})
    experiment = make_experiment(
        augmentation=changes, data=Data(variant="full"), validation=TestValidation()
    )
    check_stopped_run_continues(experiment, made_up_data())


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        (
            {"data": Data(class_balance="class_weights"), "augmentation": Augmentation(mixup=0.2)},
            r"^Class weights need one class for each image, and mixup and CutMix give it two\.",
        ),
        (
            {"augmentation": {"flip": True, "alternating_flip": True}},
            r"Flip and alternating flip both mirror images: switch one of them off",
        ),
        ({"augmentation": Augmentation(cutout=32)}, r"^A cutout of 32 pixels could cover a whole"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    make_experiment: Callable[..., Experiment], fields: Any, problem: str
) -> None:
    with pytest.raises(ExperimentInvalid, match=problem):
        make_experiment(**fields)


def test_resampling_goes_with_mixup(make_experiment: MakeExperiment) -> None:
    data = Data(class_balance="resampling", wrong_labels=0.1)
    assert make_experiment(data=data, augmentation=Augmentation(mixup=0.2, cutmix=1))
