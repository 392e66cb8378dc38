"""Opening another page is one entry of the browser's history."""

import re

import pytest
from playwright.sync_api import Page, expect

from scripts.chromium import settle


@pytest.fixture(scope="module")
def server(app_server):
    return app_server(environment={"CIFARVIZ_WARM_UP": "0"})


def test_back_returns_from_a_page_opened_by_a_picture(server, page: Page) -> None:
    page.goto(server.url)
    settle(page)
    picture = page.get_by_role("button", name="frog: browse images of this class")
    picture.click()
    samples = page.get_by_role("heading", name="Samples", level=1)
    expect(samples).to_be_visible()
    expect(page).to_have_url(re.compile(r"/samples\?dataset=cifar10&classes=frog$"))
    settle(page)
    page.go_back()
    expect(page).to_have_url(re.compile(rf"^{re.escape(server.url)}/?$"))
    expect(picture).to_be_visible()
    page.go_forward()
    expect(samples).to_be_visible()
    expect(page).to_have_url(re.compile(r"/samples\?dataset=cifar10&classes=frog$"))


def test_choices_add_no_history_entries_and_back_restores_them(server, page: Page) -> None:
    page.goto(server.url)
    settle(page)
    entries = page.evaluate("history.length")
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Train").click()
    expect(page.get_by_role("heading", name="Train", level=1)).to_be_visible()
    page.get_by_role("tab", name="Data").click()
    expect(page).to_have_url(re.compile("part=data"))
    page.get_by_text("Watch", exact=True).click()
    expect(page).to_have_url(re.compile("view=watch"))
    # The tabs of Set up are the old ones until Watch has been drawn.
    expect(page.get_by_role("tab", name="Training")).to_be_hidden()
    page.get_by_text("Set up", exact=True).click()
    page.get_by_role("tab", name="Training").click()
    expect(page).to_have_url(re.compile("view=setup.*part=training"))
    settle(page)
    # Both begin with an address that they complete by themselves.
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Samples").click()
    expect(page).to_have_url(re.compile(r"/samples\?dataset=cifar10$"))
    page.get_by_role("button", name="Shuffle").click()
    expect(page).to_have_url(re.compile(r"/samples\?dataset=cifar10&seed=\d+$"))
    settle(page)
    assert page.evaluate("history.length") == entries + 2
    page.go_back()
    expect(page).to_have_url(re.compile("/train.*part=training"))
    expect(page.get_by_role("tab", name="Training")).to_have_attribute("aria-selected", "true")
    page.go_back()
    expect(page).to_have_url(re.compile(rf"^{re.escape(server.url)}/?$"))
    # Each page must have been drawn before the next press: when the server's answer for it comes
    # while another is open, Streamlit adds the address to the history again.
    expect(page.get_by_role("button", name="frog: browse images of this class")).to_be_visible()
    settle(page)
    page.go_forward()
    expect(page).to_have_url(re.compile("/train.*part=training"))
    expect(page.get_by_role("tab", name="Training")).to_have_attribute("aria-selected", "true")
    settle(page)
    page.go_forward()
    expect(page).to_have_url(re.compile(r"/samples\?dataset=cifar10&seed=\d+$"))


def test_the_first_page_completes_its_address_without_a_history_entry(server, page: Page) -> None:
    page.goto("about:blank")
    entries = page.evaluate("history.length")
    page.goto(f"{server.url}/samples?split=test")
    expect(page).to_have_url(re.compile(r"/samples\?split=test&dataset=cifar10$"))
    settle(page)
    assert page.evaluate("history.length") == entries + 1
