"""An ablation of ``cifar10-94`` on a shortened recipe: each part left out, some seeds each.

    python -m benchmarks.bench_94_ablation [SEEDS] [WORD of a part's name ...]

Two epochs of ``cifar10-90``, the same recipe for a smaller network, on 40,000 images: accuracy on
the 10,000 held-back images, mean and range, and the median of the seconds that an epoch trains. It
needs the full CIFAR-10 in ``CIFARVIZ_HOME``.
"""

from benchmarks.ablation import (
    Variants,
    glorot,
    learned_first,
    pooled_late,
    run_ablation,
    with_layers,
)
from cifarviz.experiment.choices import Augmentation, SplitValidation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.optimizers import SGD, AdamW
from cifarviz.experiment.presets import PRESETS
from cifarviz.experiment.schedules import Constant
from cifarviz.layers.activation import Activation
from cifarviz.layers.base import Layer
from cifarviz.layers.dense import Dense
from cifarviz.layers.pooling import GlobalAveragePool2D, GlobalMaxPool2D
from cifarviz.runs.records import Run

_RECIPE = Experiment.make(
    **{
        **dict(PRESETS["cifar10-90"].experiment),
        "epochs": 2,
        "validation": SplitValidation(fraction=0.2, seed=42),
    }
)


def variants() -> Variants:
    """Return the changes to the recipe by their names."""
    optimizer = _RECIPE.optimizer
    smoothed = _RECIPE.loss
    return {
        "the whole recipe": {},
        "SGD (0.6, Nesterov 0.85) instead of Muon": {
            "optimizer": SGD(learning_rate=0.6, momentum=0.85, nesterov=True)
        },
        "AdamW (0.005) instead of Muon": {"optimizer": AdamW(learning_rate=0.005)},
        "an output that starts as Glorot uniform": with_layers(_RECIPE, _drawn_output),
        "a learned first convolution instead of whitening": with_layers(_RECIPE, learned_first),
        "Glorot uniform instead of identity": with_layers(_RECIPE, glorot),
        "ReLU instead of SiLU": with_layers(_RECIPE, _with_relu),
        "pooled after activation": {"architecture": pooled_late(_RECIPE)},
        "global average pooling": with_layers(_RECIPE, _averaged),
        "flips at random": {"augmentation": Augmentation(flip=True, shift=2)},
        "no flips": {"augmentation": Augmentation(shift=2)},
        "no shifts": {"augmentation": Augmentation(alternating_flip=True)},
        "no label smoothing": {"loss": smoothed.make(labels="one_hot")},
        "no weight decay": {"optimizer": optimizer.model_copy(update={"weight_decay": 0.0})},
        "a constant learning rate of half": {
            "schedule": Constant(),
            "optimizer": optimizer.model_copy(
                update={"learning_rate": optimizer.learning_rate / 2}
            ),
        },
        "predictions averaged with the mirror image only": {"prediction_shift": 0},
        "predictions not averaged": {"prediction_shift": 0, "mirrored_answers": False},
    }


def _drawn_output(layer: Layer) -> Layer:
    if not isinstance(layer, Dense):
        return layer
    return layer.model_copy(update={"initializer": "glorot_uniform"})


def _with_relu(layer: Layer) -> Layer:
    if not isinstance(layer, Activation):
        return layer
    return layer.model_copy(update={"activation": "relu"})


def _averaged(layer: Layer) -> Layer:
    return GlobalAveragePool2D() if isinstance(layer, GlobalMaxPool2D) else layer


def _seconds_an_epoch(run: Run) -> float:
    if not run.train_images or not run.images_per_second:
        raise SystemExit("A run has no speed: it trained no whole epoch.")
    return run.train_images / run.images_per_second


if __name__ == "__main__":
    run_ablation(
        "ablation_94",
        _RECIPE,
        variants(),
        _seconds_an_epoch,
    )
