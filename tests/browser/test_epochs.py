"""The epoch slider in a real browser: keys, mouse, playback, and growing runs."""

import re
import time
from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from cifarviz.data import library
from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.runs.artifacts import FolderArtifacts
from cifarviz.runs.records import Epoch, Progress
from cifarviz.runs.snapshots import save_weights
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.app_server import AppServer
from scripts.chromium import settle
from tests import stored_runs
from tests.browser.clicked_cell import click_cell
from tests.browser.scrubbed_run import accuracy, add_predictions, expect_epoch

SMALL = stored_runs.experiment()


@pytest.fixture(scope="module")
def server(
    app_server: Callable[..., AppServer], tmp_path_factory: pytest.TempPathFactory
) -> tuple[AppServer, RunStore]:
    home = tmp_path_factory.mktemp("epochs") / "home"
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(home)}))
    return app_server(home=home), store


def test_evaluate_can_be_scrubbed_played_and_reloaded_at_an_epoch(
    page: Page, server: tuple[AppServer, RunStore]
) -> None:
    app, store = server
    weights = stored_runs.weights(SMALL)
    run = stored_runs.store_run(store, SMALL, epochs=5, checkpoints={"last": weights})
    for epoch in range(1, 6):
        add_predictions(store, run.id, epoch)
    page.goto(f"{app.url}/evaluate?run={run.id}&checkpoint=epochs")
    settle(page)
    expect_epoch(page, 5)
    accuracy(page, "50.0%")

    slider = page.get_by_role("slider", name="Epoch", exact=True)
    slider.press("Home")
    expect_epoch(page, 1)
    accuracy(page, "10.0%")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("Epoch 1: loss training 2.00"))
    # Faster than the page can follow: the last one counts.
    for _ in range(3):
        slider.press("ArrowRight")
    expect_epoch(page, 4)
    accuracy(page, "40.0%")
    expect(page).to_have_url(re.compile("epoch=4"))
    page.reload()
    settle(page)
    expect_epoch(page, 4)
    accuracy(page, "40.0%")
    box = slider.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 16 + (box["width"] - 32) * 2 / 5, box["y"] + 50)
    expect_epoch(page, 2)
    page.get_by_label("Speed").select_option("fast")
    page.get_by_role("button", name="Play").click()
    expect_epoch(page, 5)
    accuracy(page, "50.0%")
    expect(page.get_by_role("button", name="Play")).to_be_visible()

    # Another view while it plays: the player's step finds nobody, and nothing breaks.
    page.get_by_role("button", name="Play").click()
    expect_epoch(page, 2)
    page.get_by_role("combobox", name=re.compile("Weights")).click()
    page.get_by_role("option", name=re.compile("Last epoch")).click()
    expect(page.locator(".track")).to_have_count(0)
    settle(page)
    expect(page.get_by_role("heading", name="Evaluate", level=1)).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_a_cell_leads_to_pictures_and_feature_maps_of_the_same_epoch(
    page: Page, server: tuple[AppServer, RunStore]
) -> None:
    app, store = server
    weights = stored_runs.weights(SMALL)
    run = stored_runs.store_run(store, SMALL, epochs=3, checkpoints={"last": weights})
    for epoch in (1, 2, 3):
        add_predictions(store, run.id, epoch)
        save_weights(FolderArtifacts(store.folder(run.id)), epoch, weights)
    page.goto(f"{app.url}/evaluate?run={run.id}&checkpoint=epochs&epoch=2&order=alike")
    settle(page)
    expect_epoch(page, 2)
    # The first 40 of the 200 images are right, the others taken for the next class.
    images = library.load("cifar10", "sample", store.settings).train.take(np.arange(200))
    cats = images.indices[40:][images.labels[40:] == CIFAR10.classes.index("cat")]
    order = page.get_by_role("figure", name=re.compile("Confusion matrix")).evaluate(
        "e => e._fullLayout.xaxis._categories"
    )
    assert sorted(order) == sorted(CIFAR10.classes)
    click_cell(page, order.index("cat"), order.index("deer"))
    tiles = page.get_by_role("group", name="Validation images of the class cat, taken for")
    expect(tiles.get_by_role("button")).to_have_count(min(16, len(cats)))
    tiles.get_by_role("button").nth(1).click()
    expect(page.get_by_role("img", name=f"Validation image {cats[1]}, cat, enl")).to_be_visible()
    page.get_by_role("link", name="See its feature maps").first.click()
    expect(page.get_by_role("heading", name="Inside", level=1)).to_be_visible()
    expect_epoch(page, 2)
    for part in ("epoch=2", "split=train", f"image={cats[1]}", f"run={run.id}"):
        assert part in page.url
    expect(page.locator("[aria-label^='Channels of conv2d_1']").first).to_be_visible()


