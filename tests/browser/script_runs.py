"""Count the runs of a page's script."""

from playwright.sync_api import Page

_WATCH = """() => {
    const app = document.querySelector("[data-test-script-state]");
    window.scriptRuns = 0;
    new MutationObserver(() => {
        if (app.dataset.testScriptState === "running") window.scriptRuns += 1;
    }).observe(app, { attributeFilter: ["data-test-script-state"] });
}"""


def count_script_runs(page: Page) -> None:
    """Start counting on an idle page."""
    page.evaluate(_WATCH)


def script_runs(page: Page) -> int:
    """Return how often the script has run since then."""
    return int(page.evaluate("window.scriptRuns"))
