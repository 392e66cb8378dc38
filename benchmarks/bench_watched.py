"""Training speed while 1, 5 or 30 browsers watch, relative to none.

A run trains on the embedded sample in the server. Its speed is measured in windows of a few
seconds, alternately with no, one, five and thirty sessions. They request the Watch page, open its
live sockets and don't draw (benchmarks/page_client.py). For thirty, the delay of a stored point and
the memory per session are measured, too.

    python -m benchmarks.bench_watched [ROUNDS] [--preset NAME] [--before FOLDER] [--no-warm-up]

``--before`` is a checkout of an earlier version, which is measured alternately.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.page_client import PageClient
from benchmarks.results_file import write_results
from benchmarks.watched_run import WatchedRun
from cifarviz.experiment.choices import Data, NoValidation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.processor import machine_name
from cifarviz.runs.states import Action
from cifarviz.runs.store import RunStore, new_run_id
from cifarviz.settings import Settings
from scripts.app_server import ROOT, AppServer, serve_files

_SECONDS = 6.0
_GOALS = {1: 0.98, 5: 0.95, 30: 0.85}
_SLOWEST_DELAY = 0.5


@dataclass
class MeasuredVersion:
    """A version that serves a run, and the megabytes that a session has taken each time."""

    server: AppServer
    store: RunStore
    run_id: str
    watched: WatchedRun
    megabytes: list[float] = field(default_factory=list)

    def ratios(self) -> dict[int, float]:
        """Return the median ratio to no session, by the number of sessions."""
        return {count: self.watched.ratio(count) for count in _GOALS}

    def delays(self) -> list[float]:
        """Return the delays of points with the most sessions."""
        return self.watched.delays[max(_GOALS)]


def main() -> None:
    """Print the ratios and write them to the results."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    parser.add_argument("--preset", default="cifar10-starter")
    parser.add_argument("--before", type=Path)
    parser.add_argument("--no-warm-up", action="store_true")
    arguments = parser.parse_args()
    serve_files()
    trees = {"now": ROOT} | ({} if arguments.before is None else {"before": arguments.before})
    environment = {"CIFARVIZ_WARM_UP": "0"} if arguments.no_warm_up else {}
    print(
        f"{machine_name()}; {arguments.preset}, batch 32, medians of {arguments.rounds} windows of "
        f"{_SECONDS} s, {'without' if arguments.no_warm_up else 'with'} warm-up"
    )
    with ExitStack() as stack:
        versions = {
            name: stack.enter_context(
                _training(tree, arguments.preset, environment, live=name == "now")
            )
            for name, tree in trees.items()
        }
        for _ in range(arguments.rounds):
            for version in versions.values():
                version.store.request(version.run_id, Action.RESUME)
                _measure(version)
                _pause(version.store, version.run_id)
    for name, version in versions.items():
        _print(name, version)
    suffix = f"{arguments.preset}{'_cold' if arguments.no_warm_up else ''}"
    write_results(
        f"watched_{suffix.replace('-', '_')}",
        f"python -m benchmarks.bench_watched {arguments.rounds} --preset {arguments.preset}"
        + (" --no-warm-up" if arguments.no_warm_up else ""),
        {name: _content(version) for name, version in versions.items()},
    )


def _measure(version: MeasuredVersion) -> None:
    for count in (0, *_GOALS):
        before, during = _resident(version.server), 0.0

        def wait(_clients: Sequence[PageClient]) -> None:
            nonlocal during
            time.sleep(_SECONDS)
            during = _resident(version.server)

        version.watched.measure(count, wait)
        if count == max(_GOALS):
            version.megabytes.append((during - before) / count)


def _print(name: str, version: MeasuredVersion) -> None:
    ratios = version.ratios()
    print(f"{name}: {median(version.watched.speeds[0]):.1f} steps/s unwatched")
    for count, goal in _GOALS.items():
        print(f"  watched by {count}: {ratios[count]:.3f} of unwatched (goal {goal})")
    if version.delays():
        middle, late = np.percentile(version.delays(), [50, 95])
        print(
            f"  a point arrives at {max(_GOALS)} sessions after {middle:.2f} s, 95 % within "
            f"{late:.2f} s (limit {_SLOWEST_DELAY})"
        )
    print(f"  memory per session: {median(version.megabytes):.1f} MB")


def _content(version: MeasuredVersion) -> Mapping[str, object]:
    delays = version.delays()
    percentiles = np.percentile(delays, [50, 95]).round(3).tolist() if delays else None
    return {
        "ratios": version.ratios(),
        "steps_per_second": version.watched.speeds,
        "delay_50_95": percentiles,
        "megabytes_a_session": version.megabytes,
    }


@contextmanager
def _training(
    tree: Path, preset: str, environment: Mapping[str, str], *, live: bool
) -> Iterator[MeasuredVersion]:
    """Serve the version in ``tree`` with a paused run that has trained for some epochs."""
    with tempfile.TemporaryDirectory(prefix="cifarviz-bench-") as folder:
        home = Path(folder) / "home"
        store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(home)}))
        run_id = new_run_id()
        # The dashboard starts orphaned queued runs.
        store.create(run_id, _experiment(preset), "watched", "dashboard")
        variables = {"PYTHONPATH": str(tree), **environment}
        with AppServer(tree / "app.py", home, Path(folder) / "log", variables) as server:
            with PageClient(server.url, "", "") as page:
                page.wait()
                while len(store.epochs(run_id)) < 2:
                    time.sleep(0.2)
                page.updates += 1
            _pause(store, run_id)
            feeds, nobody = (run_id, "status") if live else (), [""] * max(_GOALS)
            watched = WatchedRun(server.url, store, run_id, feeds, nobody)
            yield MeasuredVersion(server, store, run_id, watched)
            store.request(run_id, Action.STOP)


def _experiment(name: str) -> Experiment:
    preset = PRESETS[name].experiment
    changes = {
        "data": Data(),
        "epochs": 1000,
        "batch_size": 32,
        "validation": NoValidation(),
        "monitor": "loss",
    }
    return Experiment(**(preset.model_dump() | changes))


def _pause(store: RunStore, run_id: str) -> None:
    store.request(run_id, Action.PAUSE)
    while store.get(run_id).state != "paused":
        time.sleep(0.05)


def _resident(server: AppServer) -> float:
    """Return the resident memory of the server's process in megabytes."""
    for line in Path(f"/proc/{server.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1000
    raise RuntimeError("the server has ended")


if __name__ == "__main__":
    main()
