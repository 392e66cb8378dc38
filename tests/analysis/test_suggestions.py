"""What to try next depends on what the experiment already does."""

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

OVER = Fit("overfitting", "", turn=4)
UNDER = Fit("underfitting", "")


def said(*args: object) -> list[str]:
    return [one.what for one in suggestions(*args)]  # type: ignore[arg-type]


def test_against_overfitting_the_surest_cure_comes_first() -> None:
    made = stored_runs.experiment(data=Data(train_images=500), epochs=10)
    found = suggestions(made, OVER, 500)
    assert [one.what for one in found] == [
        "Train on all images",
        "Augment the images",
        "Add dropout",
        "Add an L2 penalty",
        "Stop early",
    ]
    data, augmented, dropout, l2, early = (one.experiment for one in found)
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


def test_what_is_in_use_already_is_not_suggested() -> None:
    made = stored_runs.experiment(
        Conv2D(filters=4), Flatten(), Dropout(rate=0.5), Dense(units=10, activation="softmax"),
        data=Data(variant="full"), augmentation=Augmentation(flip=True, shift=2), l2=0.001,
        early_stopping=EarlyStopping(patience=2), epochs=10,
    )  # fmt: skip
    assert said(made, OVER, 40_000) == []
    assert "Make the network smaller" in said(made, OVER, 100)


def test_clothes_are_shifted_but_not_mirrored() -> None:
    made = PRESETS["fashion-mnist-cnn"].experiment
    augmented = next(one for one in suggestions(made, OVER, 48_000) if "Augment" in one.what)
    assert augmented.experiment is not None
    assert augmented.experiment.augmentation == Augmentation(flip=False, shift=2)


def test_against_underfitting() -> None:
    fit = Fit("underfitting", "")
    assert said(stored_runs.experiment(), fit, 500)[0].startswith("Add batch")
    improving = said(stored_runs.experiment(), Fit("still improving", ""), 500)
    assert improving[0] == "Train for longer"
    normal = stored_runs.experiment(
        BatchNorm(), Flatten(), Dense(units=10, activation="softmax"), l2=0.1
    )
    assert "Add batch normalisation" not in said(normal, fit, 500)
    assert "Lower the L2 penalty" in said(normal, fit, 500)


def test_the_rest_have_something_to_try_too() -> None:
    made = stored_runs.experiment()
    assert said(made, Fit("too early", ""), 500) == []
    assert said(made, Fit("stopped", ""), 500) == []
    for verdict in ("diverging", "noisy"):
        assert said(made, Fit(verdict, ""), 500)[0] == "Lower the learning rate"
    assert "Let the learning rate fall" in said(made, Fit("good", ""), 500)
    blind = stored_runs.experiment(validation=NoValidation())
    assert said(blind, Fit("not measured", ""), 500) == ["Hold images back for validation"]
