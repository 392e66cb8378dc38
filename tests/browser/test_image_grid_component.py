"""The image grid component in a real browser: clicks, keys and appearance."""

import io
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

APP = Path(__file__).parent / "apps" / "tiles.py"


@pytest.fixture(scope="module")
def server(app_server, tmp_path_factory: pytest.TempPathFactory):
    return app_server(shutil.copy(APP, tmp_path_factory.mktemp("tiles")))


@pytest.fixture
def app(server, page: Page) -> Page:
    page.goto(server.url)
    expect(page.get_by_role("button", name="Channel 127")).to_be_attached()
    return page


def test_a_click_selects_a_tile_and_reports_its_index(app: Page) -> None:
    tile = app.get_by_role("button", name="label 13")
    tile.evaluate("e => (e.dataset.seen = 'before')")
    tile.click()
    expect(app.get_by_text("image: 13")).to_be_visible()
    # Its bar is another now, that beside it is as it was, and the tile has stayed.
    for index, share in ((13, 100), (12, 25)):
        bar = app.get_by_role("button", name=f"label {index}").locator(".bars > .marked")
        expect(bar).to_have_css("background-size", re.compile(f"^{share}%"))
    expect(tile).to_have_attribute("data-seen", "before")
    expect(app.get_by_role("button", name="label 13", pressed=True)).to_be_visible()
    expect(
        app.get_by_role("group", name="Samples").get_by_role("button", pressed=True)
    ).to_have_count(1)


def test_a_selection_that_the_page_ignores_is_dropped(app: Page) -> None:
    app.get_by_role("button", name="Channel 9", exact=True).click()
    expect(app.get_by_text("channel: 9")).to_be_visible()
    pressed = app.get_by_role("group", name="Channels").get_by_role("button", pressed=True)
    expect(pressed).to_have_count(0)


@pytest.mark.parametrize("index", [0, 13, 19])
def test_a_tile_shows_its_own_image_enlarged_without_smoothing(app: Page, index: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
    tile = app.get_by_role("button", name=f"label {index}", exact=True).locator(".picture")
    seen = np.asarray(Image.open(io.BytesIO(tile.screenshot())).convert("RGB"))
    # 96 pixels asked for: three a pixel of the image, looked at in its middle. The page may place a
    # row between two screen pixels: then the picture has one more, at the top.
    top = seen.shape[0] - 96
    assert np.array_equal(seen[top + 1 :: 3, 1::3], images[index])


def test_tiles_can_be_selected_with_the_keyboard(app: Page) -> None:
    first = app.get_by_role("button", name="label 0")
    first.focus()
    app.keyboard.press("ArrowRight")
    expect(app.get_by_role("button", name="label 1", exact=True)).to_be_focused()
    app.keyboard.press("End")
    expect(app.get_by_role("button", name="label 19")).to_be_focused()
    app.keyboard.press("Home")
    app.keyboard.press("ArrowDown")
    columns = len(
        app.locator("[aria-label='Samples']")
        .evaluate("e => getComputedStyle(e).gridTemplateColumns")
        .split()
    )
    below = app.get_by_role("button", name=f"label {columns}", exact=True)
    expect(below).to_be_focused()
    app.keyboard.press("Enter")
    expect(app.get_by_text(f"image: {columns}", exact=True)).to_be_visible()
    expect(below).to_be_focused()

    # One stop a grid: Tab leads on to the maps, not to the next image.
    app.keyboard.press("Tab")
    expect(app.get_by_role("button", name="Channel 0")).to_be_focused()
    app.keyboard.press("Space")
    expect(app.get_by_text("channel: 0")).to_be_visible()


def test_a_dead_channel_is_marked_and_labelled(app: Page) -> None:
    expect(app.get_by_role("button", name="Channel 5 (dead)")).to_have_class("muted")
    expect(app.locator("button.muted")).to_have_count(1)


def test_a_tile_has_a_tooltip(app: Page) -> None:
    app.get_by_role("button", name="Channel 17", exact=True).hover()
    expect(app.locator(".tip").filter(has_text="Channel 17")).to_be_visible()


def test_the_grid_has_as_many_columns_as_fit(app: Page) -> None:
    grid = app.locator("[aria-label='Samples']")

    def columns() -> int:
        return len(grid.evaluate("e => getComputedStyle(e).gridTemplateColumns").split())

    wide = columns()
    app.set_viewport_size({"width": 500, "height": 900})
    grid.evaluate(
        """(grid, wide) => new Promise((done) => {
            const columns = () => getComputedStyle(grid).gridTemplateColumns.split(" ").length;
            const look = () => (columns() < wide ? done() : requestAnimationFrame(look));
            look();
        })""",
        wide,
    )
    assert columns() > 1
    assert app.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
