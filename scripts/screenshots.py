"""Take pictures of every page, light and dark, of the real app: ``make screenshots``.

The pictures go to ``build/screenshots``, named for the page and the theme. The app runs on the
runs and data of ``CIFARVIZ_HOME``, so what is there is what is shown.
"""

import os
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from cifarviz.settings import Settings
from scripts import chromium
from scripts.app_server import ROOT, AppServer, serve_files

_FOLDER = ROOT / "build" / "screenshots"


def main() -> int:
    """Take them all; return the exit code."""
    path = chromium.find()
    if path is None:
        print(f"No screenshots: {chromium.MISSING}", file=sys.stderr)
        return 1
    _FOLDER.mkdir(parents=True, exist_ok=True)
    pages = sorted(page.stem for page in (ROOT / "pages").glob("[!_]*.py"))
    serve_files()
    log = _FOLDER / "server.log"
    log.unlink(missing_ok=True)
    with (
        AppServer(ROOT / "app.py", Settings.from_environment(os.environ).home, log) as server,
        sync_playwright() as playwright,
        playwright.chromium.launch(
            executable_path=path, args=chromium.launch_arguments()
        ) as browser,
    ):
        for page in pages:
            for theme in ("light", "dark"):
                picture = _FOLDER / f"{page}-{theme}.png"
                _take(browser, f"{server.url}/{page}", theme, picture)
                print(picture.relative_to(ROOT), flush=True)
    return 0


def _take(browser: Browser, address: str, theme: str, picture: Path) -> None:
    context = browser.new_context(
        viewport={"width": 1440, "height": 900},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(address)
    chromium.settle(page)
    page.screenshot(path=picture, full_page=True)
    context.close()


if __name__ == "__main__":
    raise SystemExit(main())
