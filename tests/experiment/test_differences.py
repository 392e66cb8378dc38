"""The settings that differ between experiments."""

from cifarviz.experiment.changes import NOT_APPLICABLE, Difference, differences
from cifarviz.experiment.choices import EarlyStopping
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.optimizers import SGD
from cifarviz.experiment.presets import PRESETS
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
