"""Presses that come while the callback of the one before is at work."""

from itertools import pairwise

from playwright.sync_api import Page, expect


def test_a_press_during_the_callback_of_another_breaks_neither_off(app_server, page: Page) -> None:
    server = app_server("tests/browser/apps/slow_callbacks.py")
    page.goto(server.url)
    presses = ["first", "second", "first", "second"]
    for name, following in pairwise([*presses, ""]):
        page.get_by_role("button", name=name, exact=True).click()
        # Well within the 0.4 s that a callback takes; the last one has all the time it wants.
        page.wait_for_timeout(100 if following else 0)
    expect(page.get_by_text("first 2, second 2, last second")).to_be_visible()
