"""Going to another page is one step of the browser's Back, whichever way one went."""

import re

import pytest
from playwright.sync_api import Page, expect

from scripts.chromium import settle


@pytest.fixture(scope="module")
def server(app_server):
    return app_server(environment={"CIFARVIZ_WARM_UP": "0"})


def test_back_leads_from_a_page_that_a_picture_opened_to_where_it_is(server, page: Page) -> None:
    page.goto(server.url)
    settle(page)
    picture = page.get_by_role("button", name="frog: browse images of this class")
    picture.click()
    samples = page.get_by_role("heading", name="Samples", level=1)
    expect(samples).to_be_visible()
    expect(page).to_have_url(re.compile(r"/samples\?dataset=cifar10&classes=frog$"))
    settle(page)
    page.go_back()
    expect(page).to_have_url(re.compile(rf"^{re.escape(server.url)}/?$"))
    expect(picture).to_be_visible()
    page.go_forward()
    expect(samples).to_be_visible()
    expect(page).to_have_url(re.compile(r"/samples\?dataset=cifar10&classes=frog$"))


def test_what_was_chosen_before_keeps_its_step(server, page: Page) -> None:
    page.goto(f"{server.url}/train?preset=cifar10-vgg")
    settle(page)
    page.get_by_role("tab", name="Data").click()
    expect(page).to_have_url(re.compile("part=data"))
    page.get_by_text("Watch", exact=True).click()
    expect(page).to_have_url(re.compile("view=watch"))
    settle(page)
    page.go_back()
    expect(page).to_have_url(re.compile("part=data"))
