"""Experiments are saved as JSON and read back; invalid ones are refused."""

import json

import pytest

from cifarviz.errors import ExperimentInvalid, UnknownFormat
from cifarviz.experiment.choices import (
    Augmentation,
    Data,
    EarlyStopping,
    Loss,
    NoValidation,
    TestValidation,
)
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.optimizers import OPTIMIZERS, SGD
from cifarviz.experiment.preprocessing import Divide, Standardize
from cifarviz.experiment.presets import PRESETS
from cifarviz.experiment.schedules import Cosine, OneCycle, StepSchedule
from tests.experiment.small_experiment import changed, experiment


@pytest.mark.parametrize(
    "made",
    [
        *(preset.experiment for preset in PRESETS.values()),
        experiment(
            data=Data(variant="full", train_images=1234),
            validation=NoValidation(),
            preprocessing=Standardize(),
            augmentation=Augmentation(flip=True, shift=4),
            optimizer=SGD(learning_rate=0.1, momentum=0.85, nesterov=True),
            schedule=OneCycle(warmup_fraction=0.25),
            loss=Loss(labels="one_hot", label_smoothing=0.2),
            l2=5e-4,
            seed=2**31 - 1,
            precision="bfloat16",
        ),
        *(experiment(optimizer=make()) for make in OPTIMIZERS.values()),
        experiment(validation=TestValidation(), schedule=Cosine()),
        experiment(preprocessing=Divide(divisor=225.0), schedule=StepSchedule()),
        experiment(
            monitor="accuracy",
            early_stopping=EarlyStopping(patience=9, restore_best_weights=False),
            best_only=True,
            tensorboard=True,
            test_epochs=(2, 10),
        ),
        *(variant.experiment for preset in PRESETS.values() for variant in preset.variants),
    ],
)
def test_json_and_back_is_the_same_value(made):
    again = Experiment.from_json(made.to_json())
    assert again == made
    assert hash(again) == hash(made)


def test_json_is_a_full_dump():
    fields = json.loads(experiment().to_json())
    assert set(fields) == set(Experiment.model_fields)
    assert fields["architecture"]["layers"][0] == {
        "type": "conv2d",
        "filters": 4,
        "kernel_size": 3,
        "strides": 1,
        "padding": "same",
        "activation": "relu",
        "initializer": "glorot_uniform",
        "use_bias": True,
        "dilation": 1,
        "frozen": False,
    }


def test_fields_that_were_added_later_may_be_missing():
    """Written in this format, before class balance, transfer and frozen layers."""
    made = experiment(seed=3)
    written = json.loads(made.to_json())
    del written["transfer"], written["data"]["class_balance"]
    for layer in written["architecture"]["layers"]:
        layer.pop("frozen", None)
    read = Experiment.from_json(json.dumps(written))
    assert read == made
    assert (read.transfer, read.data.class_balance) == (None, "none")
    assert not any(layer.is_frozen for layer in read.architecture.layers)


@pytest.mark.parametrize("version", [0, 5, 1.0, "1", "2", None, True, "x" * 500])
def test_an_unknown_format_is_refused(version):
    fields = {**json.loads(experiment().to_json()), "format": version}
    with pytest.raises(
        UnknownFormat, match=r"^This experiment has format .{1,30} and this version"
    ):
        Experiment.from_json(json.dumps(fields))


def test_format_1_is_upgraded():
    """Written before there were callbacks, by the first version."""
    written = json.loads(experiment(seed=3).to_json())
    for new in ("monitor", "early_stopping", "best_only", "tensorboard", "test_epochs"):
        del written[new]
    del written["mirrored_answers"]
    read = Experiment.from_json(json.dumps({**written, "format": 1}))
    assert read == experiment(seed=3)
    assert (read.format, read.monitor, read.early_stopping) == (4, "loss", None)
    assert (read.best_only, read.tensorboard, read.test_epochs) == (False, False, ())


def test_format_2_is_upgraded():
    """Written before layers could be without bias."""
    made = experiment(seed=3, best_only=True)
    written = json.loads(made.to_json())
    del written["mirrored_answers"]
    for layer in written["architecture"]["layers"]:
        layer.pop("use_bias", None)
    read = Experiment.from_json(json.dumps({**written, "format": 2}))
    assert read == made
    with_bias = [layer for layer in read.architecture.layers if hasattr(layer, "use_bias")]
    assert with_bias
    assert all(layer.use_bias for layer in with_bias)
    assert not read.mirrored_answers


def test_format_3_is_upgraded():
    """Written before labels could be made wrong."""
    made = experiment(seed=3, l2=0.1)
    written = json.loads(made.to_json())
    del written["data"]["wrong_labels"], written["data"]["wrong_labels_seed"]
    read = Experiment.from_json(json.dumps({**written, "format": 3}))
    assert read == made
    assert (read.format, read.data.wrong_labels, read.data.wrong_labels_seed) == (4, 0.0, 0)


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("data", [None, 3, [], "all"])
def test_malformed_data_of_an_older_format_is_refused(version, data):
    with pytest.raises(ExperimentInvalid):
        Experiment.from_json(changed(format=version, data=data))


@pytest.mark.parametrize("architecture", [None, 3, {}, {"layers": None}, {"layers": [3, None]}])
def test_a_malformed_network_of_format_2_is_refused(architecture):
    with pytest.raises(ExperimentInvalid):
        Experiment.from_json(changed(format=2, architecture=architecture))


def test_an_invalid_experiment_of_format_1_is_refused():
    with pytest.raises(ExperimentInvalid, match=r"^The batch size must be .*, not 0\.$"):
        Experiment.from_json(changed(format=1, batch_size=0))


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "{}", "[" * 100_000, '{"format": NaN'])
def test_other_texts_are_refused_in_a_sentence(text):
    with pytest.raises(ExperimentInvalid, match=r"^This is not an experiment: [^.]*\.$"):
        Experiment.from_json(text)
