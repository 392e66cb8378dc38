"""An image that a channel or a class responds to most, made from noise."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

STEPS: Final = 64
_STARTS = 16
# Standard deviation of the noise, in grey levels.
_NOISE = 24.0


@dataclass(frozen=True, eq=False)
class IdealImage:
    """``pixels`` uint8 (h, w, c); ``value`` is the highest value of the channel's map for them,
    and ``start`` that for the noise they were made from."""

    pixels: NDArray[np.uint8]
    value: float
    start: float

    @property
    def found(self) -> bool:
        """Whether the channel responds more than to the noise."""
        return self.value > self.start


def noise_images(
    shape: tuple[int, int, int], mean: NDArray[np.float32], seed: int
) -> NDArray[np.float32]:
    """Noise around a colour ``mean`` (c,): float32 (n, h, w, c), whole numbers from 0 to 255."""
    noise = np.random.default_rng(seed).normal(0, _NOISE, (_STARTS, *shape))
    return np.clip(np.rint(mean + noise), 0, 255).astype(np.float32)
