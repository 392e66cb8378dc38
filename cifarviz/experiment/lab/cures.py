"""What helps against overfitting, tried on one network, one after another and then together."""

from collections.abc import Mapping
from typing import Any, Final

from cifarviz.experiment.choices import Data, EarlyStopping
from cifarviz.experiment.lab.duel import AUGMENTATIONS
from cifarviz.experiment.lab.entrants import Entrant, Entry
from cifarviz.experiment.lab.network import lab_experiment, lab_network

NONE: Final = "none"
USUAL_IMAGES: Final = 2_000
USUAL_EPOCHS: Final = 20
_DROPOUT = 0.5
_L2 = 0.003
_PATIENCE = 3


def cures(data: Data, *, epochs: int, seed: int) -> Entry:
    """None, augmentation, dropout, L2, early stopping, and all of them; raises as the rest."""
    augmented = {"augmentation": AUGMENTATIONS["both"]}
    dropped = {"architecture": lab_network(data.dataset, dropout=_DROPOUT)}
    stopped = {"early_stopping": EarlyStopping(patience=_PATIENCE)}
    tried: Mapping[str, Mapping[str, Any]] = {
        NONE: {},
        "augmentation": augmented,
        f"dropout {_DROPOUT}": dropped,
        f"L2 {_L2}": {"l2": _L2},
        "early stopping": stopped,
        # A penalty that does on its own is too much with the others beside it.
        "all together": {**augmented, **dropped, "l2": _L2 / 10, **stopped},
    }
    return Entry(
        "cures",
        "Cures for overfitting",
        tuple(
            Entrant(label, lab_experiment(data, epochs=epochs, seed=seed, **fields))
            for label, fields in tried.items()
        ),
    )
