"""Start: links, the newest runs, and the data sets with their downloads."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.data import library
from cifarviz.data.progress import FetchProgress
from cifarviz.errors import DatasetNotFound
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.records import Epoch, Progress
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.ui import start as shared
from scripts.app_server import ROOT
from tests.components import live_texts
from tests.slow_fetch import SlowFetch
from tests.stored_runs import experiment, hold_lock, store_run

FETCH = "Download the full CIFAR-10 set"


def opened() -> AppTest:
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()


def press(app: AppTest, label: str) -> AppTest:
    return next(button for button in app.button if button.label == label).click().run()


def page_text(app: AppTest) -> str:
    found = [*app.markdown, *app.caption, *app.header]
    return "\n".join([*(one.value for one in found), *live_texts(app)])


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


@pytest.fixture
def fetch(settings: Settings) -> Iterator[SlowFetch]:
    """The fetch of this test's home; the downloads are those the page finds."""
    fake = SlowFetch(
        FetchProgress("npm", "downloading", 60_000_000, 120_000_000, 4.0, ("Keras had none.",))
    )
    made = shared.downloads(replace(settings, warm_up=False))
    made._fetch = fake
    yield fake
    made.close()


def add_run(settings: Settings, run_id: str, name: str, *, epochs: int = 0) -> None:
    """Enter a run that was stopped after so many epochs."""
    store = RunStore(settings)
    store.create(run_id, PRESETS["cifar10-starter"].experiment, name, "dashboard")
    if epochs:
        store.transition(run_id, RunState.RUNNING)
        for epoch in range(1, epochs + 1):
            progress = Progress("training", epoch, 100 * epoch, 100, None, None, 0.0)
            store.record(
                run_id, progress, epoch=Epoch(epoch, 1.5, 0.4, 1.4, 0.3 + epoch / 10, 0.001, 2.0)
            )
        store.transition(run_id, RunState.STOPPING)
    store.transition(run_id, RunState.STOPPED)


@pytest.mark.parametrize(
    ("label", "title"),
    [("Browse the images", "Samples"), ("Train a network", "Train"), ("Start training", "Train")],
)
def test_the_start_links_work_without_a_run(label: str, title: str) -> None:
    app = opened()
    assert app.title[0].value == "cifarviz"
    assert "There is no trained network yet" in page_text(app)
    assert press(app, label).title[0].value == title
    assert not app.exception


def test_the_newest_runs_are_listed_with_links(settings: Settings) -> None:
    for number in range(5):
        add_run(settings, f"run{number}", f"try_{number}")
    app = opened()
    assert "Newest runs" in page_text(app)
    assert all(f"try\\_{number}" in page_text(app) for number in (4, 3, 2, 1))
    assert "try\\_0" not in page_text(app)
    assert "[stopped] 0 epochs" in page_text(app)
    # None of them has weights.
    assert "Start training" in labels(app)
    assert not app.exception


def test_the_first_run_can_be_watched_during_training(settings: Settings) -> None:
    store = RunStore(settings)
    run = store_run(store, experiment(epochs=10), state=RunState.RUNNING, epochs=0)
    with hold_lock(store, run):
        app = opened()
        # The same words in the sidebar and in the list of runs.
        assert page_text(app).count("running building the network") == 2
        store.request(run.id, Action.STOP)
        app = opened()
        assert page_text(app).count("stopping building the network") == 2
        assert "running" not in page_text(app)
        press(app, "Watch training")
    assert app.title[0].value == "Train"
    assert app.query_params["run"] in (run.id, [run.id])
    assert not app.exception


def test_the_newest_run_with_weights_links_to_inside(settings: Settings) -> None:
    add_run(settings, "older", "older", epochs=2)
    add_run(settings, "newer", "newer")
    app = opened()
    assert "[stopped] 2 epochs · 40.0% validation (test images), epoch 1 (lowest" in page_text(app)
    press(app, "Open the newest network")
    assert app.title[0].value == "Inside"
    assert app.query_params["run"] in ("older", ["older"])
    assert not app.exception


def test_the_sample_is_ready_and_the_full_set_can_be_fetched(fetch: SlowFetch) -> None:
    app = opened()
    assert "5,000 training and 1,000 test images" in page_text(app)
    assert "**Full set**, not downloaded" in page_text(app)
    press(app, FETCH)
    assert fetch.going.wait(5)
    assert [source for _, source in fetch.calls] == ["auto"]
    app.run()
    assert "**Full set**, downloading" in page_text(app)
    assert "Keras had none." in page_text(app).replace("\\", "")
    assert "Cancel" in labels(app)
    # That of the other data set can still be.
    assert FETCH not in labels(app)
    assert not app.exception


def test_another_session_sees_and_can_cancel_the_same_download(fetch: SlowFetch) -> None:
    press(opened(), FETCH)
    assert fetch.going.wait(5)
    other = opened()
    assert "**Full set**, downloading" in page_text(other)
    press(other, "Cancel")
    download = shared.downloads(Settings.from_environment()).latest("cifar10")
    assert download is not None
    assert download.wait(5)
    other.run()
    refusal = "The download was called off\\. Nothing of it was kept\\."
    assert [one.value for one in other.info] == [refusal]
    assert FETCH in labels(other)
    assert [source for _, source in fetch.calls] == ["auto"]
    assert not other.exception


def test_a_failed_download_shows_the_reason(fetch: SlowFetch) -> None:
    fetch.error = DatasetNotFound("No source gave CIFAR-10.")
    fetch.ending.set()
    app = press(opened(), FETCH)
    download = shared.downloads(Settings.from_environment()).latest("cifar10")
    assert download is not None
    assert download.wait(5)
    app.run()
    assert [one.value.replace("\\", "") for one in app.error] == ["No source gave CIFAR-10."]
    assert FETCH in labels(app)
    assert not app.exception


def test_a_folder_of_the_user_is_searched(fetch: SlowFetch, tmp_path: Path) -> None:
    app = opened()
    app.text_input[0].set_value(f' "{tmp_path}" ')
    press(app, "Use it")
    assert fetch.going.wait(5)
    assert [source for _, source in fetch.calls] == [str(tmp_path)]
    assert not app.exception


@pytest.mark.parametrize("path", ["", "npm", "/nowhere/at_all.tar.gz", "a\0b"])
def test_an_invalid_path_is_reported_at_once(fetch: SlowFetch, path: str) -> None:
    app = opened()
    app.text_input[0].set_value(path)
    press(app, "Use it")
    assert len(app.error) == 1
    assert "There is no file or folder" in app.error[0].value
    assert fetch.calls == []
    assert not app.exception


def test_a_folder_without_data_is_refused_in_one_sentence(tmp_path: Path) -> None:
    app = opened()
    app.text_input[0].set_value(str(tmp_path))
    press(app, "Use it")
    download = shared.downloads(Settings.from_environment()).latest("cifar10")
    assert download is not None
    assert download.wait(20)
    app.run()
    assert len(app.error) == 1
    assert "does not hold CIFAR-10" in app.error[0].value.replace("\\", "")
    assert not app.exception


def test_a_verified_full_set_is_reported_and_can_be_browsed(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    found = library.status("cifar10", settings)
    whole = replace(found, full_available=True, verified=True, bytes=184_380_512, problem=None)
    monkeypatch.setattr(library, "status", lambda *_: whole)
    app = opened()
    assert "**Full set**, verified" in page_text(app)
    assert "184 MB in" in page_text(app)
    assert FETCH not in labels(app)
    assert not app.exception
