"""A walk over all pages in Chromium, in a home that holds an enemy's texts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from playwright.sync_api import BrowserContext, Dialog, Request, TimeoutError, sync_playwright

from benchmarks.reliability.enemies import EXECUTED
from cifarviz.data.importing.importer import prepare_import
from cifarviz.data.importing.options import ImportOptions
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from scripts import chromium
from scripts.app_server import ROOT, AppServer, serve_files
from tests.picture_sources import picture, write_zip

# {0} and {1} become runs, {2} a text in an address.
_ADDRESSES: Final = (
    "",
    "data",
    "samples?dataset=enemy",
    "samples?dataset=enemy&split=test&image=1",
    "samples?dataset={2}&classes={2}",
    "train?view=watch&run={0}",
    "train?preset={2}&changes={2}",
    "tune?view=runs&runs={0},{1}",
    "runs",
    "runs?runs={0}",
    "runs?runs={0},{1}",
    "runs?find={2}&state={2}&sort={2}",
    "lab",
    "lab?view={2}&series={2}&picture={2}",
    "inside?run={0}&image=1",
    "inside?run={0}&image=1&with={1}&layer={2}&class={2}",
    "evaluate?run={0}",
    "evaluate?run={0}&part=compare&with={1}&actual={2}",
    "evaluate?view=ensemble&members={0},{1}",
    "evaluate?view=map&run={0}",
    "predict?run={0}&image=1",
    "predict?run={0}&image={2}&view={2}&change={2}",
    "present?run={0}&scene=training&notes=1",
    "present?run={0}&scene=mistakes&choose=1",
    "nowhere?lesson={2}&language={2}&page={2}",
)
# Milliseconds.
_PATIENCE: Final = 60_000
# What the policy of a page blocks was a hole, too: nothing of an enemy is to get that far.
_REPORT_BLOCKED: Final = f"""
    window.{EXECUTED}Blocked = [];
    document.addEventListener('securitypolicyviolation', event => {{
        window.{EXECUTED}Blocked.push(event.violatedDirective + ' ' + event.blockedURI);
    }});
"""


def find_executed(
    store: RunStore, runs: Sequence[Run], texts: Sequence[str], reports: Sequence[str], folder: Path
) -> list[str]:
    """Return what pages executed, tried to execute or asked for from elsewhere, a line each.

    ``runs`` have the texts as names and notes as far as that is allowed; here they also become
    classes of a data set and values of addresses. ``reports``: HTML; ``folder`` is for files.
    """
    path = chromium.find()
    if path is None:
        return [chromium.MISSING]
    _import_classes(store, texts, folder)
    serve_files()
    log = folder / "server.log"
    with (
        AppServer(ROOT / "app.py", store.settings.home, log) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=path, args=chromium.launch_arguments())
        context = browser.new_context()
        context.add_init_script(_REPORT_BLOCKED)
        context.set_default_timeout(_PATIENCE)
        found = []
        scripts = [text for text in texts if EXECUTED in text]
        for number, address in enumerate(_ADDRESSES):
            # Other runs and another text on each page, so that each is somewhere.
            names = [runs[(2 * number + place) % len(runs)].id for place in (0, 1)]
            text = quote(scripts[number % len(scripts)])
            place = f"{server.url}/{address.format(*names, text)}"
            found += _visit(context, place, server.url)
        for number, text in enumerate(reports):
            file = folder / f"report-{number}.html"
            file.write_text(text, encoding="utf-8")
            found += _visit(context, file.as_uri(), file.as_uri())
        browser.close()
        return found


def _import_classes(store: RunStore, texts: Sequence[str], folder: Path) -> None:
    """Import a data set whose title, source, classes and files are called by the texts."""
    usable = [text for text in texts if not {"\0", "\ud800", "/"} & set(text)]
    files = {
        f"{name[:200]}/{number}.png": picture(100 * place + number, (10 * place, 99, 9))
        for place, name in enumerate(usable)
        for number in range(4)
    }
    short = next(text for text in texts if "onerror" in text)
    options = ImportOptions(title=short, source=short, licence=short, side=32)
    archive = write_zip(files, folder / "classes.zip")
    with prepare_import(archive, "enemy", store.settings, options) as prepared:
        prepared.store(store.settings)


def _visit(context: BrowserContext, address: str, own: str) -> list[str]:
    """Open an address, and return what happened there that must not."""
    page = context.new_page()
    found: list[str] = []
    allowed = (own, own.replace("http", "ws", 1), "data:", "blob:", "about:")

    def note_request(request: Request) -> None:
        if not request.url.startswith(allowed):
            found.append(f"asked for {request.url}")

    def note_dialog(dialog: Dialog) -> None:
        found.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    page.on("request", note_request)
    page.on("dialog", note_dialog)
    page.goto(address, wait_until="load")
    if address.startswith("http"):
        try:
            chromium.settle(page)
        except TimeoutError:
            found.append("the page does not come to rest")
    for frame in page.frames:
        if frame.evaluate(f"() => window.{EXECUTED}"):
            found.append("executed a text")
        found += [f"blocked: {one}" for one in frame.evaluate(f"() => window.{EXECUTED}Blocked")]
    page.close()
    return [f"{address[:120]}: {one}" for one in found]
