"""Invalid values are refused with a message naming field, rule and value."""

import json

import pytest
from pydantic import ValidationError

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.optimizers import OPTIMIZERS
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.value import describe_errors
from tests.experiment.small_experiment import NETWORK, changed, experiment


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 0}, "The batch size must be a whole number from 1 to 4,096, not 0."),
        (
            {"epochs": 1001},
            "The number of epochs must be a whole number from 1 to 1,000, not 1001.",
        ),
        ({"epochs": 2.5}, "The number of epochs must be a whole number from 1 to 1,000, not 2.5."),
        ({"seed": -1}, "The seed must be a whole number from 0 to 2,147,483,647, not -1."),
        ({"l2": float("nan")}, "The L2 penalty must be a number from 0 to 1, not nan."),
        (
            {"optimizer": {"kind": "adam", "learning_rate": float("inf")}},
            "The learning rate must be a number above 0 and at most 100, not inf.",
        ),
        (
            {"optimizer": {"kind": "magic"}},
            f"The optimiser must be one of {', '.join(map(repr, OPTIMIZERS))}, not “magic”.",
        ),
        (
            {"loss": {"label_smoothing": 0.1}},
            "Label smoothing needs one-hot labels and the labels here are integers. Choose one-hot "
            "labels, or set label smoothing to 0.",
        ),
        (
            {"validation": {"kind": "split", "fraction": 1.0}},
            "The validation fraction must be a number above 0 and below 1, not 1.0.",
        ),
        (
            {"data": {"dataset": "imagenet"}},
            "There is no data set called “imagenet”. Choose one of: ",
        ),
        (
            {"augmentation": {"shift": 9}},
            "The shift must be a whole number from 0 to 8, not 9.",
        ),
        ({"surprise": 1}, "There is no setting called “surprise”."),
        (
            {"precision": "half"},
            "The precision must be 'auto', 'float32' or 'bfloat16', not “half”.",
        ),
        (
            {"schedule": {"kind": "cosine", "warmup_epochs": 10}},
            "The warm-up takes 10 epochs and the run has 10 epochs. Use a shorter warm-up or more "
            "epochs.",
        ),
        (
            {"early_stopping": {"patience": 10}},
            "Early stopping with a patience of 10 epochs can never stop a run of 10 epochs. "
            "Choose a smaller patience or more epochs, or switch it off.",
        ),
        (
            {"early_stopping": {"patience": 1}, "epochs": 1},
            "Early stopping with a patience of 1 epoch can never stop a run of 1 epoch. ",
        ),
        (
            {"early_stopping": {"patience": 0}},
            "The patience must be a whole number from 1 to 1,000, not 0.",
        ),
        ({"early_stopping": {"patients": 2}}, "There is no setting called “patients”."),
        ({"monitor": "val_loss"}, "The monitor must be 'loss' or 'accuracy', not “val_loss”."),
        ({"best_only": "perhaps"}, "The best checkpoint only must be true or false"),
        (
            {"test_epochs": [5, 11]},
            "Test predictions cannot be saved at epoch 11 of a run of 10 epochs. Choose earlier "
            "epochs, or train for more.",
        ),
        ({"test_epochs": [5, 3]}, "Enter each epoch once and in order, not “5, 3”."),
        ({"test_epochs": [3, 3]}, "Enter each epoch once and in order, not “3, 3”."),
        ({"test_epochs": [0]}, "Epochs are numbered from 1 to 1,000, not “0”."),
        (
            {"test_epochs": "last"},
            "Enter epochs as numbers, such as 15, 30, 45; “last” is not a list of numbers.",
        ),
        ({"test_epochs": [1.5]}, "Enter epochs as numbers"),
        ({"test_epochs": [True]}, "Enter epochs as numbers"),
        (
            {"test_epochs": list(range(1, 102)), "epochs": 500},
            "Up to 100 epochs can be listed here, not 101.",
        ),
        (
            {"preprocessing": {"kind": "divide", "divisor": 0}},
            "The divisor must be a number above 0 and at most 1,000,000, not 0.",
        ),
    ],
)
def test_each_invalid_value_has_a_sentence_naming_the_field(changes, message):
    with pytest.raises(ExperimentInvalid) as refused:
        Experiment.from_json(changed(**changes))
    assert str(refused.value).startswith(message)


def test_a_wrong_layer_is_named_by_its_place():
    layers = json.loads(NETWORK.model_dump_json())["layers"]
    layers[1]["rate"] = 1
    with pytest.raises(ExperimentInvalid) as refused:
        Architecture.make(input_shape=(32, 32, 3), classes=10, layers=layers)
    assert str(refused.value) == (
        "In layer 2, the dropout rate must be a number of at least 0 and below 1, not 1."
    )


def test_every_problem_is_a_sentence_of_its_own():
    with pytest.raises(ValidationError) as refused:
        Conv2D.model_validate({"filters": 0, "kernel_size": 99, "padding": "full"})
    assert describe_errors(refused.value) == [
        "The number of filters must be a whole number from 1 to 4,096, not 0.",
        "The kernel size must be a whole number from 1 to 32, not 99.",
        "The padding must be 'same' or 'valid', not “full”.",
    ]


def test_the_network_must_be_made_for_the_data_set():
    small = Architecture(
        input_shape=(28, 28, 1),
        classes=7,
        layers=(Flatten(), Dense(units=7, activation="softmax")),
    )
    with pytest.raises(ExperimentInvalid) as refused:
        experiment(architecture=small)
    assert "takes 28×28×1 images and CIFAR-10 has 32×32×3" in str(refused.value)
    assert "has 7 classes and CIFAR-10 has 10" in str(refused.value)
