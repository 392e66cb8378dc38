"""A report shows a run's results in a single file that needs no network."""

import base64
import io
import re
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cifarviz.analysis.intervals import accuracy_interval
from cifarviz.data import library
from cifarviz.data.image_set import Dataset
from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.experiment.presets import PRESETS
from cifarviz.export.report.contents import RunContents, gather
from cifarviz.export.report.page import report
from cifarviz.export.report.pictures import compute_maps
from cifarviz.runs.pins import pinned_images, save_preference
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests import stored_runs
from tests.export.report_page import ReportPage

HOSTILE = "</script><script>alert(1)</script> & <img src=http://x.y/z>"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    folder = str(tmp_path_factory.mktemp("reports"))
    return RunStore(Settings.from_environment({"CIFARVIZ_HOME": folder, "KERAS_HOME": folder}))


@pytest.fixture(scope="module")
def runs(home: RunStore) -> list[Run]:
    """A run with weights, and a run with another batch size and without weights."""
    experiment = stored_runs.experiment()
    weights = stored_runs.weights(experiment)
    return [
        stored_runs.store_run(home, experiment, name=HOSTILE, checkpoints={"last": weights}),
        stored_runs.store_run(home, stored_runs.experiment(batch_size=7), name="other"),
    ]


@pytest.fixture(scope="module")
def contents_of(home: RunStore) -> Callable[..., list[RunContents]]:
    from cifarviz.analysis.trained_model import open_checkpoint

    def dataset(run: Run) -> Dataset:
        return library.load("cifar10", "sample", home.settings)

    return lambda *runs: gather(home, runs, lambda r, w: open_checkpoint(home, r, w), dataset)


@pytest.fixture(scope="module")
def contents(contents_of: Callable[..., list[RunContents]], runs: list[Run]) -> RunContents:
    return contents_of(runs[0])[0]


@pytest.fixture(scope="module")
def page(contents: RunContents) -> ReportPage:
    return ReportPage(report([contents]))


def test_the_report_refers_to_no_other_file(page: ReportPage) -> None:
    policy = next(tag for tag in page.all("meta") if "http-equiv" in tag)["content"]
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert not {"link", "iframe", "object", "base", "a", "form"} & {tag for tag, _ in page.tags}
    assert all("src" not in tag for tag in page.all("script"))
    assert all((tag["src"] or "").startswith("data:image/png") for tag in page.all("img"))


def test_names_are_escaped_everywhere(page: ReportPage) -> None:
    # The name is in header, title and alternative texts; its tags are not tags of the page.
    assert page.text.count(HOSTILE) >= 2
    scripts = [tag for tag in page.all("script") if "data-for" not in tag]
    assert len(scripts) == 2


def test_the_charts_show_the_history_and_the_matrix(
    page: ReportPage, contents: RunContents
) -> None:
    loss, accuracy, matrix = page.charts
    by_name = {trace.get("name"): trace for trace in loss["data"]}
    for name, field in (("Training", "loss"), ("Validation", "val_loss")):
        expected = [getattr(epoch, field) for epoch in contents.epochs]
        np.testing.assert_allclose(_array(by_name[name]["y"]), expected, rtol=1e-6)
    assert accuracy["layout"]["yaxis"]["title"]["text"] == "Accuracy"
    assert contents.evaluation is not None
    rows = contents.evaluation.confusion.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(_array(matrix["data"][0]["z"]), contents.evaluation.confusion / rows)
    assert {chart["layout"]["width"] for chart in page.charts} == {680}


def _array(values: Any) -> np.ndarray:
    if isinstance(values, dict):
        flat = np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"])
        sides = str(values.get("shape", flat.size)).split(",")
        return flat.reshape([int(side) for side in sides])
    return np.array(values)


def test_each_class_has_its_scores_with_intervals(page: ReportPage, contents: RunContents) -> None:
    assert contents.evaluation is not None
    hits = contents.evaluation.confusion[3, 3]
    low, high = accuracy_interval(hits / 100, 100)
    position = page.cells.index("cat")
    assert page.cells[position + 2] == f"{hits / 100:.1%} ({low:.0%} to {high:.0%})"


def test_mistakes_are_shown_most_confident_first(page: ReportPage, contents: RunContents) -> None:
    assert contents.evaluation is not None
    pictures = [tag for tag in page.all("img") if " predicted as " in (tag["alt"] or "")]
    assert len(pictures) == 24
    wrong = contents.evaluation.predicted != contents.evaluation.labels
    confidence = contents.evaluation.probabilities.max(axis=1)
    index = int(re.findall(r"Test image (\d+):", pictures[0]["alt"] or "")[0])
    position = int(np.flatnonzero(contents.evaluation.indices == index)[0])
    assert wrong[position]
    assert confidence[position] == confidence[wrong].max()
    png = base64.b64decode((pictures[0]["src"] or "").split(",")[1])
    np.testing.assert_array_equal(
        np.asarray(Image.open(io.BytesIO(png))), contents.images[position]
    )


