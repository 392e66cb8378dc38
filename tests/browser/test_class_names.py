"""The language of class names in a real browser: across pages, reloads and quick presses."""

import re

import pytest
from playwright.sync_api import Page, expect

from scripts.app_server import AppServer
from scripts.chromium import settle


@pytest.fixture(scope="module")
def server(app_server) -> AppServer:
    return app_server(environment={"CIFARVIZ_WARM_UP": "0"})


def choose(page: Page, language: str) -> None:
    page.get_by_test_id("stSidebar").get_by_text(language, exact=True).click()


def menu(page: Page, title: str) -> None:
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=title).click()
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()


def test_the_choice_stays_in_the_address_across_pages_and_a_reload(
    server: AppServer, page: Page
) -> None:
    page.goto(f"{server.url}/samples?dataset=fashion-mnist&count=9")
    settle(page)
    choose(page, "한국어")
    pills = page.get_by_role("button", name="앵클 부츠", exact=True)
    expect(pills).to_be_visible()
    expect(page).to_have_url(re.compile(r"dataset=fashion-mnist&count=9&labels=ko$"))
    pills.click()
    expect(page).to_have_url(re.compile(r"labels=ko&classes=Ankle(\+|%20)boot$"))
    expect(page.get_by_role("button", name=re.compile("^앵클 부츠, training image"))).to_have_count(
        9
    )
    page.reload()
    settle(page)
    expect(page.get_by_role("button", name=re.compile("^앵클 부츠, training image"))).to_have_count(
        9
    )
    # The menu's links hold nothing: the browser session knows.
    menu(page, "Runs")
    expect(page).to_have_url(re.compile(r"/runs\?labels=ko$"))
    page.go_back()
    expect(page.get_by_role("heading", name="Samples", level=1)).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^앵클 부츠, training image"))).to_have_count(
        9
    )


def test_the_choice_can_be_undone_at_once_without_a_history_entry(
    server: AppServer, page: Page
) -> None:
    page.goto(server.url)
    settle(page)
    menu(page, "Samples")
    settle(page)
    choose(page, "한국어")
    choose(page, "English")
    choose(page, "한국어")
    expect(page.get_by_role("button", name="비행기", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(r"/samples\?dataset=cifar10&labels=ko$"))
    choose(page, "English")
    expect(page.get_by_role("button", name="airplane", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(r"/samples\?dataset=cifar10$"))
    page.go_back()
    expect(page.get_by_role("heading", name="cifarviz", level=1)).to_be_visible()
