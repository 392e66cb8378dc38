"""Milliseconds until Predict shows what a slider of “Break it” or “A small push” was moved to.

From the key press in Chromium to the picture's caption and, of another slider than before, the
curves; with the server on the same machine and ``cifar10-vgg``.

    python -m benchmarks.bench_predict [PRESSES]
"""

import re
import sys
import time

from playwright.sync_api import Page, expect

from benchmarks.results_file import write_results
from benchmarks.served_run import print_times, serve_vgg_run
from cifarviz.processor import machine_name
from scripts import chromium

_MAX_EPSILON = 16


def main() -> None:
    """Print the median, the 95th percentile and the longest of each, in milliseconds."""
    presses = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with serve_vgg_run() as served:
        address = f"{served.url}/predict?run={served.run.id}&image=3&view="
        durations = _measure(served.page, address, presses)
    print(f"{machine_name()}; cifar10-vgg, {presses} presses each")
    print_times(durations)
    write_results("predict", "python -m benchmarks.bench_predict", durations)


def _measure(page: Page, address: str, presses: int) -> dict[str, list[float]]:
    page.goto(f"{address}break")
    page.get_by_text("Not changed").wait_for()
    chromium.settle(page)
    durations = {"same_slider_ms": _same_slider(page, presses)}
    durations["other_slider_ms"] = _other_slider(page, presses)
    page.goto(f"{address}push&epsilon=0")
    page.get_by_text("No pixel changes.").wait_for()
    chromium.settle(page)
    durations["epsilon_ms"] = _epsilon(page, presses)
    return durations


def _same_slider(page: Page, presses: int) -> list[float]:
    """Move one slider: the curves stay, the picture and the mark on them move."""
    slider = page.get_by_role("slider", name="Rotation")
    durations = []
    # The first press fills caches.
    for degrees in range(1, presses + 2):
        start = time.perf_counter()
        slider.press("ArrowRight")
        page.get_by_text(f"Rotation {degrees}°", exact=True).wait_for()
        durations.append(1000 * (time.perf_counter() - start))
        page.wait_for_timeout(500)
    return durations[1:]


def _other_slider(page: Page, presses: int) -> list[float]:
    """Move two sliders in turns: each time the curves are new, too."""
    places = {"Noise": 0, "Blur": 0}
    durations = []
    for number in range(presses + 2):
        name = ("Noise", "Blur")[number % 2]
        places[name] += 1
        written = f"{places['Blur'] / 10:g} px" if name == "Blur" else f"{places['Noise']} levels"
        start = time.perf_counter()
        page.get_by_role("slider", name=name).press("ArrowRight")
        page.get_by_text(re.compile(rf"{name} {re.escape(written)}")).wait_for()
        chart = page.get_by_role("figure", name=f"over {name.lower()}")
        expect(chart).to_be_attached()
        durations.append(1000 * (time.perf_counter() - start))
        page.wait_for_timeout(500)
    return durations[2:]


def _epsilon(page: Page, presses: int) -> list[float]:
    """Move the size of the push forth and back."""
    durations, epsilon, step = [], 0, 1
    for _ in range(presses):
        step = -step if not 1 <= epsilon + step <= _MAX_EPSILON and epsilon else step
        epsilon += step
        start = time.perf_counter()
        page.get_by_role("slider").press("ArrowRight" if step > 0 else "ArrowLeft")
        page.get_by_text(f"by more than {epsilon} of 255 levels").wait_for()
        durations.append(1000 * (time.perf_counter() - start))
        page.wait_for_timeout(500)
    return durations


if __name__ == "__main__":
    main()
