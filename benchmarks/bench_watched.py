"""What watching costs a run: training speed watched by one and by five browsers' page scripts.

``cifar10-vgg`` trains on the embedded sample in the server, started by its button. Its speed is
measured in windows of a few seconds, in turns: nobody watches, one session, five sessions. The
sessions ask the Watch page and its timed parts as browsers do, and don't draw
(benchmarks/page_client.py); last, without a bar, one Chromium draws on the same cores.

    python -m benchmarks.bench_watched [ROUNDS]
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from playwright.sync_api import Page, sync_playwright

from benchmarks.page_client import PageClient
from benchmarks.results_file import write_results
from cifarviz.experiment.address import pack_changes, preset_draft
from cifarviz.runs.machine import machine_name
from cifarviz.runs.states import Action
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts import chromium
from scripts.app_server import ROOT, AppServer, serve_files

_SECONDS = 8.0
_BARS = {1: 0.97, 5: 0.85}


def main() -> None:
    """Print the ratios and write them to the results."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    serve_files()
    print(f"{machine_name()}; cifar10-vgg, batch 32, medians of {rounds} windows of {_SECONDS} s")
    speeds: dict[str, list[float]] = {"0": [], "1": [], "5": [], "chromium": []}
    with _training() as (server, store, run_id):
        address = f"view=watch&run={run_id}"
        for _ in range(rounds):
            for count in (0, 1, 5):
                with ExitStack() as stack:
                    for _client in range(count):
                        stack.enter_context(PageClient(server.url, "train", address))
                    speeds[str(count)].append(_steps_per_second(store, run_id))
            with _drawing(f"{server.url}/train?{address}"):
                speeds["chromium"].append(_steps_per_second(store, run_id))
    ratios = {who: _ratio(found, speeds["0"]) for who, found in speeds.items()}
    for count, bar in _BARS.items():
        print(f"watched by {count}: {ratios[str(count)]:.3f} of unwatched (to reach: {bar})")
    print(f"one Chromium that draws: {ratios['chromium']:.3f} of unwatched (no bar)")
    write_results(
        "watched",
        "python -m benchmarks.bench_watched",
        {"ratios": ratios, "steps_per_second": speeds},
    )


@contextmanager
def _training() -> Iterator[tuple[AppServer, RunStore, str]]:
    """A server that trains, well under way."""
    preset = preset_draft("cifar10-vgg")
    data = {**preset.section("data"), "variant": "sample"}
    draft = preset.with_value("data", data).with_value("epochs", 1000)
    draft = draft.with_kind("validation", "none")
    with tempfile.TemporaryDirectory(prefix="cifarviz-bench-") as folder:
        home = Path(folder) / "home"
        with AppServer(ROOT / "app.py", home, Path(folder) / "log") as server:
            setup = f"{server.url}/train?preset=cifar10-vgg&changes={pack_changes(draft)}"
            with _drawing(setup) as page:
                page.get_by_role("button", name="Train", exact=True).click()
                # Not Streamlit's own in the header.
                stop = page.get_by_test_id("stMainBlockContainer").get_by_role("button")
                stop.filter(has_text="Stop").wait_for(timeout=60_000)
            store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(home)}))
            run = store.active()[0]
            while len(store.epochs(run.id)) < 2:
                time.sleep(0.2)
            yield server, store, run.id
            store.request(run.id, Action.STOP)


@contextmanager
def _drawing(address: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.find(), args=chromium.launch_arguments()
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)
        page.get_by_role("heading", name="Train").wait_for(timeout=60_000)
        yield page
        browser.close()


def _steps_per_second(store: RunStore, run_id: str) -> float:
    """Over a window, between two signs of life."""
    time.sleep(2.0)  # until what begins with the watching is over
    first, since = _next_step(store, run_id)
    time.sleep(_SECONDS)
    last, until = _next_step(store, run_id)
    return (last - first) / (until - since)


def _next_step(store: RunStore, run_id: str) -> tuple[int, float]:
    before = store.get(run_id).progress
    while True:
        now = store.get(run_id).progress
        if now is not None and before is not None and now.heartbeat > before.heartbeat:
            return now.step, now.heartbeat
        time.sleep(0.01)


def _ratio(found: list[float], unwatched: list[float]) -> float:
    return median(a / b for a, b in zip(found, unwatched, strict=True))


if __name__ == "__main__":
    main()
