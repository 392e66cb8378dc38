"""Find a Chromium for the browser tests and the screenshots, or install one.

``python -m scripts.chromium`` prints the one that is used; with ``--install`` it gets one if
there is none: Debian's package for root where there is apt-get, Playwright's own otherwise.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_APT = ("apt-get", "-qq", "-o", "Acquire::Retries=3")

MISSING = (
    "no Chromium was found. Install one (Debian, Ubuntu: apt-get install chromium; elsewhere: "
    ".venv/bin/python -m playwright install chromium), or name it in CIFARVIZ_CHROMIUM."
)

NO_KOREAN = (
    "no font with Korean letters was found, so Korean class names would be boxes. Install one "
    "(Debian, Ubuntu: apt-get install fonts-noto-cjk)."
)

_SETTLED = """() => {
    const app = document.querySelector('[data-testid="stApp"]');
    return app?.dataset.testScriptState === "notRunning"
        && app.querySelector('[data-testid="stMain"] [data-testid^="st"]')
        && !app.querySelector('[data-testid="stSkeleton"], [data-stale="true"]')
        && [...document.images].every((image) => image.complete);
}"""

# A chart in sight that has neither been drawn nor said why it can't be.
_UNDRAWN = ".cifarviz-chart:not([data-revision]):not(:has([role=alert])):visible"


def find() -> str | None:
    """Return the path of a Chromium that starts, or None.

    Looks at ``CIFARVIZ_CHROMIUM`` (and nowhere else when that is set), then for the usual names,
    then for the one Playwright keeps for itself.
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
    """Whether the browser has a font for Korean class names."""
    if shutil.which("fc-list") is None:
        # Not Linux: those that have no fontconfig come with Korean letters.
        return sys.platform != "linux"
    answer = subprocess.run(["fc-list", ":lang=ko"], capture_output=True, check=False)
    return bool(answer.stdout.strip())


def launch_arguments() -> list[str]:
    """Return flags that keep it quiet: no calls home, no first-run pages, no graphics card."""
    flags = [
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-gpu",
        "--disable-quic",
        "--disable-sync",
        "--no-first-run",
    ]
    # Chromium's sandbox refuses to start as root; the pages shown are our own.
    return [*flags, "--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else flags


def settle(page: Page) -> None:
    """Wait until the page of the app has run, drawn what it has, and loaded its images."""
    while True:
        page.wait_for_function(_SETTLED, polling=100)
        page.locator(_UNDRAWN).first.wait_for(state="detached")
        # Charts ease in after they are drawn; and a page may only have come to its first words.
        page.wait_for_timeout(500)
        if page.evaluate(_SETTLED):
            return


def install() -> str | None:
    """Get a Chromium in the ways that can work here; return its path, or None."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root and shutil.which("apt-get"):
        print("Installing Debian's chromium for the browser tests.", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run([*_APT, "update"], env=environment, stdin=subprocess.DEVNULL, check=False)
        subprocess.run(
            # The fonts are what charts fall back on; without any, they show no text.
            [*_APT, "install", "-y", "--no-install-recommends", "chromium", "fonts-liberation"],
            env=environment,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if path := find():
            return path
    print("Installing Playwright's chromium for the browser tests.", flush=True)
    playwright = [sys.executable, "-m", "playwright", "install", "chromium"]
    subprocess.run(playwright, stdin=subprocess.DEVNULL, check=False)
    return find()


def _starts(path: str) -> bool:
    # Some distributions have a chromium that is only a pointer to another package.
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


def main() -> None:
    """Print the Chromium that is used, or that there is none."""
    path = find()
    named = os.environ.get("CIFARVIZ_CHROMIUM")
    if path is None and "--install" in sys.argv[1:] and not named:
        path = install()
    if path:
        print(f"Chromium: {path}", flush=True)
    elif named:
        print(f"Chromium: CIFARVIZ_CHROMIUM={named} does not start.", flush=True)
    else:
        print(f"Chromium: {MISSING}", flush=True)


if __name__ == "__main__":
    main()
