"""Inside in a real browser: all layers are drawn, and channels can be clicked."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.app_server import AppServer
from scripts.chromium import settle
from tests import stored_runs

VGG = PRESETS["cifar10-vgg"].experiment
MAPS = [
    row.name
    for row in VGG.architecture.trace().rows
    if row.output_shape is not None and len(row.output_shape) == 3
]


@pytest.fixture(scope="module")
def inside(
    app_server: Callable[..., AppServer], tmp_path_factory: pytest.TempPathFactory
) -> tuple[AppServer, str]:
    """A server with a run of cifar10-vgg, and the run's id."""
    home = tmp_path_factory.mktemp("inside") / "home"
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(home)}))
    run = stored_runs.store_run(store, VGG, checkpoints={"last": stored_runs.weights(VGG)})
    return app_server(home=home), run.id


def open_page(page: Page, server: AppServer, address: str) -> None:
    page.goto(f"{server.url}/inside?{address}")
    expect(page.get_by_role("group", name=f"Channels of {MAPS[-1]}")).to_be_visible(timeout=60_000)
    settle(page)


def channel(page: Page, layer: str, number: int) -> Locator:
    # A channel that is dead says so after its number.
    return channels(page, layer).get_by_role("button", name=re.compile(rf"^Channel {number}( |$)"))


def test_another_image_redraws_all_672_channels(page: Page, inside: tuple[AppServer, str]) -> None:
    server, run = inside
    open_page(page, server, f"run={run}&image=1")
    assert len(MAPS) == 9
    expect(page.locator("[aria-label^='Channels of '] button")).to_have_count(672)
    pictures = {name: picture(page, name) for name in MAPS}
    page.get_by_role("button", name="Random").click()
    for name, old in pictures.items():
        # Of the same size, and another picture.
        expect(channels(page, name)).not_to_have_attribute("style", old)
    assert len({picture(page, name) for name in MAPS} | set(pictures.values())) == 2 * len(MAPS)


def picture(page: Page, layer: str) -> str:
    return channels(page, layer).get_attribute("style") or ""


def channels(page: Page, layer: str) -> Locator:
    return page.get_by_role("group", name=f"Channels of {layer}", exact=True)


def test_small_feature_maps_are_drawn_as_large_squares(
    page: Page, inside: tuple[AppServer, str]
) -> None:
    server, run = inside
    open_page(page, server, f"run={run}&image=1")
    box = channel(page, "max_pooling2d_3", 0).locator(".picture").bounding_box()
    assert box
    assert box["width"] == box["height"]
    assert 64 <= box["width"] <= 80


def test_a_click_on_a_channel_enlarges_it_and_updates_the_address(
    page: Page, inside: tuple[AppServer, str]
) -> None:
    server, run = inside
    open_page(page, server, f"run={run}&image=3")
    channel(page, "conv2d_3", 9).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Channel 9 of 64")).to_be_visible()
    expect(dialog.get_by_text("Kernel, 3 × 3 for each of 32 input channels")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"run={run}&image=3&layer=conv2d_3&channel=9$"))

    # Its values under the pointer.
    picture = dialog.locator(".cifarviz-chart").first.locator(".nsewdrag").first
    expect(picture).to_be_visible()
    settle(page)
    picture.hover()
    expect(dialog.locator(".hoverlayer").first).to_contain_text(re.compile(r"row \d+, column \d+"))

    dialog.get_by_role("button", name="Next").click()
    expect(dialog.get_by_text("Channel 10 of 64")).to_be_visible()
    expect(page).to_have_url(re.compile("channel=10$"))

    page.reload()
    expect(dialog.get_by_text("Channel 10 of 64")).to_be_visible(timeout=60_000)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page).to_have_url(re.compile("image=3$"))
    expect(channel(page, "conv2d_3", 9)).to_be_visible()


def test_the_list_of_layers_scrolls_to_each_layer(
    page: Page, inside: tuple[AppServer, str]
) -> None:
    server, run = inside
    open_page(page, server, f"run={run}&image=1")
    page.get_by_role("link", name="dense_2").click()
    expect(page.get_by_role("heading", name="dense_2")).to_be_in_viewport()


def test_an_uploaded_file_shows_feature_maps(
    page: Page, inside: tuple[AppServer, str], tmp_path: Path
) -> None:
    server, run = inside
    open_page(page, server, f"run={run}&image=1")
    page.get_by_test_id("stButtonGroup").get_by_text("Upload").click()
    wrong = tmp_path / "picture.png"
    wrong.write_text("no picture at all")
    page.locator("input[type=file]").set_input_files(wrong)
    expect(page.get_by_text("is a text file")).to_be_visible()
    page.get_by_test_id("stButtonGroup").get_by_text("Test images").click()
    expect(page.get_by_role("group", name=f"Channels of {MAPS[-1]}")).to_be_visible()


def test_back_returns_to_the_previous_page(page: Page, inside: tuple[AppServer, str]) -> None:
    server, run = inside
    page.goto(f"{server.url}/runs")
    settle(page)
    for name in ("Inside", "Predict"):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page).to_have_url(re.compile(rf"/{name.lower()}\?run={run}"))
        settle(page)
    for name in ("Inside", "Runs"):
        page.go_back()
        expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
    expect(page).to_have_url(re.compile("/runs$"))


def test_every_quick_press_counts(page: Page, inside: tuple[AppServer, str]) -> None:
    server, run = inside
    open_page(page, server, f"run={run}&image=3")
    index = page.get_by_role("textbox", name="Image number")
    following = page.get_by_role("button", name="Next", exact=True)
    for _ in range(4):
        following.click(no_wait_after=True)
        page.wait_for_timeout(100)
    expect(index).to_have_value("7")
    expect(page).to_have_url(re.compile("image=7$"))
    settle(page)
    expect(index).to_have_value("7")

    # One of another kind at once after the first: neither takes the other back.
    page.get_by_test_id("stButtonGroup").get_by_text("Training images").click()
    following.click(no_wait_after=True)
    expect(page).to_have_url(re.compile("split=train&image="))
    expect(index).not_to_have_value("7")
    expect(page.get_by_role("combobox", name="Run")).to_have_value(re.compile("^mine "))
