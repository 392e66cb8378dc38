"""Bar 10: two servers and the command line on one home, one of the servers is killed.

The other takes over what waits, nothing is trained twice, no file is damaged, and both servers and
the command line show the same.
"""

import json
import time

from benchmarks.reliability.check import Check, none_of, p95_at_most, print_checks
from benchmarks.reliability.home_files import unreadable_files
from benchmarks.reliability.programs import (
    Dashboard,
    Program,
    fresh_home,
    open_store,
    queue_run,
    short_experiment,
    visit,
    wait_for,
)
from cifarviz.cli.dashboard import is_serving
from cifarviz.runs.states import RunState

_RUNS, _EPOCHS, _IMAGES = 4, 6, 1000
_TAKE_OVER_SECONDS = 10.0


def run(rounds: int = 2) -> list[Check]:
    """Kill the server that trains in each of ``rounds``."""
    problems: list[str] = []
    seconds: list[float] = []
    for number in range(rounds):
        found, took = _kill_one()
        problems += [f"round {number + 1}: {problem}" for problem in found]
        seconds.append(took)
    return [
        none_of(10, "corruption, or a run trained twice or not at all", problems, rounds * _RUNS),
        p95_at_most(10, "a kill until the other takes over", seconds, _TAKE_OVER_SECONDS, "s"),
    ]


def _kill_one() -> tuple[list[str], float]:
    with fresh_home() as home, Dashboard(home) as first:
        store = open_store(home)
        runs = [
            queue_run(store, short_experiment(_EPOCHS, _IMAGES, seed=seed), f"run {seed}")
            for seed in range(1, _RUNS + 1)
        ]
        visit(first)
        with Dashboard(home) as second:
            visit(second)
            wait_for(lambda: len(store.epochs(runs[0])) > 0, "an epoch")
            with Program(home, "train", "cifar10-starter", *_command_options()) as command:
                wait_for(lambda: len(store.all()) > _RUNS, "the run of the command line")
                first.kill()
                began = time.monotonic()
                # Its processes end by themselves when their parent is gone.
                wait_for(lambda: not is_serving(first.url), "the end of the killed server", 60)

                def is_taken_over() -> bool:
                    # As by somebody whose page is open there.
                    visit(second)
                    return not store.get(runs[1]).orphaned

                # The run of the command line may train first.
                wait_for(is_taken_over, "the other server", 60)
                took = time.monotonic() - began
                command.process.wait()
            problems = [] if is_serving(second.url) else ["the other server has ended"]
            visit(second)
            if store.get(runs[0]).state is RunState.INTERRUPTED:
                store.transition(runs[0], RunState.QUEUED)
                visit(second)
            wait_for(lambda: not store.active(), "all runs", 200)
        problems += unreadable_files(home)
        for found in store.all():
            epochs = [epoch.epoch for epoch in store.epochs(found.id)]
            if found.state is not RunState.FINISHED or epochs != list(range(1, _EPOCHS + 1)):
                problems.append(f"{found.name} is {found.state}, its epochs are {epochs}")
        with Program(home, "runs", "--json") as listing:
            listing.process.wait()
        listed = json.loads(listing.log().rstrip().splitlines()[-1])
        if {one["run"] for one in listed} != {one.id for one in store.all()}:
            problems.append("the command line lists other runs")
    return problems, took


def _command_options() -> tuple[str, ...]:
    options = {
        "--data": "sample",
        "--train-images": str(_IMAGES),
        "--epochs": str(_EPOCHS),
        "--precision": "float32",
    }
    return tuple(part for option in options.items() for part in option)


if __name__ == "__main__":
    print_checks(run())