def sheet_of(picture: Locator) -> str:
    """The sheet of pictures that a tile shows its part of."""
    return str(picture.evaluate("e => getComputedStyle(e).backgroundImage"))


def test_inside_plays_through_all_weights(page: Page, server: tuple[AppServer, RunStore]) -> None:
    app, store = server
    weights = stored_runs.weights(SMALL)
    run = stored_runs.store_run(store, SMALL, epochs=3, checkpoints={"last": weights})
    for epoch, factor in enumerate((-1, 0.5, -0.5)):
        save_weights(
            FolderArtifacts(store.folder(run.id)),
            epoch,
            {
                name: value * np.float32(factor)
                for name, value in weights.items()
                if value.dtype == "float32"
            },
        )
    page.goto(f"{app.url}/inside?run={run.id}&checkpoint=epochs&epoch=0")
    expect_epoch(page, 0)
    settle(page)
    pictures = page.locator("[aria-label^='Channels of conv2d_1'] .picture").first
    before = sheet_of(pictures)
    page.get_by_label("Speed").select_option("fast")
    page.get_by_role("button", name="Play").click()
    expect_epoch(page, 3)
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    expect(pictures).not_to_have_css("background-image", before)
    # What is looked at far down keeps the slider in sight.
    page.locator("[aria-label^='Channels of']").last.scroll_into_view_if_needed()
    expect(page.get_by_role("slider", name="Epoch", exact=True)).to_be_in_viewport()


def test_a_link_compares_two_epochs(page: Page, server: tuple[AppServer, RunStore]) -> None:
    app, store = server
    weights = stored_runs.weights(SMALL)
    run = stored_runs.store_run(store, SMALL, name="two", checkpoints={"last": weights})
    random = np.random.default_rng(5)
    for epoch in range(3):
        other = {
            name: random.normal(0, 0.3, value.shape).astype(np.float32)
            for name, value in weights.items()
            if value.dtype == "float32"
        }
        save_weights(FolderArtifacts(store.folder(run.id)), epoch, other)
    address = f"run={run.id}&checkpoint=epochs&epoch=2&with={run.id}&at=0&order=change&colors=magma"
    page.goto(f"{app.url}/inside?{address}")
    expect_epoch(page, 2)
    settle(page)

    def picture(layer: str) -> Locator:
        return page.get_by_role("group", name=layer, exact=True).locator(".picture").first

    left, right = picture("Channels of conv2d_2"), picture("Filters of conv2d_1, Before training")
    before = sheet_of(left), sheet_of(right)
    expect(page.get_by_text(re.compile("^Median correlation of channels")).first).to_be_visible()
    # What is looked at is said once the top of the page is out of sight.
    about = page.get_by_text("two · Test image 1, ship", exact=True)
    expect(about).to_be_hidden()
    left.scroll_into_view_if_needed()
    expect(about).to_be_visible()
    page.get_by_role("slider", name="Epoch", exact=True).press("ArrowLeft")
    expect_epoch(page, 1)
    settle(page)
    expect(left).not_to_have_css("background-image", before[0])
    expect(right).to_have_css("background-image", before[1])
    expect(page).to_have_url(re.compile(rf"epoch=1&with={run.id}&at=0&order=change"))

    # A channel of the one on the right opens as its own, and again from the link.
    page.get_by_role("group", name="Channels of conv2d_2, Before training").get_by_role(
        "button"
    ).first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text(re.compile("of 8, numbered from 0"))).to_be_visible()
    expect(page).to_have_url(re.compile("layer=conv2d_2&channel=[0-7]&side=right$"))
    values = dialog.get_by_text(re.compile("values from")).inner_text()
    page.reload()
    expect(dialog.get_by_text(values)).to_be_visible(timeout=60_000)


