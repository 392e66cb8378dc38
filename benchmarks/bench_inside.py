"""Milliseconds until Inside shows all channels of ``cifar10-vgg`` for another image.

From the click on "Random" in Chromium to the frame that shows the last of the 672 channels, with
the server on the same machine.

    python -m benchmarks.bench_inside [CLICKS]
"""

import sys

from playwright.sync_api import Page

from benchmarks.results_file import write_results
from benchmarks.served_run import print_times, serve_vgg_run
from cifarviz.processor import machine_name
from scripts import chromium

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
    with serve_vgg_run() as served:
        rows = served.run.experiment.architecture.trace().rows
        layers = [row.name for row in rows if len(row.output_shape or ()) == 3]
        served.page.goto(f"{served.url}/inside?run={served.run.id}&image=1")
        durations = {"inside_ms": _measure(served.page, layers, clicks)}
    print(f"{machine_name()}; cifar10-vgg, 9 layers with maps, 672 channels, {clicks} clicks")
    print_times(durations)
    write_results("inside", "python -m benchmarks.bench_inside", durations)


def _measure(page: Page, layers: list[str], clicks: int) -> list[float]:
    page.get_by_role("group", name=f"Channels of {layers[-1]}").wait_for()
    chromium.settle(page)
    durations = []
    # The first click fills caches.
    for _ in range(clicks + 1):
        page.wait_for_timeout(500)
        durations.append(page.evaluate(_DRAW_ALL, layers))
    return durations[1:]


if __name__ == "__main__":
    main()
