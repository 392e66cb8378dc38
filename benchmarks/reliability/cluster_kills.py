"""kill -9 of a node of a cluster in the middle of an epoch: its run goes on at another node."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

from benchmarks.reliability.home_files import differences, last_step, unreadable_files
from benchmarks.reliability.programs import program_environment, short_experiment, wait_for
from cifarviz.executors.worker import Worker
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.settings import Settings
from scripts.local_cluster import local_cluster

_EPOCHS, _IMAGES = 6, 1000
_SECONDS = 240.0


def kill_node(home: Path) -> tuple[int, list[str]]:
    """Kill the node of one of two equal runs; returns how many were killed, and what went wrong.

    None where Ray is not installed.
    """
    if importlib.util.find_spec("ray") is None:
        print("  bar 1: without Ray no node is killed", flush=True)
        return 0, []
    return 1, list(_kill(home))


def _kill(home: Path) -> Iterator[str]:
    settings = Settings.from_environment(program_environment(home))
    with local_cluster(home.parent) as cluster:
        cluster.join("a", "b")
        worker = Worker(cluster.connected(settings), "benchmark")
        store = worker.store
        experiment = short_experiment(_EPOCHS, _IMAGES)
        killed, straight = (worker.submit(experiment, name).id for name in ("killed", "straight"))
        wait_for(lambda: len(store.epochs(killed)) > 0, "an epoch on a node", _SECONDS)
        per_epoch = last_step(store, killed)
        wait_for(lambda: last_step(store, killed) > per_epoch, "a step", _SECONDS)
        cluster.kill(_node_of(store.get(killed)))
        for run_id in (straight, killed):
            if (done := worker.wait(run_id, _SECONDS)).state is not RunState.FINISHED:
                yield f"a node: “{done.name}” is {done.state}: {done.message}"
        yield from (f"a node: {one}" for one in differences(store, killed, store, straight))
    yield from (f"a node: {one}" for one in unreadable_files(home))


def _node_of(run: Run) -> str:
    return run.machine.partition(":")[0]
