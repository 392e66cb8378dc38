"""Settings that a fork may change, and those it may not."""

import pytest

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.choices import Augmentation, Data, EarlyStopping, SplitValidation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.forking import (
    ForkChanges,
    check_fork,
    fork_experiment,
    keeps_optimizer_state,
)
from cifarviz.experiment.optimizers import SGD
from cifarviz.experiment.preprocessing import Divide
from cifarviz.experiment.presets import PRESETS

VGG = PRESETS["cifar10-vgg"].experiment
DROPOUT = PRESETS["cifar10-dropout"].experiment


def test_an_unchanged_fork_only_has_more_epochs() -> None:
    same = fork_experiment(VGG, 9, ForkChanges(epochs=21))
    assert same == VGG
    check_fork(VGG, same, 9)
    assert keeps_optimizer_state(VGG, same)
    assert fork_experiment(VGG, 9, ForkChanges(epochs=3)).epochs == 12


def test_each_change_is_made_and_allowed() -> None:
    changed = ForkChanges(
        epochs=5,
        learning_rate=1e-5,
        dropout=0.4,
        augmentation=Augmentation(flip=True, shift=3, cutmix=1.0),
        train_images=700,
    )
    fork = fork_experiment(VGG, 9, changed)
    assert fork.optimizer.learning_rate == 1e-5
    assert fork.augmentation == Augmentation(flip=True, shift=3, cutmix=1.0)
    assert fork.data.train_images == 700
    # A network that has none gets dropout before its output layer.
    assert [layer.type for layer in fork.architecture.layers[-2:]] == ["dropout", "dense"]
    assert fork.architecture.parameters == VGG.architecture.parameters
    check_fork(VGG, fork, 9)
    assert keeps_optimizer_state(VGG, fork)
    assert fork_experiment(fork, 9, ForkChanges(1, train_images="all")).data.train_images is None


def test_dropout_that_is_there_gets_the_rate_in_every_layer() -> None:
    rates = DROPOUT.architecture.dropout_rates
    assert len(rates) > 1
    assert DROPOUT.architecture.with_dropout(0.6).dropout_rates == (0.6,) * len(rates)
    assert VGG.architecture.with_dropout(0) == VGG.architecture
    with pytest.raises(ExperimentInvalid, match="rate"):
        VGG.architecture.with_dropout(1.5)


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"preprocessing": Divide(divisor=200)}, "preprocessing"),
        ({"validation": SplitValidation(fraction=0.3, seed=1)}, "validation images"),
        ({"data": Data(variant="sample")}, "data set"),
        ({"architecture": DROPOUT.architecture}, "layers"),
    ],
)
def test_a_fork_with_incompatible_settings_is_refused(
    changed: dict[str, object], what: str
) -> None:
    other = Experiment.make(**{**dict(VGG), **changed})
    with pytest.raises(ExperimentInvalid, match=f"must have the same {what}"):
        check_fork(VGG, other, 3)


def test_a_fork_needs_an_epoch_of_its_own() -> None:
    with pytest.raises(ExperimentInvalid, match="at least 1 epoch, not 0"):
        fork_experiment(VGG, 9, ForkChanges(epochs=0))
    with pytest.raises(ExperimentInvalid, match="ends at epoch 30"):
        check_fork(VGG, VGG, 30)


def test_settings_that_cannot_apply_any_more_are_removed() -> None:
    parent = Experiment.make(
        **{**dict(VGG), "early_stopping": EarlyStopping(patience=8), "test_epochs": (2, 4, 20)}
    )
    fork = fork_experiment(parent, 3, ForkChanges(epochs=2))
    assert (fork.early_stopping, fork.test_epochs) == (None, (4,))
    assert (
        fork_experiment(parent, 3, ForkChanges(epochs=27)).early_stopping == parent.early_stopping
    )


def test_another_optimizer_starts_fresh() -> None:
    sgd = Experiment.make(**{**dict(VGG), "optimizer": SGD()})
    assert not keeps_optimizer_state(VGG, sgd)
