"""Start: links and the newest runs."""

import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.records import Epoch, Progress
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.app_server import ROOT
from tests.components import live_texts
from tests.stored_runs import experiment, hold_lock, store_run


def opened() -> AppTest:
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()


def press(app: AppTest, label: str) -> AppTest:
    return next(button for button in app.button if button.label == label).click().run()


def page_text(app: AppTest) -> str:
    found = [*app.markdown, *app.caption, *app.header]
    return "\n".join([*(one.value for one in found), *live_texts(app)])


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


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
