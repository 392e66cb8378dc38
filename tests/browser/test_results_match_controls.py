"""Results match the controls after an upload and after choosing another run."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from scripts.chromium import settle
from tests.browser.conftest import Linked
from tests.browser.quick_presses import address_of


def choose(page: Page, label: str, option: str) -> None:
    """Choose what begins so in a menu."""
    menu = page.get_by_test_id("stMain").get_by_role("combobox", name=label, exact=True)
    menu.fill(option)
    page.get_by_role("option", name=re.compile(f"^{re.escape(option)}")).first.click()
    expect(menu).to_have_value(re.compile(f"^{re.escape(option)}"))
    settle(page)


def chosen(page: Page, label: str) -> str:
    menu = page.get_by_test_id("stMain").get_by_role("combobox", name=label, exact=True)
    return menu.input_value()


def attention(page: Page) -> list[str]:
    """The pictures of where the network looks, as digests of their bytes."""
    return page.evaluate(
        """async () => {
            const places = [...document.querySelectorAll('img[alt^="Heatmap of"]')];
            return Promise.all(places.map(async (place) => {
                const bytes = await (await fetch(place.src)).arrayBuffer();
                const digest = await crypto.subtle.digest("SHA-256", bytes);
                return [...new Uint8Array(digest)].join(" ");
            }));
        }"""
    )


def layer_drawn(page: Page) -> str:
    """The layer whose pictures are drawn, found by choosing each of the menu in turn.

    The menu ends where it began.
    """
    before, named = attention(page), chosen(page, "Layer")
    assert before
    menu = page.get_by_test_id("stMain").get_by_role("combobox", name="Layer", exact=True)
    menu.click()
    layers = page.get_by_role("option").all_inner_texts()
    page.keyboard.press("Escape")
    drawn = ""
    for layer in [*(other for other in layers if other != named), named]:
        choose(page, "Layer", layer)
        if attention(page) == before:
            drawn = layer
    return drawn


def upload(page: Page, folder: Path) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (32, 32, 3), np.uint8)
    picture = folder / "mine.png"
    Image.fromarray(pixels).save(picture)
    page.get_by_test_id("stButtonGroup").get_by_text("Upload").click()
    page.locator("input[type=file]").set_input_files(picture)
    expect(page.get_by_role("img", name="mine.png").first).to_be_visible()
    settle(page)


@pytest.mark.parametrize(
    "address", ["", "&look=conv2d_1", "&split=upload", "&image=3&order=strength&colors=magma"]
)
def test_results_match_the_controls_after_an_upload(
    linked: Linked, page: Page, tmp_path: Path, address: str
) -> None:
    page.goto(f"{linked.url}/inside?run={linked.ids['MINE']}{address}")
    settle(page)
    upload(page, tmp_path)
    named = chosen(page, "Layer")
    assert layer_drawn(page) == named
    other = chosen(page, "Other class")
    spoken = page.get_by_role("img", name=re.compile("^Heatmap of")).last
    assert spoken.get_attribute("alt") == f"Heatmap of {other} in mine.png"


def test_inside_matches_its_controls_after_choosing_another_run(linked: Linked, page: Page) -> None:
    page.goto(f"{linked.url}/inside?run={linked.ids['MINE']}&look=conv2d_1&image=3")
    settle(page)
    for run, title in (("OTHER", "Test image 3"), ("CLOTHES", "Test image 1"), ("MINE", "")):
        choose(page, "Run", {"OTHER": "other", "CLOTHES": "clothes", "MINE": "mine"}[run])
        assert address_of(page)["run"] == linked.ids[run]
        assert layer_drawn(page) == chosen(page, "Layer")
        index = page.get_by_role("textbox", name="Image number").input_value()
        assert index == address_of(page).get("image", index)
        pictures = page.get_by_role("img", name=re.compile(f"^Test image {index}, "))
        expect(pictures.first).to_be_visible()
        expect(page.get_by_role("img", name=re.compile(f"^{title}")).first).to_be_visible()


@pytest.mark.parametrize(
    ("where", "place"),
    [("evaluate", ".st-key-evaluate-matrix"), ("predict", "h2:has-text('Test image 3')")],
)
def test_results_match_the_controls_after_choosing_another_run(
    linked: Linked, page: Page, where: str, place: str
) -> None:
    """What is drawn for a run is what a link to it draws."""
    matrix = "e => JSON.stringify(e.querySelector('.cifarviz-chart')?._fullData[0].z) ?? ''"
    answer = """() => JSON.stringify(document.querySelector(
        ".st-key-predict-answer .cifarviz-chart")?._fullData[0].x) ?? ''"""
    drawn = {}
    image = "&image=3" if where == "predict" else ""
    for run in ("OTHER", "MINE"):
        page.goto(f"{linked.url}/{where}?run={linked.ids[run]}{image}")
        settle(page)
        expect(page.locator(place).first).to_be_visible()
        drawn[run] = (
            page.evaluate(answer) if where == "predict" else page.locator(place).evaluate(matrix)
        )
    assert drawn["OTHER"] != drawn["MINE"] != ""
    for run, name in (("OTHER", "other"), ("MINE", "mine")):
        choose(page, "Run", name)
        expect(page).to_have_url(re.compile(f"run={linked.ids[run]}"))
        settle(page)
        assert chosen(page, "Run").startswith(name)
        shown = (
            page.evaluate(answer) if where == "predict" else page.locator(place).evaluate(matrix)
        )
        assert shown == drawn[run]


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("samples", "dataset"),
        ("inside", "run image"),
        ("evaluate", "run"),
        ("predict", "run"),
        ("predict?image=3", "run image"),
        ("inside?checkpoint=epochs", "run epoch image"),
        ("evaluate?checkpoint=epochs", "run epoch"),
        ("train?view=watch", "run"),
        ("present?scene=network", "run"),
        ("present?scene=maps", "run epoch image"),
    ],
)
def test_run_data_set_epoch_and_image_are_in_the_address(
    linked: Linked, page: Page, where: str, names: str
) -> None:
    page.goto(f"{linked.url}/{where}")
    settle(page)
    for name in names.split():
        expect(page).to_have_url(re.compile(rf"[?&]{name}=\w+"), timeout=5000)
