"""Predict in a real browser: uploads, example images, and files that Streamlit refuses."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.chromium import settle
from tests import stored_runs

# The first answer waits for TensorFlow.
FIRST = 60_000


@pytest.fixture(scope="module")
def server(app_server, tmp_path_factory: pytest.TempPathFactory):
    home = tmp_path_factory.mktemp("predict") / "home"
    experiment = stored_runs.experiment()
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(home)}))
    stored_runs.store_run(store, experiment, checkpoints={"last": stored_runs.weights(experiment)})
    return app_server("app.py", home)


@pytest.fixture
def predict(server, page: Page) -> Page:
    page.goto(server.url)
    settle(page)
    page.get_by_role("link", name="Predict").click()
    expect(page.get_by_role("heading", name="Predict")).to_be_visible()
    return page


def photo(folder: Path, name: str, size: tuple[int, int] = (400, 300)) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    path = folder / name
    Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST).save(path)
    return path


def choose(page: Page, *paths: Path) -> None:
    page.locator("input[type=file]").set_input_files(paths)


def uploaded(page: Page, name: str) -> Locator:
    return page.get_by_role("img", name=f"{name} as uploaded")


def test_valid_and_invalid_uploads(predict: Page, tmp_path: Path) -> None:
    bad = tmp_path / "notes.png"
    bad.write_text("only text")
    choose(predict, photo(tmp_path, "a.jpg"), bad, photo(tmp_path, "b.gif"))

    expect(uploaded(predict, "b.gif")).to_be_visible(timeout=FIRST)
    # The page goes to the answers, the newest first.
    heading = predict.get_by_role("heading", name="2 images added, 1 file that cannot be read")
    expect(heading).to_be_in_viewport()
    seen = predict.get_by_role("img", name="b.gif as the network sees it")
    expect(seen).to_be_visible()
    box = seen.bounding_box()
    assert box
    assert (box["width"], box["height"]) == (224, 224)
    expect(predict.get_by_text("“notes.png” is a text file")).to_be_visible()
    chart = predict.get_by_role("figure", name="Probability of each class")
    expect(chart.locator(".bars .point")).to_have_count(10)


def test_only_one_of_many_uploads_is_expanded(predict: Page, tmp_path: Path) -> None:
    choose(predict, *(photo(tmp_path, f"{number}.png") for number in range(8)))
    tiles = predict.get_by_role("group", name=re.compile("Your images")).get_by_role("button")
    expect(tiles).to_have_count(8, timeout=FIRST)
    expect(uploaded(predict, "7.png")).to_be_visible()
    tiles.nth(5).click()
    expect(uploaded(predict, "2.png")).to_be_visible()
    expect(uploaded(predict, "7.png")).to_have_count(0)


def test_an_example_image_is_in_the_address(predict: Page) -> None:
    examples = predict.get_by_role("group", name="Test images to try").get_by_role("button")
    expect(examples).to_have_count(10)
    examples.nth(3).click()
    title = predict.get_by_role("heading", name=re.compile(r"^Test image [\d,]+, cat"))
    expect(title).to_be_visible(timeout=FIRST)
    expect(predict).to_have_url(re.compile(r"split=test&image=\d+|image=\d+.*split=test"))
    predict.reload()
    expect(title).to_be_visible()


def test_a_file_that_is_too_large_is_refused(predict: Page, tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    large.write_bytes(bytes(21_000_000))
    choose(predict, large)
    expect(predict.get_by_text(re.compile("must be 20.*MB or smaller"))).to_be_visible()
    choose(predict, photo(tmp_path, "small.png"))
    expect(uploaded(predict, "small.png")).to_be_visible(timeout=FIRST)
