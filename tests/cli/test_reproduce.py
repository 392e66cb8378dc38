"""``reproduce`` compares runs with published figures; the sample stands in for the full set."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cifarviz.analysis.reproduction import BEGIN, END
from cifarviz.cli import reproduce
from cifarviz.data import library
from cifarviz.data.image_set import Dataset
from cifarviz.datasets.info import Variant
from cifarviz.errors import RunError
from cifarviz.executors.worker import Worker
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests import stored_runs
from tests.cli.conftest import Call

load = library.load


@pytest.fixture
def sample_as_full(monkeypatch: pytest.MonkeyPatch) -> None:
    def loaded(name: str, variant: Variant, settings: Settings) -> Dataset:
        return load(name, "sample", settings)

    monkeypatch.setattr(library, "load", loaded)


@pytest.fixture
def store(settings: Settings) -> RunStore:
    return RunStore(settings)


def finished(store: RunStore, experiment: Experiment, seed: int, epochs: int) -> Run:
    experiment = experiment.model_copy(update={"seed": seed, "precision": "float32"})
    return stored_runs.store_run(store, experiment, epochs=epochs)


@pytest.mark.usefixtures("sample_as_full")
def test_finished_runs_are_compared_with_the_published_figures(
    call: Call, store: RunStore, tmp_path: Path
) -> None:
    for seed in (1, 2, 3):
        finished(store, PRESETS["cifar10-starter"].experiment, seed, epochs=10)
    page = tmp_path / "deep" / "reproduction.md"

    result = call("reproduce", "cifar10-starter", "--out", page, "--json")

    part = result.json["cifar10-starter"][0]
    assert part["seeds"] == [1, 2, 3]
    figure = next(row for row in part["figures"] if row["what"] == "test accuracy, last epoch")
    # The stored runs end at 1 - 0.2 / 3.
    assert (figure["published"], figure["reproduced"]) == (0.662, [pytest.approx(14 / 15)] * 3)
    assert "| test accuracy, last epoch | 66.2 % | 93.3 % (93.3 % – 93.3 %) | +27.1 points |" in (
        page.read_text()
    )
    assert "| 10 | 0.7198 · 0.2000 | 74.7 % · 95.0 % |" in page.read_text()
    assert json.loads(page.with_suffix(".json").read_text()) == result.json


@pytest.mark.usefixtures("sample_as_full")
def test_text_and_other_experiments_on_the_page_stay(
    call: Call, store: RunStore, tmp_path: Path
) -> None:
    finished(store, PRESETS["cifar10-starter"].experiment, 1, epochs=10)
    finished(store, PRESETS["cifar10-vgg"].experiment, 1, epochs=30)
    page = tmp_path / "page.md"
    page.write_text(f"# Mine\n\n{BEGIN}\nold\n{END}\n\nWritten by hand.\n")

    call("reproduce", "cifar10-starter", "--quick", "--out", page)
    call("reproduce", "cifar10-vgg", "--quick", "--out", page)

    text = page.read_text()
    assert text.startswith("# Mine\n")
    assert text.endswith("\n\nWritten by hand.\n")
    assert "old" not in text
    assert text.index("`cifar10-starter`") < text.index("`cifar10-vgg`")
    assert "epoch of the lowest validation loss | 9 |" in text


@pytest.mark.usefixtures("sample_as_full")
def test_an_ensemble_is_reproduced_from_epochs_and_from_seeds(
    call: Call, store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preset = PRESETS["cifar10-ensemble"]
    test = load("cifar10", "sample", store.settings).test
    variant = preset.variants[0]
    epoch_run = finished(store, variant.experiment, 1, epochs=60)
    for wrong, epoch in enumerate(variant.experiment.test_epochs):
        stored_runs.save_predictions(
            store, epoch_run, epoch, _probabilities(test.labels, wrong), test.indices
        )
    predictions = {}
    for seed in (1, 2, 3, 4):
        run = finished(store, preset.experiment, seed, epochs=15)
        stored_runs.add_checkpoint(store, run)
        predictions[run.id] = Predictions.from_probabilities(_probabilities(test.labels, seed))
    monkeypatch.setattr(
        reproduce._Reproduction, "_predict", lambda self, run, *_: predictions[run.id]
    )

    result = call("reproduce", preset.name, "--quick", "--out", tmp_path / "page.md", "--json")

    epochs, seeds = (
        {row["what"]: row for row in part["figures"]} for part in result.json[preset.name]
    )
    summed = "test accuracy, probabilities summed"
    assert (epochs[summed]["published"], epochs[summed]["reproduced"]) == (0.7006, [1.0])
    assert epochs["test accuracy after epoch 60"]["published"] == 0.6599
    assert epochs["test accuracy after epoch 60"]["reproduced"] == [pytest.approx(0.9)]
    assert seeds[summed]["reproduced"] == [1.0]
    assert len(seeds["test accuracy, all members"]["reproduced"]) == 4
    assert seeds["gain of summing over the best member"]["reproduced"] == [pytest.approx(0.1)]


def _probabilities(labels: np.ndarray, member: int) -> np.ndarray:
    """Return probabilities that are correct except for a tenth of the images per member."""
    probabilities = np.full((len(labels), 10), 0.05, np.float32)
    probabilities[np.arange(len(labels)), labels] = 0.55
    tenth = len(labels) // 10
    rows = np.arange(member * tenth, (member + 1) * tenth)
    probabilities[rows, labels[rows]] = 0.05
    probabilities[rows, (labels[rows] + 1) % 10] = 0.55
    return probabilities


@pytest.mark.usefixtures("sample_as_full")
def test_missing_runs_are_trained_and_interrupted_ones_resumed(
    call: Call, store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = PRESETS["cifar10-starter"]
    tiny = published.experiment.model_copy(
        update={
            "data": published.experiment.data.model_copy(update={"train_images": 64}),
            "batch_size": 32,
            "epochs": 1,
        }
    )
    presets = {published.name: replace(published, experiment=tiny)}
    monkeypatch.setattr(reproduce, "PUBLISHED", presets)
    monkeypatch.setattr("cifarviz.experiment.presets.PRESETS", presets)
    interrupted = stored_runs.store_run(
        store,
        tiny.model_copy(update={"seed": 2, "precision": "float32"}),
        state=RunState.INTERRUPTED,
        epochs=0,
    )

    result = call("reproduce", "--seeds", 2, "--out", tmp_path / "page.md", "--json")

    assert result.code == 0
    runs = store.all()
    assert {run.state for run in runs} == {RunState.FINISHED}
    assert len(runs) == 2
    assert interrupted.id in {run.id for run in runs}


def test_without_the_full_set_nothing_is_trained_or_written(
    call: Call, store: RunStore, tmp_path: Path
) -> None:
    folder = tmp_path / "deep"
    result = call("reproduce", "cifar10-starter", "--out", folder / "page.md")
    assert result.code == 1
    assert "data fetch cifar10" in result.err or "Fetch it" in result.err
    assert store.all() == []
    assert not folder.exists()


@pytest.mark.usefixtures("sample_as_full")
def test_a_run_with_automatic_precision_counts_by_its_actual_precision(
    call: Call, store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def submit(*_: object) -> None:
        raise RunError("It would be trained.")

    monkeypatch.setattr(Worker, "submit", submit)
    experiment = PRESETS["cifar10-starter"].experiment.model_copy(update={"seed": 1})
    assert experiment.precision == "auto"
    run = stored_runs.store_run(store, experiment, epochs=10)
    arguments = ("reproduce", "cifar10-starter", "--quick", "--out", tmp_path / "page.md")

    store.describe(run.id, precision="float32")
    assert call(*arguments).code == 0
    store.describe(run.id, precision="bfloat16")
    assert "It would be trained." in call(*arguments).err


def test_quick_and_seeds_exclude_each_other(call: Call) -> None:
    result = call("reproduce", "--quick", "--seeds", 2)
    assert result.code == 2
    assert result.err.startswith("--quick and --seeds exclude each other: give only one.")


def test_an_unknown_preset_is_refused(call: Call) -> None:
    result = call("reproduce", "cifar11")
    assert result.code == 2
    assert "There is no preset called “cifar11”" in result.err


def test_an_unusable_output_path_is_refused_before_training(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes("Müller".encode("latin-1"))
    for out, reason in (
        (file / "page.md", f"“{file}” is a file, not a folder"),
        (file / "deep" / "page.md", f"“{file}” is a file, not a folder"),
        (tmp_path, "it is a folder"),
        (tmp_path / "page.json", "the .json file is for the numbers"),
        (file, "the existing file is not UTF-8 text"),
    ):
        result = call("reproduce", "cifar10-starter", "--out", out)
        assert result.code == 2
        assert reason in result.err
        assert "Choose another path with --out" in result.err
    assert file.read_bytes() == "Müller".encode("latin-1")
    assert list(tmp_path.glob("*.*")) == []


def test_a_results_file_of_another_kind_is_left_alone(call: Call, tmp_path: Path) -> None:
    other = tmp_path / "page.json"
    other.write_text("[1, 2]")
    result = call("reproduce", "cifar10-starter", "--out", tmp_path / "page.md")
    assert result.code == 2
    assert "Move it, or choose another path" in result.err
    assert other.read_text() == "[1, 2]"
