"""Every preset by its name. A new preset is a file of its own and one import line here."""

from collections.abc import Mapping
from types import MappingProxyType

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.published.preset import HistoryRow, Preset, PresetVariant

# isort: off
# The presets, in the order a menu shows them.
from cifarviz.experiment.published.cifar10_starter import CIFAR10_STARTER as CIFAR10_STARTER
from cifarviz.experiment.published.cifar10_vgg import CIFAR10_VGG as CIFAR10_VGG
from cifarviz.experiment.published.cifar10_dropout import CIFAR10_DROPOUT as CIFAR10_DROPOUT
from cifarviz.experiment.published.cifar10_ensemble import CIFAR10_ENSEMBLE as CIFAR10_ENSEMBLE
from cifarviz.experiment.published.fashion_mnist_cnn import FASHION_MNIST_CNN as FASHION_MNIST_CNN
from cifarviz.experiment.published.cifar10_fast import CIFAR10_FAST as CIFAR10_FAST
from cifarviz.experiment.published.cifar10_94 import CIFAR10_90 as CIFAR10_90
from cifarviz.experiment.published.cifar10_94 import CIFAR10_94 as CIFAR10_94
from cifarviz.experiment.published.cifar10_separable import CIFAR10_SEPARABLE as CIFAR10_SEPARABLE
from cifarviz.experiment.published.cifar10_resnet20 import CIFAR10_RESNET20 as CIFAR10_RESNET20
# isort: on

__all__ = ["PRESETS", "PUBLISHED", "HistoryRow", "Preset", "PresetVariant", "find_preset"]

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {preset.name: preset for preset in list(globals().values()) if isinstance(preset, Preset)}
)
"""Every preset imported above by its name, in the same order."""

PUBLISHED: Mapping[str, Preset] = MappingProxyType(
    {name: preset for name, preset in PRESETS.items() if preset.published is not None}
)
"""The presets that others have published."""


def patience_exceeds(experiment: Experiment, epochs: int) -> bool:
    """Whether early stopping could never stop a run of ``experiment`` with so few epochs.

    Used to switch early stopping off in short trials of a preset.
    """
    stopping = experiment.early_stopping
    return stopping is not None and stopping.patience >= epochs > 0


def find_preset(name: str) -> Preset:
    """Return the preset of this name; raises ``ExperimentInvalid``."""
    if name not in PRESETS:
        raise ExperimentInvalid(
            "There is no preset called “{name}”. Choose one of: {presets}.",
            name=name,
            presets=", ".join(PRESETS),
        )
    return PRESETS[name]
