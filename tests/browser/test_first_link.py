"""Any link into the app works as the first request to a new server."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from cifarviz.ui.navigation import PAGES
from scripts.app_server import AppServer


@pytest.mark.parametrize(
    ("address", "title", "kept"),
    [
        ("train?view=setup&preset=cifar10-vgg", "Train", "preset=cifar10-vgg"),
        ("", "cifarviz", ""),
        ("nosuchpage", "Page not found", "/nosuchpage"),
    ],
)
def test_a_new_server_opens_any_link(
    app_server: Callable[..., AppServer], page: Page, address: str, title: str, kept: str
) -> None:
    server = app_server("app.py", environment={"CIFARVIZ_WARM_UP": "0"})
    page.goto(f"{server.url}/{address}")
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
    menu = page.get_by_test_id("stSidebarNav").get_by_role("link")
    expect(menu.first).to_contain_text("Start")
    expect(menu).to_have_count(len(PAGES))
    assert kept in page.url
    server.stop()


def test_an_unknown_page_shows_links_to_the_existing_pages(
    app_server: Callable[..., AppServer], page: Page
) -> None:
    server = app_server("app.py", environment={"CIFARVIZ_WARM_UP": "0"})
    page.goto(f"{server.url}/samples")
    expect(page.get_by_role("heading", name="Samples", level=1)).to_be_visible()
    for address, name in (("nosuchtrain", "nosuchtrain"), ("n%C3%B6%20*x*", "nö *x*")):
        page.goto(f"{server.url}/{address}")
        main = page.get_by_test_id("stMain")
        expect(main.get_by_text(f"There is no page “{name}”.")).to_be_visible()
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.reload()
        expect(main.get_by_text(f"There is no page “{name}”.")).to_be_visible()
    expect(main.get_by_test_id("stPageLink")).to_have_count(len(PAGES))
    main.get_by_test_id("stPageLink").filter(has_text="Runs").click()
    expect(page.get_by_role("heading", name="Runs", level=1)).to_be_visible()
    expect(page).to_have_url(re.compile("/runs$"))
