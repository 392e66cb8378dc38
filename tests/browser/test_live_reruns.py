"""Runs of a page's script that a feed causes."""

from playwright.sync_api import Page, expect

from scripts.chromium import settle

# The times at which a pointer was pressed, and the run that the feed caused was shown.
_WATCH = """() => {
    window.times = { pressed: null, shown: null };
    window.addEventListener("pointerdown", () => (times.pressed = performance.now()), true);
    new MutationObserver(() => {
        if (document.body.textContent.includes("mark after")) times.shown ??= performance.now();
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""


def test_a_feed_waits_for_the_run_of_a_press(app_server, page: Page) -> None:
    server = app_server("tests/browser/apps/marked_feed.py")
    page.goto(server.url)
    expect(page.get_by_text("mark before")).to_be_visible()
    settle(page)
    page.evaluate(_WATCH)
    # The run of the press still shows the mark of before.
    page.get_by_role("button", name="Change the mark").click()
    expect(page.get_by_text("mark after")).to_be_visible()
    times = page.evaluate("window.times")
    # As long as a press may take to the server, however soon the feed's message comes.
    assert times["shown"] - times["pressed"] >= 1500
