"""Bar 2: SIGTERM and Ctrl-C of the server and the command line, at random moments.

Each ends within five seconds, keeps its last finished epoch, leaves no process behind, and what was
training can be resumed.
"""

import os
import random
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.page_client import PageClient
from benchmarks.reliability.check import Check, none_of, p95_at_most, print_checks
from benchmarks.reliability.home_files import last_step, saved_step, unreadable_files
from benchmarks.reliability.programs import (
    PATIENCE,
    Dashboard,
    Program,
    fresh_home,
    open_store,
    processes_of,
    queue_run,
    short_experiment,
    wait_for,
)
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore

_LIMIT_SECONDS = 5.0
# From the first point of a run on: in an epoch, in validation, while a checkpoint is written.
_LATEST_SECONDS = 4.0
_EPOCHS, _IMAGES = 200, 1000


@dataclass
class _Ends:
    seconds: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    """Runs whose unfinished epoch is gone."""


def run(tries: int = 5) -> list[Check]:
    """Measure; ``tries`` is how often each of two signals is sent to each of two programs."""
    random.seed(2)
    ends = _Ends()
    ways = [(end, by) for end in (_end_server, _end_command) for by in ("SIGTERM", "SIGINT")]
    for end, name in ways:
        with fresh_home() as home:
            for _ in range(tries):
                end(home, signal.Signals[name], ends)
    count = tries * len(ways)
    return [
        p95_at_most(2, "a signal to the process's end", ends.seconds, _LIMIT_SECONDS, "s"),
        Check(
            2,
            "the longest of these",
            f"{max(ends.seconds):.2f} s",
            f"≤ {_LIMIT_SECONDS:g} s",
            max(ends.seconds) <= _LIMIT_SECONDS,
        ),
        none_of(2, "a finished epoch lost, a process or a damaged file left", ends.problems, count),
        none_of(2, "the unfinished epoch lost", ends.lost, count),
    ]


def _end_server(home: Path, by: signal.Signals, ends: _Ends) -> None:
    store = open_store(home)
    for active in store.active():
        # Waiting runs would be taken up before the next one.
        store.stop_all([active.id])
    run_id = queue_run(store, short_experiment(_EPOCHS, _IMAGES), "ended")
    with (
        Dashboard(home) as dashboard,
        PageClient(dashboard.url, "train", f"view=watch&run={run_id}", (run_id,)) as page,
    ):
        page.wait()
        _wait_for_a_moment(store, run_id)
        page.expect_end()
        _send_and_check(store, run_id, dashboard, by, ends)


def _end_command(home: Path, by: signal.Signals, ends: _Ends) -> None:
    store = open_store(home)
    options = ("--data", "sample", "--train-images", str(_IMAGES), "--precision", "float32")
    before = {run.id for run in store.all()}
    command = ("train", "cifar10-starter", *options, "--epochs", str(_EPOCHS))
    with Program(home, *command) as program:
        wait_for(lambda: bool({run.id for run in store.all()} - before), "the run")
        [run_id] = {run.id for run in store.all()} - before
        _wait_for_a_moment(store, run_id)
        _send_and_check(store, run_id, program, by, ends)


def _wait_for_a_moment(store: RunStore, run_id: str) -> None:
    """Wait for a moment of the training, or, once in four times, of the time before."""
    if random.random() < 0.75:
        wait_for(lambda: len(store.batch_points(run_id)) > 0, "the first step")
    time.sleep(random.uniform(0, _LATEST_SECONDS))


def _send_and_check(
    store: RunStore, run_id: str, program: Program, by: signal.Signals, ends: _Ends
) -> None:
    epochs, step = len(store.epochs(run_id)), last_step(store, run_id)
    began = time.monotonic()
    if by is signal.SIGINT:
        # A terminal sends it to all that it has in front.
        os.killpg(program.process.pid, by)
    else:
        program.process.send_signal(by)
    what = f"{by.name} of {type(program).__name__} in epoch {epochs + 1}"
    try:
        program.process.wait(PATIENCE)
    finally:
        ends.seconds.append(time.monotonic() - began)
    ended = store.get(run_id)
    ends.problems += [f"{what}: {problem}" for problem in _problems(store, ended, epochs)]
    if (saved := saved_step(store, run_id)) < step:
        ends.lost.append(f"{what}: {step} steps, {saved} saved, {ended.state}, {ended.message}")


def _problems(store: RunStore, ended: Run, epochs: int) -> Iterable[str]:
    if ended.state.active or not ended.state.resumable:
        yield f"the run is {ended.state}"
    if len(store.epochs(ended.id)) < epochs:
        yield f"{len(store.epochs(ended.id))} epochs of {epochs} are left"
    for pid in processes_of(store.settings.home):
        yield f"process {pid} is left"
    yield from unreadable_files(store.settings.home)


if __name__ == "__main__":
    print_checks(run())
