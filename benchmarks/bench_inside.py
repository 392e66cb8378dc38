"""Milliseconds until Inside shows all channels of ``cifar10-vgg`` for another image.

From the click on "Random" in Chromium to the frame that shows the last of the 672 channels, with
the server on the same machine.

    python -m benchmarks.bench_inside [CLICKS]
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from benchmarks.results_file import write_results
from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import Data
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.processor import machine_name
from cifarviz.settings import Settings
from scripts import chromium
from scripts.app_server import ROOT, AppServer, serve_files

# Milliseconds from a click on "Random" until every grid shows another picture, decoded and on
# screen: the frame after the one in which the last of them was put into the page.
_DRAW_ALL = """(names) => new Promise((done) => {
    const grids = (root) => [...root.querySelectorAll("*")].flatMap((element) => [
        ...(element.ariaLabel?.startsWith("Channels of ") ? [element] : []),
        ...(element.shadowRoot ? grids(element.shadowRoot) : []),
    ]);
    const pictures = () => Object.fromEntries(grids(document).map((grid) =>
        [grid.ariaLabel.slice(12), grid.style.getPropertyValue("--sprite")]));
    const before = pictures();
    const start = performance.now();
    document.querySelector(".st-key-inside-random button").click();
    const check = async () => {
        const now = pictures();
        if (names.some((name) => !now[name] || now[name] === before[name])) {
            requestAnimationFrame(check);
            return;
        }
        await Promise.all(Object.values(now).map((address) => {
            const image = new Image();
            image.src = address.slice(4, -1);
            return image.decode();
        }));
        requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start)));
    };
    check();
})"""


def main() -> None:
    """Print the median, the 95th percentile and the longest, in milliseconds."""
    clicks = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    serve_files()
    with tempfile.TemporaryDirectory(prefix="cifarviz-bench-") as folder:
        home = Path(folder) / "home"
        run, layers = trained(home)
        with AppServer(ROOT / "app.py", home, Path(folder) / "log") as server:
            durations = _measure(f"{server.url}/inside?run={run}&image=1", layers, clicks)
    median, p95 = np.percentile(durations, (50, 95))
    print(f"{machine_name()}; cifar10-vgg, 9 layers with maps, 672 channels, {clicks} clicks")
    print(f"median {median:.0f} ms, 95th percentile {p95:.0f} ms, longest {max(durations):.0f} ms")
    write_results("inside", "python -m benchmarks.bench_inside", {"inside_ms": durations})


def trained(home: Path) -> tuple[str, list[str]]:
    """Train a short run of ``cifar10-vgg``; return its id and its layers with maps."""
    preset = PRESETS["cifar10-vgg"].experiment
    experiment = Experiment.make(**{**dict(preset), "data": Data(train_images=1000), "epochs": 1})
    worker = Worker(Settings.from_environment({"CIFARVIZ_HOME": str(home)}), "command line")
    run = worker.wait(worker.submit(experiment, "bench").id)
    rows = experiment.architecture.trace().rows
    return run.id, [row.name for row in rows if len(row.output_shape or ()) == 3]


def _measure(address: str, layers: list[str], clicks: int) -> list[float]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.find(), args=chromium.launch_arguments()
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)
        page.get_by_role("group", name=f"Channels of {layers[-1]}").wait_for(timeout=60_000)
        chromium.settle(page)
        durations = []
        # The first click fills caches.
        for _ in range(clicks + 1):
            page.wait_for_timeout(500)
            durations.append(page.evaluate(_DRAW_ALL, layers))
        browser.close()
    return durations[1:]


if __name__ == "__main__":
    main()
