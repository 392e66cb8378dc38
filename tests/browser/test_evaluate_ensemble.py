"""The Ensemble view in a real browser: one click trains, the result comes by itself, an image leads
on."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from cifarviz.experiment.choices import Data
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.chromium import settle
from tests import stored_runs


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ensemble") / "home"


@pytest.fixture(scope="module")
def template(home: Path) -> Run:
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(home)}))
    experiment = stored_runs.experiment(epochs=1, data=Data(train_images=320))
    return stored_runs.store_run(store, experiment, name="tiny")


@pytest.fixture(scope="module")
def server(app_server, home: Path, template: Run):
    return app_server("app.py", home)


def test_members_train_vote_and_lead_to_an_image(server, page: Page, template: Run) -> None:
    page.goto(f"{server.url}/evaluate?view=ensemble&template={template.id}&count=2&first=5")
    page.get_by_role("button", name="Train 2 members").click()
    expect(page).to_have_url(re.compile(r"members=[0-9a-f]{8}(,|%2C)[0-9a-f]{8}$"))
    expect(page.get_by_role("heading", name="Training the members")).to_be_visible()
    # The worker waits for TensorFlow first.
    table = page.get_by_role(
        "table", name=re.compile("Test images with the predictions of each member")
    )
    expect(table).to_be_visible(timeout=90_000)
    headings = table.get_by_role("columnheader")
    expect(headings).to_have_text(
        ["Image", "Index", "Actual", "1\nseed 5", "2\nseed 6", "Ensemble"]
    )
    expect(page.get_by_role("figure", name="Test accuracy of each member")).to_be_visible()

    # A reload shows the same.
    indices = table.locator("tbody td:nth-child(2)")
    before = indices.all_inner_texts()
    assert len(before) == 10
    page.reload()
    expect(indices).to_have_text(before)
    settle(page)

    table.get_by_role("button").nth(3).click()
    expect(page).to_have_url(re.compile(rf"/evaluate\?.*image={before[3]}\b"))
    expect(page.get_by_text(f"Test image {before[3]}:")).to_be_in_viewport()
    answer = page.get_by_role("figure", name="Probability of each class, by each member")
    expect(answer).to_be_visible()
    page.get_by_role("link", name="2 · seed 6").click()
    expect(page).to_have_url(re.compile(rf"/predict\?.*image={before[3]}\b"))
    settle(page)
    expect(page.get_by_role("heading", name="Predict", level=1)).to_be_visible()
    page.go_back()
    expect(answer).to_be_visible()


def test_switching_views_keeps_the_members(server, page: Page, template: Run) -> None:
    page.goto(f"{server.url}/evaluate?view=ensemble&members={template.id}@1")
    said = page.get_by_text("at least two members, and you chose one")
    expect(said).to_be_visible()
    page.get_by_text("One network", exact=True).click()
    expect(page).to_have_url(re.compile("view=network"))
    expect(said).to_have_count(0)
    page.get_by_text("Ensemble", exact=True).click()
    expect(said).to_be_visible()
    assert template.id in page.url
