"""Quick presses on all pages while a run trains: how many of 500 are lost or count twice.

Eight pages in one Chromium, a press every 50 ms, ``cifar10-starter`` training in the server. After
each page's share it waits until nothing moves any more, and holds widgets, address and what is
drawn to what was pressed (tests/browser/quick_presses.py).

    python -m benchmarks.bench_presses [PRESSES]
"""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.results_file import write_results
from cifarviz.processor import machine_name
from scripts import chromium
from scripts.app_server import ROOT, AppServer, serve_files
from tests import stored_runs
from tests.browser.pressed_pages import LAYERS, PAGES, shares
from tests.browser.quick_presses import EVERY, fill_home, press, queue_training, training


def main() -> None:
    """Print what was lost on each page, and write it to the results."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    serve_files()
    print(f"{machine_name()}; {count} presses, one every {EVERY} ms, while a run trains")
    wrong: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory(prefix="cifarviz-bench-") as folder, sync_playwright() as play:
        home = Path(folder) / "home"
        ids = fill_home(home, stored_runs.weights(stored_runs.experiment()))
        browser = play.chromium.launch(
            executable_path=chromium.find(), args=chromium.launch_arguments()
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        with (
            AppServer(
                ROOT / "app.py", home, Path(folder) / "log", {"CIFARVIZ_RECORDED": "0"}
            ) as server,
            training(page, server.url, home, queue_training(home)),
        ):
            for pressed, share in shares(count, (*PAGES, LAYERS)):
                wrong[pressed.name] = press(page, server.url, ids, pressed, share).splitlines()
                words = "all counted once" if not wrong[pressed.name] else "not as pressed:"
                print(
                    "\n  ".join([f"{pressed.name}: {share} presses, {words}", *wrong[pressed.name]])
                )
        browser.close()
    pages = [name for name, lines in wrong.items() if lines]
    print(f"{len(pages)} of {len(wrong)} pages show something else than was pressed")
    write_results(
        "presses", "python -m benchmarks.bench_presses", {"presses": count, "wrong": wrong}
    )


if __name__ == "__main__":
    main()
