"""Suggestions depend on what the experiment already does."""

from cifarviz.analysis.overfitting import Fit
from cifarviz.analysis.suggestions import suggestions
from cifarviz.experiment.choices import Augmentation, Data, EarlyStopping, NoValidation
from cifarviz.experiment.presets import PRESETS
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from tests import stored_runs

OVERFITTING = Fit("overfitting", "", overfitting_start=4)
UNDERFITTING = Fit("underfitting", "")


def titles(*args: object) -> list[str]:
    return [tip.what for tip in suggestions(*args)]  # type: ignore[arg-type]


def test_against_overfitting_the_strongest_cure_comes_first() -> None:
    experiment = stored_runs.experiment(data=Data(train_images=500), epochs=10)
    tips = suggestions(experiment, OVERFITTING, 500)
    assert [tip.what for tip in tips] == [
        "Train on all images",
        "Augment the images",
        "Add dropout",
        "Add an L2 penalty",
        "Use early stopping",
    ]
    data, augmented, dropout, l2, early = (tip.experiment for tip in tips)
    assert data is not None
    assert data.data.train_images is None
    assert augmented is not None
    assert augmented.augmentation == Augmentation(flip=True, shift=2)
    assert dropout is not None
    assert dropout.architecture.dropout_rates == (0.3,)
    assert l2 is not None
    assert l2.l2 > 0
    assert early is not None
    assert early.early_stopping is not None


def test_what_the_experiment_already_uses_is_not_suggested() -> None:
    experiment = stored_runs.experiment(
        Conv2D(filters=4), Flatten(), Dropout(rate=0.5), Dense(units=10, activation="softmax"),
        data=Data(variant="full"), augmentation=Augmentation(flip=True, shift=2), l2=0.001,
        early_stopping=EarlyStopping(patience=2), epochs=10,
    )  # fmt: skip
    assert titles(experiment, OVERFITTING, 40_000) == []
    assert "Make the network smaller" in titles(experiment, OVERFITTING, 100)


def test_an_alternating_flip_is_a_flip() -> None:
    alternating = Augmentation(alternating_flip=True)
    experiment = stored_runs.experiment(data=Data(variant="full"), augmentation=alternating)
    tips = suggestions(experiment, OVERFITTING, 40_000)
    augmented = next(tip for tip in tips if tip.what == "Augment the images").experiment
    assert augmented is not None
    assert augmented.augmentation == Augmentation(alternating_flip=True, shift=2)


def test_clothes_are_shifted_but_not_mirrored() -> None:
    experiment = PRESETS["fashion-mnist-cnn"].experiment
    augmented = next(
        tip for tip in suggestions(experiment, OVERFITTING, 48_000) if "Augment" in tip.what
    )
    assert augmented.experiment is not None
    assert augmented.experiment.augmentation == Augmentation(flip=False, shift=2)


def test_suggestions_against_underfitting() -> None:
    assert titles(stored_runs.experiment(), UNDERFITTING, 500)[0].startswith("Add batch")
    improving = titles(stored_runs.experiment(), Fit("still improving", ""), 500)
    assert improving[0] == "Train for longer"
    normal = stored_runs.experiment(
        BatchNorm(), Flatten(), Dense(units=10, activation="softmax"), l2=0.1
    )
    assert "Add batch normalisation" not in titles(normal, UNDERFITTING, 500)
    assert "Lower the L2 penalty" in titles(normal, UNDERFITTING, 500)


def test_other_verdicts_have_suggestions_too() -> None:
    experiment = stored_runs.experiment()
    assert titles(experiment, Fit("too early", ""), 500) == []
    assert titles(experiment, Fit("stopped", ""), 500) == []
    for verdict in ("diverging", "noisy"):
        assert titles(experiment, Fit(verdict, ""), 500)[0] == "Lower the learning rate"
    assert "Lower the learning rate over time" in titles(experiment, Fit("good", ""), 500)
    unvalidated = stored_runs.experiment(validation=NoValidation())
    assert titles(unvalidated, Fit("not measured", ""), 500) == ["Use a validation split"]
