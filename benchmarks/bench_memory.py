"""Memory: peak of training on the full set, growth from run to run, and of a used server.

The server trains an epoch of ``cifar10-vgg`` and then shows every kind of link there is
(tests/pages/links.py) in a real browser. Its memory is measured at the end and at its highest.
Everywhere one run trains at a time, in the process itself, so that one process counts; what several
at once take is in ``bench_runs_at_once``.

    python -m benchmarks.bench_memory [RUNS]

The peak is measured only if the full CIFAR-10 is in ``CIFARVIZ_HOME``. Linux only: it reads /proc.
"""

import multiprocessing
import sys
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from benchmarks.own_home import worker_in_own_home
from benchmarks.results_file import write_results
from cifarviz.data.library import status
from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import Data
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.processor import machine_name
from cifarviz.runs.store import RunStore, new_run_id
from cifarviz.settings import Settings
from scripts import chromium
from scripts.app_server import ROOT, AppServer, serve_files
from tests import stored_runs
from tests.pages.linked_home import fill
from tests.pages.links import LINKS

_SHORT_IMAGES = 256
# The first runs fill caches and pools that later runs reuse.
_SETTLED = 10
_HIGHEST_MB, _GROWTH_MB, _SERVER_MB = 2500, 5.0, 1500


def main() -> None:
    """Print both figures and write them to the results."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    print(machine_name())
    results: dict[str, object] = {}
    if status("cifar10", Settings.from_environment()).full_available:
        highest = _in_own_process(_highest, 0)[0]
        results["highest_mb"] = round(highest)
        print(
            f"cifar10-vgg, full set, one epoch: at most {highest:,.0f} MB (limit {_HIGHEST_MB:,})"
        )
    else:
        print("The full CIFAR-10 is missing, so the peak is not measured.")
    sizes = _in_own_process(_sizes, runs)
    later = np.arange(_SETTLED, len(sizes))
    growth = float(np.polyfit(later, np.array(sizes)[_SETTLED:], 1)[0])
    results |= {
        "runs": runs,
        "growth_mb_a_run": round(growth, 2),
        "sizes_mb": np.round(sizes, 1).tolist(),
    }
    print(
        f"{runs} short runs in one process: {sizes[0]:,.0f} MB after the first, "
        f"{sizes[-1]:,.0f} MB after the last, {growth:.2f} MB a run "
        f"after the first {_SETTLED} (limit {_GROWTH_MB})"
    )
    server = _used_server()
    results["server_mb"] = {name: round(size) for name, size in server.items()}
    print(
        f"a server that trained and showed every link: {server['VmRSS']:,.0f} MB, at most "
        f"{server['VmHWM']:,.0f} MB (limit {_SERVER_MB:,})"
    )
    write_results("memory", "python -m benchmarks.bench_memory", results)


def _in_own_process(work: object, argument: int) -> list[float]:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(sender, argument))  # type: ignore[arg-type]
    process.start()
    sender.close()
    values: list[float] = receiver.recv()
    process.join()
    return values


def _highest(sender: Connection, _: int) -> None:
    with worker_in_own_home(runs_at_once=1) as worker:
        _train(worker, Data.make(variant="full"), 1)
        sender.send([_status_mb("VmHWM")])


def _sizes(sender: Connection, runs: int) -> None:
    sizes = []
    with worker_in_own_home(runs_at_once=1) as worker:
        for _ in range(runs):
            _train(worker, Data.make(variant="sample", train_images=_SHORT_IMAGES), 1)
            sizes.append(_status_mb("VmRSS"))
        sender.send(sizes)


def _train(worker: Worker, data: Data, epochs: int) -> None:
    preset = PRESETS["cifar10-vgg"].experiment
    experiment = Experiment.make(**{**dict(preset), "data": data, "epochs": epochs})
    run = worker.wait(worker.submit(experiment, "memory").id)
    if run.message:
        raise SystemExit(run.message)


def _used_server() -> dict[str, float]:
    """Return the memory of a server that has trained and shown everything, in megabytes."""
    serve_files()
    one_at_a_time = {"CIFARVIZ_RUNS_AT_ONCE": "1"}
    with tempfile.TemporaryDirectory(prefix="cifarviz-bench-") as folder:
        home = Path(folder) / "home"
        store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(home)}))
        ids = fill(store, stored_runs.weights(stored_runs.experiment()))
        run_id = new_run_id()
        preset = PRESETS["cifar10-vgg"].experiment
        changes = {"data": Data.make(variant="sample"), "epochs": 1}
        # Without an owner: the server trains it when its first page is shown.
        store.create(run_id, preset.make(**{**dict(preset), **changes}), "trained", "dashboard")
        with (
            AppServer(ROOT / "app.py", home, Path(folder) / "log", one_at_a_time) as server,
            sync_playwright() as playwright,
        ):
            browser = playwright.chromium.launch(
                executable_path=chromium.find(), args=chromium.launch_arguments()
            )
            page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
            own = [f"{name}?run={run_id}" for name in ("train", "inside", "evaluate", "present")]
            page.goto(f"{server.url}/{own[0]}&view=watch")
            while store.get(run_id).state.active:
                page.wait_for_timeout(200)
            for address in (*own, *(link.link for link in LINKS)):
                for name, linked in ids.items():
                    address = address.replace(name, linked)
                page.goto(f"{server.url}/{address}")
                chromium.settle(page)
            browser.close()
            return {name: _status_mb(name, str(server.pid)) for name in ("VmRSS", "VmHWM")}


def _status_mb(name: str, process: str = "self") -> float:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise SystemExit(f"/proc/{process}/status has no {name}.")


if __name__ == "__main__":
    main()
