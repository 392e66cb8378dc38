"""What a study can vary in an experiment, as keys, ranges and choices."""

import pytest

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.choices import NoValidation
from cifarviz.experiment.parameter_text import format_parameter, parse_parameter
from cifarviz.experiment.parameters import Choices, Range, Setting
from cifarviz.experiment.presets import PRESETS
from cifarviz.experiment.study import Study
from cifarviz.experiment.tunables import (
    describe_settings,
    find_tunable,
    tunables,
    with_settings,
)

STARTER = PRESETS["cifar10-starter"].experiment
EXPERIMENTS = {name: preset.experiment for name, preset in PRESETS.items()}


@pytest.mark.parametrize("name", PRESETS)
def test_each_value_can_be_set_to_what_is_usually_tried(name: str) -> None:
    experiment = EXPERIMENTS[name]
    for tunable in tunables(experiment):
        tunable.check(tunable.usual)
        assert tunable.label
        assert tunable.group
        if tunable.group != "Single layers":
            for value in tunable.usual.grid():
                try:
                    changed = with_settings(experiment, {tunable.key: value})
                except ExperimentInvalid:
                    # Such as more warm-up epochs than epochs; the search leaves them out.
                    continue
                assert find_tunable(changed, tunable.key).current == pytest.approx(value) or (
                    tunable.key in ("width", "depth", "dropout")
                )


@pytest.mark.parametrize("name", PRESETS)
def test_the_own_values_change_nothing(name: str) -> None:
    experiment = EXPERIMENTS[name]
    own = {
        tunable.key: tunable.current
        for tunable in tunables(experiment)
        if tunable.key not in ("dropout", "initializer", "activation")
    }
    assert with_settings(experiment, own) == experiment


def test_keys_are_unique() -> None:
    for experiment in EXPERIMENTS.values():
        keys = [tunable.key for tunable in tunables(experiment)]
        assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "learning_rate=log:1e-4:1e-1",
            Range(key="learning_rate", low=1e-4, high=1e-1, log=True),
        ),
        ("dropout=range:0:0.5:3", Range(key="dropout", low=0, high=0.5, points=3)),
        ("epochs=range:2:8", Range(key="epochs", low=2, high=8, whole=True)),
        ("batch_size=16, 32", Choices(key="batch_size", values=(16, 32))),
        ("width=0.5,1", Choices(key="width", values=(0.5, 1.0))),
        ("optimizer=choices:adam,sgd", Choices(key="optimizer", values=("adam", "sgd"))),
        ("flip=on,off", Choices(key="flip", values=(True, False))),
    ],
)
def test_parameters_are_read_as_typed(text: str, expected: Range | Choices) -> None:
    parsed = parse_parameter(STARTER, text)
    assert parsed == expected
    assert list(map(type, parsed.grid())) == list(map(type, expected.grid()))
    assert parse_parameter(STARTER, format_parameter(parsed)) == parsed


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("speed=1,2", "There is no parameter “speed” here. There are: optimizer, learning_rate"),
        ("learning_rate", "does not say what to try. Write learning_rate=log:LOW:HIGH"),
        ("learning_rate=log:1e-3", "does not say what to try"),
        ("learning_rate=log:0:1", "cannot begin at 0"),
        ("learning_rate=range:1:0.1", "make its highest value larger"),
        ("learning_rate=1e-3", "at least two choices"),
        ("batch_size=8,8", "name a value twice"),
        ("batch_size=range:0:8", "“batch size” cannot be 0. It takes whole numbers from 1"),
        ("dropout=range:0:1", "“dropout rate” cannot be 1"),
        ("optimizer=adam,magic", "cannot be magic. It takes adam, adamw"),
        ("optimizer=range:0:1", "not a number"),
        ("layers.99.filters=1,2", "There is no parameter"),
    ],
)
def test_what_cannot_be_tried_is_refused_with_what_can(text: str, problem: str) -> None:
    with pytest.raises(ExperimentInvalid, match=problem.replace("(", r"\(").replace(".", r"\.")):
        parse_parameter(STARTER, text)


def test_another_kind_brings_its_defaults_and_the_values_it_has() -> None:
    changed = with_settings(STARTER, {"optimizer": "sgd", "learning_rate": 0.05})
    assert (changed.optimizer.kind, changed.optimizer.learning_rate) == ("sgd", 0.05)
    momentum = with_settings(STARTER, {"momentum": 0.5})
    assert momentum == STARTER, "Adam has no momentum"


