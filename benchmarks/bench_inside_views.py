"""Milliseconds until a step is drawn, and until a click has muted a channel, of ``cifar10-vgg``.

A step is from an arrow key to the frame that shows its terms, within the browser. A click is from
a channel's tile to the prediction without that channel, with the server on the same machine.

    python -m benchmarks.bench_inside_views [TIMES]
"""

import sys

from playwright.sync_api import Page

from benchmarks.results_file import write_results
from benchmarks.served_run import print_times, serve_vgg_run
from cifarviz.processor import machine_name
from scripts import chromium

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
    """Print the median, the 95th percentile and the longest of both, in milliseconds."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with serve_vgg_run() as served:
        address = f"{served.url}/inside?run={served.run.id}&image=1"
        durations = _measure(served.page, address, times)
    print(f"{machine_name()}; cifar10-vgg, {times} times")
    print_times(durations)
    write_results("inside_views", "python -m benchmarks.bench_inside_views", durations)


def _measure(page: Page, address: str, times: int) -> dict[str, list[float]]:
    page.goto(f"{address}&view=step&layer=conv2d_2&channel=3&pixel=5,0")
    page.get_by_role("application").wait_for()
    chromium.settle(page)
    steps = [page.evaluate(_STEP, "ArrowRight") for _ in range(times + 1)]
    page.goto(f"{address}&view=mute&layer=conv2d_2")
    page.get_by_role("group", name="Channels of conv2d_2").wait_for()
    chromium.settle(page)
    # The first fills caches.
    clicks = [_muted_after(page, channel) for channel in range(times + 1)]
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
