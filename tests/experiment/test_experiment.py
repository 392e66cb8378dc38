"""An experiment checks itself, and survives the way through JSON."""

import json

import numpy as np
import pytest
from pydantic import ValidationError

from cifarviz.data.datasets import DATASETS
from cifarviz.errors import ExperimentInvalid, UnknownFormat
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.choices import (
    VALIDATIONS,
    Augmentation,
    Data,
    EarlyStopping,
    Loss,
    NoValidation,
    SplitValidation,
    TestValidation,
)
from cifarviz.experiment.experiment import Experiment, Sizes
from cifarviz.experiment.layers import LAYER_TYPES, Conv2D, Dense, Dropout, Flatten
from cifarviz.experiment.optimizers import OPTIMIZERS, SGD, Adam, AdamW, RMSprop
from cifarviz.experiment.preprocessing import PREPROCESSINGS, Divide, Standardize
from cifarviz.experiment.presets import PRESETS
from cifarviz.experiment.problems import describe
from cifarviz.experiment.schedules import SCHEDULES, Constant, Cosine, OneCycle, Step

NETWORK = Architecture(
    input_shape=(32, 32, 3),
    classes=10,
    layers=(
        Conv2D(filters=4),
        Dropout(rate=0.25),
        Flatten(),
        Dense(units=10, activation="softmax"),
    ),
)


def experiment(**changes):
    return Experiment.make(**{"architecture": NETWORK, **changes})


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
        experiment(validation=TestValidation(), optimizer=AdamW(), schedule=Cosine()),
        experiment(preprocessing=Divide(divisor=225.0), optimizer=RMSprop(), schedule=Step()),
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
    }


@pytest.mark.parametrize("version", [0, 3, 1.0, "1", "2", None, True, "x" * 500])
def test_unknown_format_is_refused_in_words(version):
    fields = {**json.loads(experiment().to_json()), "format": version}
    with pytest.raises(
        UnknownFormat, match=r"^This experiment has format .{1,30} and this version"
    ):
        Experiment.from_json(json.dumps(fields))


def test_format_1_is_read_as_what_its_runs_did():
    """Written before there were callbacks, by the first version."""
    written = json.loads(experiment(seed=3).to_json())
    for new in ("monitor", "early_stopping", "best_only", "tensorboard", "test_epochs"):
        del written[new]
    read = Experiment.from_json(json.dumps({**written, "format": 1}))
    assert read == experiment(seed=3)
    assert (read.format, read.monitor, read.early_stopping) == (2, "loss", None)
    assert (read.best_only, read.tensorboard, read.test_epochs) == (False, False, ())


def test_a_wrong_experiment_of_format_1_is_refused_in_words():
    with pytest.raises(ExperimentInvalid, match=r"^The batch size must be .*, not 0\.$"):
        Experiment.from_json(changed(format=1, batch_size=0))


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "{}", "[" * 100_000, '{"format": NaN'])
def test_what_is_no_experiment_is_refused_in_one_sentence(text):
    with pytest.raises(ExperimentInvalid, match=r"^This is not an experiment: [^.]*\.$"):
        Experiment.from_json(text)


def changed(**changes):
    return json.dumps({**json.loads(experiment().to_json()), **changes})


