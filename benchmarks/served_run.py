"""A short run of ``cifar10-vgg`` on a server, and a page of a browser to open it in."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from playwright.sync_api import Page, sync_playwright

from benchmarks.own_home import worker_in_own_home
from cifarviz.experiment.choices import Data
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.records import Run
from scripts import chromium
from scripts.app_server import ROOT, AppServer, serve_files

_SAMPLE = Data(train_images=1000)


class ServedRun(NamedTuple):
    """A finished run, the address of the server that shows it, and an empty page."""

    run: Run
    url: str
    page: Page


@contextmanager
def serve_vgg_run(data: Data = _SAMPLE, epochs: int = 1) -> Iterator[ServedRun]:
    """Train ``cifar10-vgg`` on ``data`` in a home of its own and serve it, 1440 × 900."""
    serve_files()
    preset = PRESETS["cifar10-vgg"].experiment
    experiment = Experiment.make(**{**dict(preset), "data": data, "epochs": epochs, "preset": None})
    with worker_in_own_home(recorded=False) as worker, TemporaryDirectory() as folder:
        run = worker.wait(worker.submit(experiment, "bench").id)
        log = Path(folder) / "log"
        with (
            AppServer(ROOT / "app.py", worker.settings.home, log) as server,
            sync_playwright() as playwright,
            playwright.chromium.launch(
                executable_path=chromium.find(), args=chromium.launch_arguments()
            ) as browser,
        ):
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.set_default_timeout(120_000)
            yield ServedRun(run, server.url, page)


def print_times(durations: Mapping[str, Sequence[float]]) -> None:
    """Print median, 95th percentile and longest of each, in milliseconds."""
    for name, values in durations.items():
        median, p95 = np.percentile(values, (50, 95))
        print(f"{name}: median {median:.0f} ms, 95 % {p95:.0f} ms, longest {max(values):.0f} ms")
