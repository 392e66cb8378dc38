"""The lab in a real browser: one click trains a duel, its curves grow, and the verdict comes by
itself."""

import re

import pytest
from playwright.sync_api import Page, expect

from cifarviz.runs.series import save_series
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.chromium import settle
from tests import stored_runs
from tests.browser.script_runs import count_script_runs, script_runs

# A machine that is busy with other tests takes its time to load TensorFlow.
PATIENCE = 90_000


@pytest.fixture(scope="module")
def server(app_server):
    return app_server()


def test_a_duel_trains_and_shows_its_verdict(server, page: Page) -> None:
    page.goto(f"{server.url}/lab?thing=width&values=0.25,0.5&images=200&epochs=4")
    page.get_by_role("button", name="Train 2 runs").click()
    expect(page).to_have_url(re.compile(r"series=[0-9a-f]{8}\b"))
    title = "Width of the network: a quarter as wide against half as wide"
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    expect(page.get_by_role("button", name="Stop all").first).to_be_visible()
    loss = page.locator(".st-key-lab-loss .cifarviz-chart")
    expect(loss).to_have_attribute("data-revision", re.compile("."), timeout=PATIENCE)

    # A reload comes back to the same, and the verdict needs no other.
    page.reload()
    verdict = page.locator(".st-key-lab-verdict")
    expect(verdict).to_be_visible(timeout=PATIENCE)
    expect(verdict).to_contain_text(
        re.compile(r"points with a quarter as wide and .* half as wide")
    )
    for label in ("a quarter as wide", "half as wide"):
        expect(loss.get_by_text(label).first).to_be_visible()
    expect(page.get_by_role("button", name="Stop all")).to_have_count(0)
    expect(page.get_by_role("link", name="Open these in Runs").first).to_be_visible()


def test_curves_and_metrics_update_without_script_runs(server, page: Page) -> None:
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(server.home)}))
    other = stored_runs.store_run(store, stored_runs.experiment(), state=RunState.STOPPED, epochs=2)
    run = stored_runs.store_run(store, stored_runs.experiment(), state=RunState.RUNNING, epochs=1)
    labelled = [(run.id, "one"), (other.id, "another")]
    series = save_series(store, "duel", "One against another", labelled)
    points = "document.querySelector('.st-key-lab-loss .cifarviz-chart')._fullData.reduce("
    points += "(sum, trace) => sum + trace.x.length, 0)"
    line = page.locator(".st-key-lab-progress")
    with stored_runs.hold_lock(store, run):
        page.goto(f"{server.url}/lab?view=duel&series={series.id}")
        expect(line).to_contain_text("epoch 1 of 3")
        expect(line).to_contain_text("So far, after 1 epoch: ")
        settle(page)
        before = page.evaluate(points)
        count_script_runs(page)
        stored_runs.advance_run(store, run, 10, epoch=True)
        expect(line).to_contain_text("epoch 2 of 3")
        expect(line).to_contain_text("66.7%")
        expect(line).to_contain_text("So far, after 2 epochs: ")
        expect(line).to_contain_text(re.compile("About .* left|Less than a second left"))
        page.wait_for_function(f"() => {points} > {before}")
        assert script_runs(page) == 0

        # A state is drawn by the page: buttons, table and verdict.
        stored_runs.advance_run(store, run, 10, epoch=True)
        store.transition(run.id, RunState.FINISHED)
    expect(page.locator(".st-key-lab-verdict")).to_be_visible()
    page.wait_for_function("() => window.scriptRuns > 0")
    expect(line).to_have_count(0)

    # From anywhere, it may go on.
    with stored_runs.hold_lock(store, other):
        store.transition(other.id, RunState.QUEUED)
        expect(page.get_by_role("button", name="Stop all").first).to_be_visible()
        store.transition(other.id, RunState.STOPPED)
