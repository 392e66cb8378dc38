"""The browser's Back: to the page before, as it was left; what is chosen is no step of its own."""

import re

import pytest
from playwright.sync_api import Page, expect

from scripts.chromium import settle
from tests.browser.conftest import Linked
from tests.browser.pressed_pages import PAGES
from tests.browser.quick_presses import PressedPage, open_page, press_on, wrong

PRESSES = 5
# Milliseconds between two presses: time enough for each to become a step, if it would.
UNHURRIED = 700


def go_to_another_page(page: Page, pressed: PressedPage) -> None:
    """By the menu, which Present has not: it is left by its key."""
    if pressed.name == "Present":
        page.keyboard.press("Escape")
        expect(page.get_by_role("heading", name="cifarviz")).to_be_visible()
    else:
        another = "Predict" if pressed.name == "Runs" else "Runs"
        page.get_by_test_id("stSidebar").get_by_role("link", name=another, exact=True).click()
        expect(page.get_by_role("heading", name=another, level=1)).to_be_visible()
    settle(page)


@pytest.mark.parametrize("pressed", PAGES, ids=lambda pressed: pressed.name)
def test_back_shows_a_page_as_it_was_left_and_then_the_one_before(
    linked: Linked, page: Page, pressed: PressedPage
) -> None:
    page.goto(linked.url)
    open_page(page, linked.url, linked.ids, pressed)
    presses = press_on(page, pressed, PRESSES, UNHURRIED)
    assert wrong(page, linked.ids, pressed, presses) == ""
    left = page.url
    go_to_another_page(page, pressed)
    page.go_back()
    settle(page)
    pressed.before(page)
    assert wrong(page, linked.ids, pressed, presses) == ""
    assert page.url == left
    page.go_back()
    expect(page).to_have_url(re.compile(rf"^{re.escape(linked.url)}/?$"))
    expect(page.get_by_role("button", name="Browse the images")).to_be_visible()
