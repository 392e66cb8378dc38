"""How much each pixel adds to a class's score, compared with a baseline image.

After Sundararajan et al., arXiv 1703.01365.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

STEPS: Final = 64

Gradients = Callable[[NDArray[np.float32]], tuple[NDArray[np.float32], NDArray[np.float32]]]
"""Returns the scores (n,) of images, float32 (n, h, w, c) from 0 to 255, and their gradients."""


@dataclass(frozen=True, eq=False)
class IntegratedGradients:
    """``pixels`` float32 (h, w): what each pixel adds to the score, summed over its channels.

    ``score`` and ``baseline_score`` are those of the image and of the baseline.
    """

    pixels: NDArray[np.float32]
    score: float
    baseline_score: float

    @property
    def total(self) -> float:
        """The sum over all pixels, nearly ``score - baseline_score``."""
        return float(self.pixels.sum(dtype=np.float64))


def integrated_gradients(
    image: NDArray[np.uint8],
    baseline: NDArray[np.float32],
    gradients: Gradients,
    steps: int = STEPS,
) -> IntegratedGradients:
    """Sum the gradient over ``steps`` images on the line from ``baseline`` to ``image``.

    Both are (h, w, c) from 0 to 255. The images are the middles of equal parts of the line.
    """
    change = image.astype(np.float32) - baseline
    shares = np.concatenate([[0, 1], (np.arange(steps) + 0.5) / steps]).astype(np.float32)
    scores, slopes = gradients(baseline + shares[:, None, None, None] * change)
    mean = slopes[2:].mean(axis=0, dtype=np.float64)
    pixels = (mean * change).sum(axis=-1).astype(np.float32)
    return IntegratedGradients(pixels, float(scores[1]), float(scores[0]))
