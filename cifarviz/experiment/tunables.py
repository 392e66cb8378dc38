"""The values of an experiment that a study can vary, and experiments with other values of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.choices import FLIPS
from cifarviz.experiment.draft import SECTIONS, section_class
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.network_size import (
    can_be_deeper,
    hidden_values,
    with_depth,
    with_field,
    with_width,
)
from cifarviz.experiment.parameters import (
    Choices,
    Range,
    Setting,
    format_setting,
    plain_setting,
)
from cifarviz.layers.choices import ActivationName, HiddenInitializerName
from cifarviz.value import Value, bounds
from cifarviz.value_text import format_number


@dataclass(frozen=True)
class Tunable:
    """A value of an experiment that a study can vary.

    ``current`` is its value in the experiment, ``choices`` its possible values if they are few,
    and ``low`` and ``high`` the limits of a number. ``usual`` is what to try at first.
    """

    key: str
    label: str
    group: str
    hint: str
    current: Setting
    usual: Range | Choices
    choices: tuple[Setting, ...] | None = None
    low: float | None = None
    high: float | None = None
    whole: bool = False

    def choices_of(self, values: Iterable[Setting]) -> Choices:
        """Return choices of this value: numbers where it is a number of any kind.

        Raises ``ExperimentInvalid``.
        """
        given = tuple(values)
        if self.choices is None and not self.whole and {*map(type, given)} <= {int, float}:
            given = tuple(map(float, given))
        return Choices.make(key=self.key, values=given)

    def check(self, parameter: Range | Choices) -> None:
        """Raise ``ExperimentInvalid`` for what this value cannot be."""
        if isinstance(parameter, Range) and self.choices is not None:
            raise ExperimentInvalid(
                "“{label}” is not a number, so it has no range. Name choices among: {choices}.",
                label=self.label,
                choices=", ".join(map(plain_setting, self.choices)),
            )
        if isinstance(parameter, Range) and self.whole and not parameter.whole:
            raise ExperimentInvalid(
                "“{label}” takes whole numbers: use a range of whole numbers.", label=self.label
            )
        tried = (
            (parameter.low, parameter.high) if isinstance(parameter, Range) else parameter.values
        )
        for value in tried:
            if not self._takes(value):
                raise ExperimentInvalid(
                    "“{label}” cannot be {value}. It takes {possible}.",
                    label=self.label,
                    value=plain_setting(value),
                    possible=self._possible(),
                )

    def _takes(self, value: Setting) -> bool:
        if self.choices is not None:
            return any(value == choice and type(value) is type(choice) for choice in self.choices)
        if isinstance(value, bool | str) or (self.whole and value != int(value)):
            return False
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def _possible(self) -> str:
        if self.choices is not None:
            return ", ".join(map(plain_setting, self.choices))
        kind = "whole numbers" if self.whole else "numbers"
        low = "" if self.low is None else f" from {format_number(self.low)}"
        return f"{kind}{low}" + ("" if self.high is None else f" to {format_number(self.high)}")


# Sections of the experiment in which single fields are varied, with what they are called.
_GROUPS: Mapping[str, str] = {
    "optimizer": "Training",
    "schedule": "Training",
    "loss": "Training",
    "augmentation": "Images",
    "data": "Images",
    "preprocessing": "Images",
}
_SINGLE = ("batch_size", "epochs", "l2", "seed", "mirrored_answers", "prediction_shift")
# Fields that decide what is measured rather than how well it is learned, or change nothing alone.
_FIXED = frozenset({"kind", "dataset", "variant", "wrong_labels", "wrong_labels_seed", "labels"})
# What grey images do not have.
_COLORS = frozenset({"saturation", "hue"})
_KINDS = ("optimizer", "schedule")
_NETWORK = "Whole network"
# What is tried at first for values whose limits say too little.
_USUAL: Mapping[str, Mapping[str, Any]] = {
    "learning_rate": {"log": True},
    "weight_decay": {"low": 1e-5, "high": 0.1, "log": True},
    "l2": {"low": 1e-6, "high": 0.01, "log": True},
    "momentum": {"low": 0.5, "high": 0.99},
    "label_smoothing": {"low": 0.0, "high": 0.3},
    "shift": {"low": 0, "high": 6},
    "rotation": {"low": 0, "high": 30},
    "zoom": {"low": 0, "high": 0.3},
    "brightness": {"low": 0, "high": 0.4},
    "contrast": {"low": 0, "high": 0.6},
    "saturation": {"low": 0, "high": 0.8},
    "hue": {"low": 0, "high": 40},
    "cutout": {"low": 0, "high": 16},
    "mixup": {"low": 0, "high": 1},
    "cutmix": {"low": 0, "high": 1},
    "seed": {"low": 0, "high": 9},
}


def tunables(experiment: Experiment) -> tuple[Tunable, ...]:
    """Return every value of an experiment that a study can vary, the usual ones first."""
    return (
        *_training_values(experiment),
        *_network_values(experiment),
        *_layer_values(experiment),
    )


def find_tunable(experiment: Experiment, key: str) -> Tunable:
    """Return the value with this key; raises ``ExperimentInvalid`` with those there are."""
    every = {tunable.key: tunable for tunable in tunables(experiment)}
    if key not in every:
        raise ExperimentInvalid(
            "There is no parameter “{key}” here. There are: {keys}; and the fields of single "
            "layers, such as {example}.",
            key=key[:60],
            keys=", ".join(name for name in every if not name.startswith("layers.")),
            example=next(
                (name for name in every if name.startswith("layers.")), "layers.1.filters"
            ),
        )
    return every[key]


def with_settings(experiment: Experiment, settings: Mapping[str, Setting]) -> Experiment:
    """Return the experiment with these values, by key.

    Another kind of optimiser or schedule brings its own defaults; a value that it does not have
    is left out. Raises ``ExperimentInvalid`` where they do not fit together.
    """
    plain = experiment.model_dump(mode="json", exclude={"format", "architecture"})
    for section in _KINDS:
        if section in settings and plain[section]["kind"] != settings[section]:
            plain[section] = SECTIONS[section][str(settings[section])]().model_dump(mode="json")
    for section in _GROUPS:
        names = plain[section].keys() & settings.keys() - _FIXED - set(_SINGLE)
        plain[section] |= {name: settings[name] for name in names}
    for flip, other in (FLIPS, FLIPS[::-1]):
        # As in ``change_augmentation``; both at once are refused.
        if settings.get(flip) and other not in settings:
            plain["augmentation"][other] = False
    plain |= {name: settings[name] for name in _SINGLE if name in settings}
    if plain["loss"]["label_smoothing"]:
        plain["loss"]["labels"] = "one_hot"
    return Experiment.make(**{**plain, "architecture": _with_network(experiment, settings)})


def setting_title(key: str, value: Setting) -> str:
    """Return a value of a parameter as people read it: ``SGD`` for the optimiser ``sgd``."""
    if key in _KINDS and value in SECTIONS[key]:
        return SECTIONS[key][str(value)].title
    return format_setting(value)


def describe_settings(experiment: Experiment, settings: Mapping[str, Setting]) -> str:
    """Return ``learning rate 0.0021, batch size 64``, for the name of a run."""
    return ", ".join(
        f"{find_tunable(experiment, key).label} {setting_title(key, value)}"
        for key, value in settings.items()
    )


def _training_values(experiment: Experiment) -> Iterator[Tunable]:
    for section, group in _GROUPS.items():
        value = getattr(experiment, section)
        if section in _KINDS:
            yield _choice(
                section,
                Experiment.label(section),
                group,
                tuple(SECTIONS[section]),
                value.kind,
                Experiment.help_text(section),
            )
        spec = section_class(section, value.model_dump(mode="json"))
        is_grey = experiment.architecture.input_shape[2] == 1
        yield from _fields(spec, value, group, skip=_FIXED | _COLORS if is_grey else _FIXED)
    yield from _fields(Experiment, experiment, "Training", only=_SINGLE)


def _network_values(experiment: Experiment) -> Iterator[Tunable]:
    network = experiment.architecture
    if experiment.transfer is None:
        yield Tunable(
            "width",
            "width",
            _NETWORK,
            "How many times as many filters and units each hidden layer has.",
            1.0,
            Range(key="width", low=0.5, high=2, log=True),
            low=1 / 64,
            high=64,
        )
        if can_be_deeper(network):
            yield Tunable(
                "depth",
                "depth",
                _NETWORK,
                "How many times the last convolution or block before "
                "each reduction of the map is there, one after another.",
                1,
                Range(key="depth", low=1, high=3, whole=True, points=3),
                low=1,
                high=20,
                whole=True,
            )
    rates = network.dropout_rates
    yield Tunable(
        "dropout",
        "dropout rate",
        _NETWORK,
        "The rate of every dropout layer; one is added before the output layer if there is none.",
        rates[0] if rates else 0.0,
        Range(key="dropout", low=0, high=0.6),
        low=0,
        high=0.95,
    )
    for name, choices, usual in (
        ("initializer", get_args(HiddenInitializerName), ("glorot_uniform", "he_normal")),
        ("activation", get_args(ActivationName), ("relu", "elu", "gelu")),
    ):
        # Not the softmax of an output, and not those that a layer leaves to the next one.
        values = [value for value in hidden_values(network, name) if value != "linear"]
        if values:
            possible = tuple(choice for choice in choices if choice != "softmax")
            tunable = _choice(
                name,
                f"{'initialiser' if name == 'initializer' else name} of hidden layers",
                _NETWORK,
                possible,
                values[0],
                "The same in every hidden layer that has one.",
            )
            yield _with_usual(tunable, Choices(key=name, values=usual))


def _layer_values(experiment: Experiment) -> Iterator[Tunable]:
    for number, layer in enumerate(experiment.architecture.layers[:-1], start=1):
        if not layer.is_block:
            yield from _fields(
                type(layer),
                layer,
                "Single layers",
                skip=frozenset({"type", "frozen"}),
                prefix=f"layers.{number}.",
                before=f"layer {number} ({layer.title.lower()}), ",
            )


def _fields(
    spec: type[Value],
    value: Any,
    group: str,
    *,
    only: Sequence[str] | None = None,
    skip: frozenset[str] = frozenset(),
    prefix: str = "",
    before: str = "",
) -> Iterator[Tunable]:
    for name, field in spec.model_fields.items():
        if name in skip or (only is not None and name not in only):
            continue
        current, label, hint = getattr(value, name), before + spec.label(name), spec.help_text(name)
        key = prefix + name
        if get_origin(field.annotation) is Literal:
            # Zeros are for the output layer only.
            choices = tuple(choice for choice in get_args(field.annotation) if choice != "zeros")
            yield _choice(key, label, group, choices, current, hint)
        elif isinstance(current, bool):
            yield _choice(key, label, group, (False, True), current, hint)
        elif isinstance(current, int | float):
            limits = bounds(field)
            low = limits.low
            if limits.low_excluded:
                low = 1e-12 if low == 0 else low
            high = limits.high
            if limits.high_excluded and high is not None:
                high = high * 0.999
            yield Tunable(
                key,
                label,
                group,
                hint,
                current,
                _usual_range(key, name, current, low, high, limits.is_integer),
                low=low,
                high=high,
                whole=limits.is_integer,
            )


def _choice(
    key: str, label: str, group: str, choices: Sequence[Any], current: Any, hint: str
) -> Tunable:
    values = tuple(choices)
    return Tunable(key, label, group, hint, current, Choices(key=key, values=values), values)


def _with_usual(tunable: Tunable, usual: Range | Choices) -> Tunable:
    return Tunable(**{**vars(tunable), "usual": usual})


def _usual_range(
    key: str, name: str, current: float, low: float | None, high: float | None, whole: bool
) -> Range | Choices:
    """Return a range around the current value, within its limits."""
    if name == "batch_size":
        return Choices(key=key, values=(16, 32, 64, 128))
    usual = dict(_USUAL.get(name, {}))
    log = bool(usual.get("log"))
    factor = 10.0 if log else 2.0
    first = usual.get("low", current / factor if current else 0.0)
    last = usual.get("high", current * factor if current else (high if high is not None else 1.0))
    first = first if low is None else max(first, low)
    last = last if high is None else min(last, high)
    if whole:
        first, last = float(int(first)), float(int(last))
    if last <= first:
        first, last = (first - 1 if whole else first / 2), first
    if not whole:
        first, last = float(f"{first:.3g}"), float(f"{last:.3g}")
    return Range(key=key, low=first, high=last, log=log, whole=whole)


def _with_network(experiment: Experiment, settings: Mapping[str, Setting]) -> Architecture:
    network = experiment.architecture
    single: dict[int, dict[str, Setting]] = {}
    for key, value in settings.items():
        if key.startswith("layers."):
            _, number, field = key.split(".")
            single.setdefault(int(number) - 1, {})[field] = value
    if single:
        layers = list(network.layers)
        for place, fields in single.items():
            layers[place] = layers[place].make(**{**dict(layers[place]), **fields})
        network = network.make(
            input_shape=network.input_shape, classes=network.classes, layers=tuple(layers)
        )
    if "width" in settings:
        network = with_width(network, float(settings["width"]))
    if "depth" in settings:
        network = with_depth(network, int(settings["depth"]))
    for name in ("initializer", "activation"):
        if name in settings:
            network = with_field(network, name, settings[name])
    if "dropout" in settings:
        network = network.with_dropout(float(settings["dropout"]))
    return network
