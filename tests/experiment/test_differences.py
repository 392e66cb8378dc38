"""The settings that differ between experiments."""

from cifarviz.experiment.changes import NOT_APPLICABLE, Difference, differences
from cifarviz.experiment.choices import EarlyStopping
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.optimizers import SGD
from cifarviz.experiment.presets import PRESETS
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import MaxPool2D
from tests import stored_runs

FASHION = PRESETS["fashion-mnist-cnn"].experiment
DROPOUT = PRESETS["cifar10-dropout"].experiment


def test_equal_experiments_have_no_differences() -> None:
    assert differences([FASHION, FASHION, FASHION]) == []
    assert differences([FASHION]) == []


def test_a_setting_that_a_kind_does_not_have_is_left_blank() -> None:
    base = stored_runs.experiment()
    sgd = Experiment.make(**{**dict(base), "optimizer": SGD(momentum=0.8)})
    found = {row.setting: row.values for row in differences([base, sgd])}
    assert found["optimiser"] == ("Adam", "SGD with momentum")
    assert found["momentum"] == (NOT_APPLICABLE, "0.8")
    assert found["learning rate"] == ("0.001", "0.01")
    assert "batch size" not in found


def test_a_section_that_is_on_adds_its_settings() -> None:
    base = stored_runs.experiment(epochs=10)
    early = Experiment.make(**{**dict(base), "early_stopping": EarlyStopping(patience=4)})
    assert differences([base, early])[:2] == [
        Difference("early stopping", ("off", "on")),
        Difference("early stopping, patience", (NOT_APPLICABLE, "4")),
    ]


def test_networks_with_the_same_layer_types_are_compared_by_layer() -> None:
    layers = [
        {**dict(layer), "rate": 0.1} if layer.type == "dropout" else layer
        for layer in DROPOUT.architecture.layers
    ]
    network = {**dict(DROPOUT.architecture), "layers": layers}
    found = differences([DROPOUT, Experiment.make(**{**dict(DROPOUT), "architecture": network})])
    assert [row.values for row in found] == [("0.25", "0.1"), ("0.25", "0.1"), ("0.5", "0.1")]
    assert all(row.setting.endswith("(dropout), dropout rate") for row in found)


def test_layers_are_named_where_networks_differ_in_their_number() -> None:
    flat, wide = Flatten(), Dense(units=10, activation="softmax")
    base = stored_runs.experiment(Conv2D(filters=8), MaxPool2D(), flat, wide)
    deep = stored_runs.experiment(
        Conv2D(filters=8), Conv2D(filters=16), Dropout(rate=0.1), flat, Dropout(rate=0.4), wide
    )
    other = stored_runs.experiment(Dropout(rate=0.2), Conv2D(filters=12), MaxPool2D(), flat, wide)
    assert differences([base, deep, other]) == [
        Difference("number of layers", ("4", "6", "5")),
        Difference("dropout before layer 1", ("–", "–", "dropout 0.2")),
        Difference("layer 1 (convolution), number of filters", ("8", "8", "12")),
        Difference("convolution after layer 1", ("–", "conv 16", "–")),
        Difference("dropout after layer 1", ("–", "dropout 0.1", "–")),
        Difference("layer 2 (max pooling)", ("max pool", "–", "max pool")),
        Difference("dropout after layer 3", ("–", "dropout 0.4", "–")),
    ]


def test_the_layers_of_very_different_networks_are_all_named() -> None:
    found = differences([PRESETS["cifar10-vgg"].experiment, PRESETS["cifar10-starter"].experiment])
    layers = [row for row in found if "layer" in row.setting]
    assert len(layers) > 5
    assert not any(
        "removed" in value or "changed" in value for row in found for value in row.values
    )
