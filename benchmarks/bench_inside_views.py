"""Milliseconds until a step is drawn, and until a click has muted a channel, of ``cifar10-vgg``.

A step is from an arrow key to the frame that shows its terms, within the browser. A click is from
a channel's tile to the answer without that channel, with the server on the same machine.

    python -m benchmarks.bench_inside_views [TIMES]
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from benchmarks.bench_inside import trained
from benchmarks.results_file import write_results
from cifarviz.processor import machine_name
from scripts import chromium
from scripts.app_server import ROOT, AppServer, serve_files

# Until the frame after the one in which the step was drawn.
_STEP = """(key) => new Promise((done) => {
    const find = (root) => root.querySelector(".step")
        ?? [...root.querySelectorAll("*")].map((one) => one.shadowRoot && find(one.shadowRoot))
            .find(Boolean);
    const start = performance.now();
    find(document).querySelector(".map")
        .dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true }));
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start)));
})"""


def main() -> None:
    """Print the median and the 95th percentile of both, in milliseconds."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    serve_files()
    with tempfile.TemporaryDirectory(prefix="cifarviz-bench-") as folder:
        home = Path(folder) / "home"
        run, _ = trained(home)
        with AppServer(ROOT / "app.py", home, Path(folder) / "log") as server:
            durations = _measure(f"{server.url}/inside?run={run}&image=1", times)
    print(f"{machine_name()}; cifar10-vgg, {times} times")
    for name, values in durations.items():
        median, p95 = np.percentile(values, (50, 95))
        print(f"{name}: median {median:.0f} ms, 95th percentile {p95:.0f} ms")
    write_results("inside_views", "python -m benchmarks.bench_inside_views", durations)


def _measure(address: str, times: int) -> dict[str, list[float]]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.find(), args=chromium.launch_arguments()
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(60_000)
        page.goto(f"{address}&view=step&layer=conv2d_2&channel=3&pixel=5,0")
        page.get_by_role("application").wait_for()
        chromium.settle(page)
        steps = [page.evaluate(_STEP, "ArrowRight") for _ in range(times + 1)]
        page.goto(f"{address}&view=mute&layer=conv2d_2")
        page.get_by_role("group", name="Channels of conv2d_2").wait_for()
        chromium.settle(page)
        # The first fills caches.
        clicks = [_muted_after(page, channel) for channel in range(times + 1)]
        browser.close()
    return {"inside_step_ms": steps[1:], "inside_mute_ms": clicks[1:]}


def _muted_after(page: Page, channel: int) -> float:
    """Milliseconds until the page says how many channels are muted."""
    page.wait_for_timeout(500)
    tile = page.get_by_role("button", name=f"Channel {channel}", exact=True)
    start = page.evaluate("performance.now()")
    tile.click()
    text = f"{channel + 1} channel{'s' if channel else ''} muted"
    page.get_by_text(text, exact=True).wait_for()
    return float(page.evaluate("performance.now()")) - float(start)


if __name__ == "__main__":
    main()
