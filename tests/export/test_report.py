"""The report says what the run did, in one file that asks for nothing from anywhere."""

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
from cifarviz.export.report.pictures import asked_maps
from cifarviz.runs.pins import pinned_images, prefer
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
    """One that can be asked, one with another batch size and without weights."""
    made = stored_runs.experiment()
    weights = stored_runs.weights(made)
    return [
        stored_runs.store_run(home, made, name=HOSTILE, checkpoints={"last": weights}),
        stored_runs.store_run(home, stored_runs.experiment(batch_size=7), name="other"),
    ]


@pytest.fixture(scope="module")
def contents_of(home: RunStore) -> Callable[..., list[RunContents]]:
    from cifarviz.analysis.trained_model import open_checkpoint

    def dataset(run: Run) -> Dataset:
        return library.load("cifar10", "sample", home.settings)

    return lambda *runs: gather(home, runs, lambda r, w: open_checkpoint(home, r, w), dataset)


@pytest.fixture(scope="module")
def one(contents_of: Callable[..., list[RunContents]], runs: list[Run]) -> RunContents:
    return contents_of(runs[0])[0]


@pytest.fixture(scope="module")
def page(one: RunContents) -> ReportPage:
    return ReportPage(report([one]))


def test_nothing_is_fetched(page: ReportPage) -> None:
    policy = next(tag for tag in page.all("meta") if "http-equiv" in tag)["content"]
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert not {"link", "iframe", "object", "base", "a", "form"} & {tag for tag, _ in page.tags}
    assert all("src" not in tag for tag in page.all("script"))
    assert all((tag["src"] or "").startswith("data:image/png") for tag in page.all("img"))


def test_names_are_text_wherever_they_stand(page: ReportPage) -> None:
    # Head, title and alternative texts hold it; none of its tags became one of the page's.
    assert page.said.count(HOSTILE) >= 2
    scripts = [tag for tag in page.all("script") if "data-for" not in tag]
    assert len(scripts) == 2


def test_the_charts_show_the_history_and_the_matrix(page: ReportPage, one: RunContents) -> None:
    loss, accuracy, matrix = page.charts
    by_name = {trace.get("name"): trace for trace in loss["data"]}
    for name, field in (("Training", "loss"), ("Validation", "val_loss")):
        expected = [getattr(epoch, field) for epoch in one.epochs]
        np.testing.assert_allclose(_array(by_name[name]["y"]), expected, rtol=1e-6)
    assert accuracy["layout"]["yaxis"]["title"]["text"] == "Accuracy"
    assert one.evaluation is not None
    rows = one.evaluation.confusion.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(_array(matrix["data"][0]["z"]), one.evaluation.confusion / rows)
    assert {chart["layout"]["width"] for chart in page.charts} == {680}


def _array(sent: Any) -> np.ndarray:
    if isinstance(sent, dict):
        flat = np.frombuffer(base64.b64decode(sent["bdata"]), sent["dtype"])
        sides = str(sent.get("shape", flat.size)).split(",")
        return flat.reshape([int(side) for side in sides])
    return np.array(sent)


def test_each_class_has_its_scores_with_intervals(page: ReportPage, one: RunContents) -> None:
    assert one.evaluation is not None
    found = one.evaluation.confusion[3, 3]
    low, high = accuracy_interval(found / 100, 100)
    where = page.cells.index("cat")
    assert page.cells[where + 2] == f"{found / 100:.1%} ({low:.0%} to {high:.0%})"


def test_mistakes_are_shown_as_the_images_they_are(page: ReportPage, one: RunContents) -> None:
    assert one.evaluation is not None
    shown = [tag for tag in page.all("img") if " taken for " in (tag["alt"] or "")]
    assert len(shown) == 24
    wrong = one.evaluation.predicted != one.evaluation.labels
    surest = one.evaluation.probabilities.max(axis=1)
    index = int(re.findall(r"Test image (\d+):", shown[0]["alt"] or "")[0])
    position = int(np.flatnonzero(one.evaluation.indices == index)[0])
    assert wrong[position]
    assert surest[position] == surest[wrong].max()
    png = base64.b64decode((shown[0]["src"] or "").split(",")[1])
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png))), one.images[position])


