"""The first lesson in a real browser, from the Start page to its end, by keyboard alone."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from scripts.app_server import AppServer
from scripts.chromium import settle

MOST_TABS = 120


@pytest.fixture(scope="module")
def server(app_server: Callable[..., AppServer]) -> AppServer:
    return app_server(environment={"CIFARVIZ_WARM_UP": "0", "CIFARVIZ_RECORDED": "1"})


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the control with this text or label has the focus."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            """() => {
                const element = document.activeElement;
                if (!element.matches("button, a, input")) return "";
                const label = element.closest("label");
                return (label ?? element).innerText || element.ariaLabel || "";
            }"""
        )
        if name in focused:
            return
    raise AssertionError(f"Tab never reaches “{name}”")


def press(page: Page, name: str) -> None:
    tab_to(page, name)
    page.keyboard.press("Enter")


def shows_step(page: Page, number: int, title: str) -> None:
    bar = page.locator(".st-key-lesson-bar")
    expect(bar.get_by_text(re.compile(rf"Step {number} of 4: {title}"))).to_be_visible()
    settle(page)


def test_the_first_lesson_by_keyboard_alone(server: AppServer, page: Page) -> None:
    page.goto(server.url)
    settle(page)
    press(page, "Start the lesson")
    shows_step(page, 1, "Watch")
    replay = page.locator(".replay")
    # It plays by itself, and what comes later is not given away.
    expect(replay).to_have_attribute("data-playing", "true")
    label = replay.locator("text.gap-label").first
    expect(label).to_have_text("Overfitting starts after epoch 6")
    expect(label).to_be_visible()
    expect(replay).to_have_attribute("data-playing", "false", timeout=40_000)
    page.get_by_role("button", name="Next: Look").focus()
    page.keyboard.press("Enter")
    shows_step(page, 2, "Look")
    # The next control of the step is one press of Tab away.
    expect(
        page.get_by_role("region", name="See overfitting in one minute, step 2 of 4")
    ).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Back", exact=True)).to_be_focused()
    expect(page.get_by_role("heading", name="Images with wrong labels")).to_be_visible()
    press(page, "Next: Try")
    shows_step(page, 3, "Try")
    expect(page.get_by_role("button", name="Train 2 runs")).to_be_enabled()
    press(page, "Next: Explain")
    shows_step(page, 4, "Explain")
    tab_to(page, "The network has memorised its training images.")
    page.keyboard.press("Space")
    expect(page.get_by_text(re.compile(r"^Yes\. The gap of \d+ points"))).to_be_visible()
    settle(page)
    press(page, "Finish the lesson")
    expect(page.get_by_role("button", name="Browse the images")).to_be_visible()
    settle(page)
    expect(page.locator(".st-key-lesson-bar")).to_have_count(0)
    expect(page).to_have_url(f"{server.url}/")


def test_each_step_is_shown_from_the_top(server: AppServer, page: Page) -> None:
    page.goto(server.url)
    settle(page)
    page.get_by_role("button", name="Start the lesson").click()
    shows_step(page, 1, "Watch")
    page.get_by_role("button", name="Next: Look").click()
    shows_step(page, 2, "Look")
    gallery = page.get_by_role("group", name="Images with wrong labels")
    gallery.get_by_role("button").nth(2).click()
    settle(page)
    scrolled = "document.querySelector('[data-testid=stMain]').scrollTop"
    assert page.evaluate(scrolled) > 300
    page.get_by_role("button", name="Next: Try").click()
    shows_step(page, 3, "Try")
    assert page.evaluate(scrolled) == 0
    page.get_by_role("button", name="Next: Explain").click()
    shows_step(page, 4, "Explain")
    # The curves that have the answers stand above the questions.
    curves, bar = page.locator(".replay svg").last, page.locator(".st-key-lesson-bar")
    above, below = curves.bounding_box(), bar.bounding_box()
    assert above is not None
    assert below is not None
    assert above["y"] + above["height"] <= below["y"]


def test_a_lesson_can_be_left_and_returned_to(server: AppServer, page: Page) -> None:
    page.goto(server.url)
    settle(page)
    page.get_by_role("button", name="More lessons").click()
    page.get_by_role("button", name="How large a step?").click()
    bar = page.locator(".st-key-lesson-bar")
    expect(bar.get_by_text(re.compile("Step 1 of 3: Watch"))).to_be_visible()
    settle(page)
    page.get_by_test_id("stSidebar").get_by_role("link", name="Samples", exact=True).click()
    expect(bar.get_by_text(re.compile("You left step 1"))).to_be_visible()
    settle(page)
    page.get_by_role("button", name="Return to the lesson").click()
    expect(bar.get_by_text(re.compile("Step 1 of 3: Watch"))).to_be_visible()
    settle(page)
    page.get_by_role("button", name="Leave the lesson").click()
    expect(bar).to_have_count(0)
    expect(page.get_by_role("heading", name="Overfit lab", level=1)).to_be_visible()
    assert "lesson=" not in page.url


def test_without_motion_the_duel_waits_for_a_press(
    server: AppServer, new_page: Callable[..., Page]
) -> None:
    page = new_page(reduced_motion="reduce")
    page.goto(server.url)
    settle(page)
    page.get_by_role("button", name="Start the lesson").click()
    replay = page.locator(".replay")
    expect(replay).to_have_attribute("data-playing", "false")
    expect(replay.locator("text.gap-label").first).to_be_hidden()
    page.get_by_role("button", name="▶ Play").click()
    expect(replay).to_have_attribute("data-playing", "true")
