"""Forks: experiments that continue from the weights of a parent with changed settings."""

from dataclasses import dataclass
from typing import Literal

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.choices import Augmentation
from cifarviz.experiment.experiment import Experiment
from cifarviz.layers.base import Layer
from cifarviz.layers.block import replace_layers


@dataclass(frozen=True)
class ForkChanges:
    """The settings a fork changes; ``None`` keeps the parent's value.

    ``epochs`` are additional, 1 or more. ``dropout`` is the rate of every dropout layer;
    ``train_images`` is a number, or ``"all"``; ``unfreeze`` trains all layers.
    """

    epochs: int
    learning_rate: float | None = None
    dropout: float | None = None
    augmentation: Augmentation | None = None
    train_images: int | Literal["all"] | None = None
    unfreeze: bool = False


def fork_experiment(parent: Experiment, epoch: int, changed: ForkChanges) -> Experiment:
    """Return the experiment of a fork from ``parent`` after ``epoch``.

    Its ``epochs`` include the parent's up to ``epoch``. Early stopping is removed if its patience
    could never stop the fork. Raises ``ExperimentInvalid``.
    """
    if changed.epochs < 1:
        raise ExperimentInvalid(
            "A fork must train for at least 1 epoch, not {epochs}.", epochs=changed.epochs
        )
    total = epoch + changed.epochs
    fields = {**dict(parent), "epochs": total}
    if changed.learning_rate is not None:
        fields["optimizer"] = {**dict(parent.optimizer), "learning_rate": changed.learning_rate}
    network = parent.architecture
    if changed.dropout is not None:
        network = network.with_dropout(changed.dropout)
    fields["architecture"] = network.with_frozen(0) if changed.unfreeze else network
    if changed.augmentation is not None:
        fields["augmentation"] = changed.augmentation
    if changed.train_images is not None:
        number = None if changed.train_images == "all" else changed.train_images
        fields["data"] = {**dict(parent.data), "train_images": number}
    stopping = parent.early_stopping
    if stopping is not None and stopping.patience >= total:
        fields["early_stopping"] = None
    fields["test_epochs"] = tuple(
        test_epoch for test_epoch in parent.test_epochs if epoch < test_epoch <= total
    )
    return Experiment.make(**fields)


def check_fork(parent: Experiment, fork: Experiment, epoch: int) -> None:
    """Raise ``ExperimentInvalid`` unless ``fork`` can continue from ``parent`` after ``epoch``.

    Weights need the same layers (frozen or not, dropout aside) and the same preprocessing. The
    validation images must be the same too, or the fork would validate on images the parent was
    trained on.
    """
    if fork.epochs <= epoch:
        raise ExperimentInvalid(
            "A fork continues after epoch {epoch}, and this experiment ends at epoch {epochs}. "
            "Choose more epochs.",
            epoch=epoch,
            epochs=fork.epochs,
        )
    same = {
        "layers": _trained_layers(parent.architecture.with_frozen(0))
        == _trained_layers(fork.architecture.with_frozen(0)),
        "preprocessing": parent.preprocessing == fork.preprocessing,
        "validation images": parent.validation == fork.validation,
        "data set": (parent.data.dataset, parent.data.variant)
        == (fork.data.dataset, fork.data.variant),
    }
    if other := [setting for setting, is_same in same.items() if not is_same]:
        raise ExperimentInvalid(
            "A fork continues with its parent's weights, so it must have the same {other}. "
            "You can change the learning rate, dropout, augmentation, the number of training "
            "images and which layers are frozen, or train a new run.",
            other=" and ".join(other),
        )


def keeps_optimizer_state(parent: Experiment, fork: Experiment) -> bool:
    """Whether the fork continues with the optimiser's state: only the learning rate differs.

    It starts fresh where other layers are frozen, since it has slots for the trained ones only.
    """
    rate = {"learning_rate": fork.optimizer.learning_rate}
    return parent.optimizer.model_copy(update=rate) == fork.optimizer and (
        _trained_layers(parent.architecture) == _trained_layers(fork.architecture)
    )


def _trained_layers(architecture: Architecture) -> tuple[object, list[Layer]]:
    layers = replace_layers(
        architecture.layers, lambda layer: None if layer.only_in_training else layer
    )
    return (architecture.input_shape, architecture.classes), layers
