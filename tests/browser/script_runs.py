"""Whether a page's script ran while something on the page moved."""

from playwright.sync_api import Page

_WATCH = """() => {
    const app = document.querySelector("[data-test-script-state]");
    window.scriptRuns = 0;
    new MutationObserver(() => {
        if (app.dataset.testScriptState === "running") window.scriptRuns += 1;
    }).observe(app, { attributeFilter: ["data-test-script-state"] });
}"""


def count_script_runs(page: Page) -> None:
    """Begin to count, of a page that stands still."""
    page.evaluate(_WATCH)


def script_runs(page: Page) -> int:
    """Return how often its script has run since."""
    return int(page.evaluate("window.scriptRuns"))
