"""The rows of the tables of measurements, from the files in benchmarks/results."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.page_rows import (
    image_map_rows,
    inside_rows,
    inside_view_rows,
    page_rows,
    predict_rows,
)
from benchmarks.row import Results, Row, format_milliseconds, format_range, format_ratios

_RESULTS = Path(__file__).parent / "results"


def all_kinds() -> list[str]:
    """Return the folders of the kinds of processors that were measured."""
    return sorted(folder.name for folder in _RESULTS.iterdir() if folder.is_dir())


def kind_title(kind: str) -> str:
    """Return the kind of processor as results name it, and the processors measured."""
    facts = [json.loads(path.read_text()) for path in sorted((_RESULTS / kind).glob("*.json"))]
    machines = sorted({fact["machine"] for fact in facts})
    return f"{facts[0]['instruction_set']}: {'; '.join(machines)}"


def curves(kind: str) -> dict[str, list[tuple[float, float]]]:
    """Return seconds of training and accuracy after each epoch, by recipe; empty if none.

    Plain Keras' accuracy is of the test images, all others of images held back.
    """
    results = read_results(kind, "accuracy_curve")
    found = {} if results is None else results["recipes"]
    points = {f"`{name}`": [*map(tuple, recipe["epochs"])] for name, recipe in found.items()}
    fast = read_results(kind, "fast")
    if points and fast is not None:
        seconds, accuracies = zip(*fast["plain_keras_epochs"], strict=True)
        points["plain Keras, `cifar10-vgg` (test)"] = list(
            zip(np.cumsum(seconds).tolist(), accuracies, strict=True)
        )
    return points


def all_rows(kind: str) -> Iterator[Row]:
    """Yield the rows of all results of a kind of processor, in the order of the table."""
    for name, rows in _ROWS.items():
        results = read_results(kind, name)
        if results is not None:
            for row in rows(results):
                yield row if row.date else replace(row, date=results["date"])


def _fast_rows(results: Results) -> Iterator[Row]:
    accuracies = results["accuracies"]
    reached = f"{min(accuracies):.1%} to {max(accuracies):.1%}".replace("%", " %")
    five = f"5 seeds, {reached}" + (f"; {recipe}" if (recipe := results.get("recipe")) else "")
    for name, words, goal in (
        ("seconds", "precision known", "≤ 7.5 s with AMX, ≤ 30 s with AVX2"),
        ("seconds_precision_anew", "precision found anew", "–"),
    ):
        seconds = results[name]["values"]
        yield Row(
            f"`cifar10-fast` to ≥ 73.63 % test accuracy, {words}",
            goal,
            f"{np.median(seconds):.1f} s ({min(seconds):.1f}–{max(seconds):.1f}; {five})",
            results["command"],
            short=True,
        )
    against = results["against_plain_keras"]
    least = "" if against["whole"] else "at least "
    length = f"{against['seconds']:,.0f} s for {against['epochs']} epochs"
    yield Row(
        "the same against plain Keras' `fit` of `cifar10-vgg`",
        "≥ 40×",
        f"{least}{against['ratio']:.0f}× ({length}, {100 * against['accuracy']:.1f} %)",
        results["command"],
        short=True,
    )


def _test_accuracy_rows(results: Results) -> Iterator[Row]:
    for name, recipe in results["recipes"].items():
        accuracies, seconds = recipe["accuracies"], recipe["seconds"]
        values = ", ".join(f"{100 * accuracy:.2f}" for accuracy in accuracies)
        goal = "94.0 % in ≤ 10 min with AMX, ≤ 75 min with AVX2" if name == "cifar10-94" else "–"
        yield Row(
            f"`{name}`: test images, asked once a run",
            goal,
            f"mean {100 * np.mean(accuracies):.2f} % ({values}; {recipe['precision']}), "
            f"{np.median(seconds) / 60:.1f} min a run",
            recipe["command"],
            short=True,
            date=recipe["date"],
        )


def _earlier_speed_rows(results: Results, without: str = "") -> Iterator[Row]:
    """Yield rows of before ``bench_peers``; ``without``: the instructions that were disabled."""
    for row in results["rows"]:
        speeds = {name: spread["values"] for name, spread in row["images_per_second"].items()}
        about = f"`{row['preset']}`, batch {row['batch_size']}"
        for name, words in (("auto", ""), ("float32", ", float32 on both sides")):
            yield Row(
                f"images a second, {about}, against plain Keras{words}{without}",
                "–",
                f"{format_ratios(speeds[name], speeds['plain Keras'])} "
                f"({np.median(speeds[name]):,.0f} against {np.median(speeds['plain Keras']):,.0f})",
                "bench_training_speed, now bench_peers",
                short=name == "auto" and not without,
            )


def _peer_rows(results: Results) -> Iterator[Row]:
    for row in results["rows"]:
        speeds, ratios = row["images_per_second"], row["ratios"]
        about = f"`{row['preset']}`, batch {row['batch_size']}, {row['precision']}"
        ours = np.median(speeds["cifarviz"])
        best = row["best_peer"]
        yield Row(
            f"images a second, {about}, against the best peer",
            "≥ 1.15×",
            f"{format_range(ratios[best])} "
            f"({ours:,.0f} against {best} {np.median(speeds[best]):,.0f})",
            results["command"],
        )
        yield Row(
            f"images a second, {about}, against plain Keras",
            _PLAIN_GOALS.get((row["preset"], row["batch_size"], row["precision"]), "–"),
            f"{format_range(ratios['plain Keras'])} ({ours:,.0f} against "
            f"{np.median(speeds['plain Keras']):,.0f})",
            results["command"],
            short=row["preset"] in ("cifar10-vgg", "cifar10-starter"),
        )
        if row["preset"] == "cifar10-vgg":
            share = row["share_of_product"]["cifarviz"]
            yield Row(
                f"{about}: share of a large matrix product's rate",
                "≥ 0.85" if (row["batch_size"], row["precision"]) == (128, "float32") else "–",
                f"{share:.2f} of {np.median(speeds['matrix product']) / 1e12:.2f} TFLOP/s",
                results["command"],
            )


_PLAIN_GOALS = {
    ("cifar10-vgg", 128, "float32"): "≥ 1.5× (AVX2)",
    ("cifar10-vgg", 128, "bfloat16"): "≥ 4× (AMX)",
}


def _first_step_rows(results: Results, about: str = "") -> Iterator[Row]:
    for preset, seconds in results["seconds"].items():
        yield Row(
            f"first point of the loss after the click, `{preset}` on the sample{about}",
            f"≤ {results['limit']:.0f} s",
            f"median {np.median(seconds):.1f} s ({min(seconds):.1f}–{max(seconds):.1f})",
            results["command"],
            short=preset == "cifar10-vgg" and not about,
        )


def _learning_rate_rows(results: Results) -> Iterator[Row]:
    for preset, row in results["presets"].items():
        yield Row(
            f"learning rate of `{preset}` found, TensorFlow loaded",
            f"≤ {results['limit']:.0f} s",
            f"{row['seconds']:.1f} s, {row['steps']:,} steps",
            results["command"],
        )


def _watched_rows(results: Results, *, about: str) -> Iterator[Row]:
    now, before = results["now"], results.get("before")
    for count, goal in (("1", "≥ 0.98"), ("5", "≥ 0.95"), ("30", "≥ 0.85")):
        ratios = _watched_ratios(now, count)
        if before is not None:
            ratios += f"; before the channel {_watched_ratios(before, count)}"
        yield Row(
            f"training speed of {about}, watched by {count}, against unwatched",
            goal,
            ratios,
            results["command"],
            short="without" not in about,
        )
    if now["delay_50_95"]:
        middle, late = now["delay_50_95"]
        yield Row(
            f"a stored point of {about} reaches 30 browsers",
            "95 % ≤ 0.5 s",
            f"median {middle:.2f} s, 95 % within {late:.2f} s",
            results["command"],
        )
    yield Row(
        f"memory of the server for each of 30 browsers, {about}",
        "≤ 10 MB",
        f"{np.median(now['megabytes_a_session']):.1f} MB",
        results["command"],
    )


def _watched_ratios(results: Results, count: str) -> str:
    speeds = results["steps_per_second"]
    return format_ratios(speeds[count], speeds["0"], digits=2, unit="")


def _stop_rows(results: Results) -> Iterator[Row]:
    yield Row(
        "stop of `cifar10-vgg` while it trains or validates, weights saved",
        "≤ 1,000 ms",
        format_milliseconds([1000 * seconds for _, seconds in results["stops"]]),
        results["command"],
    )


def _memory_rows(results: Results) -> Iterator[Row]:
    if "highest_mb" in results:
        yield Row(
            "memory, `cifar10-vgg` on the full set, at its highest",
            "< 2,500 MB",
            f"{results['highest_mb']:,} MB",
            results["command"],
        )
    if "server_mb" in results:
        yield Row(
            "memory of a server that trained `cifar10-vgg` and showed every kind of link",
            "< 1,500 MB",
            f"{results['server_mb']['VmRSS']:,} MB, at most {results['server_mb']['VmHWM']:,} MB",
            results["command"],
        )
    # Of fewer, caches that still fill say more than what remains of each run.
    if results["runs"] >= 30:
        yield Row(
            f"growth over {results['runs']} short runs, one after another",
            "< 5 MB a run",
            f"{results['growth_mb_a_run']:.1f} MB a run",
            results["command"],
        )


def _runs_at_once_rows(results: Results) -> Iterator[Row]:
    alone = results["at_once"]["1"]
    for number, measured in results["at_once"].items():
        if number == "1":
            continue
        hour, one = (np.median(each["runs_an_hour"]) for each in (measured, alone))
        yield Row(
            f"runs an hour of `{results['preset']}`, {results['epochs']} epochs on the sample, "
            f"{number} at once against 1",
            "–",
            f"{format_range(measured['ratios'])} ({hour:,.0f} against {one:,.0f}); all processes "
            f"{max(measured['gigabytes']):.1f} GB against {max(alone['gigabytes']):.1f} GB",
            results["command"],
        )


def _tune_rows(results: Results) -> Iterator[Row]:
    means = {
        name: {part: 100 * np.mean([one[part] for one in each]) for part in ("validation", "test")}
        for name, each in results["results"].items()
    }
    found, published = means["found"], means["published"]
    yield Row(
        f"a study of {results['minutes']:g} min finds a better learning rate of `cifar10-starter` "
        "on the sample than the published one, mean of seeds that it did not see",
        "better",
        f"{results['settings']['learning_rate']:g} against 0.001: "
        f"{found['validation'] - published['validation']:+.1f} points on the validation images "
        f"({found['validation']:.1f} %), {found['test'] - published['test']:+.1f} on the test "
        f"images ({found['test']:.1f} %); {results['trials']} trials, {results['pruned']} of them "
        "ended early",
        results["command"],
        short=True,
    )


def _cluster_speed_rows(results: Results) -> Iterator[Row]:
    yield Row(
        "training speed of `cifar10-vgg` by Ray against local",
        "≥ 0.97",
        format_range(results["ratios"]),
        results["command"],
        short=True,
    )


def _cluster_nodes_rows(results: Results) -> Iterator[Row]:
    seconds = results["seconds"]
    yield Row(
        "runs an hour of `cifar10-starter` on two nodes of a core each against one, the head on "
        "the same two cores",
        "≥ 1.5",
        f"{seconds['1'] / seconds['2']:.2f} ({results['runs']} runs)",
        results["command"],
    )


def _cluster_gateway_rows(results: Results) -> Iterator[Row]:
    for trainers in ("100", "300"):
        load = results[trainers]
        store, page = load["to_store"][1], load["store_to_page"][1]
        yield Row(
            f"{trainers} trainers at four messages a second, the message to the store and from "
            "there to a page, p95",
            "≤ 0.5 s" if trainers == "100" else "–",
            f"{store:.2f} s and {page:.2f} s; gateway {100 * load['processor']:.0f} % of a core, "
            f"{load['written_per_second'] / 1e6:.1f} MB/s written",
            results["command"],
        )


def _precision_rows(results: Results) -> Iterator[Row]:
    means = {name: 100 * np.mean(values) for name, values in results["val_accuracy"].items()}
    yield Row(
        "`cifar10-vgg`, 10 epochs, 3 seeds: mean validation accuracy, bfloat16 against float32",
        f"± {100 * results['allowed']:.2f} points",
        f"{means['bfloat16']:.1f} % against {means['float32']:.1f} %",
        results["command"],
    )


def _snapshot_rows(results: Results) -> Iterator[Row]:
    yield Row(
        "seconds of a short run with snapshots, against none",
        "≤ 1.03×",
        format_ratios(results["seconds"]["with"], results["seconds"]["without"], digits=3)
        + f" ({results['bytes'] / 1e6:.0f} MB)",
        results["command"],
    )


def _map_rows(results: Results) -> Iterator[Row]:
    seconds = results["seconds"]
    fresh = format_ratios(seconds["plain matrix"], seconds["our matrix, fresh"])
    yield Row(
        "feature maps of all layers, against predict and matplotlib",
        "≥ 20×",
        format_ratios(seconds["plain maps"], seconds["our maps"], digits=0),
        results["command"],
        short=True,
    )
    yield Row(
        "confusion matrix of another epoch, against the same",
        "–",
        format_ratios(seconds["plain matrix"], seconds["our matrix, another epoch"], digits=0)
        + f"; of weights that were never asked {fresh}",
        results["command"],
    )


def _fresh_machine_rows(results: Results) -> Iterator[Row]:
    seconds = [times["drawn"] for times in results["seconds"]["this"]]
    yield Row(
        "`make run` on an empty machine, with the downloads, until the first page is drawn",
        "≤ 60 s",
        f"median {np.median(seconds):.0f} s ({min(seconds):.0f}–{max(seconds):.0f})",
        results["command"],
    )


def _lesson_rows(results: Results) -> Iterator[Row]:
    medians, rounds = results["medians"], results["rounds"]
    plain = "onednn" in results["command"].lower()
    where = ", oneDNN off as on AVX2" if plain else ""
    yield Row(
        f"the first lesson from Start to the last answer, read at 200 words a minute{where}",
        "≤ 5 min, 10 clicks",
        f"median {medians['All of it with reading, seconds']:.0f} s, "
        f"{medians['Clicks']:.0f} clicks, {rounds} walks",
        results["command"],
        short=True,
    )
    yield Row(
        f"first verdict of the duel that it lets you train{where}",
        "≤ 60 s",
        f"median {medians['First verdict of the live duel, seconds']:.0f} s",
        results["command"],
    )
    yield Row(
        f"the Lab's time left against what was left, from 10 s on, worst{where}",
        "≤ 2 ×",
        f"median {medians['Time left, worst factor']:.1f} ×",
        results["command"],
    )


def _lab_rows(results: Results) -> Iterator[Row]:
    labs = results["labs"]
    shown = sum(lab["shown"] for lab in labs)
    seconds = [lab["seconds"] for lab in labs]
    yield Row(
        "the overfit lab's experiments that show what they promise, usual settings",
        "all",
        f"{shown} of {len(labs)} ({len({lab['lab'] for lab in labs})} experiments, "
        f"{len({lab['seed'] for lab in labs})} seeds)",
        results["command"],
        short=True,
    )
    yield Row(
        "the longest of them, on the embedded sample",
        f"≤ {results['limit_seconds']:.0f} s",
        f"{max(seconds):.0f} s (the shortest {min(seconds):.0f} s)",
        results["command"],
    )


_ROWS: Mapping[str, Callable[[Results], Iterator[Row]]] = {
    "fast": _fast_rows,
    "test_accuracy": _test_accuracy_rows,
    "peers": _peer_rows,
    "training_speed": _earlier_speed_rows,
    "training_speed_avx512_core": partial(
        _earlier_speed_rows, without=", no bfloat16 instructions"
    ),
    "training_speed_avx2": partial(_earlier_speed_rows, without=", AVX2 only"),
    "first_step": _first_step_rows,
    "first_step_alone": partial(_first_step_rows, about=", no tune-up meanwhile"),
    "learning_rate": _learning_rate_rows,
    "tune": _tune_rows,
    "cluster_speed": _cluster_speed_rows,
    "cluster_nodes": _cluster_nodes_rows,
    "cluster_gateway": _cluster_gateway_rows,
    "watched_cifar10_starter": partial(_watched_rows, about="`cifar10-starter` at batch 32"),
    "watched_cifar10_starter_cold": partial(
        _watched_rows, about="`cifar10-starter` at batch 32 without warm-up"
    ),
    "watched_cifar10_vgg": partial(_watched_rows, about="`cifar10-vgg` at batch 32"),
    "pages": page_rows,
    "inside": inside_rows,
    "predict": predict_rows,
    "image_map": image_map_rows,
    "inside_views": inside_view_rows,
    "stop": _stop_rows,
    "memory": _memory_rows,
    "runs_at_once": _runs_at_once_rows,
    "precision_accuracy": _precision_rows,
    "snapshots": _snapshot_rows,
    "maps": _map_rows,
    "lab": _lab_rows,
    "fresh_machine": _fresh_machine_rows,
    "lesson": _lesson_rows,
    "lesson_onednn_0": _lesson_rows,
}
"""By the names of files in benchmarks/results, in the order of the table."""


def read_results(kind: str, name: str) -> Results | None:
    """Return a benchmark's results on a kind of processor; ``None`` if there are none."""
    path = _RESULTS / kind / f"{name}.json"
    results: Results | None = json.loads(path.read_text()) if path.exists() else None
    return results
