"""Every preset by its name."""

from collections.abc import Mapping
from types import MappingProxyType

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.published import (
    cifar10_dropout,
    cifar10_ensemble,
    cifar10_fast,
    cifar10_starter,
    cifar10_vgg,
    fashion_mnist_cnn,
)
from cifarviz.experiment.published.preset import HistoryRow, Preset, PresetVariant

__all__ = ["PRESETS", "PUBLISHED", "HistoryRow", "Preset", "PresetVariant", "find_preset"]

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        file.PRESET.name: file.PRESET
        for file in (
            cifar10_starter,
            cifar10_vgg,
            cifar10_dropout,
            cifar10_ensemble,
            fashion_mnist_cnn,
            cifar10_fast,
        )
    }
)
"""In the order a menu shows them."""

PUBLISHED: Mapping[str, Preset] = MappingProxyType(
    {name: preset for name, preset in PRESETS.items() if preset.published is not None}
)
"""Those that others have published."""


def is_too_patient(experiment: Experiment, epochs: int) -> bool:
    """Whether early stopping could never stop a run of ``experiment`` that has so few epochs.

    A preset's own patience is no reason to refuse a short trial.
    """
    stopping = experiment.early_stopping
    return stopping is not None and stopping.patience >= epochs > 0


def find_preset(name: str) -> Preset:
    """The preset of this name; raises ``ExperimentInvalid``."""
    if name not in PRESETS:
        raise ExperimentInvalid(
            "There is no preset called “{name}”. Choose one of: {presets}.",
            name=name,
            presets=", ".join(PRESETS),
        )
    return PRESETS[name]
