"""Start in a real browser: the picture leads on, and a download moves by itself."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from scripts.chromium import settle


@pytest.fixture(scope="module")
def server(app_server):
    return app_server(environment={"CIFARVIZ_WARM_UP": "0"})


@pytest.fixture
def start(server, page: Page) -> Page:
    page.goto(server.url)
    settle(page)
    return page


def test_a_picture_leads_to_more_of_its_class(start: Page) -> None:
    start.get_by_role("button", name="frog: browse images of this class").click()
    expect(start.get_by_role("heading", name="Samples")).to_be_visible()
    expect(start).to_have_url(re.compile(r"/samples\?classes=frog$"))


def test_everything_stands_on_one_screen(start: Page) -> None:
    for name in ("Browse the images", "Train a network", "Train one first", "Fetch the full set"):
        button = start.get_by_role("button", name=name)
        expect(button).to_be_in_viewport(ratio=1)


def test_a_folder_without_the_data_is_refused_without_another_click(
    start: Page, tmp_path: Path
) -> None:
    start.get_by_role("button", name="I have it already").click()
    start.get_by_label("Folder or archive", exact=True).fill(str(tmp_path))
    start.get_by_role("button", name="Use it").click()
    expect(start.get_by_role("alert").filter(has_text="holds no CIFAR-10")).to_be_visible()
    expect(start.get_by_role("button", name="Fetch the full set")).to_be_visible()
