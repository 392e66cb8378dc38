"""``export`` writes a run to files that work without cifarviz, and replaces none."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarviz.data import library
from cifarviz.data.importing.editing import delete_dataset
from cifarviz.data.importing.importer import prepare_import
from cifarviz.experiment.dataset_fitting import fit_experiment
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests import stored_runs
from tests.cli.conftest import Call
from tests.picture_sources import fruits, write_folder

KINDS = {
    "keras": ".keras",
    "weights": ".weights.h5",
    "script": ".py",
    "notebook": ".ipynb",
    "report": ".html",
    "run": ".zip",
}


def test_every_kind_is_written_and_no_file_is_replaced(
    call: Call, tiny: Any, tmp_path: Path
) -> None:
    for kind, ending in KINDS.items():
        path = tmp_path / f"mine{ending}"
        result = call("export", tiny["run"], "--as", kind, "--out", path)
        assert result.code == 0, result.err
        assert (result.out, path.name in result.err) == ("", True)
        before = path.read_bytes()
        again = call("export", tiny["run"], "--as", kind, "--out", path)
        assert again.code == 2
        assert "exists already: choose another name" in again.err
        assert path.read_bytes() == before
    # A .keras file is a zip archive; script and notebook share the data file.
    with zipfile.ZipFile(tmp_path / "mine.keras") as archive:
        assert "config.json" in archive.namelist()
    with np.load(tmp_path / "cifar10-sample.npz") as data:
        assert data["train_images"].shape == (5000, 32, 32, 3)
        assert data["test_labels"].shape == (1000,)
    assert "keras.Sequential(" in (tmp_path / "mine.py").read_text()
    assert json.loads((tmp_path / "mine.ipynb").read_text())["nbformat"] == 4
    assert f"python -m cifarviz export {tiny['run']}" in (tmp_path / "mine.html").read_text()
    assert not list(tmp_path.glob(".*"))
    # The packed run can be imported, under another id.
    again = call("import", tmp_path / "mine.zip", "--json").json
    assert again["run"] != tiny["run"]
    facts = [call("evaluate", run, "--json").json for run in (tiny["run"], again["run"])]
    assert facts[0]["confusion"] == facts[1]["confusion"]


def test_weights_of_an_epoch_are_exported_to_a_folder(
    call: Call, tiny: Any, tmp_path: Path
) -> None:
    assert call("export", tiny["run"][:6], "--as", "weights", "--out", tmp_path).code == 0
    ended = tmp_path / f"run-{tiny['run']}.weights.h5"
    first = tmp_path / "0.weights.h5"
    arguments = ("--as", "weights", "--out", first, "--epoch", 0)
    assert call("export", tiny["run"], *arguments).code == 0
    assert first.read_bytes() != ended.read_bytes()
    arguments = ("--as", "keras", "--out", tmp_path / "x.keras", "--epoch", 9)
    result = call("export", tiny["run"], *arguments)
    assert result.code == 2
    assert "has no saved weights of epoch 9. Choose one of epochs 0, 1, 2." in result.err


def test_a_report_uses_the_weights_of_the_best_epoch(call: Call, tiny: Any, tmp_path: Path) -> None:
    path = tmp_path / "best.html"
    arguments = ("--as", "report", "--checkpoint", "best", "--out", path)
    assert call("export", tiny["run"], *arguments).code == 0
    assert "the weights from the best epoch, " in path.read_text("utf-8")


@pytest.fixture
def stored(settings: Settings) -> Run:
    """A run with curves and no weights, in this test's home."""
    return stored_runs.store_run(RunStore(settings), stored_runs.experiment())


