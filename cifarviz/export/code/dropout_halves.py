"""Whether dropout drew for the whole of a batch, or for each half of it by itself."""

import re
from collections.abc import Iterator

from cifarviz.experiment.architecture import trace
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.layers import Dense, Dropout
from cifarviz.runs.records import Run

# As in network.threads and training.forward, which say why.
_FEWEST_IMAGES = 8
_MANY_WEIGHTS, _MANY_IMAGES = 2**18, 500


def layers_in_halves(run: Run) -> frozenset[int]:
    """The positions of the dropout layers that drew for two halves of a batch, one by one.

    On two cores the halves of a batch go through the network side by side, so each has random
    numbers of its own; after a large dense layer they are one again.
    """
    experiment = run.experiment
    two_cores = re.search(r", 2 cores$", run.machine) is not None
    if not two_cores or experiment.batch_size < 2 * _FEWEST_IMAGES:
        return frozenset()
    return frozenset(_before_large_dense(experiment))


def _before_large_dense(experiment: Experiment) -> Iterator[int]:
    layers = experiment.architecture.layers
    rows = trace(experiment.architecture.input_shape, layers, experiment.architecture.classes).rows
    for position, (layer, row) in enumerate(zip(layers, rows, strict=True)):
        biases = layer.units if isinstance(layer, Dense) and layer.use_bias else 0
        weights = row.parameters - biases if isinstance(layer, Dense) else 0
        if experiment.batch_size < _MANY_IMAGES and weights >= _MANY_WEIGHTS:
            return
        if isinstance(layer, Dropout) and layer.rate > 0:
            yield position
