"""Bar 1: kill -9 of everything that works in a home, at 30 random moments.

Killed are the command line and the server while they train, also just after an epoch, when
checkpoint and snapshots are written; a process that trains for the server; an import of pictures,
and the fetching of a full set; a study; and a node of a cluster. Then every file can be read, at
most an epoch is lost, runs are *interrupted* within ten seconds of the restart, and those that were
resumed equal one that was never interrupted.
"""

import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.reliability.check import Check, at_most, none_of, print_checks
from benchmarks.reliability.cluster_kills import kill_node
from benchmarks.reliability.data_kills import kill_fetches, kill_imports
from benchmarks.reliability.home_files import (
    differences,
    last_step,
    saved_step,
    stored_state,
    unreadable_files,
)
from benchmarks.reliability.programs import (
    Dashboard,
    Program,
    fresh_home,
    open_store,
    processes_of,
    queue_run,
    visit,
    wait_for,
)
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.runs.studies import all_studies, stored_trials

_COMMANDS, _SERVERS, _TRAINERS, _IMPORTS, _FETCHES, _STUDIES = 10, 5, 4, 5, 2, 3
_INTERRUPTED_SECONDS = 10.0
# An epoch takes about a second.
_EPOCHS, _IMAGES = 24, 1000
_LATEST_SECONDS = 1.5
_TRAIN = ("train", "cifar10-starter", "--data", "sample", "--precision", "float32")

_Straight = tuple[RunStore, str]
"""A run that was never interrupted, and its store."""


@dataclass
class _Kills:
    count: int = 0
    damaged: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    compared: int = 0
    """Runs and studies that were compared with an uninterrupted one."""
    restarts: list[float] = field(default_factory=list)
    """Seconds from a restart until the run was interrupted."""

    def check_run(self, store: RunStore, run_id: str, what: str, epochs: int) -> None:
        """Check the home right after the kill; the run had finished so many epochs."""
        self.count += 1
        self.damaged += [f"{what}: {one}" for one in unreadable_files(store.settings.home)]
        steps = last_step(store, run_id) - saved_step(store, run_id)
        left = len(store.epochs(run_id))
        progress = store.get(run_id).progress
        an_epoch = 0 if progress is None else progress.steps_per_epoch
        if left < epochs or steps > an_epoch:
            self.lost.append(f"{what}: {epochs - left} epochs and {steps} steps of {an_epoch}")


def run() -> list[Check]:
    """Kill 30 times and check."""
    random.seed(1)
    kills = _Kills()
    with fresh_home() as home:
        straight = _train_straight(home)
        for kill in (_kill_commands, _kill_servers, _kill_trainers):
            with fresh_home() as other:
                kill(other, straight, kills)
    with fresh_home() as home, fresh_home() as other:
        _kill_studies(home, other, kills)
    for kill_data, tries in ((kill_imports, _IMPORTS), (kill_fetches, _FETCHES)):
        with fresh_home() as home:
            done, problems = kill_data(home, tries)
        kills.count += done
        kills.damaged += problems
    with fresh_home() as home:
        done, problems = kill_node(home)
    kills.count += done
    kills.compared += done
    kills.different += problems
    count, restart = kills.count, max(kills.restarts)
    return [
        none_of(1, "kill -9: files that cannot be read, or data half there", kills.damaged, count),
        none_of(1, "more than an epoch lost", kills.lost, count),
        at_most(1, "restart to interrupted, longest", restart, _INTERRUPTED_SECONDS, "s"),
        none_of(
            1, "resumed runs that differ from an uninterrupted one", kills.different, kills.compared
        ),
    ]


def _train_straight(home: Path) -> _Straight:
    """Train without interruption, in another process; returns the run and its store."""
    images, epochs = ("--train-images", str(_IMAGES)), ("--epochs", str(_EPOCHS))
    with Program(home, *_TRAIN, *images, *epochs) as program:
        program.process.wait()
    store = open_store(home)
    [done] = store.all()
    if done.state is not RunState.FINISHED:
        raise RuntimeError(f"the uninterrupted run is {done.state}: {program.log()}")
    return store, done.id


def _kill_commands(home: Path, straight: _Straight, kills: _Kills) -> None:
    store, run_id = _queue_the_same(home, straight)
    for number in range(_COMMANDS):
        with Program(home, "resume", run_id) as program:
            epochs = _wait_for_a_moment(store, run_id, number)
            program.kill()
        began = time.monotonic()
        what = f"the command line in epoch {epochs + 1}"
        # As the next command does.
        if (state := open_store(home).get(run_id).state) is not RunState.INTERRUPTED:
            kills.lost.append(f"{what}: the run is {state}")
        kills.restarts.append(time.monotonic() - began)
        kills.check_run(store, run_id, what, epochs)
    _finish(home, run_id, straight, kills, "killed with the command line")


