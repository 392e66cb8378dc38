"""Inside in a real browser: stepping with the arrow keys, and muting by clicks."""

import re

from playwright.sync_api import Locator, Page, expect

from scripts.chromium import settle
from tests.browser.conftest import Linked


def value(step: Locator, name: str) -> float:
    return float(step.get_attribute(f"data-{name}") or "nan")


def shown_result(step: Locator) -> float:
    text = step.locator("mn.result").last.text_content() or "nan"
    return float(text.replace("−", "-"))


def test_arrow_keys_step_through_a_convolution(page: Page, linked: Linked) -> None:
    address = f"inside?run={linked.ids['MINE']}&view=step&layer=conv2d_2&channel=3&pixel=0,0"
    page.goto(f"{linked.url}/{address}")
    output = page.get_by_role("application", name="Output of conv2d_2, channel 3")
    expect(output).to_be_visible(timeout=60_000)
    settle(page)
    step = page.locator(".step")
    where = step.locator(".where")
    expect(where).to_have_text("Row 0, column 0")
    output.focus()
    seen = set()
    for key, place in (
        ("ArrowRight", "Row 0, column 1"),
        ("ArrowDown", "Row 1, column 1"),
        ("End", re.compile(r"Row 1, column \d\d")),
        ("ArrowRight", re.compile(r"Row 1, column \d\d")),
        ("ArrowLeft", re.compile(r"Row 1, column \d\d")),
        ("Home", "Row 1, column 0"),
        ("ArrowDown", "Row 2, column 0"),
    ):
        page.keyboard.press(key)
        expect(where).to_have_text(place)
        # What the browser adds up is what the network gave, and what the formula ends with.
        computed, own = value(step, "computed"), value(step, "output")
        assert abs(computed - own) <= 1e-4 + 1e-4 * abs(own)
        assert abs(shown_result(step) - own) <= 1e-3 + 1e-3 * abs(own)
        expect(step.locator(".check")).to_contain_text("as the network computes it")
        seen.add(computed)
    assert len(seen) >= 3
    # The address follows where a person rests.
    expect(page).to_have_url(re.compile("pixel=2%2C0"))
    expect(where).to_have_text("Row 2, column 0")
    box = output.bounding_box()
    assert box
    output.click(position={"x": box["width"] - 2, "y": box["height"] - 2})
    expect(where).to_have_text(re.compile(r"Row (\d+), column \1"))
    page.get_by_role("button", name="Pause").or_(page.get_by_role("button", name="Play")).click()
    expect(where).to_have_text(re.compile(r"Row 0, column [1-9]"))
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    page.get_by_role("button", name="Choose image").click()
    pinned = page.get_by_role("group", name="Pinned images").get_by_role("button").nth(2)
    expect(pinned).to_be_visible()
    title = pinned.get_attribute("aria-label") or ""
    pinned.click()
    expect(page.get_by_text(title, exact=True)).to_be_visible()
    number = title.removeprefix("Test image ").split(",")[0]
    expect(page).to_have_url(re.compile(f"image={number}"))


def test_a_click_mutes_a_channel_or_keeps_only_it(page: Page, linked: Linked) -> None:
    page.goto(f"{linked.url}/inside?run={linked.ids['MINE']}&view=mute&layer=conv2d_2")
    grid = page.get_by_role("group", name="Channels of conv2d_2", exact=True)
    expect(grid).to_be_visible(timeout=60_000)
    settle(page)
    grid.get_by_role("button", name="Channel 3", exact=True).click()
    expect(grid.get_by_role("button", name="Channel 3 (muted)")).to_be_visible()
    expect(page).to_have_url(re.compile("off=conv2d_2%3A3$"))
    expect(page.get_by_text(re.compile("Without these channels"))).to_be_visible()
    grid.get_by_role("button", name="Channel 3 (muted)").press("Enter")
    expect(page.get_by_text("Nothing is muted. Click a channel.")).to_be_visible()
    page.get_by_text("Click keeps only").click()
    expect(page.get_by_text("The first click in a layer mutes")).to_be_visible()
    settle(page)
    grid.get_by_role("button", name="Channel 5", exact=True).click()
    expect(grid.get_by_role("button", name="(muted)")).to_have_count(7)
    grid.get_by_role("button", name="Channel 6 (muted)").click()
    expect(page).to_have_url(re.compile("off=conv2d_2%3A0-4%2C7"))
