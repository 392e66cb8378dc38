"""Of how many images the activations of a network's layers are measured."""

import math

from cifarviz.experiment.architecture import Architecture

# One of so many training images, so that the samples take less than 1% of an epoch's time.
_IMAGES_SHARE = 50
_IMAGES = 32, 256
_MAX_OUTPUTS = 20_000_000


def activation_images(architecture: Architecture, train_images: int | None = None) -> int:
    """How many images the activations are taken of, so that they fit into memory.

    With the number of training images so few that it takes little of an epoch's time.
    """
    shapes = [row.output_shape or () for row in architecture.trace().all_rows]
    fitting = _MAX_OUTPUTS // sum(math.prod(shape) for shape in shapes)
    least, most = _IMAGES
    quick = most if train_images is None else max(train_images // _IMAGES_SHARE, least)
    return max(min(quick, most, fitting), 1)
