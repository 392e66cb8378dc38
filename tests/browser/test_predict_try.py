"""Predict in a real browser: sliders to the flip, and a push that is made in the background."""

import re

import pytest
from playwright.sync_api import Page, expect

from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.app_server import AppServer
from tests import stored_runs

# The first answer waits for TensorFlow.
FIRST = 60_000


@pytest.fixture(scope="module")
def server(app_server, tmp_path_factory: pytest.TempPathFactory) -> AppServer:
    home = tmp_path_factory.mktemp("try") / "home"
    experiment = stored_runs.experiment()
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(home)}))
    stored_runs.store_run(store, experiment, checkpoints={"last": stored_runs.weights(experiment)})
    return app_server("app.py", home)


def test_a_slider_is_moved_to_the_flip_and_held_against_other_images(
    server: AppServer, page: Page
) -> None:
    page.goto(f"{server.url}/predict?image=3&view=break")
    slider = page.get_by_role("slider", name="Rotation")
    expect(slider).to_be_attached(timeout=FIRST)
    before = page.get_by_text("The network").last
    expect(before).to_be_visible(timeout=FIRST)
    expected = page.get_by_text(re.compile("changes the prediction from"))
    (name,) = re.findall(r"and to (.+) at", expected.inner_text())

    slider.press("ArrowRight")
    expect(page.get_by_text("Rotation 1°", exact=True)).to_be_visible()
    tiles = page.get_by_role("group", name="The picture where the prediction changes")
    tiles.get_by_role("button").last.click()
    expect(page.get_by_text(re.compile(r"^Rotation \d\d°$"))).to_be_visible()
    expect(before).to_contain_text(name)
    expect(page).to_have_url(re.compile(r"amounts=rotation%3A\d\d"))

    page.get_by_role("button", name="Measure on 200 test images").click()
    # By itself, when the job has ended.
    expect(page.get_by_role("figure", name="Accuracy on test images")).to_be_visible()
    page.reload()
    expect(page.get_by_role("figure", name="Accuracy on test images")).to_be_visible()
    expect(page.get_by_text(re.compile(r"^Rotation \d\d°$"))).to_be_visible()


def test_a_pushed_picture_appears_by_itself_and_follows_its_slider(
    server: AppServer, page: Page
) -> None:
    page.goto(f"{server.url}/predict?image=3&view=push&method=pgd&epsilon=3")
    push = page.get_by_text("by more than 3 of 255 levels")
    expect(push).to_be_visible(timeout=FIRST)
    expect(page.get_by_role("img", name="Difference × 42")).to_be_visible()
    page.get_by_role("slider").press("ArrowRight")
    expect(page.get_by_text("by more than 4 of 255 levels")).to_be_visible()
    expect(page).to_have_url(re.compile("epsilon=4"))
    page.get_by_text("FGSM", exact=True).click()
    expect(page).to_have_url(re.compile("method=fgsm"))
    expect(page.get_by_text("by more than 4 of 255 levels")).to_be_visible()