def test_pinned_images_have_feature_maps_of_every_layer(
    page: ReportPage, contents: RunContents, home: RunStore
) -> None:
    pinned = pinned_images(home, CIFAR10)
    shown = [int(index) for index in re.findall(r"Test image (\d+) \([a-z]", page.text)]
    assert tuple(shown[: len(pinned)]) == pinned
    # The mistake and the correct prediction come last, unless they are pinned.
    assert len(pinned) <= len(shown) <= len(pinned) + 2
    assert page.text.count("most confident mistake") == 1
    for layer in ("conv2d_1, 32×32: 6", "max_pooling2d_1, 16×16: 6", "conv2d_2, 16×16: 8"):
        assert page.text.count(f"{layer} channels") == len(shown)
    first = next(tag for tag in page.all("img") if (tag["alt"] or "").startswith("Test image 1, "))
    png = base64.b64decode((first["src"] or "").split(",")[1])
    position = library.load("cifar10", "sample", home.settings).test.position_of(1)
    assert position is not None
    np.testing.assert_array_equal(
        np.asarray(Image.open(io.BytesIO(png))), contents.images[position]
    )


class _DeepNetwork:
    """A stub network with 90 layers."""

    def observe(self, image: np.ndarray) -> list[SimpleNamespace]:
        maps = np.zeros((4, 4, 3), np.float32)
        return [SimpleNamespace(name=str(n), type="conv2d", values=maps) for n in range(90)]


def test_the_number_of_pinned_images_is_limited_by_file_size(
    settings: Settings, contents: RunContents
) -> None:
    store = RunStore(settings)
    save_preference(store, "pins cifar10", [38, 1253, 9_999, 67, 1])
    assert contents.dataset is not None
    assert contents.evaluation is not None
    maps = compute_maps(
        store, contents.dataset, contents.evaluation, _DeepNetwork(), "the weights after epoch 3"
    )
    assert [image.index for image in maps.images] == [38, 1253, 67]
    assert "The network has the weights after epoch 3." in maps.note
    assert re.search(r"not on this machine, so \d of \d images are missing", maps.note)
    assert re.search(r"To keep the file small, only 3 of \d images are shown", maps.note)


def test_curves_of_several_runs_mark_where_overfitting_starts(
    contents_of: Callable[..., list[RunContents]], runs: list[Run]
) -> None:
    published = PRESETS["cifar10-vgg"].published
    assert published is not None
    history = tuple(
        Epoch(row.epoch, row.loss, row.accuracy, row.val_loss, row.val_accuracy, 1e-4, 1.0)
        for row in published["history"]
    )
    several = contents_of(*runs)
    contents = [replace(several[0], epochs=history), several[1]]
    html = report(contents)
    page = ReportPage(html)
    for chart, field in zip(page.charts, ("val_loss", "val_accuracy"), strict=False):
        [mark] = [trace for trace in chart["data"] if trace.get("name") == "Overfitting starts"]
        # The same epoch as in the table.
        assert _array(mark["x"]).tolist() == [9]
        np.testing.assert_allclose(_array(mark["y"]), [getattr(history[8], field)], rtol=1e-6)
    assert any("9 (lowest validation loss)" in cell for cell in page.cells)
    # The table is between the charts, where a printed page has room.
    table = html.index("9 (lowest validation loss)")
    assert html.index('id="chart-1"') < table < html.index('id="chart-2"')
    assert "Overfitting starts after epoch 9" in report(contents[:1])


def test_settings_layers_environment_and_reproduction_are_listed(
    page: ReportPage, contents: RunContents
) -> None:
    cells = dict(zip(page.cells, page.cells[1:], strict=False))
    assert cells["Batch size"] == str(contents.run.experiment.batch_size)
    assert cells["conv2d_2"] == "Convolution: number of filters 8, kernel size 3, activation ReLU"
    assert cells["Machine"] == contents.run.machine
    assert "tensorflow 2." in cells["Versions at export"]
    assert f"python -m cifarviz export {contents.run.id} --as script" in page.text
    assert "keras.Sequential(" in page.text


def test_a_comparison_lists_only_settings_that_differ(
    contents_of: Callable[..., list[RunContents]], runs: list[Run]
) -> None:
    page = ReportPage(report(contents_of(*runs)))
    assert page.cells[0] == "Batch size"
    assert page.cells[2] == "7"
    assert not any("Optimiser" in cell for cell in page.cells[:4])
    assert "2 runs compared" in page.text
    # The second run has no weights, which is noted; the rest is complete.
    assert "has no weights: their files were removed" in page.text
    assert len(page.charts) == 3
