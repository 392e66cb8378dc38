"""The first lesson with a stopwatch: clicks, seconds of waiting, and words to read.

A fresh home, one Chromium, the mouse. From the Start page: the recorded duel to its end, the
memorised images, the same duel trained live, the three questions. Words are those of the lesson's
bar; reading them at 200 a minute is added to the seconds waited.

Then the Lab's own duel: the time left that it states is held to what was left, from ten seconds
after the press: the worst factor between the two.

    python -m benchmarks.bench_lesson [ROUNDS]

With ``TF_ENABLE_ONEDNN_OPTS=0`` it trains as TensorFlow does by default on processors with AVX2.
"""

import os
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from benchmarks.results_file import write_results
from cifarviz.lessons.registry import LESSONS
from cifarviz.processor import machine_name
from scripts import chromium
from scripts.app_server import ROOT, AppServer, serve_files

_WORDS_A_MINUTE = 200
_PATIENCE = 300_000  # milliseconds
# Seconds after the press until estimates count, and of work left while they do.
_SETTLING, _LEAST_LEFT = 10, 3
_UNFINISHED = "Verdict when all runs finish"
_LESSON = LESSONS["overfitting"]


def main() -> None:
    """Print each round's stages, and write the medians to the results."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    serve_files()
    onednn = os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default")
    print(f"{machine_name()}; oneDNN {onednn}, load {os.getloadavg()[0]:.1f}")
    taken = [_round() for _ in range(rounds)]
    for stage in taken[0]:
        print(f"{stage:38} " + " ".join(f"{walk[stage]:7.1f}" for walk in taken))
    command = "python -m benchmarks.bench_lesson"
    medians = {stage: statistics.median(walk[stage] for walk in taken) for stage in taken[0]}
    name = "lesson" if onednn == "default" else f"lesson_onednn_{onednn}"
    prefix = "" if onednn == "default" else f"TF_ENABLE_ONEDNN_OPTS={onednn} "
    write_results(name, prefix + command, {"rounds": rounds, "medians": medians})


def _round() -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="cifarviz-bench-") as folder, sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=chromium.find(), args=chromium.launch_arguments()
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(_PATIENCE)
        expect.set_options(timeout=_PATIENCE)
        began = time.monotonic()
        with AppServer(ROOT / "app.py", Path(folder) / "home", Path(folder) / "log") as server:
            page.goto(server.url)
            page.get_by_role("button", name="Start the lesson").wait_for()
            opened = time.monotonic() - began
            result = {"Server and Start page, seconds": opened, **_walk(page)}
            page.goto(f"{server.url}/lab?view=duel")
            result |= _time_left(page)
        browser.close()
    return result


def _walk(page: Page) -> dict[str, float]:
    seconds: dict[str, float] = {}
    clicks = words = 0
    bar = page.locator(".st-key-lesson-bar")
    since = time.monotonic()

    def click(name: str) -> None:
        nonlocal clicks
        page.get_by_role("button", name=name).click()
        clicks += 1

    def done(stage: str) -> None:
        nonlocal since
        now = time.monotonic()
        seconds[f"{stage}, seconds"] = now - since
        since = now

    def read(number: int) -> None:
        nonlocal words
        bar.get_by_text(f"Step {number} of {len(_LESSON.steps)}").wait_for()
        words += len(bar.inner_text().split())

    click("Start the lesson")
    read(1)
    replay = page.locator(".replay")
    expect(replay.locator("text.gap-label").first).to_be_visible()
    done("Overfitting named in the replay")
    expect(replay).to_have_attribute("data-playing", "false")
    done("Replay to its end")
    click("Next: Look")
    read(2)
    page.locator(".stMain .picture").first.wait_for()
    done("Memorised images shown")
    click("Next: Try")
    read(3)
    click("Train 2 runs")
    page.get_by_text("So far, after").first.wait_for()
    done("First verdict of the live duel")
    page.get_by_text(_UNFINISHED).first.wait_for(state="hidden")
    done("Its end")
    click("Next: Explain")
    read(4)
    questions = _LESSON.steps[-1].questions
    for place, question in enumerate(questions):
        answers = bar.get_by_role("radiogroup").nth(place).locator("label")
        answers.nth(question.correct).click()
        clicks += 1
    expect(bar.get_by_text("Yes.")).to_have_count(len(questions))
    words += len(bar.inner_text().split())
    done("Questions answered")
    waited = sum(seconds.values())
    reading = 60 * words / _WORDS_A_MINUTE
    return seconds | {
        "All of it without reading, seconds": waited,
        "Words": words,
        "All of it with reading, seconds": waited + reading,
        "Clicks": clicks,
    }


def _time_left(page: Page) -> dict[str, float]:
    """Train a duel; return its seconds, and how far off the stated time left was at worst."""
    page.get_by_role("button", name="Train 2 runs").click()
    pressed = time.monotonic()
    page.get_by_text(_UNFINISHED).first.wait_for()
    stated: list[tuple[float, float]] = []
    progress = page.get_by_text(" left. Verdict when").first
    while page.get_by_text(_UNFINISHED).first.is_visible():
        now = time.monotonic()
        text = (progress.text_content() or "") if progress.is_visible() else ""
        found = re.search(r"About (?:(\d+) min )?(\d+) s left", text)
        if found and now - pressed >= _SETTLING:
            stated.append((now, 60 * int(found[1] or 0) + int(found[2])))
        page.wait_for_timeout(200)
    ended = time.monotonic()
    # Seconds are stated in whole numbers, so the last few say little.
    pairs = [(left, ended - now) for now, left in stated if ended - now >= _LEAST_LEFT]
    return {
        "The Lab's own duel, seconds": ended - pressed,
        "Times left that were read": len(pairs),
        "Time left, worst factor": max(max(pair) / max(min(pair), 1) for pair in pairs),
    }


if __name__ == "__main__":
    main()
