"""What helps against overfitting, tried on one network, one after another and then together."""

from collections.abc import Mapping
from typing import Any, Final

from cifarviz.experiment.choices import Data, EarlyStopping
from cifarviz.experiment.lab.duel import AUGMENTATIONS
from cifarviz.experiment.lab.entrants import Entrant, Entry
from cifarviz.experiment.lab.network import lab_experiment, lab_network

NONE: Final = "no cure"
USUAL_IMAGES: Final = 2_000
USUAL_EPOCHS: Final = 30
_DROPOUT = 0.3
_L2 = 0.002
_PATIENCE = 4


def cures(data: Data, *, epochs: int, seed: int) -> Entry:
    """No cure, augmentation, dropout, L2, early stopping, and all of them; raises as the rest."""
    augmented = {"augmentation": AUGMENTATIONS["both"]}
    dropped = {"architecture": lab_network(data.dataset, dropout=_DROPOUT)}
    stopped = {"early_stopping": EarlyStopping(patience=_PATIENCE)}
    tried: Mapping[str, Mapping[str, Any]] = {
        NONE: {},
        "augmentation": augmented,
        f"dropout {_DROPOUT}": dropped,
        f"L2 {_L2}": {"l2": _L2},
        "early stopping": stopped,
        "all together": {**augmented, **dropped, "l2": _L2, **stopped},
    }
    return Entry(
        "cures",
        "Cures for overfitting",
        tuple(
            Entrant(label, lab_experiment(data, epochs=epochs, seed=seed, **fields))
            for label, fields in tried.items()
        ),
    )


def usual(seed: int) -> Entry:
    """What nobody has changed, on the sample."""
    return cures(Data(train_images=USUAL_IMAGES), epochs=USUAL_EPOCHS, seed=seed)