def test_feature_maps_of_the_pinned_images_in_every_layer_with_maps(
    page: ReportPage, one: RunContents, home: RunStore
) -> None:
    pinned = pinned_images(home, CIFAR10)
    shown = [int(index) for index in re.findall(r"Test image (\d+), [a-z]", page.said)]
    assert tuple(shown[: len(pinned)]) == pinned
    # The mistake and the hit come after them, unless they are pinned.
    assert len(pinned) <= len(shown) <= len(pinned) + 2
    assert page.said.count("the surest mistake") == 1
    for layer in ("conv2d_1, 32×32: 6", "max_pooling2d_1, 16×16: 6", "conv2d_2, 16×16: 8"):
        assert page.said.count(f"{layer} channels") == len(shown)
    first = next(tag for tag in page.all("img") if (tag["alt"] or "").startswith("Test image 1, "))
    png = base64.b64decode((first["src"] or "").split(",")[1])
    position = library.load("cifar10", "sample", home.settings).test.position_of(1)
    assert position is not None
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png))), one.images[position])


class _Deep:
    """A network of chance with very many layers."""

    def observe(self, image: np.ndarray) -> list[SimpleNamespace]:
        maps = np.zeros((4, 4, 3), np.float32)
        return [SimpleNamespace(name=str(n), type="conv2d", values=maps) for n in range(90)]


def test_as_many_pinned_images_as_keep_the_file_small(settings: Settings, one: RunContents) -> None:
    store = RunStore(settings)
    prefer(store, "pins cifar10", [38, 1253, 9_999, 67, 1])
    assert one.dataset is not None
    assert one.evaluation is not None
    maps = asked_maps(store, one.dataset, one.evaluation, _Deep(), "the weights it had")
    assert [shown.index for shown in maps.images] == [38, 1253, 67]
    assert "They are of the weights it had." in maps.words
    assert "cannot be shown: the full data set" in maps.words
    assert re.search(r"To keep this file small it shows 3 of \d images", maps.words)


def test_the_curves_of_several_runs_carry_their_turns(
    contents_of: Callable[..., list[RunContents]], runs: list[Run]
) -> None:
    published = PRESETS["cifar10-vgg"].published
    assert published is not None
    history = tuple(
        Epoch(row.epoch, row.loss, row.accuracy, row.val_loss, row.val_accuracy, 1e-4, 1.0)
        for row in published["history"]
    )
    several = contents_of(*runs)
    turned = [replace(several[0], epochs=history), several[1]]
    page = ReportPage(report(turned))
    for chart, field in zip(page.charts, ("val_loss", "val_accuracy"), strict=False):
        [mark] = [trace for trace in chart["data"] if trace.get("name") == "Overfitting starts"]
        # As the table says it.
        assert _array(mark["x"]).tolist() == [9]
        np.testing.assert_allclose(_array(mark["y"]), [getattr(history[8], field)], rtol=1e-6)
    assert any("9 (lowest validation loss)" in cell for cell in page.cells)
    # Between the two charts, so that it fills what they leave of a printed page.
    written = report(turned)
    table = written.index("9 (lowest validation loss)")
    assert written.index('id="chart-1"') < table < written.index('id="chart-2"')
    assert "Overfitting starts after epoch 9" in report(turned[:1])


def test_settings_layers_environment_and_how_to_do_it_again(
    page: ReportPage, one: RunContents
) -> None:
    cells = dict(zip(page.cells, page.cells[1:], strict=False))
    assert cells["Batch size"] == str(one.run.experiment.batch_size)
    assert cells["conv2d_2"] == "Convolution: number of filters 8, kernel size 3, activation ReLU"
    assert cells["Machine"] == one.run.machine
    assert "tensorflow 2." in cells["Versions, as this report is written"]
    assert f"python -m cifarviz export {one.run.id} --as script" in page.said
    assert "keras.Sequential(" in page.said


def test_several_runs_are_told_apart_by_what_differs_alone(
    contents_of: Callable[..., list[RunContents]], runs: list[Run]
) -> None:
    page = ReportPage(report(contents_of(*runs)))
    assert page.cells[0] == "Batch size"
    assert page.cells[2] == "7"
    assert not any("Optimiser" in cell for cell in page.cells[:4])
    assert "2 runs compared" in page.said
    # The second run has no weights: that is said, and the rest is there.
    assert "has no weights any more" in page.said
    assert len(page.charts) == 3
