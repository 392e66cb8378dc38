"""Find or install Chromium for the browser tests and the screenshots.

``python -m scripts.chromium`` prints the path in use; ``--install`` installs Chromium if it is
missing: Debian's package for root with apt-get, Playwright's otherwise.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from scripts import debian_packages

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

MISSING = (
    "Chromium was not found. Install it (Debian, Ubuntu: apt-get install chromium; elsewhere: "
    ".venv/bin/python -m playwright install chromium), or set CIFARVIZ_CHROMIUM to its path."
)

NO_KOREAN = (
    "No font with Korean letters was found, so Korean class names would be boxes. Install "
    "a font (Debian, Ubuntu: apt-get install fonts-noto-cjk)."
)

_SETTLED = """() => {
    const app = document.querySelector('[data-testid="stApp"]');
    return app?.dataset.testScriptState === "notRunning"
        && app.querySelector('[data-testid="stMain"] [data-testid^="st"]')
        && !app.querySelector('[data-testid="stSkeleton"], [data-stale="true"]')
        && [...document.images].every((image) => image.complete);
}"""

# A visible chart that is neither drawn nor shows an error.
_UNDRAWN = ".cifarviz-chart:not([data-revision]):not(:has([role=alert])):visible"


def find() -> str | None:
    """Return the path of a Chromium that starts, or None.

    If ``CIFARVIZ_CHROMIUM`` is set, only that is tried; otherwise the usual command names, then
    Playwright's installation.
    """
    named = os.environ.get("CIFARVIZ_CHROMIUM", "").strip()
    for name in (named,) if named else _NAMES:
        path = shutil.which(name)
        if path and _starts(path):
            return path
    if named:
        return None
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() and _starts(path) else None


def has_korean() -> bool:
    """Return whether the browser has a font for Korean class names."""
    if shutil.which("fc-list") is None:
        # Systems without fontconfig, other than Linux, come with Korean fonts.
        return sys.platform != "linux"
    result = subprocess.run(["fc-list", ":lang=ko"], capture_output=True, check=False)
    return bool(result.stdout.strip())


def launch_arguments() -> list[str]:
    """Return flags: no background traffic, no first-run pages, no GPU."""
    flags = [
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-gpu",
        "--disable-quic",
        "--disable-sync",
        "--no-first-run",
    ]
    # Chromium's sandbox does not start as root; the pages are trusted.
    return [*flags, "--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else flags


def settle(page: Page) -> None:
    """Wait until the app's page has run, drawn its charts and loaded its images."""
    while True:
        page.wait_for_function(_SETTLED, polling=100)
        page.locator(_UNDRAWN).first.wait_for(state="detached")
        # Charts animate after they are drawn, and the script may start again.
        page.wait_for_timeout(500)
        if page.evaluate(_SETTLED):
            return


def install() -> str | None:
    """Install Chromium with apt-get or Playwright; return its path, or None."""
    # Charts need a fallback font to show text.
    if debian_packages.install("the browser tests", "chromium", "fonts-liberation") and (
        path := find()
    ):
        return path
    print("Installing Playwright's chromium for the browser tests.", flush=True)
    playwright = [sys.executable, "-m", "playwright", "install", "chromium"]
    subprocess.run(playwright, stdin=subprocess.DEVNULL, check=False)
    return find()


def _starts(path: str) -> bool:
    # In some distributions the command only refers to another package.
    try:
        result = subprocess.run([path, "--version"], capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return result.returncode == 0


def main() -> None:
    """Print the path of Chromium, or why there is none."""
    path = find()
    named = os.environ.get("CIFARVIZ_CHROMIUM")
    if path is None and "--install" in sys.argv[1:] and not named:
        path = install()
    if path:
        print(f"Chromium: {path}", flush=True)
    elif named:
        print(f"Chromium: CIFARVIZ_CHROMIUM={named} does not start.", flush=True)
    else:
        print(MISSING, flush=True)


if __name__ == "__main__":
    main()
