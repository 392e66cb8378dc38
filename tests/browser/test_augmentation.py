"""Augmentation in a real browser: set, seen, drawn again, and taken to training."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from scripts.app_server import AppServer
from scripts.chromium import settle


@pytest.fixture(scope="module")
def server(app_server) -> AppServer:
    return app_server()


def tiles(page: Page) -> Locator:
    group = page.get_by_role("group", name="Training images and what training would make of them")
    return group.get_by_role("button")


def sprite(page: Page) -> str:
    """The address of the pictures that the tiles show."""
    found: str = tiles(page).first.evaluate("e => getComputedStyle(e).getPropertyValue('--sprite')")
    return found


def test_an_augmentation_is_seen_before_it_is_used(server: AppServer, page: Page) -> None:
    page.goto(f"{server.url}/samples?augment=flip%3Don")
    expect(tiles(page)).to_have_count(12 * 5, timeout=60_000)
    # Each image above its versions, with the first below the heading of the page.
    boxes = [tiles(page).nth(place).bounding_box() for place in (0, 12, 48)]
    assert len({box["x"] for box in boxes if box}) == 1
    mixup = page.get_by_role("spinbutton", name="Mixup")
    mixup.fill("0.4")
    mixup.press("Enter")
    expect(page).to_have_url(re.compile(r"augment=flip%3Don%2Cmixup%3D0\.4"))
    expect(tiles(page).filter(has_text=re.compile(r"\d+% \w+\s+\d+% \w+"))).not_to_have_count(0)

    page.get_by_role("link", name="Set up training with it").click()
    expect(page.get_by_text("mixup 0 → 0.4")).to_be_visible()
    expect(page.get_by_role("textbox", name="Mixup")).to_have_value("0.4")
    page.get_by_text("Show examples").click()
    expect(tiles(page)).to_have_count(12 * 4)
    settle(page)
    before = sprite(page)
    page.get_by_role("button", name="Draw again").click()
    expect(page).to_have_url(re.compile("examples=1"))
    page.wait_for_function(
        "before => [...document.querySelectorAll('*')].some(e => e.shadowRoot && "
        "[...e.shadowRoot.querySelectorAll('.grid button')].some(b => "
        "getComputedStyle(b).getPropertyValue('--sprite') !== before))",
        arg=before,
    )
    # It stays open while its fields are changed.
    rotation = page.get_by_role("textbox", name="Rotation")
    rotation.fill("20")
    rotation.press("Enter")
    expect(page.get_by_text("rotation 0 → 20")).to_be_visible()
    expect(rotation).to_be_visible()
