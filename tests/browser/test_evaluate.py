"""Evaluate in a real browser: clicks on cells and images, reload, links onward, the download."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from cifarviz.analysis.evaluation import Evaluation, evaluate
from cifarviz.analysis.trained_model import open_checkpoint
from cifarviz.data import library
from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.chromium import settle
from tests import stored_runs
from tests.browser.clicked_cell import click_cell


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evaluate") / "home"


@pytest.fixture(scope="module")
def run(home: Path) -> Run:
    experiment = stored_runs.experiment()
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(home)}))
    return stored_runs.store_run(
        store, experiment, checkpoints={"last": stored_runs.weights(experiment)}
    )


@pytest.fixture(scope="module")
def expected(home: Path, run: Run) -> Evaluation:
    settings = Settings.from_environment({"CIFARVIZ_HOME": str(home)})
    test = library.load("cifar10", "sample", settings).test
    model = open_checkpoint(RunStore(settings), run, "last")
    return evaluate(test.labels, model.predictions(test.images), test.indices, CIFAR10.classes)


@pytest.fixture(scope="module")
def server(app_server, home: Path, run: Run):
    return app_server("app.py", home)


@pytest.fixture
def evaluated(server, page: Page) -> Page:
    page.goto(server.url)
    settle(page)
    page.get_by_role("link", name="Evaluate").click()
    matrix = page.get_by_role("figure", name=re.compile("Confusion matrix"))
    # The first one waits for TensorFlow.
    expect(matrix.locator(".nsewdrag")).to_be_visible(timeout=60_000)
    return page


def other_cell(evaluation: Evaluation) -> tuple[int, int]:
    """A cell with images that is not the one shown by itself, and not on the diagonal."""
    counts = evaluation.confusion.copy()
    np.fill_diagonal(counts, 0)
    counts[np.unravel_index(counts.argmax(), counts.shape)] = 0
    actual, predicted = np.unravel_index(counts.argmax(), counts.shape)
    return int(actual), int(predicted)


def test_a_click_on_a_cell_shows_its_images_most_confident_first(
    evaluated: Page, expected: Evaluation
) -> None:
    cell = other_cell(expected)
    actual, predicted = (CIFAR10.classes[i] for i in cell)
    members = expected.cell(*cell)

    click_cell(evaluated, *cell)

    images = evaluated.get_by_role("group", name=f"Test images of the class {actual}, taken for")
    tiles = images.get_by_role("button")
    first = expected.indices[members[0]]
    expect(tiles.first).to_have_accessible_name(re.compile(rf"^Test image {first}: {actual}"))
    expect(tiles).to_have_count(min(16, len(members)))
    expect(evaluated).to_have_url(re.compile(f"actual={actual}&predicted={predicted}"))
    expect(evaluated.get_by_role("combobox", name="Actual class")).to_have_value(actual)

    # An image of it large, in the address, and after a reload.
    second = expected.indices[members[1]]
    tiles.nth(1).click()
    large = evaluated.get_by_role("img", name=f"Test image {second}, {actual}, enlarged")
    expect(large).to_be_visible()
    expect(evaluated).to_have_url(re.compile(rf"image={second}\b"))
    evaluated.reload()
    expect(large).to_be_visible()
    expect(images.get_by_role("button", pressed=True)).to_have_accessible_name(
        re.compile(rf"^Test image {second}:")
    )


@pytest.mark.parametrize(
    ("link", "page_name"),
    [("See its feature maps", "inside"), ("See its prediction", "predict")],
)
def test_an_image_opens_other_pages_with_the_same_network(
    evaluated: Page, run: Run, expected: Evaluation, link: str, page_name: str
) -> None:
    evaluated.get_by_role("link", name=link).click()
    heading = evaluated.get_by_role("heading", name=page_name.capitalize(), level=1)
    expect(heading).to_be_visible()
    for part in (f"/{page_name}", f"run={run.id}", "checkpoint=last", "split=test", "image="):
        assert part in evaluated.url


def test_the_scores_are_saved_as_csv(evaluated: Page, run: Run, expected: Evaluation) -> None:
    with evaluated.expect_download() as waiting:
        evaluated.get_by_role("button", name="Save the scores as CSV").click()
    assert waiting.value.suggested_filename == f"{run.id}-last-per-class.csv"
    with Path(waiting.value.path()).open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [row["class"] for row in rows] == list(CIFAR10.classes)
    assert [int(row["support"]) for row in rows] == [100] * 10
    np.testing.assert_allclose(
        [float(row["recall"]) for row in rows], expected.per_class.recall, rtol=1e-6
    )
