"""Queued runs without an owner: the dashboard trains them, or the user resumes or stops them."""

import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import Data
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.training import engine
from cifarviz.training.ending import Ending
from cifarviz.ui import cache
from scripts.app_server import ROOT
from tests import stored_runs
from tests.pages.train_page import opened, page_text, press


@pytest.fixture
def orphan(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run that was queued by a process that has ended; training it is done in an instant."""
    monkeypatch.setattr(engine, "train", lambda *_, **__: Ending(RunState.FINISHED))
    return _orphan(store)


def _orphan(store: RunStore) -> Run:
    made = stored_runs.experiment(data=Data(train_images=200))
    return stored_runs.store_run(store, made, name="left", state=RunState.QUEUED, epochs=0)


def test_an_orphaned_run_trains_without_pressing_train(store: RunStore, orphan: Run) -> None:
    assert not shown().exception
    assert cache.worker().wait(orphan.id, 30).state is RunState.FINISHED
    # One that comes to be while the server is up is taken up when a page is shown.
    later = _orphan(store)
    assert not shown().exception
    assert cache.worker().wait(later.id, 30).state is RunState.FINISHED


def shown() -> AppTest:
    """Start with its sidebar, which a page that is run once more goes without in a test."""
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()


def test_an_orphaned_run_that_cannot_start_can_be_resumed_or_stopped(
    store: RunStore, orphan: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as alone:
        alone.setattr(Worker, "adopt", lambda _: None)
        app = opened(view="watch", run=orphan.id)
        words = "waiting, but the process that queued it has ended"
        assert words in page_text(app)
        press(app, f"stop-{orphan.id}")
        assert store.get(orphan.id).state is RunState.STOPPED
        other = _orphan(store)
        app = opened(view="watch", run=other.id)
        press(app, "resume-run")
        assert cache.worker().wait(other.id, 60).state is RunState.FINISHED
        assert not app.exception


def test_pages_are_shown_if_orphaned_runs_cannot_start(
    orphan: Run, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: Worker) -> None:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as broken:
        broken.setattr(Worker, "adopt", refused)
        assert cache.store().get(orphan.id).orphaned
