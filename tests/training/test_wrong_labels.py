"""Wrong labels are used in training, not in validation, and are followed."""

from collections.abc import Callable

import numpy as np
import pytest

from cifarviz.analysis.memorisation import find_positions, load_label_predictions, track_labels
from cifarviz.analysis.trained_model import TrainedModel
from cifarviz.data import library
from cifarviz.data.image_set import Dataset
from cifarviz.executors.worker import Worker
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.choices import Data, SplitValidation, TestValidation
from cifarviz.experiment.optimizers import SGD
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import MaxPool2D
from cifarviz.runs.artifacts import load_arrays
from cifarviz.runs.snapshots import load_predictions, snapshot_epochs, snapshot_path
from cifarviz.settings import Settings
from cifarviz.training.estimate import epoch_work
from cifarviz.training.plan import MAX_TRACKED, make_plan, tracked_image_count, training_images
from tests.training.conftest import MakeExperiment, TrainRun

# Nothing that is different while it trains: what is measured then can be measured again.
PLAIN = Architecture(
    input_shape=(32, 32, 3),
    classes=10,
    layers=(MaxPool2D(pool_size=8, strides=8), Flatten(), Dense(units=10, activation="softmax")),
)


@pytest.fixture
def sample(settings: Settings) -> Dataset:
    return library.load("cifar10", "sample", settings)


def truth(data: Dataset) -> np.ndarray:
    """The right label of every training image, at its official index."""
    labels = np.full(int(data.train.indices.max()) + 1, 255, np.uint8)
    labels[data.train.indices] = data.train.labels
    return labels


@pytest.mark.parametrize("validation", [SplitValidation(fraction=0.2), TestValidation()])
def test_only_training_images_get_wrong_labels_and_true_labels_are_saved(
    sample: Dataset, make_experiment: Callable, validation: SplitValidation | TestValidation
) -> None:
    made = make_experiment(
        data=Data(train_images=1000, wrong_labels=0.25, wrong_labels_seed=3), validation=validation
    )
    plan = make_plan(made, sample)
    np.testing.assert_array_equal(plan.true_labels, truth(sample)[plan.train.indices])
    assert (plan.train.labels != plan.true_labels).sum() == 250
    assert plan.validation is not None
    right = sample.test.labels if plan.validation is sample.test else truth(sample)
    if plan.validation is not sample.test:
        np.testing.assert_array_equal(plan.validation.labels, right[plan.validation.indices])
    # The images are those of the same experiment without wrong labels, in the same order.
    clean = make_plan(make_experiment(data=Data(train_images=1000), validation=validation), sample)
    np.testing.assert_array_equal(clean.train.indices, plan.train.indices)
    np.testing.assert_array_equal(clean.train.labels, plan.true_labels)
    assert len(clean.tracked) == 0


@pytest.mark.parametrize(("share", "images"), [(0.2, 1000), (0.8, 1000), (0.5, 3000), (0.001, 100)])
def test_wrong_labels_up_to_a_limit_and_as_many_correct_ones_are_followed(
    sample: Dataset, make_experiment: Callable, share: float, images: int
) -> None:
    made = make_experiment(data=Data(train_images=images, wrong_labels=share))
    plan = make_plan(made, sample)
    wrong = (plan.train.labels != plan.true_labels)[plan.tracked]
    total = round(share * images)
    assert wrong.sum() == min(total, MAX_TRACKED)
    assert (~wrong).sum() == min(total, MAX_TRACKED, images - total)
    assert len(set(plan.tracked.tolist())) == len(plan.tracked)
    assert len(plan.tracked) == tracked_image_count(share, images)
    assert epoch_work(made, images, 100).validation_images == 100 + len(plan.tracked)


def test_training_is_measured_against_the_labels_it_was_given(
    worker: Worker, trained: TrainRun, sample: Dataset
) -> None:
    # It learns nothing, so that its answers are those of the weights it began with.
    run = trained(
        data=Data(train_images=90, wrong_labels=0.5, wrong_labels_seed=2),
        architecture=PLAIN,
        optimizer=SGD(learning_rate=1e-12),
        epochs=1,
    )
    images = training_images(run.experiment, sample)
    folder = worker.store.folder(run.id)
    arrays, _ = load_arrays(snapshot_path(folder, "weights", 0))
    assert run.scaling is not None
    model = TrainedModel(PLAIN, run.scaling, arrays)
    said = model.probabilities(images.train.images).argmax(axis=1)
    [epoch] = worker.store.epochs(run.id)
    assert epoch.accuracy == pytest.approx((said == images.train.labels).mean(), abs=1e-6)
    assert (said == images.train.labels).mean() != (said == images.true_labels).mean()
    assert images.validation is not None
    held_out = model.probabilities(images.validation.images).argmax(axis=1)
    right = truth(sample)[images.validation.indices]
    assert epoch.val_accuracy == pytest.approx((held_out == right).mean(), abs=1e-6)


def test_predictions_for_followed_images_are_saved_after_each_epoch(
    worker: Worker, trained: TrainRun, sample: Dataset
) -> None:
    run = trained(data=Data(train_images=90, wrong_labels=0.2, wrong_labels_seed=4), epochs=3)
    folder = worker.store.folder(run.id)
    assert snapshot_epochs(folder, "train_predictions") == [1, 2, 3]
    images = training_images(run.experiment, sample)
    said = [load_label_predictions(folder, epoch, 10) for epoch in (1, 2, 3)]
    places = find_positions(images.train.indices, said, folder)
    assert len(places) == 36
    assert load_predictions(folder, 1, 10, kind="train_predictions").split == "train"
    assert run.scaling is not None
    for epoch, one in zip((1, 2, 3), said, strict=True):
        arrays, _ = load_arrays(snapshot_path(folder, "weights", epoch))
        model = TrainedModel(run.experiment.architecture, run.scaling, arrays)
        fresh = model.probabilities(images.train.images[places]).argmax(axis=1)
        np.testing.assert_array_equal(one.predicted, fresh)
    memory = track_labels(
        images.train.labels[places],
        images.true_labels[places],
        (1, 2, 3),
        np.stack([one.predicted for one in said]),
    )
    assert len(memory.false) == 18
    # And a run without wrong labels keeps nothing of the kind.
    clean = trained(data=Data(train_images=90), epochs=1)
    assert snapshot_epochs(worker.store.folder(clean.id), "train_predictions") == []


def test_the_seed_of_wrong_labels_decides_the_run(
    worker: Worker, trained: TrainRun, make_experiment: MakeExperiment
) -> None:
    data = Data(train_images=90, wrong_labels=0.3, wrong_labels_seed=9)
    whole, again = (trained(data=data, epochs=2) for _ in range(2))
    histories = [
        [(one.loss, one.val_loss) for one in worker.store.epochs(run.id)] for run in (whole, again)
    ]
    assert histories[0] == histories[1]
    other = trained(data=data.model_copy(update={"wrong_labels_seed": 8}), epochs=2)
    assert [(one.loss, one.val_loss) for one in worker.store.epochs(other.id)] != histories[0]
