"""Loading times of pages in Chromium on the same machine as the server.

1. The first page of a cold server: from the command to its heading. A new server and browser
   context each time; the browser is running already.
2. Another page of a session with a finished run, by a click in the menu, while nothing trains and
   while ``cifar10-vgg`` does: from the click until its heading is shown, and until the script has
   finished, everything visible is drawn and nothing of the previous page is left.
3. Runs with 50 finished runs of 30 epochs, all compared, from the browser's Back button.
4. A hundred random images on Samples, from Enter in "Number of images" until all are drawn.

    python -m benchmarks.bench_pages [ROUNDS]
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.results_file import write_results
from cifarviz.experiment.address import pack_changes, preset_draft
from cifarviz.experiment.presets import PRESETS
from cifarviz.processor import machine_name
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts import chromium
from scripts.app_server import ROOT, AppServer, serve_files
from tests import stored_runs

MENU = ("Samples", "Train", "Runs", "Lab", "Inside", "Evaluate", "Predict", "Start")
TITLES = {"Start": "cifarviz", "Lab": "Overfit lab"}
_COLD_LIMIT, _SWITCH_LIMIT, _RUNS_LIMIT = 3000, 300, 400
_RUNS, _EPOCHS = 50, 30
_IMAGES, _IMAGES_LIMIT = 100, 700

Switches = dict[str, list[list[float]]]
"""By target page: milliseconds to its heading, and to the complete page."""

# Milliseconds from a click on the menu's link until the heading is shown, and until the script has
# finished and the page is painted, with nothing left of the previous page.
SWITCH = """([name, title]) => new Promise((done) => {
    const link = [...document.querySelectorAll('[data-testid="stSidebarNav"] a')]
        .find((link) => link.textContent.trim().endsWith(name));
    const undrawn = (root) => [...root.querySelectorAll("*")].some((element) =>
        (element.matches(".cifarviz-chart:not([data-revision]):not(:has([role=alert]))")
            && element.getBoundingClientRect().top < innerHeight)
        || (element.shadowRoot && undrawn(element.shadowRoot)));
    const isTitled = () => {
        const titles = [...document.querySelectorAll("h1")].map((h1) => h1.textContent.trim());
        return titles.length === 1 && titles[0].startsWith(title);
    };
    const isComplete = () => {
        const app = document.querySelector('[data-testid="stApp"]');
        return app.dataset.testScriptState === "notRunning" && isTitled()
            && !document.querySelector('[data-stale="true"], [data-testid="stSkeleton"]')
            && !undrawn(document);
    };
    const start = performance.now();
    let left = false, titled = null;
    link.click();
    const check = () => {
        left = left || !isComplete();
        if (left && titled === null && isTitled()) titled = performance.now() - start;
        if (!left || !isComplete()) {
            requestAnimationFrame(check);
            return;
        }
        requestAnimationFrame(() => requestAnimationFrame(
            () => done([titled, performance.now() - start])));
    };
    check();
})"""

# Milliseconds from the browser's Back until the curves of at least so many runs are painted.
_BACK = """(runs) => new Promise((done) => {
    const curves = (root) => [...root.querySelectorAll("*")].reduce((sum, element) =>
        sum + element.matches(".scatterlayer .trace")
            + (element.shadowRoot ? curves(element.shadowRoot) : 0), 0);
    const start = performance.now();
    history.back();
    const check = () => {
        const app = document.querySelector('[data-testid="stApp"]');
        if (app.dataset.testScriptState !== "notRunning" || curves(document) < runs
            || document.querySelector('[data-stale="true"], [data-testid="stSkeleton"]')) {
            requestAnimationFrame(check);
            return;
        }
        requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start)));
    };
    check();
})"""


def main() -> None:
    """Print all measurements and write them to the results."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    serve_files()
    print(machine_name())
    with (
        tempfile.TemporaryDirectory(prefix="cifarviz-bench-") as folder,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=chromium.find(), args=chromium.launch_arguments()
        )
        cold = [_cold(browser, Path(folder) / f"cold{n}") for n in range(max(rounds // 2, 3))]
        print(f"first page of a cold server: {_format_times(cold)} (limit {_COLD_LIMIT})")
        idle = _switches(browser, Path(folder) / "idle", rounds, training=False)
        _print_switches("another page while nothing trains", idle)
        switches = _switches(browser, Path(folder) / "training", rounds, training=True)
        _print_switches("another page while a run trains", switches)
        fifty = _fifty_runs(browser, Path(folder) / "fifty", rounds)
        print(
            f"Runs with {_RUNS} runs of {_EPOCHS} epochs: {_format_times(fifty)} "
            f"(limit {_RUNS_LIMIT})"
        )
        images = _hundred_images(browser, Path(folder) / "images", rounds)
        print(f"{_IMAGES} images on Samples: {_format_times(images)} (limit {_IMAGES_LIMIT})")
        browser.close()
    content = {
        "cold_ms": cold,
        "idle_ms": idle,
        "switch_ms": switches,
        "fifty_runs_ms": fifty,
        "hundred_images_ms": images,
    }
    write_results("pages", "python -m benchmarks.bench_pages", content)


def _print_switches(title: str, switches: Switches) -> None:
    print(f"{title}, until all in sight is drawn:")
    for page, times in switches.items():
        print(f"  to {page:10}{_format_times([drawn for _, drawn in times])}")
    for number, until in enumerate(("until the heading is shown", "until everything is drawn")):
        values = [pair[number] for times in switches.values() for pair in times]
        print(f"{until}: {_format_times(values)} (95th percentile: {_SWITCH_LIMIT})")


def _cold(browser: Browser, folder: Path) -> float:
    folder.mkdir()
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    server = AppServer(ROOT / "app.py", folder / "home", folder / "log")
    began = time.perf_counter()
    try:
        server.start()
        page.goto(server.url, wait_until="commit")
        page.get_by_role("heading", name="cifarviz").first.wait_for()
        return 1000 * (time.perf_counter() - began)
    finally:
        page.context.close()
        server.stop()


def start_training(page: Page, server: str) -> None:
    """Start a run of ``cifar10-vgg`` on the sample that lasts, and wait for its second epoch."""
    preset = preset_draft("cifar10-vgg")
    data = {**preset.section("data"), "variant": "sample"}
    draft = preset.with_value("data", data).with_value("epochs", 1000)
    page.goto(f"{server}/train?preset=cifar10-vgg&changes={pack_changes(draft)}")
    chromium.settle(page)
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_text("Epoch 2").first.wait_for(timeout=120_000)


def _switches(browser: Browser, folder: Path, rounds: int, *, training: bool) -> Switches:
    folder.mkdir()
    switches: Switches = {name: [] for name in MENU}
    finished = trained_run(folder / "home")
    with AppServer(ROOT / "app.py", folder / "home", folder / "log") as server:
        page = _opened(browser, server.url)
        if training:
            start_training(page, server.url)
        page.goto(f"{server.url}/inside?run={finished}")
        chromium.settle(page)
        for number in range(rounds + 1):
            for name in MENU:
                page.wait_for_timeout(700)
                milliseconds = page.evaluate(SWITCH, [name, TITLES.get(name, name)])
                # The first visit fills caches.
                if number:
                    switches[name].append(milliseconds)
        page.context.close()
    return switches


def trained_run(home: Path) -> str:
    """Train a short run of ``cifar10-vgg`` in another process and return its id."""
    command = ["train", "cifar10-vgg", "--data", "sample", "--train-images", "1000"]
    result = subprocess.run(
        [sys.executable, "-m", "cifarviz", *command, "--epochs", "1", "--json"],
        env={**os.environ, "CIFARVIZ_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    run: str = json.loads(result.stdout)["run"]
    return run


def _fifty_runs(browser: Browser, folder: Path, rounds: int) -> list[float]:
    folder.mkdir()
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(folder / "home")}))
    for _ in range(_RUNS):
        experiment = PRESETS["cifar10-vgg"].experiment
        stored_runs.store_run(store, experiment, state=RunState.FINISHED, epochs=_EPOCHS)
    ids = ",".join(run.id for run in store.all())
    times = []
    with AppServer(ROOT / "app.py", folder / "home", folder / "log") as server:
        page = _opened(browser, f"{server.url}/runs?runs={ids}")
        for _ in range(rounds + 1):
            page.evaluate(SWITCH, ["Start", TITLES["Start"]])
            page.wait_for_timeout(700)
            times.append(page.evaluate(_BACK, _RUNS))
            page.wait_for_timeout(700)
        page.context.close()
    return times[1:]


def _hundred_images(browser: Browser, folder: Path, rounds: int) -> list[float]:
    folder.mkdir()
    times = []
    with AppServer(ROOT / "app.py", folder / "home", folder / "log") as server:
        page = _opened(browser, f"{server.url}/samples")
        count = page.get_by_label("Number of images", exact=True)
        tiles = page.get_by_role("group", name="Sampled images").get_by_role("button")
        for _ in range(rounds + 1):
            count.fill(str(_IMAGES))
            began = time.perf_counter()
            count.press("Enter")
            tiles.nth(_IMAGES - 1).wait_for()
            times.append(1000 * (time.perf_counter() - began))
            count.fill("9")
            count.press("Enter")
            tiles.nth(9).wait_for(state="detached")
        page.context.close()
    return times[1:]


def _opened(browser: Browser, address: str) -> Page:
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.goto(address)
    chromium.settle(page)
    return page


def _format_times(milliseconds: Sequence[float]) -> str:
    median, p95 = np.percentile(milliseconds, (50, 95))
    return (
        f"median {median:.0f} ms, 95th percentile {p95:.0f} ms, longest {max(milliseconds):.0f} "
        f"ms of {len(milliseconds)}"
    )


if __name__ == "__main__":
    main()
