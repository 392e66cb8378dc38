"""Bar 13: a loss that is no number, a network too large for memory, a native crash of TensorFlow.

Each run fails, or is interrupted, with a reason and advice in words; the next run finishes, in the
same program. For the crash and for memory runs train in processes of their own
(``CIFARVIZ_RUNS_AT_ONCE=2``); the address space of the program is limited as ``ulimit -v`` does.
"""

import os
import resource
import signal
from collections.abc import Callable

from benchmarks.reliability.check import Check, print_checks
from benchmarks.reliability.programs import (
    Dashboard,
    fresh_home,
    open_store,
    processes_of,
    queue_run,
    short_experiment,
    visit,
    wait_for,
)
from cifarviz.cli.dashboard import is_serving
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.optimizers import SGD
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore

_TOGETHER = {"CIFARVIZ_RUNS_AT_ONCE": "2"}
# Enough for TensorFlow and its threads; weights of the large network take 3.2 GB, three times.
_ADDRESS_SPACE = 12_000_000_000


def run() -> list[Check]:
    """Let each happen in a server of its own."""
    return [
        _check("a loss that is no number", diverging(), ("learning rate",), {}),
        _check("a loss that is no number, in a process", diverging(), ("learning rate",), _TOGETHER),
        _check("too large for memory", too_large(), ("memory",), {}, limit=_ADDRESS_SPACE),
        _check("a native crash", endless(), ("signal", "Resume"), _TOGETHER, crash=True),
    ]


def diverging() -> Experiment:
    """Return an experiment whose loss is no number within a few steps."""
    return short_experiment(5, optimizer=SGD(learning_rate=1e6))


def too_large() -> Experiment:
    """Return an experiment with more weights than the limit of memory."""
    layers = (Flatten(), Dense(units=4096), *(Dense(units=16384),) * 3, Dense(units=10, activation="softmax"))
    network = Architecture(input_shape=(32, 32, 3), classes=10, layers=layers)
    return short_experiment(1, architecture=network)


def endless() -> Experiment:
    """Return an experiment that trains until something happens."""
    return short_experiment(1000, 1000)
