"""Seconds from the click on Train until the first point of the loss is on the screen.

Each preset on the embedded sample, in a server of its own with an empty home, a while after its
first page: as long as a person needs to choose. In a real browser, on the same machine.

    python -m benchmarks.bench_first_step [ROUNDS] [--without-tune-up]

By itself the server tunes up meanwhile, as for any new user; ``--without-tune-up`` does without.
"""

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright

from benchmarks.results_file import write_results
from cifarviz.experiment.address import pack_changes, preset_draft
from cifarviz.experiment.presets import PRESETS
from cifarviz.processor import instruction_set, machine_name
from scripts import chromium
from scripts.app_server import ROOT, AppServer, serve_files

_CHOOSING = 15.0  # seconds from the first page to the click
_LIMIT = {"AMX": 3.0}
_USUAL_LIMIT = 5.0
_POINT = ".st-key-live-loss .cifarviz-chart .scatterlayer .point"


def main() -> None:
    """Print the seconds of each preset, and write them to the results."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rounds", nargs="?", type=int, default=3)
    parser.add_argument("--without-tune-up", action="store_true")
    options = parser.parse_args()
    serve_files()
    limit = _LIMIT.get(instruction_set(), _USUAL_LIMIT)
    print(f"{machine_name()}, {instruction_set()}; limit {limit:.0f} s")
    seconds: dict[str, list[float]] = {name: [] for name in PRESETS}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.find(), args=chromium.launch_arguments()
        )
        for _ in range(options.rounds):
            for preset, times in seconds.items():
                times.append(_first_point(browser, preset, tunes=not options.without_tune_up))
        browser.close()
    for preset, times in seconds.items():
        missed = "" if max(times) <= limit else " (MISSED)"
        print(f"{preset:20}{median(times):5.1f} s, longest {max(times):.1f} s{missed}")
    command = "python -m benchmarks.bench_first_step" + " --without-tune-up" * (
        options.without_tune_up
    )
    content = {"limit": limit, "rounds": options.rounds, "seconds": seconds}
    write_results("first_step" + "_alone" * options.without_tune_up, command, content)


def _first_point(browser: Browser, preset: str, *, tunes: bool) -> float:
    draft = preset_draft(preset)
    draft = draft.with_value("data", {**draft.section("data"), "variant": "sample"})
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    with tempfile.TemporaryDirectory(prefix="cifarviz-bench-") as folder:
        home, log = Path(folder) / "home", Path(folder) / "log"
        environment = {"CIFARVIZ_TUNE_UP": str(int(tunes))}
        with AppServer(ROOT / "app.py", home, log, environment) as server:
            page.goto(f"{server.url}/train?preset={preset}&changes={pack_changes(draft)}")
            chromium.settle(page)
            page.wait_for_timeout(1000 * _CHOOSING)
            began = time.perf_counter()
            page.get_by_role("button", name="Train", exact=True).click()
            page.wait_for_selector(_POINT, state="attached", timeout=120_000)
            seconds = time.perf_counter() - began
            page.context.close()
    return seconds


if __name__ == "__main__":
    main()
