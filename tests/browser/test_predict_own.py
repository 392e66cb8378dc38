"""Predict in a real browser: pictures from the camera, a part of a picture, and strange ones."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts import chromium as installed
from scripts.chromium import settle
from tests import stored_runs
from tests.browser.conftest import new_session

LONG = 60_000


@pytest.fixture(scope="module")
def with_camera(chromium: Browser) -> Iterator[Browser]:
    """Return a Chromium with a camera that it makes up."""
    browser = chromium.browser_type.launch(
        executable_path=installed.find(),
        args=[*installed.launch_arguments(), "--use-fake-device-for-media-stream"],
    )
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def server(app_server, tmp_path_factory: pytest.TempPathFactory):
    home = tmp_path_factory.mktemp("predict-own") / "home"
    experiment = stored_runs.experiment()
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(home)}))
    stored_runs.store_run(store, experiment, checkpoints={"last": stored_runs.weights(experiment)})
    return app_server("app.py", home)


def picture(page: Page, name: str) -> Locator:
    return page.get_by_role("img", name=f"{name} as the network sees it")


def wait_for_another(page: Page, shown: Locator, source: str | None) -> str:
    """Wait until an image shows something else than ``source``, and return what."""
    assert source
    expect(shown).not_to_have_attribute("src", source, timeout=LONG)
    return shown.get_attribute("src") or ""


def watch_camera(page: Page, seconds: float = 1) -> None:
    """Wait until what the camera sees has gone on for so long: four pictures could be taken."""
    page.locator("video").evaluate(
        """async (video, seconds) => {
            const end = video.currentTime + seconds;
            while (video.currentTime < end) await new Promise(requestAnimationFrame);
        }""",
        seconds,
    )


def test_the_camera_takes_one_picture_or_many(
    with_camera: Browser, server, new_page: Callable[..., Page]
) -> None:
    page = new_page(session=new_session(with_camera, permissions=["camera"]))
    page.goto(f"{server.url}/predict?from=camera")
    settle(page)
    page.get_by_role("button", name="Switch the camera on").click()
    page.get_by_role("button", name="Take a picture").click()
    shown = picture(page, "Picture from the camera")
    expect(shown).to_be_visible(timeout=LONG)
    expect(page.get_by_text("As taken: 448 × 448 pixels, JPEG")).to_be_visible()
    # Chromium's camera shows a clock and a moving circle: each picture is another.
    page.get_by_role("checkbox", name="Continuous").check()
    source = shown.get_attribute("src")
    for _ in range(3):
        source = wait_for_another(page, shown, source)
    # A hidden page takes none.
    page.evaluate(
        """() => {
            Object.defineProperty(document, "hidden", { configurable: true, value: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    watch_camera(page)
    settle(page)
    source = shown.get_attribute("src")
    watch_camera(page)
    assert shown.get_attribute("src") == source
    page.evaluate(
        """() => {
            delete document.hidden;
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    wait_for_another(page, shown, source)
    page.get_by_role("button", name="Switch the camera off").click()
    expect(page.get_by_text("The camera is off.")).to_be_visible()


def test_a_part_is_chosen_by_dragging_or_by_keys_and_noise_is_warned_of(
    server, page: Page, tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    page.goto(f"{server.url}/predict")
    settle(page)
    page.locator("input[type=file]").set_input_files(tmp_path / "noise.png")
    warning = page.get_by_text("This is probably nothing it knows.")
    expect(warning).to_be_visible(timeout=LONG)
    # The last thing that moves the page.
    expect(page.get_by_role("group", name="Nearest training images")).to_be_visible(timeout=LONG)
    settle(page)
    shown, frame = picture(page, "noise.png"), page.locator(".cropper .box")
    source = shown.get_attribute("src")
    frame.hover()
    box = frame.bounding_box()
    assert box
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 40, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    source = wait_for_another(page, shown, source)
    expect(page.get_by_text("Cropped to the part you chose.")).to_be_visible()
    settle(page)
    moved = frame.bounding_box()
    assert moved
    assert moved["x"] - box["x"] == pytest.approx(40, abs=2)
    frame.press("-")
    wait_for_another(page, shown, source)
    settle(page)
    smaller = frame.bounding_box()
    assert smaller
    assert smaller["width"] == pytest.approx(box["width"] / 1.1, abs=2)
    # A test image is no stranger.
    page.get_by_role("group", name="Test images to try").get_by_role("button").nth(3).click()
    expect(page.get_by_text("Nothing unusual was found.")).to_be_visible()
    expect(warning).to_have_count(0)