def test_a_different_data_file_of_the_same_name_is_not_replaced(
    call: Call, stored: Run, tmp_path: Path
) -> None:
    data = tmp_path / "cifar10-sample.npz"
    data.write_text("my own")
    result = call("export", stored.id, "--as", "script", "--out", tmp_path / "train.py")
    assert result.code == 2
    assert "cifar10-sample.npz exists already" in result.err
    # All or nothing.
    assert data.read_text() == "my own"
    assert not (tmp_path / "train.py").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--as", "report", "--out", "x.pdf"), "The name of a report file must end in .html"),
        (("--as", "film", "--out", "x"), "not “film”"),
        (("--as", "script", "--out", "nowhere/x.py"), "There is no folder nowhere"),
        (("--as", "script", "--out", "x.py", "--epoch", "1"), "--epoch needs --as keras"),
        (("--as", "run", "--out", "x.zip", "--checkpoint", "best"), "weights or report"),
        (("--as", "report", "--out", "x.html", "--checkpoint", "best"), "has no weights: their"),
        (("--as", "keras", "--out", "x.keras", "--epoch", "1", "--checkpoint", "best"), "exclude"),
        (("--as", "keras", "--out", "x.keras"), "has no weights: their files were removed"),
        (("--as", "keras", "--out", "x.keras", "--epoch", "1"), "nor of any other"),
        (("--as", "script"), "--out is missing"),
    ],
)
def test_a_wrong_request_is_refused_with_a_message(
    call: Call, stored: Run, arguments: tuple[str, ...], message: str
) -> None:
    result = call("export", stored.id, *arguments)
    assert result.code == 2
    assert message in result.err


@pytest.fixture
def own_run(settings: Settings, tmp_path: Path) -> Run:
    """A run on imported pictures, with curves and no weights."""
    pictures = write_folder(fruits(8), tmp_path / "pictures")
    with prepare_import(pictures, "fruits", settings) as prepared:
        experiment = fit_experiment(stored_runs.experiment(batch_size=1), prepared.store(settings))
    store = RunStore(settings)
    run = stored_runs.store_run(store, experiment)
    store.describe(run.id, train_images=18)
    return run


def test_pictures_of_ones_own_travel_only_where_asked(
    call: Call, own_run: Run, settings: Settings, tmp_path: Path
) -> None:
    sizes = []
    for path, more in (("without.zip", ()), ("with.zip", ("--with-pictures",))):
        arguments = ("--as", "run", "--out", tmp_path / path, *more)
        assert call("export", own_run.id, *arguments).code == 0
        with zipfile.ZipFile(tmp_path / path) as archive:
            sizes.append(len([name for name in archive.namelist() if name.startswith("data/")]))
    assert sizes == [0, 4]
    delete_dataset("fruits", settings, used=True)
    result = call("import", tmp_path / "without.zip")
    assert "packed without the images of fruits" in result.err
    result = call("import", tmp_path / "with.zip")
    assert "The run’s data set, fruits, was imported with it." in result.err
    assert library.status("fruits", settings).verified


@pytest.mark.parametrize(
    ("kind", "message"),
    [("script", "needs --as report or --as run"), ("run", "is for data sets that you imported")],
)
def test_pictures_are_asked_for_only_where_there_are_any(
    kind: str, message: str, call: Call, stored: Run, tmp_path: Path
) -> None:
    arguments = ("--as", kind, "--out", tmp_path, "--with-pictures")
    result = call("export", stored.id, *arguments)
    assert result.code == 2
    assert message in result.err


def test_several_runs_can_be_exported_only_as_a_report(
    call: Call, stored: Run, settings: Settings, tmp_path: Path
) -> None:
    experiment = stored_runs.experiment(batch_size=7)
    both = (stored.id, stored_runs.store_run(RunStore(settings), experiment).id)
    result = call("export", *both, "--as", "script", "--out", tmp_path / "x.py")
    assert result.code == 2
    assert "--as script takes one run, not 2" in result.err
    path = tmp_path / "both.html"
    result = call("export", *both, "--as", "report", "--out", path)
    assert result.code == 0
    # A run without results is reported.
    assert "has no weights: their files were removed" in result.err
    assert "<h1>2 runs compared</h1>" in path.read_text()


def test_an_unknown_run_is_refused(call: Call, tmp_path: Path) -> None:
    result = call("export", "zzz", "--as", "report", "--out", tmp_path / "x.html")
    assert result.code == 2
    assert "There is no run “zzz”" in result.err
