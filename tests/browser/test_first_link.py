"""A link into the app is good as the very first thing a fresh server is asked."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from cifarviz.ui.navigation import PAGES
from scripts.app_server import AppServer


@pytest.mark.parametrize(
    ("address", "title", "kept"),
    [("train?view=setup&preset=cifar10-vgg", "Train", "preset=cifar10-vgg"), ("", "cifarviz", "")],
)
def test_the_first_visit_follows_any_link(
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
