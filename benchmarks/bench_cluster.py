"""What runs on a cluster cost: speed, runs an hour, and how many trainers a gateway serves.

    python -m benchmarks.bench_cluster speed [ROUNDS]
    python -m benchmarks.bench_cluster nodes [RUNS]
    python -m benchmarks.bench_cluster gateway [SECONDS]

All nodes are on this machine. ``speed``: images per second of ``cifar10-vgg`` on a node that has
all cores, relative to a local run, in turns. ``nodes``: runs an hour of ``cifar10-starter`` on two
nodes of a core each, relative to one; the head is on the same cores. ``gateway``: made-up trainers
(``benchmarks/made_up_trainers.py``) that each send four messages per second; how long a message
takes to the store and to a watching page, and what the gateway takes of processor and disk.
"""

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.made_up_trainers import GatewayLoad, measure_gateway
from benchmarks.results_file import write_results
from cifarviz.executors.worker import Worker
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.processor import machine_name, usable_cores
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.settings import Settings
from scripts.local_cluster import LocalCluster, local_cluster

_TRAINERS = (100, 300)
_WAIT_SECONDS = 3600.0


def main() -> None:
    """Measure one part, print it and write it to the results."""
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=("speed", "nodes", "gateway"))
    parser.add_argument("count", nargs="?", type=int)
    arguments = parser.parse_args()
    part, count = arguments.part, arguments.count
    print(machine_name())
    # Gateways may still write to it.
    with tempfile.TemporaryDirectory(
        prefix="cifarviz-bench-", ignore_cleanup_errors=True
    ) as folder:
        if part == "speed":
            content = _measure_speed(Path(folder), count or 3)
        elif part == "nodes":
            content = _measure_nodes(Path(folder), count or 6)
        else:
            content = _measure_gateway(Path(folder), count or 30)
    write_results(f"cluster_{part}", f"python -m benchmarks.bench_cluster {part}", content)


def _measure_speed(folder: Path, rounds: int) -> dict[str, object]:
    experiment = _experiment("cifar10-vgg", epochs=2, train_images=2000)
    speeds: dict[str, list[float]] = {"local": [], "ray": []}
    with local_cluster(folder) as cluster:
        cluster.join("all-cores", cpus=usable_cores())
        local = Worker(_settings(folder / "local"), "benchmark")
        remote = Worker(cluster.connected(_settings(folder / "ray")), "benchmark")
        for _ in range(rounds):
            for name, worker in (("local", local), ("ray", remote)):
                [run] = _train(worker, experiment, 1)
                assert run.images_per_second is not None
                speeds[name].append(run.images_per_second)
    ratios = [a / b for a, b in zip(speeds["ray"], speeds["local"], strict=True)]
    print(f"cifar10-vgg by Ray, relative to local: {median(ratios):.3f} (goal 0.97)")
    return {"images_per_second": speeds, "ratios": ratios}


def _measure_nodes(folder: Path, runs: int) -> dict[str, object]:
    experiment = _experiment("cifar10-starter", epochs=3)
    seconds: dict[int, float] = {}
    with local_cluster(folder) as cluster:
        for count, name in ((1, "first"), (2, "second")):
            cluster.join(name)
            worker = Worker(cluster.connected(_settings(folder / f"home-{count}")), "benchmark")
            began = time.monotonic()
            _train(worker, experiment, runs)
            seconds[count] = time.monotonic() - began
    print(f"two nodes of a core, relative to one: {seconds[1] / seconds[2]:.2f} (goal 1.5)")
    return {"runs": runs, "seconds": seconds}


def _measure_gateway(folder: Path, seconds: int) -> dict[str, object]:
    loads = {}
    for trainers in _TRAINERS:
        with local_cluster(folder / str(trainers)) as cluster:
            loads[trainers] = load = _load(cluster, trainers, seconds)
        _print(load)
    return {str(trainers): load.summary() for trainers, load in loads.items()}


def _load(cluster: LocalCluster, trainers: int, seconds: int) -> GatewayLoad:
    # The made-up trainers take no cores; a node must be there that has some.
    cluster.join("trainers")
    return measure_gateway(
        cluster.connected(_settings(cluster.folder / "home")), trainers, float(seconds)
    )


def _print(load: GatewayLoad) -> None:
    for words, delays in (
        ("from the trainer to the store", load.to_store),
        ("from the store to a page", load.store_to_page),
    ):
        middle, late = np.percentile(delays, (50, 95))
        print(
            f"{load.trainers} trainers, {load.messages_per_second:.0f} messages per second, "
            f"{words}: median {middle:.2f} s, 95 % within {late:.2f} s (goal 0.5 s in all)"
        )
    print(
        f"  gateway: {100 * load.processor:.0f} % of a core, {load.megabytes:.0f} MB of memory, "
        f"{load.written_per_second / 1e6:.2f} MB/s written"
    )


def _experiment(preset: str, *, epochs: int, train_images: int | None = None) -> Experiment:
    base = PRESETS[preset].experiment
    data = base.data.model_copy(update={"variant": "sample", "train_images": train_images})
    changes = {"data": data, "epochs": epochs, "precision": "float32", "preset": None}
    return Experiment.make(**{**dict(base), **changes})


def _settings(home: Path) -> Settings:
    return Settings.from_environment({"CIFARVIZ_HOME": str(home)})


def _train(worker: Worker, experiment: Experiment, count: int) -> list[Run]:
    runs = [worker.submit(experiment, f"run {number}") for number in range(count)]
    ended = [worker.wait(run.id, _WAIT_SECONDS) for run in runs]
    assert all(run.state is RunState.FINISHED for run in ended), [run.message for run in ended]
    return ended


if __name__ == "__main__":
    main()
