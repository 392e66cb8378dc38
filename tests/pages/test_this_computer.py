"""Start's panel on this computer: what is in use, and the tune-up with its problems."""

import json
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cifarviz import free_memory, processor
from cifarviz.errors import TuneUpFailed, TuneUpGivenUp
from cifarviz.executors.processes import ProcessExecutor
from cifarviz.processor import Tuned, tuned_content
from cifarviz.runs import locks
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.training.tune_up import TuneUpProgress
from cifarviz.ui import cache, this_computer
from scripts.app_server import ROOT
from tests import stored_runs
from tests.components import live_texts
from tests.tuned import BEST, TUNED


def opened() -> AppTest:
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()


def text(app: AppTest) -> str:
    found = [*app.markdown, *app.caption, *app.info, *app.error]
    # Without the marks that keep Markdown from reading punctuation.
    return "\n".join([*(one.value for one in found), *live_texts(app)]).replace("\\", "")


def keep(home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / processor.TUNED_FILE).write_text(json.dumps(tuned_content(TUNED)))


def press(app: AppTest, key: str) -> AppTest:
    return app.button(key=key).click().run()


def newest_job(settings: Settings) -> Any:
    job = this_computer._jobs(replace(settings, warm_up=False)).newest
    assert job is not None
    return job


def test_the_use_of_the_processor_is_said(settings: Settings) -> None:
    app = opened()
    assert processor.machine_name() in text(app)
    assert f"In use: {processor.in_use().describe()}. Chosen by what the" in text(app)
    keep(settings.home)
    app = opened()
    assert "That is 1.5 times as fast as TensorFlow by itself" in text(app)
    assert "Measured on 2026-11-29." in text(app)
    assert "takes effect at the next start" in text(app)
    assert not app.exception


def test_memory_is_that_of_named_processes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = {os.getpid(): 600_000_000, 7: 800_000_000, 8: 900_000_000}
    monkeypatch.setattr(free_memory, "used_bytes", sizes.get)
    monkeypatch.setattr(free_memory, "available_bytes", lambda: 4_000_000_000)
    app = opened()
    assert "Memory: this program uses 0.6 GB; 4.0 GB are free." in text(app)
    assert "at once" not in text(app)
    monkeypatch.setattr(processor, "core_shares", lambda count: ((0,),) * count)
    monkeypatch.setattr(ProcessExecutor, "process_ids", (7, 8))
    monkeypatch.setenv("CIFARVIZ_RUNS_AT_ONCE", "2")
    app = opened()
    assert "Up to 2 runs train at once, each in a process on 1 core." in text(app)
    assert (
        "Memory: this program uses 0.6 GB, 2 processes for training 1.7 GB; 4.0 GB are free. "
        "Another run needs 0.9 GB."
    ) in text(app)


def test_a_tune_up_shows_its_progress_and_its_result(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def tune_up(
        home: Path, on_progress: Callable[[TuneUpProgress], None], *_: object, quiet: bool
    ) -> Tuned:
        assert not quiet
        on_progress(TuneUpProgress(2, 4, BEST.describe()))
        assert go_on.wait(30)
        keep(home)
        return TUNED

    monkeypatch.setattr(this_computer, "tune_up", tune_up)
    app = press(opened(), "tune-up")
    app.run()
    assert "Trial 2 of at most 4" in text(app)
    go_on.set()
    assert newest_job(settings).wait(30)
    app.run()
    assert "That is 1.5 times as fast as TensorFlow by itself" in text(app)
    assert app.button(key="tune-up")
    assert not app.exception


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TuneUpGivenUp("Given up. Start it again."), "Given up. Start it again."),
        (TuneUpFailed("Nothing could be timed."), "Nothing could be timed."),
        (RuntimeError("no memory"), "no memory"),
    ],
)
def test_a_tune_up_that_fails_says_so(
    error: Exception, said: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tune_up(*_: object, **__: object) -> Tuned:
        raise error

    monkeypatch.setattr(this_computer, "tune_up", tune_up)
    app = press(opened(), "tune-up")
    assert newest_job(settings).wait(30)
    app.run()
    assert said in text(app)
    # It can be tried again.
    assert not app.button(key="tune-up").disabled
    assert not app.exception


def test_a_tune_up_can_be_cancelled(settings: Settings) -> None:
    app = press(opened(), "tune-up")
    press(app, "cancel-tune-up")
    job = newest_job(settings)
    assert job.wait(30)
    assert not job.failed
    assert not (settings.home / processor.TUNED_FILE).exists()
    app.run()
    assert not press(app, "tune-up").exception
    newest_job(settings).cancel()
    assert newest_job(settings).wait(30)


def test_no_tune_up_while_a_run_trains(settings: Settings) -> None:
    store = RunStore(settings)
    run = stored_runs.store_run(store, stored_runs.experiment(), state=RunState.RUNNING, epochs=0)
    with stored_runs.hold_lock(store, run):
        assert opened().button(key="tune-up").disabled


def test_a_fresh_home_is_measured_quietly_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = []
    go_on = threading.Event()

    def tune_up(*_: object, **options: object) -> None:
        quiet.append(options)
        assert go_on.wait(30)

    monkeypatch.setattr(this_computer, "_QUIET_DELAY", 0.0)
    monkeypatch.setattr(this_computer, "tune_up", tune_up)
    monkeypatch.setattr(cache, "warm_up", lambda: None)
    here = replace(settings, tune_up=True, warm_up=True)
    monkeypatch.setattr(cache, "settings", lambda: here)
    for _ in range(2):
        this_computer.tune_up_quietly()
    assert "being measured in the background" in text(opened())
    go_on.set()
    newest = this_computer._jobs(here).newest
    assert newest is not None
    assert newest.wait(30)
    assert quiet == [{"quiet": True}]


@pytest.mark.parametrize("known", [True, False])
def test_what_is_known_or_unwanted_is_not_measured(
    known: bool, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    if known:
        keep(settings.home)
    here = replace(settings, tune_up=known, warm_up=True)
    monkeypatch.setattr(cache, "settings", lambda: here)
    this_computer.tune_up_quietly()
    assert this_computer._jobs(here).newest is None


def test_a_tune_up_is_given_up_for_a_search_for_a_learning_rate(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def tune_up(home: Path, on_progress: object, given_up: Callable[[], bool], **_: object) -> None:
        asked.append(given_up())
        slot = locks.acquire(RunStore(settings).slot_path())
        assert slot is not None
        asked.append(given_up())
        slot.release()

    monkeypatch.setattr(this_computer, "tune_up", tune_up)
    press(opened(), "tune-up")
    assert newest_job(settings).wait(30)
    assert asked == [False, True]
