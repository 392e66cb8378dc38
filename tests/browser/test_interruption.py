"""Presses that arrive during another press's callback."""

from playwright.sync_api import Page, expect


def test_a_press_during_another_callback_interrupts_neither(app_server, page: Page) -> None:
    server = app_server("tests/browser/apps/slow_callbacks.py")
    page.goto(server.url)
    app = page.get_by_test_id("stApp")
    expect(page.get_by_text("first 0, second 0, last None")).to_be_visible()
    expect(app).to_have_attribute("data-test-script-state", "notRunning")
    for number, name in enumerate(("first", "second", "first", "second"), 1):
        page.get_by_role("button", name=name, exact=True).click(no_wait_after=True)
        # It stays so until the next press has come.
        if number < 4:
            expect(page.get_by_text(f"press {number} is at work")).to_be_visible()
    expect(page.get_by_text("first 2, second 2, last second")).to_be_visible()
