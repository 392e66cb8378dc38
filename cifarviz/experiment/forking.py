"""A new experiment that goes on from the weights of another one, with something changed."""

from dataclasses import dataclass
from typing import Literal

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.experiment import Experiment
from cifarviz.layers.base import Layer


@dataclass(frozen=True)
class ForkChanges:
    """What a fork has otherwise than its parent; ``None`` is as the parent has it.

    ``epochs`` more are trained, 1 or more. ``dropout`` is the rate of every dropout layer;
    ``train_images`` a number, or ``"all"`` there are.
    """

    epochs: int
    learning_rate: float | None = None
    dropout: float | None = None
    flip: bool | None = None
    shift: int | None = None
    train_images: int | Literal["all"] | None = None


def fork_experiment(parent: Experiment, epoch: int, changed: ForkChanges) -> Experiment:
    """The experiment of a fork from ``parent`` after ``epoch``.

    Its ``epochs`` count the parent's too, so that its own go on from ``epoch`` + 1. Early stopping
    that could not stop it any more is left out. Raises ``ExperimentInvalid``.
    """
    if changed.epochs < 1:
        raise ExperimentInvalid(
            "A fork must train for at least 1 epoch, not {epochs}.", epochs=changed.epochs
        )
    total = epoch + changed.epochs
    fields = {**dict(parent), "epochs": total}
    if changed.learning_rate is not None:
        fields["optimizer"] = {**dict(parent.optimizer), "learning_rate": changed.learning_rate}
    if changed.dropout is not None:
        fields["architecture"] = parent.architecture.with_dropout(changed.dropout)
    given = {"flip": changed.flip, "shift": changed.shift}
    fields["augmentation"] = {
        **dict(parent.augmentation),
        **{name: value for name, value in given.items() if value is not None},
    }
    if changed.train_images is not None:
        number = None if changed.train_images == "all" else changed.train_images
        fields["data"] = {**dict(parent.data), "train_images": number}
    stopping = parent.early_stopping
    if stopping is not None and stopping.patience >= total:
        fields["early_stopping"] = None
    fields["test_epochs"] = tuple(one for one in parent.test_epochs if epoch < one <= total)
    return Experiment.make(**fields)


def check_fork(parent: Experiment, fork: Experiment, epoch: int) -> None:
    """Raise ``ExperimentInvalid`` unless ``fork`` can go on from ``parent`` after ``epoch``.

    Weights fit the same layers only, whatever dropout is between them, and mean something for the
    same pixels only; and what one learned from, the other must not be validated with.
    """
    if fork.epochs <= epoch:
        raise ExperimentInvalid(
            "A fork continues after epoch {epoch}, and this experiment ends at epoch {epochs}. "
            "Choose more epochs.",
            epoch=epoch,
            epochs=fork.epochs,
        )
    same = {
        "layers": _learning(parent.architecture) == _learning(fork.architecture),
        "preprocessing": parent.preprocessing == fork.preprocessing,
        "validation images": parent.validation == fork.validation,
        "data set": (parent.data.dataset, parent.data.variant)
        == (fork.data.dataset, fork.data.variant),
    }
    if other := [what for what, kept in same.items() if not kept]:
        raise ExperimentInvalid(
            "A fork continues with its parent's weights, so it must have the same {other}. "
            "You can change the learning rate, dropout, augmentation and the number of training "
            "images, or train a new run.",
            other=" and ".join(other),
        )


def keeps_optimizer_state(parent: Experiment, fork: Experiment) -> bool:
    """Whether the optimiser's state goes on: all but the learning rate is as it was."""
    rate = {"learning_rate": fork.optimizer.learning_rate}
    return parent.optimizer.model_copy(update=rate) == fork.optimizer


def _learning(architecture: Architecture) -> tuple[object, list[Layer]]:
    layers = [layer for layer in architecture.layers if not layer.only_in_training]
    return (architecture.input_shape, architecture.classes), layers