@pytest.mark.parametrize(
    ("changes", "said"),
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
            {"optimizer": {"kind": "lion"}},
            "The optimiser must be one of 'sgd', 'adam', 'adamw', 'rmsprop', not “lion”.",
        ),
        (
            {"loss": {"label_smoothing": 0.1}},
            "Label smoothing spreads a label over the classes, which an integer label cannot: "
            "choose one-hot labels, or a smoothing of 0.",
        ),
        (
            {"validation": {"kind": "split", "fraction": 1.0}},
            "The validation fraction must be a number above 0 and below 1, not 1.0.",
        ),
        ({"data": {"dataset": "mnist"}}, "There is no data set called “mnist”: there is "),
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
            "The warm-up takes 10 epochs and the whole run has 10: use a shorter warm-up or more "
            "epochs.",
        ),
        (
            {"early_stopping": {"patience": 10}},
            "Early stopping with a patience of 10 epochs can never stop a run of 10 epochs: "
            "choose a smaller patience or more epochs, or switch it off.",
        ),
        (
            {"early_stopping": {"patience": 1}, "epochs": 1},
            "Early stopping with a patience of 1 epoch can never stop a run of 1 epoch: ",
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
            "Test answers cannot be kept after epoch 11 of a run of 10 epochs: name earlier "
            "epochs, or train for more.",
        ),
        ({"test_epochs": [5, 3]}, "Name each epoch once and in order: “5, 3” came."),
        ({"test_epochs": [3, 3]}, "Name each epoch once and in order: “3, 3” came."),
        ({"test_epochs": [0]}, "Epochs are numbered from 1 to 1,000: “0” came."),
        (
            {"test_epochs": "last"},
            "Epochs are named by their numbers, such as 15, 30, 45: “last” cannot be read so.",
        ),
        ({"test_epochs": [1.5]}, "Epochs are named by their numbers"),
        ({"test_epochs": [True]}, "Epochs are named by their numbers"),
        (
            {"test_epochs": list(range(1, 102)), "epochs": 500},
            "Test answers can be kept after at most 100 epochs, not after 101.",
        ),
        (
            {"preprocessing": {"kind": "divide", "divisor": 0}},
            "The divisor must be a number above 0 and at most 1,000,000, not 0.",
        ),
    ],
)
def test_each_wrong_choice_gets_a_sentence_naming_the_field(changes, said):
    with pytest.raises(ExperimentInvalid) as refused:
        Experiment.from_json(changed(**changes))
    assert str(refused.value).startswith(said)


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
    assert describe(refused.value) == [
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
    assert "tells 7 classes apart and CIFAR-10 has 10" in str(refused.value)


def test_values_cannot_be_changed():
    with pytest.raises(ValidationError):
        experiment().batch_size = 3


@pytest.mark.parametrize(
    ("changes", "images", "sizes"),
    [
        ({"validation": SplitValidation(fraction=0.3)}, (50_000, 10_000), (35_000, 15_000, 1094)),
        (
            {"validation": TestValidation(), "batch_size": 4},
            (50_000, 10_000),
            (50_000, 10_000, 12_500),
        ),
        ({"validation": NoValidation(), "batch_size": 7}, (50, 10), (50, 0, 8)),
        ({"data": Data(train_images=100)}, (5_000, 1_000), (100, 1_000, 4)),
    ],
)
def test_sizes(changes, images, sizes):
    assert experiment(**changes).sizes(*images) == Sizes(*sizes)


@pytest.mark.parametrize("n", [4, 7, 99, 5_000, 50_000])
@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.3, 0.333, 0.7])
def test_split_sizes_are_scikit_learns(n, fraction):
    from sklearn.model_selection import train_test_split

    train, validation = train_test_split(np.arange(n), test_size=fraction, random_state=0)
    made = experiment(validation=SplitValidation(fraction=fraction), batch_size=1)
    assert made.sizes(n, 0) == Sizes(len(train), len(validation), len(train))


@pytest.mark.parametrize(
    ("changes", "images", "said"),
    [
        (
            {"data": Data(train_images=5_000)},
            5_000,
            "5,000 training images were asked for and there",
        ),
        ({"batch_size": 64}, 50, "A batch of 64 is larger than the 40 training images"),
        ({"data": Data(train_images=10)}, 5_000, "A batch of 32 is larger than the 10 training"),
        ({"batch_size": 1}, 1, "leaves none for training"),
        ({"validation": NoValidation()}, 0, "There are no training images"),
    ],
)
def test_choices_that_do_not_fit_the_data_are_refused(changes, images, said):
    with pytest.raises(ExperimentInvalid, match=said):
        experiment(**changes).check_against(images)


MENUS = (LAYER_TYPES, OPTIMIZERS, SCHEDULES, PREPROCESSINGS, VALIDATIONS)


@pytest.mark.parametrize("made", [kind for menu in MENUS for kind in menu.values()])
def test_every_kind_has_a_title_and_an_explanation(made):
    assert made.title
    assert made.explanation.endswith(".")


@pytest.mark.parametrize(
    "made",
    [
        *(kind for menu in MENUS for kind in menu.values()),
        Experiment,
        Data,
        Augmentation,
        Loss,
        EarlyStopping,
    ],
)
def test_every_field_has_a_help_text(made):
    for field in set(made.model_fields) - {"type", "kind", "format"}:
        assert made.help_text(field).endswith("."), field
        assert made.words(field)


def test_menus_are_named_after_what_they_hold():
    for menu in MENUS:
        for name, made in menu.items():
            field = "type" if "type" in made.model_fields else "kind"
            assert made.model_fields[field].default == name


def test_limits_are_the_fields_own():
    assert Conv2D.limits("filters") == (1, 4096)
    assert Adam.limits("learning_rate") == (0, 100)
    assert Constant.model_fields.keys() == {"kind"}


def test_defaults_need_a_network_only():
    assert experiment().data.dataset in DATASETS
    with pytest.raises(ExperimentInvalid, match=r"^The architecture is missing\.$"):
        Experiment.make()
