"""Quick presses on every page while a run trains: each counts, and none counts twice."""

from collections.abc import Callable, Iterator, Mapping

import pytest
from playwright.sync_api import BrowserContext, Page

from scripts.app_server import AppServer
from tests import stored_runs
from tests.browser.pressed_pages import shares
from tests.browser.quick_presses import (
    PressedPage,
    fill_home,
    press,
    queue_training,
    training,
)

PRESSES = 64


@pytest.fixture(scope="module")
def trained_in(
    app_server: Callable[..., AppServer],
    tmp_path_factory: pytest.TempPathFactory,
    shared_session: BrowserContext,
) -> Iterator[tuple[AppServer, Mapping[str, str]]]:
    """A server that trains a run, and the ids of what is in its home."""
    home = tmp_path_factory.mktemp("presses") / "home"
    ids = fill_home(home, stored_runs.weights(stored_runs.experiment()))
    server = app_server(home=home)
    page = shared_session.new_page()
    with training(page, server.url, home, queue_training(home)):
        page.close()
        yield server, ids


@pytest.mark.parametrize(
    ("pressed", "count"), shares(PRESSES), ids=lambda value: getattr(value, "name", str(value))
)
def test_every_quick_press_counts_once(
    trained_in: tuple[AppServer, Mapping[str, str]], page: Page, pressed: PressedPage, count: int
) -> None:
    server, ids = trained_in
    assert press(page, server.url, ids, pressed, count) == ""
