"""The lab in a real browser: one click trains a duel, its curves grow, and the verdict comes by
itself."""

import re

import pytest
from playwright.sync_api import Page, expect

# A machine that is busy with other tests takes its time to load TensorFlow.
PATIENCE = 90_000


@pytest.fixture(scope="module")
def server(app_server):
    return app_server()


def test_a_duel_from_the_click_to_its_verdict(server, page: Page) -> None:
    page.goto(f"{server.url}/lab?thing=width&values=0.25,0.5&images=200&epochs=4")
    page.get_by_role("button", name="Train both").click()
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
    expect(page.get_by_role("link", name="All of them in Runs").first).to_be_visible()
