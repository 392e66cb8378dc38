"""What a network predicts for images, as it flows from the network to files and results.

Log-probabilities are the value; probabilities follow from them. The other way round a loss is
lost: the smallest probability of float32 is 1e-45, and that of float16 is 6e-8.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Rounded = TypeVar("Rounded", bound=np.floating[Any])


@dataclass(frozen=True, eq=False)
class Predictions:
    """The predictions for n images.

    ``log_probabilities`` float32 (n, classes), natural logarithms. They are not ``exact`` where
    an earlier version stored probabilities: one that was rounded to 0 counts as the smallest its
    file could hold, so a loss may come out too low.
    """

    log_probabilities: NDArray[np.float32]
    exact: bool = True

    def __post_init__(self) -> None:
        # Many sessions look at them.
        view = self.log_probabilities.view()
        view.flags.writeable = False
        object.__setattr__(self, "log_probabilities", view)

    @classmethod
    def from_probabilities(cls, probabilities: NDArray[np.floating[Any]]) -> "Predictions":
        """Predictions whose logarithms are gone, of probabilities (n, classes)."""
        smallest = np.finfo(probabilities.dtype).smallest_subnormal
        logs = np.log(np.maximum(probabilities, smallest).astype(np.float64))
        return cls(rounded_to(np.float32, logs, like=probabilities), exact=False)

    def __len__(self) -> int:
        return len(self.log_probabilities)

    @cached_property
    def probabilities(self) -> NDArray[np.float32]:
        """float32 (n, classes), 0 to 1, read-only; the most probable class is the same."""
        logs = self.log_probabilities
        found = rounded_to(np.float32, np.exp(logs.astype(np.float64)), like=logs)
        found.flags.writeable = False
        return found


def rounded_to(
    kind: type[Rounded], values: NDArray[np.floating[Any]], *, like: NDArray[np.floating[Any]]
) -> NDArray[Rounded]:
    """``values`` (n, classes) as ``kind``, highest in each row where ``like`` is."""
    rounded = values.astype(kind)
    rows = np.arange(len(rounded))
    best = like.argmax(axis=1)
    lost = rounded.argmax(axis=1) != best
    # A tie that rounding made: one step breaks it.
    rounded[rows[lost], best[lost]] = np.nextafter(rounded[rows[lost], best[lost]], kind(2))
    return rounded