def _kill_servers(home: Path, straight: _Straight, kills: _Kills) -> None:
    store, run_id = _queue_the_same(home, straight)
    for number in range(_SERVERS):
        with Dashboard(home) as dashboard:
            visit(dashboard)
            epochs = _wait_for_a_moment(store, run_id, number)
            dashboard.kill()
        began = time.monotonic()
        with Dashboard(home) as dashboard:
            visit(dashboard)
            _wait_until_interrupted(home, run_id, began, kills)
            dashboard.kill()
        kills.check_run(store, run_id, f"the server in epoch {epochs + 1}", epochs)
        store.transition(run_id, RunState.QUEUED)
    _finish(home, run_id, straight, kills, "killed with the server")


def _kill_trainers(home: Path, straight: _Straight, kills: _Kills) -> None:
    store, run_id = _queue_the_same(home, straight)
    with Dashboard(home, environment={"CIFARVIZ_RUNS_AT_ONCE": "2"}) as dashboard:
        for number in range(_TRAINERS):
            visit(dashboard)
            epochs = _wait_for_a_moment(store, run_id, number)
            for pid in processes_of(home, "training_process"):
                os.kill(pid, signal.SIGKILL)
            _wait_until_interrupted(home, run_id, time.monotonic(), kills)
            kills.check_run(store, run_id, f"a process in epoch {epochs + 1}", epochs)
            store.transition(run_id, RunState.QUEUED)
    _finish(home, run_id, straight, kills, "killed with its process")


def _queue_the_same(home: Path, straight: _Straight) -> tuple[RunStore, str]:
    store = open_store(home)
    other, run_id = straight
    return store, queue_run(store, other.get(run_id).experiment, "killed")


def _wait_for_a_moment(store: RunStore, run_id: str, number: int) -> int:
    """Wait for a random moment since it went on; returns the epochs that it has finished.

    Every other one is just after an epoch, while checkpoint and snapshots are written.
    """
    step, epochs = last_step(store, run_id), len(store.epochs(run_id))
    if number % 2:
        wait_for(lambda: last_step(store, run_id) > step, "a step")
        time.sleep(random.uniform(0, _LATEST_SECONDS))
    else:
        wait_for(lambda: len(store.epochs(run_id)) > epochs, "an epoch")
        time.sleep(random.uniform(0, 0.05))
    return len(store.epochs(run_id))


def _wait_until_interrupted(home: Path, run_id: str, began: float, kills: _Kills) -> None:
    wait_for(lambda: stored_state(home, run_id) == "interrupted", "interrupted", 30)
    kills.restarts.append(time.monotonic() - began)


def _finish(home: Path, run_id: str, straight: _Straight, kills: _Kills, what: str) -> None:
    store = open_store(home)
    with Program(home, "resume", run_id) as program:
        program.process.wait()
    kills.compared += 1
    kills.different += [f"{what}: {one}" for one in differences(store, run_id, *straight)]


def _kill_studies(home: Path, other: Path, kills: _Kills) -> None:
    """Kill a study, resume it, and compare its trials with those of one that was not killed."""
    short = ("--train-images", str(_IMAGES), "--epochs", "6", "--trials", "4")
    search = ("--param", "batch_size=16,32,64,128", "--sampler", "grid", "--pruner", "none")
    command = ("tune", *_TRAIN[1:], *short, *search)
    with Program(other, *command) as program:
        program.process.wait()
    store = open_store(home)
    arguments: tuple[str, ...] = command
    for number in range(_STUDIES):
        before = _epochs_of_trials(store)
        with Program(home, *arguments) as program:
            wait_for(lambda before=before: _epochs_of_trials(store) > before, "an epoch of a trial")  # type: ignore[misc]
            time.sleep(random.uniform(0, _LATEST_SECONDS))
            epochs = _epochs_of_trials(store)
            program.kill()
        kills.count += 1
        # Opening it removes what was half written.
        left = _epochs_of_trials(open_store(home))
        kills.damaged += [f"a study: {one}" for one in unreadable_files(home)]
        if left < epochs:
            kills.lost.append(f"a study, time {number + 1}: an epoch is gone")
        arguments = ("tune", "resume", all_studies(store)[0].id)
    with Program(home, *arguments) as program:
        program.process.wait()
    kills.different += _differences_of_studies(store, open_store(other))
    kills.compared += 1


def _epochs_of_trials(store: RunStore) -> int:
    return sum(len(store.epochs(run.id)) for run in store.all())


def _differences_of_studies(store: RunStore, other: RunStore) -> Iterator[str]:
    trials, others = (
        {str(trial.settings): trial.run for trial in stored_trials(runs, all_studies(runs)[0].id)}
        for runs in (store, other)
    )
    if trials.keys() != others.keys():
        yield f"the study tried {sorted(trials)}, the uninterrupted one {sorted(others)}"
        return
    for settings, trial in trials.items():
        for one in differences(store, trial.id, other, others[settings].id):
            yield f"the trial {settings}: {one}"


if __name__ == "__main__":
    print_checks(run())
