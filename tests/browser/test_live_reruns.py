"""Runs of a page's script that a feed causes."""

from playwright.sync_api import Page, expect

from scripts.chromium import settle

# The times at which a pointer was pressed, and the script began to run.
_WATCH = """() => {
    const app = document.querySelector("[data-test-script-state]");
    window.times = { pressed: null, runs: [] };
    window.addEventListener("pointerdown", () => (window.times.pressed = performance.now()), true);
    new MutationObserver(() => {
        if (app.dataset.testScriptState === "running") window.times.runs.push(performance.now());
    }).observe(app, { attributeFilter: ["data-test-script-state"] });
}"""


def test_a_feed_waits_for_the_run_of_a_press(app_server, page: Page) -> None:
    server = app_server("tests/browser/apps/marked_feed.py")
    page.goto(server.url)
    expect(page.get_by_text("mark before")).to_be_visible()
    settle(page)
    page.evaluate(_WATCH)
    page.get_by_role("button", name="Change the mark").click()
    expect(page.get_by_text("mark after")).to_be_visible()
    times = page.evaluate("window.times")
    of_press, of_feed = times["runs"]
    assert times["pressed"] < of_press < of_feed
    # As long as a press may take to the server, however soon the feed's message comes.
    assert of_feed - times["pressed"] >= 1500
