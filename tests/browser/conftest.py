"""A real Chromium and a real server for the tests in this folder."""

import itertools
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import replace
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

from cifarviz.data import library
from cifarviz.live.class_gate import COOKIE
from cifarviz.people.person import TEACHER, acting_as
from cifarviz.people.secrets import ClassSecrets
from cifarviz.runs.guessing import guess, load_game, reveal, start_game
from cifarviz.runs.members import (
    Task,
    class_members,
    join_class,
    load_class,
    save_class,
    viewer_id,
)
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
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


class OpenClass(NamedTuple):
    """The server of a class with a teacher, three students and a viewer."""

    url: str
    store: RunStore

    def open(self, page: Page, role: str, address: str) -> None:
        """Open a page as somebody in the class, or as nobody where ``role`` is empty.

        RUN in the address stands for the run of the student.
        """
        page.context.clear_cookies()
        member = class_members(self.store)[0]
        ids = {
            "teacher": TEACHER.id,
            "student": member.id,
            "viewer": viewer_id(load_class(self.store)),
        }
        if role:
            cookie = ClassSecrets(self.store.settings.home).sign(ids[role])
            page.context.add_cookies([{"name": COOKIE, "value": cookie, "url": self.url}])
        run = next(run for run in self.store.all() if run.owner == member.id)
        page.goto(f"{self.url}/{address.replace('RUN', run.id)}")
        if role:
            installed.settle(page)

    def play(self, *, revealed: bool) -> None:
        """Begin to guess, or show the answer of the first picture as well."""
        count = 10
        start_game(
            self.store,
            "cifar10",
            "theirs",
            library.load("cifar10", "sample", self.store.settings).test.indices[:count].tolist(),
            list(range(count)),
            [0] * count,
            [0.5] * count,
        )
        game = load_game(self.store)
        assert game is not None
        for member in class_members(self.store)[1:]:
            with acting_as(member.person):
                guess(self.store, game.id, 0, 3)
        if revealed:
            reveal(self.store, game)


@pytest.fixture(scope="module")
def open_class(
    app_server: StartServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OpenClass]:
    """Return a class with a board, a task, and runs that have ended and train."""
    home = tmp_path_factory.mktemp("open-class") / "home"
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(home)}))
    experiment = stored_runs.experiment()
    weights = stored_runs.weights(experiment)
    shown = stored_runs.store_run(store, experiment, name="theirs", checkpoints={"last": weights})
    store.set_shown(shown.id, True)
    task = Task(0.6, 50_000, shown.id)
    save_class(store, replace(load_class(store), viewers=True, board=True, task=task))
    for name in ("Ada", "Maximilian Alexander von Hohenstein-Lau"):
        with acting_as(join_class(store, name).person):
            stored_runs.store_run(
                store, experiment, name="A network", checkpoints={"last": weights}
            )
    with acting_as(join_class(store, "Cy").person):
        active = stored_runs.store_run(
            store, experiment, name="at work", state=RunState.RUNNING, epochs=1
        )
    with stored_runs.hold_lock(store, active):
        environment = {"CIFARVIZ_WARM_UP": "0", "CIFARVIZ_CLASS": "1"}
        yield OpenClass(app_server(home=home, environment=environment).url, store)


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
