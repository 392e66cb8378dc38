"""Samples in a real browser: clicking, enlarging and linking images."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from scripts.chromium import settle


@pytest.fixture(scope="module")
def server(app_server):
    return app_server(environment={"CIFARVIZ_WARM_UP": "0"})


@pytest.fixture
def samples(server, page: Page) -> Page:
    page.goto(server.url)
    settle(page)
    page.get_by_role("button", name="Browse the images").click()
    expect(page.get_by_role("heading", name="Samples")).to_be_visible()
    expect(tiles(page)).to_have_count(50)
    settle(page)
    return page


def tiles(page: Page) -> Locator:
    return page.get_by_role("group", name="Sampled images").get_by_role("button")


def index_of(name: str) -> str:
    """Image number in a tile's name: "cat, training image 1,234"."""
    return name.split("image ")[1].replace(",", "")


def test_a_click_enlarges_the_image_without_smoothing(samples: Page) -> None:
    name = tiles(samples).nth(4).get_attribute("aria-label") or ""
    tiles(samples).nth(4).click()
    dialog = samples.get_by_role("dialog")
    expect(dialog.get_by_text(name.split(",")[0], exact=False).first).to_be_visible()
    expect(dialog).to_contain_text(f"Image number {name.split('image ')[1]} of 50,000")
    expect(samples).to_have_url(re.compile(rf"[?&]image={index_of(name)}$"))
    picture = dialog.get_by_role("img", name=name.split(",")[0])
    expect(picture).to_have_js_property("complete", True)
    box = picture.bounding_box()
    assert box
    # Fourteen screen pixels for each of the 32: one PNG pixel a screen pixel, nothing to smooth.
    assert (box["width"], box["height"]) == (448, 448)
    assert picture.evaluate("e => [e.naturalWidth, e.naturalHeight]") == [448, 448]


def test_the_enlarged_image_is_in_the_address(samples: Page) -> None:
    names = [tiles(samples).nth(place).get_attribute("aria-label") or "" for place in (0, 1)]
    tiles(samples).first.click()
    dialog = samples.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Previous")).to_be_disabled()
    samples.keyboard.press("ArrowRight")
    expect(dialog).to_contain_text(names[1].split("image ")[1])
    expect(samples).to_have_url(re.compile(rf"image={index_of(names[1])}"))
    expect(dialog).to_contain_text(names[1].replace(", ", " · "))

    samples.reload()
    expect(samples.get_by_role("dialog")).to_contain_text(names[1].split("image ")[1])
    expect(tiles(samples).nth(1)).to_have_attribute("aria-pressed", "true")

    samples.keyboard.press("Escape")
    expect(samples.get_by_role("dialog")).to_have_count(0)
    expect(samples).not_to_have_url(re.compile("image="))
    expect(tiles(samples)).to_have_count(50)


def test_the_enlarged_image_links_to_its_feature_maps(samples: Page) -> None:
    index = index_of(tiles(samples).nth(2).get_attribute("aria-label") or "")
    tiles(samples).nth(2).click()
    samples.get_by_role("dialog").get_by_role("link", name="See its feature maps").click()
    expect(samples.get_by_role("heading", name="Inside")).to_be_visible()
    expect(samples).to_have_url(re.compile(rf"/inside\?dataset=cifar10&split=train&image={index}"))
    expect(samples.get_by_role("dialog")).to_have_count(0)


def test_a_mean_image_draws_its_class(samples: Page) -> None:
    samples.get_by_role("button", name="horse: mean of 500 images").click()
    expect(tiles(samples).first).to_have_attribute("aria-label", re.compile("^horse, "))
    expect(samples).to_have_url(re.compile(r"\?dataset=cifar10&classes=horse$"))


def test_a_hundred_images_are_shown_at_once(samples: Page) -> None:
    count = samples.get_by_label("Number of images", exact=True)
    for wanted in (98, 99, 100):
        count.fill(str(wanted))
        count.press("Enter")
        expect(tiles(samples)).to_have_count(wanted)
    expect(samples).to_have_url(re.compile(r"\?dataset=cifar10&count=100$"))


def test_every_quick_choice_counts(samples: Page) -> None:
    for name in ("bird", "cat", "deer", "dog"):
        samples.get_by_role("button", name=name, exact=True).first.click(delay=5)
    expect(samples).to_have_url(re.compile(r"\?dataset=cifar10&classes=bird%2Ccat%2Cdeer%2Cdog$"))
    for name in ("bird", "cat", "deer", "dog"):
        chosen = samples.get_by_role("button", name=name, exact=True).first
        expect(chosen).to_have_attribute("aria-pressed", "true")


def test_every_quickly_typed_number_counts(samples: Page) -> None:
    for label, value in (("Number of images", "12"), ("Seed", "5"), ("Custom divisor", "225")):
        samples.get_by_label(label, exact=True).fill(value)
        samples.get_by_label(label, exact=True).press("Tab")
    expect(samples).to_have_url(re.compile(r"\?dataset=cifar10&count=12&seed=5&divisor=225$"))
    expect(samples.get_by_label("Number of images", exact=True)).to_have_value("12")
    expect(tiles(samples)).to_have_count(12)


def test_an_invalid_number_stays_with_a_message_until_corrected(samples: Page) -> None:
    count = samples.get_by_label("Number of images", exact=True)
    count.fill("1.5")
    count.press("Enter")
    expect(samples.get_by_text("The number of images must be")).to_be_visible()
    expect(count).to_have_value("1.5")
    expect(tiles(samples)).to_have_count(50)
    count.fill("15")
    count.press("Enter")
    expect(tiles(samples)).to_have_count(15)
    expect(samples.get_by_text("The number of images must be")).to_have_count(0)
