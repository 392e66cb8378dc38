"""Studies in a real browser: set up, watched to their best, taken to Train, gone on with."""

import re

import pytest
from playwright.sync_api import Page, expect

from cifarviz.experiment.address import pack_changes, preset_draft
from cifarviz.runs.store import RunStore
from cifarviz.runs.studies import all_studies, stored_trials
from cifarviz.settings import Settings
from scripts.app_server import AppServer

# A machine that is busy with other tests takes its time.
PATIENCE = 180_000


@pytest.fixture
def server(app_server):
    return app_server()


def _store(server: AppServer) -> RunStore:
    return RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(server.home)}))


def _form(epochs: int, images: int) -> str:
    """The address of the form with a base that trains in a second."""
    draft = preset_draft("cifar10-starter", 1).with_value("batch_size", 32)
    draft = draft.with_value("epochs", epochs).with_value("precision", "float32")
    # As published it is validated on the test images.
    draft = draft.with_kind("validation", "split")
    data = {**draft.section("data"), "variant": "sample", "train_images": images}
    packed = pack_changes(draft.with_value("data", data))
    return f"tune?view=studies&preset=cifar10-starter&changes={packed}"


def test_a_study_of_twelve_trials_is_watched_to_its_best_and_taken_to_train(
    server, page: Page
) -> None:
    page.goto(f"{server.url}/{_form(3, 300)}&trials=12&pruner=halving")
    high = page.get_by_role("textbox", name="To", exact=True)
    high.fill("1")
    high.press("Enter")
    expect(page).to_have_url(re.compile(r"vary=learning_rate%3Dlog%3A0\.0001%3A1\b"))
    page.get_by_role("button", name="Start 12 trials").click()
    expect(page).to_have_url(re.compile(r"study=[0-9a-f]{8}\b"))
    progress = page.locator(".st-key-study-progress")
    expect(progress).to_contain_text("Searching")
    # Without a reload, and although the page was closed for a while.
    expect(progress).to_contain_text(
        re.compile(r"[1-9]\d* of 12 trials have ended"), timeout=PATIENCE
    )
    address = page.url
    page.goto(f"{server.url}/runs")
    page.goto(address)
    expect(progress).to_contain_text("12 of 12 trials have ended", timeout=PATIENCE)
    expect(progress).to_contain_text("Finished")
    store = _store(server)
    [record] = all_studies(store)
    trials = stored_trials(store, record.id)
    assert len(trials) == 12
    assert any(trial.pruned_after for trial in trials), "rates up to 1 learn nothing"
    expect(page.locator(".st-key-tune-study-best")).to_contain_text("Best validation accuracy")
    expect(page.get_by_text("Ask the test images about the best")).to_be_visible()
    page.get_by_role("link", name="Take as base on Train").click()
    expect(page).to_have_url(re.compile(r"/train\?.*view=setup"))
    expect(page.get_by_text("Settings of").first).to_be_visible()


def test_a_study_cut_by_a_kill_goes_on(server, app_server, page: Page) -> None:
    page.goto(f"{server.url}/{_form(60, 600)}&trials=2&pruner=none")
    page.get_by_role("button", name="Start 2 trials").click()
    progress = page.locator(".st-key-study-progress")
    expect(progress).to_contain_text(re.compile("Trial 1 .epoch [2-9]"), timeout=PATIENCE)
    address = page.url.removeprefix(server.url)
    server.kill()
    again = app_server(home=server.home)
    page.goto(f"{again.url}{address}")
    expect(progress).to_contain_text("Interrupted")
    page.get_by_role("button", name="Go on").click()
    expect(progress).to_contain_text("Searching")
    expect(progress).to_contain_text("2 of 2 trials have ended", timeout=PATIENCE)
    store = _store(again)
    [record] = all_studies(store)
    for trial in stored_trials(store, record.id):
        assert [epoch.epoch for epoch in trial.epochs] == list(range(1, 61))
