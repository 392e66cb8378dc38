"""The rows on how fast the pages answer, from the files in benchmarks/results."""

from collections.abc import Iterator

import numpy as np

from benchmarks.row import Results, Row, format_milliseconds


def page_rows(pages: Results) -> Iterator[Row]:
    idle = [drawn for times in pages["idle_ms"].values() for _, drawn in times]
    switches = [pair for times in pages["switch_ms"].values() for pair in times]
    titled, drawn = ([pair[number] for pair in switches] for number in (0, 1))
    for name, goal, values in (
        ("first page of a cold server, from the command", "≤ 3,000 ms", pages["cold_ms"]),
        ("another page, until everything in sight is drawn", "95 % ≤ 300 ms", idle),
        ("another page while a run trains, to its heading", "95 % ≤ 300 ms", titled),
        ("the same, until everything in sight is drawn", "95 % ≤ 300 ms", drawn),
        ("Runs with 50 runs of 30 epochs compared", "≤ 400 ms", pages["fifty_runs_ms"]),
        ("a hundred images on Samples, from Enter", "≤ 700 ms", pages.get("hundred_images_ms")),
    ):
        # Missing in older results.
        if values is None:
            continue
        yield Row(name, goal, format_milliseconds(values), pages["command"])


def inside_rows(results: Results) -> Iterator[Row]:
    yield Row(
        "Inside, all 672 channels of `cifar10-vgg` for another image, click to screen",
        "≤ 300 ms",
        format_milliseconds(results["inside_ms"]),
        results["command"],
    )


def predict_rows(results: Results) -> Iterator[Row]:
    for key, name in {
        "same_slider_ms": "a slider of “Break it” moved on",
        "other_slider_ms": "another slider of “Break it”, with new curves",
        "epsilon_ms": "the size of a push",
    }.items():
        claim = f"Predict, {name}, `cifar10-vgg`, key press to picture"
        yield Row(claim, "≤ 300 ms", format_milliseconds(results[key]), results["command"])


def image_map_rows(results: Results) -> Iterator[Row]:
    frames = results["frames_ms"]
    # Two refreshes of a screen at 60 Hz, as the browser rounds them.
    share = np.mean(np.array(frames) <= 33.4)
    yield Row(
        "Evaluate, frames within 33 ms while a map of 2,000 images is moved and zoomed",
        "≥ 95 %",
        f"{100 * share:.1f} % of {len(frames):,}",
        results["command"],
    )
    yield Row(
        "Evaluate, the map of another epoch, key to first frame",
        "≤ 300 ms",
        format_milliseconds(results["epochs_ms"]),
        results["command"],
    )


def inside_view_rows(results: Results) -> Iterator[Row]:
    for name, goal, key in (
        ("Inside, the terms of the next value of a convolution, key to screen", "≤ 100 ms", "step"),
        (
            "Inside, muting a channel of `cifar10-vgg`, click to screen",
            "≤ 300 ms",
            "mute",
        ),
    ):
        yield Row(name, goal, format_milliseconds(results[f"inside_{key}_ms"]), results["command"])
