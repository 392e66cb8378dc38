"""From a .zip of three classes to a trained network and its matrix, in a real browser."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.app_server import AppServer
from scripts.chromium import settle
from tests.picture_sources import FRUITS, fruits, picture, write_zip

LONG = 60_000


@pytest.mark.timeout(240)
def test_own_pictures_from_a_zip_to_a_trained_network(
    app_server: Callable[..., AppServer], page: Page, tmp_path: Path
) -> None:
    server = app_server("app.py")
    archive = write_zip(fruits(60), tmp_path / "fruits.zip")
    page.goto(server.url)
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Data").click()
    expect(page.get_by_role("heading", name="Data", level=1)).to_be_visible()
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(archive)
    expect(page.get_by_text("fruits.zip")).to_be_visible()
    page.get_by_role("textbox", name="Name of the data set").fill("My fruits")
    page.get_by_role("button", name="Read the pictures").click()
    page.get_by_role("button", name="Keep it").click(timeout=LONG)
    expect(page.get_by_text("“My fruits” is a data set now.")).to_be_visible(timeout=LONG)
    settle(page)

    page.get_by_role("link", name="Train on it").click()
    expect(page.get_by_text("to learn the 3 classes of My fruits")).to_be_visible()
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_url(re.compile("view=watch"))
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(server.home)}))
    for _ in range(600):
        if not store.active():
            break
        page.wait_for_timeout(100)
    assert [run.state for run in store.all() if run.name.startswith("My fruits")] == ["finished"]

    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Evaluate").click()
    matrix = page.get_by_role("figure", name=re.compile("confusion matrix", re.IGNORECASE)).first
    expect(matrix).to_be_visible(timeout=LONG)
    expect(matrix.get_by_text("plum").first).to_be_visible()
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Predict").click()
    plum = tmp_path / "new plum.png"
    plum.write_bytes(picture(99_999, FRUITS["plum"]))
    page.locator("input[type=file]").set_input_files(plum)
    expect(page.get_by_role("img", name="new plum.png as uploaded")).to_be_visible(timeout=LONG)
    answer = page.get_by_role("row", name=re.compile("^plum (9|100)")).first
    expect(answer).to_be_attached()

    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Data").click()
    page.get_by_role("link", name="Browse").click()
    expect(page.get_by_text(re.compile("training images")).first).to_be_visible()
    assert "dataset=my-fruits" in page.url

    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Data").click()
    expect(page.get_by_role("heading", name="Your data sets")).to_be_visible()
    settle(page)
    page.get_by_role("button", name="Delete", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("1 run of it will stay")).to_be_visible()
    dialog.get_by_role("button", name="Delete permanently").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("heading", name="Your data sets")).to_have_count(0)
    assert [path.name for path in (server.home / "data/my-fruits").iterdir()] == ["dataset.json"]
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Evaluate").click()
    expect(page.get_by_text("The images of My fruits are not on this machine")).to_be_visible()


@pytest.mark.timeout(240)
def test_classes_are_merged_in_the_table_and_marked_pictures_deleted(
    app_server: Callable[..., AppServer], page: Page
) -> None:
    server = app_server("app.py")
    page.goto(f"{server.url}/data")
    settle(page)
    grid = page.get_by_test_id("stDataFrame").first
    grid.scroll_into_view_if_needed()
    _rename(page, "cat", "pet")
    _rename(page, "dog", "pet")
    expect(page.get_by_text("9 classes, 5,000 training and 1,000 test images.")).to_be_visible()
    for name in ("airplane", "automobile", "ship", "truck"):
        _click_cell(page, name, 0)
    expect(page.get_by_text("5 classes, 3,000 training and 600 test images.")).to_be_visible()
    page.get_by_role("textbox", name="Name of the new data set").fill("Animals")
    page.get_by_role("button", name="Make the data set").click()
    expect(page.get_by_text("“Animals” is a data set now.")).to_be_visible(timeout=LONG)
    expect(page.get_by_text("5 classes, 3,000 training and 600 test images, 32")).to_be_visible()

    page.get_by_role("button", name="Delete pictures").click()
    dialog = page.get_by_role("dialog")
    tiles = dialog.locator(".grid button")
    tiles.nth(1).click()
    expect(dialog.get_by_role("button", name="Delete 1 picture")).to_be_enabled()
    tiles.nth(4).click()
    expect(dialog.get_by_role("button", name="Delete 2 pictures")).to_be_visible()
    tiles.nth(1).click()
    expect(dialog.get_by_role("button", name="Delete 1 picture")).to_be_visible()
    # Marks stay while other pictures are looked at.
    dialog.get_by_text("Test images", exact=True).click()
    tiles.nth(0).click()
    dialog.get_by_role("button", name="Delete 2 pictures").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("5 classes, 2,999 training and 599 test images, 32")).to_be_visible()
    assert [path.name for path in (server.home / "data").iterdir()] == ["animals"]


def _click_cell(page: Page, name: str, column: int, clicks: int = 1) -> None:
    """Click a cell in the row of a class in the table of classes, which is drawn on a canvas."""
    canvas = page.get_by_test_id("stDataFrame").first.locator("canvas").first
    row = canvas.locator("tr", has=page.locator(f"td[id^=glide-cell-1-]:text-is('{name}')"))
    number = int(row.get_attribute("aria-rowindex") or "0") - 1
    box = canvas.bounding_box()
    assert box is not None
    height = box["height"] / 11
    x = box["x"] + (50, 150, 240)[column]
    page.mouse.click(x, box["y"] + (number + 0.5) * height, click_count=clicks, delay=50)


def _rename(page: Page, name: str, new: str) -> None:
    _click_cell(page, name, 2)
    _click_cell(page, name, 2, clicks=2)
    editor = page.locator("#portal textarea, #portal input").first
    editor.fill(new)
    editor.press("Enter")
