"""Class weights and resampling make the classes count the same, and no loss shown is weighted."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cifarviz.data import library
from cifarviz.data.image_set import Dataset
from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import Data, Loss
from cifarviz.experiment.optimizers import SGD
from cifarviz.settings import Settings
from cifarviz.training.class_balance import balanced_order, class_weights
from cifarviz.training.plan import epoch_order, make_plan
from tests.training.conftest import TrainRun
from tests.training.in_memory import made_up_data
from tests.training.stopped_run import check_stopped_run_continues

LABELS = np.repeat(np.array([0, 2, 3], np.uint8), [60, 7, 3])


def test_each_class_weighs_the_same_in_total() -> None:
    weights = class_weights(LABELS, 4)
    totals = np.bincount(LABELS, weights[LABELS], minlength=4)
    np.testing.assert_allclose(totals, [70 / 3, 0, 70 / 3, 70 / 3], rtol=1e-6)
    assert weights[1] == 0


def test_each_class_is_drawn_equally_often_and_its_images_too() -> None:
    order = epoch_order(5, 2, len(LABELS), LABELS)
    assert len(order) == 70
    assert sorted(np.bincount(LABELS[order], minlength=4)) == [0, 23, 23, 24]
    times = np.bincount(order, minlength=70)
    assert times[:60].max() == 1
    assert set(times[60:67]) <= {3, 4}
    assert set(times[67:]) <= {7, 8}
    np.testing.assert_array_equal(epoch_order(5, 2, 70, LABELS), order)
    assert not (epoch_order(5, 3, 70, LABELS) == order).all()
    # Classes come mixed.
    assert len(set(LABELS[order][:20])) == 3


def test_equal_classes_are_all_seen() -> None:
    labels = np.arange(40, dtype=np.uint8) % 4
    np.testing.assert_array_equal(
        np.sort(balanced_order(labels, np.random.default_rng(1))), np.arange(40)
    )


@pytest.mark.parametrize("labels", ["integer", "one_hot"])
def test_class_weights_steer_training_and_appear_in_no_loss(
    worker: Worker, trained: TrainRun, settings: Settings, labels: Any
) -> None:
    plain, weighted = (
        trained(
            epochs=1,
            optimizer=SGD(learning_rate=0.1),
            data=Data(train_images=90, class_balance=balance),
            loss=Loss(labels=labels),
        )
        for balance in ("none", "class_weights")
    )
    losses, others = (worker.store.batch_points(run.id).loss for run in (plain, weighted))
    # The first batch is measured before anything was learned.
    assert others[0] == pytest.approx(losses[0], rel=1e-6)
    assert (losses[1:] != others[1:]).all()
    # The images are unequal, or the weights would be 1.
    train = make_plan(weighted.experiment, library.load("cifar10", "sample", settings)).train
    assert class_weights(train.labels, 10).std() > 0.1


def _unequal_data() -> Dataset:
    """Made-up images with a quarter of the images in half of the classes."""
    data = made_up_data(train=200)
    kept = np.flatnonzero((data.train.labels < 5) | (data.train.indices < 60))
    info = replace(data.info, train_images=len(kept))
    return Dataset(info, "full", data.train.take(kept), data.test)


@pytest.mark.parametrize("balance", ["class_weights", "resampling"])
def test_a_stopped_run_continues_exactly(
    make_experiment: Callable, monkeypatch: pytest.MonkeyPatch, balance: Any
) -> None:
    monkeypatch.setattr("cifarviz.training.recorder.POLL_SECONDS", 0.0)
    monkeypatch.setattr("cifarviz.training.recorder.WRITE_SECONDS", 0.0)
    experiment = make_experiment(data=Data(variant="full", class_balance=balance), epochs=3)
    check_stopped_run_continues(experiment, _unequal_data())
