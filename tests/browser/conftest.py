"""A real Chromium and a real server for the tests in this folder."""

import itertools
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from scripts import chromium as installed
from scripts.app_server import ROOT, AppServer, serve_files
from tests import stored_runs
from tests.browser.quick_presses import fill_home

_FOLDER = Path(__file__).parent
_PICTURES = ROOT / "build" / "failed"
_FAILED = pytest.StashKey[bool]()
_PAGES = pytest.StashKey[list[Page]]()
_SERVERS = pytest.StashKey[list[AppServer]]()
# Milliseconds to wait; two cores may also be busy with a training run.
_PATIENCE = 20_000

StartServer = Callable[..., AppServer]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _FOLDER in item.path.parents:
            item.add_marker("browser")
    # Last, as they take longest and Playwright keeps an event loop running in this thread.
    items.sort(key=lambda item: _FOLDER in item.path.parents)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Return the Chromium of all tests; without it the tests are skipped with a message."""
    path = installed.find()
    if path is None:
        pytest.skip(f"Browser tests: {installed.MISSING}")
    expect.set_options(timeout=_PATIENCE)
    serve_files()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=installed.launch_arguments()
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def app_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartServer]:
    """Start servers: ``app_server(script="app.py", home=None, environment=None)``.

    ``script`` is a path from the root of the repository; without ``home`` the server gets an
    empty one. ``before`` is called with the server's address before it starts. Each runs until the
    end of the test's module, or until ``.stop()``.
    """
    servers: list[AppServer] = []
    request.session.stash[_SERVERS] = servers
    numbers = itertools.count(1)

    def start(
        script: str | Path = "app.py",
        home: Path | None = None,
        environment: Mapping[str, str] | None = None,
        before: Callable[[str], object] | None = None,
    ) -> AppServer:
        folder = tmp_path_factory.mktemp(f"server{next(numbers)}")
        own = {
            "KERAS_HOME": str(folder / "keras"),
            "CIFARVIZ_DATA_DIR": "",
            "CIFARVIZ_RECORDED": "0",
            **(environment or {}),
        }
        server = AppServer(ROOT / script, home or folder / "home", folder / "log.txt", own)
        if before is not None:
            before(server.url)
        server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


class Linked(NamedTuple):
    """A server and the ids of its runs by the names of ``tests.pages.linked_home``."""

    url: str
    ids: Mapping[str, str]


@pytest.fixture(scope="module")
def linked(app_server: StartServer, tmp_path_factory: pytest.TempPathFactory) -> Linked:
    """Return a server whose home has content for every page and no active run."""
    home = tmp_path_factory.mktemp("linked") / "home"
    ids = fill_home(home, stored_runs.weights(stored_runs.experiment()))
    return Linked(app_server(home=home, environment={"CIFARVIZ_WARM_UP": "0"}).url, ids)


@pytest.fixture
def new_page(
    request: pytest.FixtureRequest, chromium: Browser, shared_session: BrowserContext
) -> Iterator[Callable[..., Page]]:
    """Open pages in separate browser sessions: ``new_page(color_scheme="dark")``.

    Each is 1440 × 900; further arguments are those of Playwright's ``Browser.new_context``.
    ``session`` is a session to open it in instead.
    """
    pages: list[Page] = []
    request.node.stash[_PAGES] = pages
    notes: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            notes.append(f"{message.text}  ({message.location.get('url', '')})")

    def open_page(session: BrowserContext | None = None, **options: object) -> Page:
        page = (session or new_session(chromium, **options)).new_page()
        page.set_default_timeout(_PATIENCE)
        page.on("console", note)
        page.on("pageerror", lambda error: notes.append(f"uncaught: {error}"))
        pages.append(page)
        return page

    yield open_page
    # A blocked resource fails the test, whatever it checks.
    blocked = [note for note in notes if "Content Security Policy" in note]
    if notes:
        # Shown by pytest when the test failed.
        print("Errors in the browser's console:", *notes, sep="\n  ")
    try:
        for number, page in enumerate(pages, 1):
            if request.node.stash.get(_FAILED, False) and not page.is_closed():
                _PICTURES.mkdir(parents=True, exist_ok=True)
                picture = _PICTURES / f"{request.node.name}-{number}.png"
                page.screenshot(path=picture, full_page=True)
                print(f"Page {number} as it was: {picture.relative_to(ROOT)} ({page.url})")
    finally:
        for page in pages:
            if page.context is shared_session:
                page.close()
            else:
                page.context.close()
    assert not blocked


@pytest.fixture(scope="module")
def shared_session(chromium: Browser) -> Iterator[BrowserContext]:
    """Return a browser session for a module's tests, with a shared cache."""
    session = new_session(chromium)
    yield session
    session.close()


@pytest.fixture
def page(new_page: Callable[..., Page], shared_session: BrowserContext) -> Iterator[Page]:
    """Return a page without cookies or storage of earlier tests."""
    page = new_page(session=shared_session)
    yield page
    if not page.is_closed() and page.url.startswith("http"):
        page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
    shared_session.clear_cookies()


def new_session(browser: Browser, **options: object) -> BrowserContext:
    settings: dict[str, object] = {"viewport": {"width": 1440, "height": 900}, **options}
    return browser.new_context(**settings)  # type: ignore[arg-type]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
        for server in item.session.stash.get(_SERVERS, []):
            # The end of the server's output has its traceback.
            report.sections.append((f"Server {server.url}", server.log()[-6000:]))
    return report
