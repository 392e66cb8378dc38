"""Bar 13: a loss that is no number, a network too large for memory, a native crash of TensorFlow.

Each run fails, or is interrupted, with a reason and advice in words; the next run finishes, in the
same program. For the crash and for memory runs train in processes of their own
(``CIFARVIZ_RUNS_AT_ONCE=2``); the memory of the program is limited as ``ulimit -d`` does.
"""

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import suppress

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
# Enough for TensorFlow and a small network; the weights of the large one take 0.4 GB, their
# gradients and Adam's variables three times that.
_DATA_BYTES = 3_000_000_000


def run() -> list[Check]:
    """Let each happen in a server of its own."""
    return [
        _check("a loss that is no number", diverging(), ("learning rate",), {}),
        _check(
            "a loss that is no number, in a process", diverging(), ("learning rate",), _TOGETHER
        ),
        _check("too large for memory", too_large(), ("memory",), {}, limit=_DATA_BYTES),
        _check("a native crash", endless(), ("crashed", "Resume"), _TOGETHER, crash=True),
    ]


def diverging() -> Experiment:
    """Return an experiment whose loss is no number within a few steps."""
    return short_experiment(5, optimizer=SGD(learning_rate=100.0))


def too_large() -> Experiment:
    """Return an experiment with more weights than the limit of memory."""
    hidden = (Dense(units=4096),) * 6
    layers = (Flatten(), *hidden, Dense(units=10, activation="softmax"))
    network = Architecture(input_shape=(32, 32, 3), classes=10, layers=layers)
    return short_experiment(1, architecture=network)


def endless() -> Experiment:
    """Return an experiment that trains until something happens."""
    return short_experiment(1000, 1000)


def _check(
    what: str,
    experiment: Experiment,
    words: tuple[str, ...],
    environment: dict[str, str],
    *,
    limit: int | None = None,
    crash: bool = False,
) -> Check:
    """Train it, then a run that is fine; the first says ``words``."""
    limits = {} if limit is None else {resource.RLIMIT_DATA: limit}
    with fresh_home() as home, Dashboard(home, environment=environment, limits=limits) as dashboard:
        store = open_store(home)
        bad = queue_run(store, experiment, "bad")
        visit(dashboard)
        if crash:
            wait_for(lambda: len(store.batch_points(bad)) > 0, "a step")
            for pid in processes_of(home, "training_process"):
                # As a fault in TensorFlow's own code ends a process.
                os.kill(pid, signal.SIGSEGV)
        problems = list(_problems(dashboard, store, bad, words))
        message = store.get(bad).message or "no message"
    return Check(
        13, what, "; ".join(problems) or f"“{message}”", "said; the next run fine", not problems
    )


def _problems(
    dashboard: Dashboard, store: RunStore, bad: str, words: tuple[str, ...]
) -> Iterator[str]:
    ended = _wait_for_end(dashboard, store, bad)
    if ended.state not in (RunState.FAILED, RunState.INTERRUPTED):
        yield f"the run is {ended.state}"
    message = ended.message or ""
    if not all(word in message for word in words):
        yield f"it says “{message}”"
    good = queue_run(store, short_experiment(1), "good")
    with suppress(OSError):
        visit(dashboard)
    if (state := _wait_for_end(dashboard, store, good).state) is not RunState.FINISHED:
        yield f"the next run is {state}"
    if not is_serving(dashboard.url):
        yield f"the server has ended: {dashboard.log()[-300:]}"


def _wait_for_end(dashboard: Dashboard, store: RunStore, run_id: str) -> Run:
    def is_over() -> bool:
        return not store.get(run_id).state.active or dashboard.process.poll() is not None

    wait_for(is_over, "the end of the run")
    return store.get(run_id)


if __name__ == "__main__":
    print_checks(run())
