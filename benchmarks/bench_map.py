"""Frames while the map of 2,000 test images is moved, and the time until it shows another epoch.

A run of ``cifar10-vgg`` on part of the full CIFAR-10 is opened in Chromium, 1440 × 900, without a
graphics card. Frames: milliseconds between two while a mouse drags, and zooms in and out. Delay:
from a press of a key on the epoch slider until the images of another epoch begin to move, once all
epochs have been shown.

    python -m benchmarks.bench_map [ROUNDS]
"""

import sys

import numpy as np
from playwright.sync_api import Locator, Page

from benchmarks.results_file import write_results
from benchmarks.served_run import serve_vgg_run
from cifarviz.experiment.choices import Data
from cifarviz.processor import machine_name
from scripts import chromium

_EPOCHS = 4
# Two refreshes of a screen at 60 Hz, as the browser rounds them.
_FRAME = 33.4
_LEAST_SHARE = 0.95
_DRAGS = 60

_RECORD = """() => {
    window.frames = [];
    let before = null;
    const note = (now) => {
        if (before !== null) window.frames.push(now - before);
        before = now;
        window.recording = requestAnimationFrame(note);
    };
    window.recording = requestAnimationFrame(note);
}"""
_RECORDED = "() => { cancelAnimationFrame(window.recording); return window.frames; }"

# Milliseconds from the next press of a key until the canvas shows something else.
_WATCH = """(map) => {
    // The middle only, as reading pixels takes time.
    const [x, y] = [map.width / 2 - 100, map.height / 2 - 50];
    const pixels = () => map.getContext("2d").getImageData(x, y, 200, 100).data;
    const before = pixels();
    window.drawn = null;
    addEventListener("keydown", () => {
        const pressed = performance.now();
        const check = () => {
            const now = pixels();
            if (now.some((value, place) => value !== before[place]))
                window.drawn = performance.now() - pressed;
            else requestAnimationFrame(check);
        };
        requestAnimationFrame(check);
    }, { once: true, capture: true });
}"""


def main() -> None:
    """Print the share of frames in time and the delays, and write them."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    data = Data(variant="full", train_images=2000)
    with serve_vgg_run(data, _EPOCHS) as served:
        page = served.page
        page.goto(f"{served.url}/evaluate?view=map&run={served.run.id}")
        map_ = page.get_by_role("application", name="Map of 2,000 test images")
        map_.wait_for()
        chromium.settle(page)
        frames = [frame for _ in range(rounds) for frame in _measure_frames(page, map_)]
        delays = _measure_epochs(page, map_, rounds)
    share = float(np.mean(np.array(frames) <= _FRAME))
    median, p95 = np.percentile(frames, (50, 95))
    print(f"{machine_name()}; 2,000 images, {len(frames):,} frames, {len(delays)} epochs")
    print(
        f"frames within {_FRAME:.0f} ms: {share:.1%} (to reach: {_LEAST_SHARE:.0%}); median "
        f"{median:.1f} ms, 95th percentile {p95:.1f} ms, longest {max(frames):.0f} ms"
    )
    print(f"another epoch: median {np.median(delays):.0f} ms, longest {max(delays):.0f} ms")
    write_results(
        "image_map",
        "python -m benchmarks.bench_map",
        {"frames_ms": [round(frame, 1) for frame in frames], "epochs_ms": delays},
    )


def _measure_frames(page: Page, map_: Locator) -> list[float]:
    box = map_.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.evaluate(_RECORD)
    page.mouse.down()
    for step in range(_DRAGS):
        angle = 2 * np.pi * step / _DRAGS
        page.mouse.move(x + 150 * np.sin(angle), y + 100 * np.cos(angle) - 100)
    page.mouse.up()
    for step in range(_DRAGS):
        page.mouse.wheel(0, -40 if step < _DRAGS // 2 else 40)
    frames: list[float] = page.evaluate(_RECORDED)
    return frames


def _measure_epochs(page: Page, map_: Locator, rounds: int) -> list[float]:
    slider = page.get_by_role("slider", name="Epoch")
    keys = ["Home", *["ArrowRight"] * (_EPOCHS - 1)]
    delays: list[float] = []
    # The first round fills the caches.
    for number in range(rounds + 1):
        for key in keys:
            slider.focus()
            page.wait_for_timeout(600)
            map_.evaluate(_WATCH)
            slider.press(key)
            page.wait_for_function("() => window.drawn !== null")
            if number:
                delays.append(page.evaluate("() => window.drawn"))
            chromium.settle(page)
    return delays


if __name__ == "__main__":
    main()
