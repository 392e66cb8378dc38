"""Evaluate's map in a real browser: circled, zoomed, moved to another epoch, opened."""

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from scripts.chromium import settle
from tests.browser.conftest import Linked


def circle(page: Page, map_: Locator, left: float, right: float) -> None:
    """Draw a lasso around all between these shares of the map's width."""
    box = map_.bounding_box()
    assert box is not None
    x, y, width, height = box["x"], box["y"], box["width"], box["height"]
    page.mouse.move(x + left * width, y + 2)
    page.mouse.down()
    for across, down in ((right, 2), (right, height - 2), (left, height - 2)):
        page.mouse.move(x + across * width, y + down, steps=4)
    page.mouse.up()


def test_images_are_circled_and_opened(page: Page, linked: Linked) -> None:
    page.set_viewport_size({"width": 1440, "height": 1100})
    page.goto(f"{linked.url}/evaluate?view=map&run={linked.ids['MINE']}&color=right")
    map_ = page.get_by_role("application", name=re.compile("Map of 1,000 test images by PCA"))
    # TensorFlow is loaded first.
    expect(map_).to_be_visible(timeout=60_000)
    words = page.get_by_text("1,000 images. Scroll to zoom")
    expect(words).to_be_visible()
    settle(page)
    # The legend hides what is right: the lasso leaves it out.
    legend = page.get_by_role("group", name="Right or wrong")
    right = legend.get_by_role("button", name=re.compile("^right"))
    hits = int(right.inner_text().split()[1].replace(",", ""))
    right.click()
    expect(right).to_have_attribute("aria-pressed", "false")
    page.get_by_role("button", name="Lasso").click()
    circle(page, map_, 0.002, 0.998)
    chosen = page.get_by_role("heading", name=re.compile(r"^[\d,]+ images selected"))
    expect(chosen).to_have_text(re.compile(f"^{1000 - hits:,} images selected"))
    tiles = page.get_by_role("group", name="Selected images").get_by_role("button")
    expect(tiles).to_have_count(30)
    # Another epoch keeps the selection.
    slider = page.get_by_role("slider", name=re.compile("Epoch"))
    slider.focus()
    slider.press("Home")
    expect(page).to_have_url(re.compile("epoch=0"))
    expect(chosen).to_have_text(re.compile(f"^{1000 - hits:,} images selected"))
    page.get_by_role("button", name="Clear selection").click()
    expect(chosen).to_have_count(0)
    # A click on an image opens it, with the weights of this epoch.
    map_.focus()
    map_.press("+")
    map_.press("Enter")
    expect(page).to_have_url(re.compile(r"/inside\?.*split=test&image=\d+"))
    expect(page).to_have_url(re.compile(r"checkpoint=epochs&epoch=0"))


def swipe_up(page: Page, map_: Locator) -> int:
    """Draw a finger up over the map; returns how far the page was scrolled."""
    map_.scroll_into_view_if_needed()
    box = map_.bounding_box()
    assert box is not None
    scrolled = "document.querySelector('[data-testid=stMain]').scrollTop"
    before = page.evaluate(scrolled)
    browser = page.context.new_cdp_session(page)
    for kind, moved in (("touchStart", 0), *(("touchMove", 12 * n) for n in range(1, 11))):
        point = {"x": box["x"] + 100, "y": box["y"] + 200 - moved}
        browser.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    browser.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    settle(page)
    return int(page.evaluate(scrolled) - before)


def test_a_finger_scrolls_past_the_map_until_it_is_zoomed(
    new_page: Callable[..., Page], linked: Linked
) -> None:
    page = new_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.goto(f"{linked.url}/evaluate?view=map&run={linked.ids['MINE']}")
    map_ = page.get_by_role("application")
    expect(map_).to_be_visible(timeout=60_000)
    settle(page)
    assert swipe_up(page, map_) > 50
    page.get_by_role("button", name="Zoom in").click()
    assert swipe_up(page, map_) == 0


def test_the_map_is_moved_and_told_with_keys(page: Page, linked: Linked) -> None:
    page.goto(f"{linked.url}/evaluate?view=map&run={linked.ids['MINE']}")
    map_ = page.get_by_role("application")
    expect(map_).to_be_visible(timeout=60_000)
    settle(page)
    map_.focus()
    map_.press("+")
    words = page.get_by_role("status").filter(
        has_text=re.compile(r"Test image \d+: \w+, predicted")
    )
    expect(words).to_be_visible()
    for _ in range(5):
        map_.press("+")
    map_.press(" ")
    chosen = page.get_by_role("heading", name=re.compile(r"^[\d,]+ images? selected"))
    expect(chosen).to_be_visible()
    assert int(chosen.inner_text().split()[0].replace(",", "")) < 1000
    map_.press("Escape")
    expect(chosen).to_have_count(0)
