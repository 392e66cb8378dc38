"""Where Chromium's time goes when another page is opened: milliseconds by kind of work.

For each page the main thread's work between the click in the menu and the complete page is summed
from Chromium's own trace, medians of several visits, while nothing trains or, with ``--training``,
while ``cifar10-vgg`` does.

    python -m benchmarks.profile_pages [ROUNDS] [--training]
"""

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import CDPSession, Page, sync_playwright

from benchmarks.bench_pages import MENU, SWITCH, TITLES, start_training, trained_run
from benchmarks.results_file import write_results
from cifarviz.processor import machine_name
from scripts import chromium
from scripts.app_server import ROOT, AppServer, serve_files

# Names of trace events by kind of work. Those inside others count once, for the outermost.
_KINDS: Mapping[str, frozenset[str]] = {
    "script": frozenset(
        {"FunctionCall", "EvaluateScript", "EventDispatch", "TimerFire", "FireAnimationFrame",
         "RunMicrotasks", "v8.compile", "v8.compileModule", "v8.evaluateModule"}
    ),
    "garbage": frozenset({"MajorGC", "MinorGC", "V8.GCScavenger", "BlinkGC.AtomicPhase"}),
    "style": frozenset({"UpdateLayoutTree", "ParseAuthorStyleSheet"}),
    "layout": frozenset({"Layout"}),
    "paint": frozenset({"PrePaint", "Paint", "Layerize", "Commit", "CompositeLayers"}),
    "parse": frozenset({"ParseHTML", "Decode Image"}),
}  # fmt: skip
_CATEGORIES = "devtools.timeline,v8,disabled-by-default-v8.gc,blink,cc"


def main() -> None:
    """Print a table and write it to the results."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    parser.add_argument("--training", action="store_true")
    options = parser.parse_args()
    serve_files()
    print(machine_name())
    with tempfile.TemporaryDirectory(prefix="cifarviz-bench-") as folder, sync_playwright() as play:
        home = Path(folder) / "home"
        finished = trained_run(home)
        browser = play.chromium.launch(
            executable_path=chromium.find(), args=chromium.launch_arguments()
        )
        with AppServer(ROOT / "app.py", home, Path(folder) / "log") as server:
            page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
            if options.training:
                start_training(page, server.url)
            page.goto(f"{server.url}/inside?run={finished}")
            chromium.settle(page)
            session = page.context.new_cdp_session(page)
            found = _profile(page, session, options.rounds)
            browser.close()
    print(f"{'milliseconds':12}" + "".join(f"{kind:>9}" for kind in ("drawn", *_KINDS)))
    for name, times in found.items():
        print(f"{name:12}" + "".join(f"{value:9.0f}" for value in times.values()))
    command = "python -m benchmarks.profile_pages" + " --training" * options.training
    write_results(
        "profile_pages" + "_training" * options.training, command, {"milliseconds": found}
    )


def _profile(page: Page, session: CDPSession, rounds: int) -> dict[str, dict[str, float]]:
    visits: dict[str, list[dict[str, float]]] = {name: [] for name in MENU}
    for number in range(rounds + 1):
        for name in MENU:
            page.wait_for_timeout(700)
            events: list[dict[str, Any]] = []
            done: list[object] = []

            def collect(found: dict[str, Any], to: list[dict[str, Any]] = events) -> None:
                to.extend(found["value"])

            def finish(found: object, to: list[object] = done) -> None:
                to.append(found)

            session.on("Tracing.dataCollected", collect)
            session.once("Tracing.tracingComplete", finish)
            session.send("Tracing.start", {"categories": _CATEGORIES})
            _, drawn = page.evaluate(SWITCH, [name, TITLES.get(name, name)])
            session.send("Tracing.end")
            while not done:
                page.wait_for_timeout(20)
            session.remove_listener("Tracing.dataCollected", collect)
            # The first visit fills caches.
            if number:
                visits[name].append({"drawn": drawn, **_sum(events)})
    return {
        name: {kind: median(visit[kind] for visit in times) for kind in times[0]}
        for name, times in visits.items()
    }


def _sum(events: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Sum the main thread's complete events by kind, in milliseconds."""
    threads: dict[tuple[int, int], list[Mapping[str, Any]]] = defaultdict(list)
    for event in events:
        if event.get("ph") == "X" and any(event["name"] in names for names in _KINDS.values()):
            threads[event["pid"], event["tid"]].append(event)
    if not threads:
        return dict.fromkeys(_KINDS, 0.0)
    # The page's main thread is the one with the most script.
    main = max(threads.values(), key=lambda found: sum(event["dur"] for event in found))
    totals = dict.fromkeys(_KINDS, 0.0)
    # Own time: that of an event without the events inside it.
    open_events: list[tuple[float, str]] = []
    for event in sorted(main, key=lambda one: (one["ts"], -one["dur"])):
        kind = next(kind for kind, names in _KINDS.items() if event["name"] in names)
        while open_events and open_events[-1][0] <= event["ts"]:
            open_events.pop()
        if open_events:
            totals[open_events[-1][1]] -= event["dur"] / 1000
        totals[kind] += event["dur"] / 1000
        open_events.append((event["ts"] + event["dur"], kind))
    return totals


if __name__ == "__main__":
    main()
