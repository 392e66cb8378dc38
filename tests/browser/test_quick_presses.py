"""Quick presses on every page while a run trains each count exactly once."""

import re
from collections.abc import Callable, Iterator, Mapping

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from scripts.app_server import AppServer
from scripts.chromium import settle
from tests import stored_runs
from tests.browser.pressed_pages import shares
from tests.browser.quick_presses import (
    PressedPage,
    fill_home,
    find_differences,
    open_page,
    press_on,
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


def go_to_another_page(page: Page, pressed: PressedPage) -> None:
    """By the menu, which Present has not: it is left by its key."""
    if pressed.name == "Present":
        page.keyboard.press("Escape")
        expect(page.get_by_role("heading", name="cifarviz")).to_be_visible()
    else:
        another = "Predict" if pressed.name == "Runs" else "Runs"
        page.get_by_test_id("stSidebar").get_by_role("link", name=another, exact=True).click()
        expect(page.get_by_role("heading", name=another, level=1)).to_be_visible()
    settle(page)


@pytest.mark.parametrize(
    ("pressed", "count"),
    list(shares(PRESSES)),
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_every_quick_press_counts_exactly_once(
    trained_in: tuple[AppServer, Mapping[str, str]], page: Page, pressed: PressedPage, count: int
) -> None:
    server, ids = trained_in
    page.goto(server.url)
    open_page(page, server.url, ids, pressed)
    presses = press_on(page, pressed, count)
    assert find_differences(page, ids, pressed, presses) == ""
    page.reload()
    settle(page)
    pressed.before(page)
    assert find_differences(page, ids, pressed, presses) == ""
    left = page.url
    # Back leads to the page before, as it was left: what was chosen is no step of its own.
    go_to_another_page(page, pressed)
    page.go_back()
    settle(page)
    pressed.before(page)
    assert find_differences(page, ids, pressed, presses) == ""
    assert page.url == left
    page.go_back()
    expect(page).to_have_url(re.compile(rf"^{re.escape(server.url)}/?$"))
    expect(page.get_by_role("button", name="Browse the images")).to_be_visible()
