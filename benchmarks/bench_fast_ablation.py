"""An ablation of ``cifar10-fast``: the recipe without each of its parts, some seeds each.

    python -m benchmarks.bench_fast_ablation [SEEDS] [WORD of a part's name ...]

Test accuracy, mean and range, and the median of the runs' seconds, in bfloat16. It needs the full
CIFAR-10 in ``CIFARVIZ_HOME``.
"""

from benchmarks.ablation import (
    Variants,
    glorot,
    learned_first,
    pooled_late,
    run_ablation,
    with_layers,
)
from cifarviz.experiment.choices import Augmentation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.optimizers import SGD, Adam
from cifarviz.experiment.presets import PRESETS
from cifarviz.experiment.schedules import Constant
from cifarviz.layers.batch_norm import BatchNorm

_RECIPE = Experiment.make(**{**dict(PRESETS["cifar10-fast"].experiment), "precision": "bfloat16"})


def variants() -> Variants:
    """Return the changes to the recipe by their names."""
    optimizer = _RECIPE.optimizer
    assert isinstance(optimizer, SGD)
    return {
        "the whole recipe": {},
        "a learned first convolution instead of whitening": with_layers(_RECIPE, learned_first),
        "Glorot uniform instead of identity": with_layers(_RECIPE, glorot),
        "no batch normalisation (learning rate 0.02)": {
            **with_layers(_RECIPE, lambda layer: None if isinstance(layer, BatchNorm) else layer),
            "optimizer": optimizer.make(**{**dict(optimizer), "learning_rate": 0.02}),
        },
        "pooled after ReLU instead of before": {"architecture": pooled_late(_RECIPE)},
        "no flips": {"augmentation": Augmentation()},
        "flips and shifts of 2 pixels": {"augmentation": Augmentation(flip=True, shift=2)},
        "a constant learning rate of 0.2": {
            "schedule": Constant(),
            "optimizer": optimizer.make(**{**dict(optimizer), "learning_rate": 0.2}),
        },
        "plain momentum instead of Nesterov's": {
            "optimizer": optimizer.make(**{**dict(optimizer), "nesterov": False})
        },
        "Adam (0.003) instead of SGD": {"optimizer": Adam(learning_rate=0.003)},
        "label smoothing 0.1": {
            "loss": _RECIPE.loss.make(labels="one_hot", label_smoothing=0.1),
        },
        "no mirrored answers": {"mirrored_answers": False},
        "two epochs": {"epochs": 2},
    }


if __name__ == "__main__":
    run_ablation(
        "fast_ablation",
        _RECIPE,
        variants(),
        lambda run: run.seconds,
    )
