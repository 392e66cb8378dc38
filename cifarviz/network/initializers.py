"""Initial weights that Keras does not have."""

from typing import Any

import keras
import numpy as np


class PartialIdentity(keras.initializers.Initializer):
    """Filters, or units, that begin by handing on one input channel each.

    What is over, where a layer has more of them than input channels, is drawn as by Glorot
    uniform. Deep networks so begin with their input in sight (after Jordan, arXiv 2404.00498).
    """

    def __init__(self, seed: int | None = None) -> None:
        self.seed = seed

    def __call__(self, shape: tuple[int, ...], dtype: Any = None, **options: Any) -> Any:
        """A kernel (…, input channels, filters): the identity sits in the middle of its window."""
        kernel = np.array(keras.initializers.GlorotUniform(seed=self.seed)(shape, dtype="float32"))
        handed_on = min(shape[-2:])
        kernel[..., :handed_on] = 0.0
        middle = tuple(side // 2 for side in shape[:-2])
        for channel in range(handed_on):
            kernel[(*middle, channel, channel)] = 1.0
        return keras.ops.convert_to_tensor(kernel, dtype=dtype)