def test_label_smoothing_turns_labels_into_rows() -> None:
    loss = with_settings(STARTER, {"label_smoothing": 0.1}).loss
    assert (loss.label_smoothing, loss.labels) == (0.1, "one_hot")


@pytest.mark.parametrize("name", PRESETS)
def test_networks_become_wider_and_deeper(name: str) -> None:
    network = EXPERIMENTS[name].architecture
    settings = {"width": 2.0}
    wide = with_settings(EXPERIMENTS[name], settings).architecture
    assert network.parameters < wide.parameters
    assert wide.layer_count == network.layer_count
    assert wide.layers[-1] == network.layers[-1]
    narrow = with_settings(EXPERIMENTS[name], {"width": 0.7}).architecture
    assert narrow.parameters < network.parameters
    deep = with_settings(EXPERIMENTS[name], {"depth": 3}).architecture
    assert deep.layer_count > network.layer_count
    # Only the number of layers changes, not the size of maps at the end.
    ends = [net.trace().rows[-2].output_shape for net in (deep, network)]
    assert ends[0] == ends[1]


def test_settings_are_described_for_the_name_of_a_run() -> None:
    settings: dict[str, Setting] = {
        "learning_rate": 0.0021,
        "batch_size": 64,
        "flip": True,
        "activation": "gelu",
    }
    assert describe_settings(STARTER, settings) == (
        f"learning rate 0.0021, batch size 64, {find_tunable(STARTER, 'flip').label} on, "
        "activation of hidden layers GELU"
    )


def test_a_study_is_stored_with_every_field() -> None:
    study = Study.make(
        base=STARTER,
        parameters=[parse_parameter(STARTER, "learning_rate=log:1e-4:0.1").model_dump()],
        minutes=5,
        goal="loss",
    )
    assert Study.from_json(study.to_json()) == study
    assert study.trial_count == 20
    assert study.base_settings() == {"learning_rate": 0.001}


def test_a_grid_has_every_combination() -> None:
    study = Study.make(
        base=STARTER,
        parameters=[
            parse_parameter(STARTER, "learning_rate=log:1e-4:1e-2:3").model_dump(),
            parse_parameter(STARTER, "batch_size=16,32").model_dump(),
        ],
        sampler="grid",
    )
    assert study.grid_size == 6
    # And before them the base, whose batch size is not among these.
    assert study.trial_count == 7
    assert study.grid_settings()[:3] == [
        {"learning_rate": 0.0001, "batch_size": 16},
        {"learning_rate": 0.0001, "batch_size": 32},
        {"learning_rate": 0.001, "batch_size": 16},
    ]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"parameters": []}, "parameters"),
        ({"trials": 0}, "The number of trials must be a whole number from 1 to 1,000, not 0."),
        ({"sampler": "grid", "parameters": "large"}, "This grid has"),
        ({"parameters": "twice"}, "is named twice"),
        (
            {"base": "no validation"},
            "Choose a validation split; on the command line with --validation 0.1",
        ),
    ],
)
def test_a_study_that_cannot_be_searched_is_refused(
    fields: dict[str, object], problem: str
) -> None:
    rate = Range(key="learning_rate", low=1e-4, high=1e-1, points=100).model_dump()
    size = Range(key="batch_size", low=1, high=500, points=100, whole=True).model_dump()
    base = STARTER
    match fields.get("parameters"):
        case "large":
            fields = {**fields, "parameters": [rate, size]}
        case "twice":
            fields = {**fields, "parameters": [rate, rate]}
    if fields.get("base") == "no validation":
        base = STARTER.model_copy(update={"validation": NoValidation()})
    with pytest.raises(ExperimentInvalid, match=problem):
        Study.make(**{"parameters": [rate], **fields, "base": base})


def test_a_flip_that_is_set_replaces_the_other() -> None:
    alternating = PRESETS["cifar10-90"].experiment
    flipped = with_settings(alternating, {"flip": True}).augmentation
    assert (flipped.flip, flipped.alternating_flip) == (True, False)
    back = with_settings(with_settings(alternating, {"flip": True}), {"alternating_flip": True})
    assert back == alternating
    with pytest.raises(ExperimentInvalid, match="both mirror images"):
        with_settings(alternating, {"flip": True, "alternating_flip": True})
