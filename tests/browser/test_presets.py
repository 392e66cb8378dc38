"""Each published experiment opened, and the pictures of a run of it found.

That each of them trains is tested without a browser: tests/training/test_presets.py.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.layers.base import format_shape
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.app_server import AppServer
from scripts.chromium import settle
from tests import stored_runs

LONG = 180_000
# In the samples: the first validation image of the published split, and one of the published nine.
TRAINING_IMAGE = {"fashion-mnist": 12_628, "cifar10": 47_919}
# What is the same for all presets of a data set is looked at with one of them.
ONE_OF_EACH = ("cifar10-vgg", "fashion-mnist-cnn")


@pytest.fixture(scope="module")
def server(app_server: Callable[..., AppServer], home: Path) -> AppServer:
    return app_server("app.py", home)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("presets") / "home"


def stored(home: Path, name: str) -> str:
    """Enter a run of the preset on the sample that has weights and curves; gives its id."""
    preset = PRESETS[name].experiment
    data = {**dict(preset.data), "variant": "sample"}
    made = Experiment.make(**{**dict(preset), "data": data})
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(home)}))
    weights = stored_runs.weights(made)
    return stored_runs.store_run(store, made, epochs=1, checkpoints={"last": weights}).id


def visit(page: Page, server: AppServer, address: str) -> None:
    page.goto(f"{server.url}/{address}")
    settle(page)


def chart(page: Page, name: str | re.Pattern[str]) -> None:
    expect(page.get_by_role("figure", name=name).locator("svg.main-svg").first).to_be_visible(
        timeout=LONG
    )


@pytest.mark.timeout(500)
@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_and_the_feature_maps_of_a_run_of_it(
    name: str, server: AppServer, home: Path, page: Page
) -> None:
    preset = PRESETS[name]
    network = preset.experiment.architecture

    # Its story, the summary table and the diagram, shapes in both.
    visit(page, server, f"train?preset={name}")
    expect(page.get_by_text(preset.story[:60])).to_be_visible()
    expect(page.get_by_text(f"{network.parameters:,}").first).to_be_visible()
    chart(page, "Diagram of the network")
    for row in network.trace().rows:
        assert row.output_shape is not None
        shape = format_shape(row.output_shape)
        expect(page.get_by_test_id("stMain").get_by_text(shape).first).to_be_attached()

    # Feature maps of official test image 1: a group of channels for each layer that has maps.
    visit(page, server, f"inside?run={stored(home, name)}&image=1")
    for row in network.trace().rows:
        if row.output_shape is not None and len(row.output_shape) == 3:
            channels = page.get_by_role("group", name=f"Channels of {row.name}")
            expect(channels.get_by_role("button")).to_have_count(row.output_shape[2], timeout=LONG)


@pytest.mark.timeout(500)
@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_the_other_pictures_of_a_run_of_a_preset(
    name: str, server: AppServer, home: Path, page: Page
) -> None:
    run, dataset = stored(home, name), PRESETS[name].experiment.data.dataset
    visit(page, server, f"train?view=watch&run={run}")
    chart(page, re.compile("^Loss"))
    chart(page, re.compile("^Accuracy"))

    # Ten probabilities of one image, and ten random test images with what the network says.
    visit(page, server, f"predict?run={run}&split=train&image={TRAINING_IMAGE[dataset]}")
    chart(page, "Probability of each class")
    visit(page, server, f"evaluate?run={run}&part=random")
    tiles = page.get_by_role("group", name="Ten random test images")
    expect(tiles.get_by_role("button")).to_have_count(10, timeout=LONG)


@pytest.mark.parametrize("dataset", TRAINING_IMAGE)
def test_the_overview_of_a_data_set(dataset: str, server: AppServer, page: Page) -> None:
    visit(page, server, f"samples?dataset={dataset}")
    overview = page.get_by_test_id("stMain")
    expect(overview.get_by_text("The data at a glance")).to_be_visible(timeout=LONG)
    for words in ("Examples", "Image size", "Channels"):
        expect(overview.get_by_text(re.compile(words, re.IGNORECASE)).first).to_be_visible()


def test_nine_labelled_training_images_as_published(server: AppServer, page: Page) -> None:
    visit(page, server, "samples?view=published")
    tiles = page.get_by_role("group", name="Sampled images").get_by_role("button")
    expect(tiles).to_have_count(9)
    for index in (47_919, 15_931):  # two of np.random.RandomState(777).randint(50000, size=9)
        expect(
            page.get_by_role("button", name=re.compile(rf"\b{index:,}\b|\b{index}\b")).first
        ).to_be_visible()
