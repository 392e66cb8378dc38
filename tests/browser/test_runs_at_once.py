"""Runs that begin and end while a page is open come and go in the sidebar."""

from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Page, expect

from cifarviz import processor
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests.stored_runs import experiment, hold_lock, store_run


def test_the_sidebar_follows_all_runs_in_training(app_server, page: Page, tmp_path: Path) -> None:
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(tmp_path / "home")}))
    server = app_server(home=tmp_path / "home", environment={"CIFARVIZ_WARM_UP": "0"})
    with ExitStack() as held:
        runs = []
        for name, state in (("The first", RunState.RUNNING), ("The second", RunState.QUEUED)):
            runs.append(store_run(store, experiment(), name=name, state=state, epochs=1))
            held.enter_context(hold_lock(store, runs[-1]))
        one, two = runs
        page.goto(f"{server.url}/runs")
        status = page.get_by_test_id("stSidebar").locator(".st-key-run-status")
        expect(status.locator(".item")).to_have_count(1)
        expect(status).to_contain_text("The first")
        expect(status).to_contain_text("1 more waiting")
        summary = page.get_by_test_id("stMain").get_by_text("1 in training, 1 waiting")
        expect(summary).to_be_visible()
        store.transition(two.id, RunState.RUNNING, machine=processor.machine_name(1))
        expect(status.locator(".item")).to_have_count(2)
        expect(status.locator(".item").last).to_contain_text("The second")
        expect(status).not_to_contain_text("waiting")
        store.transition(one.id, RunState.FINISHED)
        expect(status.locator(".item")).to_have_count(1)
        expect(status).to_contain_text("The second")
        expect(status).not_to_contain_text("The first")
