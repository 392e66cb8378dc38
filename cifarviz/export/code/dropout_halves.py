"""Whether dropout drew for the whole of a batch, or for each half of it by itself."""

import math
import re
from collections.abc import Iterator

from cifarviz.experiment.experiment import Experiment
from cifarviz.runs.records import Run

# As in network.threads and training.forward, which say why.
_FEWEST_IMAGES = 8
_MANY_WEIGHTS, _MANY_IMAGES = 2**18, 500


def layers_in_halves(run: Run) -> frozenset[int]:
    """The positions, among all layers, of those that drew for two halves of a batch, one by one.

    On two cores the halves of a batch go through the network side by side, so each has random
    numbers of its own; after a large dense layer they are one again.
    """
    experiment = run.experiment
    two_cores = re.search(r", 2 cores$", run.machine) is not None
    if not two_cores or experiment.batch_size < 2 * _FEWEST_IMAGES:
        return frozenset()
    return frozenset(_before_large_dense(experiment))


def _before_large_dense(experiment: Experiment) -> Iterator[int]:
    for position, (_name, layer, shape) in enumerate(experiment.architecture.walk()):
        # As training.forward has it: a layer that multiplies a vector by a matrix.
        matrices = (one.shape for one in layer.variables(shape) if len(one.shape) == 2)
        weights = sum(map(math.prod, matrices))
        if experiment.batch_size < _MANY_IMAGES and weights >= _MANY_WEIGHTS:
            return
        if layer.draws_random_numbers:
            yield position