def test_a_channel_of_an_epoch_leads_to_an_image_that_excites_it(
    page: Page, server: tuple[AppServer, RunStore]
) -> None:
    app, store = server
    weights = stored_runs.weights(SMALL)
    run = stored_runs.store_run(store, SMALL, epochs=3, checkpoints={"last": weights})
    early = {name: value * np.float32(0.5) for name, value in weights.items() if value.ndim}
    save_weights(FolderArtifacts(store.folder(run.id)), 1, early)

    page.goto(f"{app.url}/inside?run={run.id}&checkpoint=epochs&epoch=1&image=1")
    grid = page.get_by_role("group", name="Channels of conv2d_2", exact=True)
    # All test images have been looked at by itself.
    expect(page.get_by_text("dead for all 1,000 test images").first).to_be_visible(timeout=60_000)
    grid.get_by_role("button", name=re.compile("^Channel 5")).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("mine · after epoch 1 · Test image 1, ship")).to_be_visible()
    exciting = dialog.get_by_role(
        "group", name=re.compile("^Test images with the highest activation of conv2d_2-5")
    )
    expect(exciting.get_by_role("button")).to_have_count(9)
    settle(page)

    third = exciting.get_by_role("button").nth(2)
    name = re.match(r"Test image (\d+), [\w ]+", third.get_attribute("aria-label") or "")
    assert name is not None
    third.click()
    expect(dialog.get_by_text(f"mine · after epoch 1 · {name[0]}")).to_be_visible()
    expect(third).to_have_attribute("aria-pressed", "true")
    expect(page).to_have_url(re.compile(rf"image={name[1]}&.*layer=conv2d_2&channel=5"))

    # The same channel after another epoch.
    settle(page)
    epochs = dialog.get_by_role("group", name="The channel over the epochs")
    epochs.get_by_role("button", name=re.compile("^Epoch 3")).click()
    expect(dialog.get_by_text(f"(after epoch 3) · {name[0]}")).to_be_visible()
    expect(page).to_have_url(re.compile("epoch=3"))
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect_epoch(page, 3)


def test_an_active_run_is_followed_until_an_epoch_is_selected(
    page: Page, server: tuple[AppServer, RunStore]
) -> None:
    app, store = server
    run = stored_runs.store_run(
        store,
        SMALL,
        state=RunState.RUNNING,
        epochs=2,
        checkpoints={"last": stored_runs.weights(SMALL)},
    )

    def one_more(number: int) -> None:
        add_predictions(store, run.id, number)
        progress = Progress("training", number, 10 * number, 10, 900.0, 30.0, time.time())
        epoch = Epoch(number, 2 / number, 0.5, 2 / number, 0.1 * number, 0.001, 1.0)
        store.record(run.id, progress, None, epoch)

    with stored_runs.hold_lock(store, run):
        for epoch in (1, 2):
            add_predictions(store, run.id, epoch)
        page.goto(f"{app.url}/evaluate?run={run.id}&checkpoint=epochs")
        expect_epoch(page, 2)
        one_more(3)
        expect_epoch(page, 3)
        accuracy(page, "30.0%")
        slider = page.get_by_role("slider", name="Epoch", exact=True)
        slider.press("Home")
        expect_epoch(page, 1)
        one_more(4)
        expect(slider).to_have_attribute("aria-valuemax", "4", timeout=20_000)
        expect_epoch(page, 1)
        slider.press("End")
        expect_epoch(page, 4)
        one_more(5)
        expect_epoch(page, 5)
        store.transition(run.id, RunState.FINISHED)
