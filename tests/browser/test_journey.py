"""A new user's journey through all pages in a real browser."""

import io
import re
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from scripts.app_server import AppServer
from scripts.chromium import settle

LONG = 60_000


@pytest.fixture(scope="module")
def server(app_server: Callable[..., AppServer]) -> AppServer:
    """The real app on an empty home."""
    return app_server("app.py")


def figure(page: Page, name: str) -> Locator:
    chart = page.get_by_role("figure", name=name)
    expect(chart.locator("svg.main-svg").first).to_be_visible(timeout=LONG)
    return chart


def axis_range(chart: Locator) -> list[float]:
    return chart.evaluate("e => Array.from(e._fullLayout.xaxis.range)")


def batch_points(chart: Locator) -> int:
    return chart.evaluate(
        "e => Math.max(0, ...e._fullData.filter(t => /batches/i.test(t.name))"
        ".map(t => t.x ? t.x.length : 0))"
    )


def open_from_menu(page: Page, title: str) -> None:
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=title).click()
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()


def zoom(page: Page, chart: Locator) -> None:
    box = chart.locator(".nsewdrag").first.bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.7 * box["height"], steps=5)
    page.mouse.up()


@pytest.mark.timeout(400)
def test_the_journey_from_the_first_page_to_an_uploaded_photo(
    server: AppServer, page: Page, new_page: Callable[..., Page]
) -> None:
    # Start: what this is, and the doors; Data: what is here.
    page.goto(server.url)
    expect(page.get_by_role("heading", name="cifarviz", level=1)).to_be_visible()
    expect(page.get_by_text("There is no trained network yet")).to_be_visible()
    open_from_menu(page, "Data")
    expect(page.get_by_text("Embedded sample")).to_have_count(2)  # of CIFAR-10 and Fashion-MNIST
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Start").click()
    page.get_by_role("button", name="Browse the images").click()

    # Samples: a grid, a shuffle, one image large.
    expect(page.get_by_role("heading", name="Samples", level=1)).to_be_visible()
    tiles = page.get_by_role("group", name="Sampled images").get_by_role("button")
    expect(tiles.first).to_be_visible()
    seed = page.get_by_label("Seed", exact=True).input_value()
    page.get_by_role("button", name="Shuffle").click()
    expect(page).to_have_url(re.compile("seed="))
    settle(page)
    expect(page.get_by_label("Seed", exact=True)).not_to_have_value(seed)
    tiles.first.click()
    expect(page.get_by_text(re.compile("image number", re.IGNORECASE)).first).to_be_visible()
    page.keyboard.press("Escape")

    # Train: a preset, made a little smaller, and pressed.
    open_from_menu(page, "Train")
    page.get_by_role("tab", name="Training").click()
    page.get_by_label("Number of epochs", exact=True).fill("60")
    page.get_by_label("Number of epochs", exact=True).press("Enter")
    page.get_by_label("Batch size", exact=True).fill("32")
    page.get_by_label("Batch size", exact=True).press("Enter")
    expect(page.get_by_text("No changes from the preset.")).to_have_count(0)
    page.get_by_role("button", name="Train", exact=True).click()

    # Live: points arrive, a zoom stays, a second browser and a reload see the same run.
    loss = figure(page, "Loss")
    page.wait_for_function(
        "e => e._fullData?.some(t => /batches/i.test(t.name) && t.x && t.x.length > 3)",
        arg=loss.element_handle(),
        timeout=LONG,
    )
    address = page.url
    assert "run=" in address
    before = batch_points(loss)
    zoom(page, loss)
    page.wait_for_function(
        "e => e._fullLayout.xaxis.autorange === false", arg=loss.element_handle()
    )
    zoomed = axis_range(loss)
    page.wait_for_function(
        "([e, n]) => e._fullData.some(t => /batches/i.test(t.name) && t.x.length > n)",
        arg=[loss.element_handle(), before],
        timeout=LONG,
    )
    assert axis_range(loss) == zoomed
    page.reload()
    figure(page, "Accuracy")
    other = new_page()
    other.goto(address)
    figure(other, "Loss")
    status = other.get_by_test_id("stSidebar").locator(".st-key-run-status")
    expect(status).to_contain_text(re.compile("running.*epoch", re.DOTALL))

    # Paused in one browser, resumed in the other, stopped in the first.
    page.get_by_role("button", name="Pause").click()
    expect(other.get_by_role("button", name="Resume")).to_be_visible(timeout=LONG)
    expect(status).to_contain_text("paused")
    other.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible(timeout=LONG)
    expect(page.get_by_test_id("stSidebar").get_by_text(re.compile("^epoch [2-9]"))).to_be_visible(
        timeout=LONG
    )
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_test_id("stMain").get_by_text("stopped", exact=True)).to_be_visible(
        timeout=LONG
    )
    expect(page.get_by_test_id("stAlert")).to_have_count(0)
    other.context.close()

    # Runs: it is there.
    open_from_menu(page, "Runs")
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()

    # Inside: every layer's channels; one of them large.
    open_from_menu(page, "Inside")
    first_layer = page.get_by_role("group", name="Channels of conv2d_1")
    expect(first_layer.get_by_role("button")).to_have_count(32, timeout=LONG)
    last_layer = page.get_by_role("group", name="Channels of conv2d_3")
    expect(last_layer.get_by_role("button")).to_have_count(64)
    first_layer.get_by_role("button").nth(3).click()
    expect(page).to_have_url(re.compile("layer=conv2d_1&channel=3"))
    figure(page, "Kernel")
    page.keyboard.press("Escape")

    # Evaluate: a click on a cell of the confusion matrix shows its pictures.
    open_from_menu(page, "Evaluate")
    matrix = figure(page, "Confusion matrix")
    settle(page)
    box = matrix.locator(".nsewdrag").bounding_box()
    assert box
    page.mouse.click(box["x"] + 0.05 * box["width"], box["y"] + 0.05 * box["height"])
    expect(page).to_have_url(re.compile("actual=airplane"))
    expect(page.get_by_text("taken for").or_(page.get_by_text("recognised")).first).to_be_visible()

    # Predict: a photo of one's own.
    open_from_menu(page, "Predict")
    photo = io.BytesIO()
    shades = np.linspace(0, 255, 400 * 300 * 3).reshape(300, 400, 3).astype(np.uint8)
    Image.fromarray(shades).save(photo, "JPEG")
    page.locator("input[type=file]").set_input_files(
        {"name": "mine.jpg", "mimeType": "image/jpeg", "buffer": photo.getvalue()}
    )
    expect(page.get_by_text("mine.jpg").first).to_be_visible()
    figure(page, "Probability of each class")
