"""The code of a run on imported pictures trains on the archive that its data set is exported to."""

import csv
import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cifarviz.data import library
from cifarviz.data.image_set import Dataset
from cifarviz.data.importing.editing import PictureSelection, delete_pictures
from cifarviz.data.importing.export import export_dataset
from cifarviz.data.importing.importer import prepare_import
from cifarviz.data.importing.options import ImportOptions
from cifarviz.experiment.choices import SplitValidation
from cifarviz.experiment.dataset_fitting import fit_experiment
from cifarviz.export.code.data import data_section
from cifarviz.export.code.program import script
from cifarviz.export.files import ExportKind, code_files
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests import stored_runs
from tests.picture_sources import fruits, write_folder


@pytest.fixture
def dataset(settings: Settings, tmp_path: Path) -> Dataset:
    """Imported pictures of three classes, 16 pixels a side."""
    pictures = write_folder(fruits(20), tmp_path / "pictures")
    options = ImportOptions(title="Fruits `rm` \\", side=16)
    with prepare_import(pictures, "fruits", settings, options) as prepared:
        prepared.store(settings)
    return library.load("fruits", "full", settings)


def test_the_script_repeats_the_history_of_its_run(
    dataset: Dataset, settings: Settings, tmp_path: Path
) -> None:
    from cifarviz.executors.worker import Worker

    made = stored_runs.experiment(
        validation=SplitValidation(fraction=0.25), epochs=2, batch_size=8, precision="float32"
    )
    worker = Worker(settings, "command line")
    experiment = fit_experiment(made, dataset.info)
    run = worker.wait(worker.submit(experiment, "fruit run").id)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for name, content in code_files(run, ExportKind.SCRIPT, "train.py").items():
        (folder / name).write_bytes(content)
    export_dataset("fruits", settings, folder / "fruits.npz")
    result = subprocess.run(
        [sys.executable, "train.py"],
        cwd=folder,
        env={**os.environ, "CIFARVIZ_HOME": str(tmp_path / "none"), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    with (folder / "history.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    epochs = worker.store.epochs(run.id)
    assert len(rows) == len(epochs) == 2
    for row, epoch in zip(rows, epochs, strict=True):
        assert float(row["loss"]) == pytest.approx(epoch.loss, rel=1e-4)
        assert float(row["val_loss"]) == pytest.approx(epoch.val_loss, rel=1e-4)
        assert float(row["accuracy"]) == pytest.approx(epoch.accuracy, abs=1e-6)
        assert float(row["val_accuracy"]) == pytest.approx(epoch.val_accuracy, abs=1e-6)


def test_the_code_says_where_its_archive_comes_from_and_refuses_another(
    dataset: Dataset, settings: Settings, tmp_path: Path
) -> None:
    experiment = fit_experiment(stored_runs.experiment(), dataset.info)
    section = data_section(experiment, f"Path({str(tmp_path)!r})")
    assert "`cifarviz data export fruits --output fruits.npz`" in section.text
    assert dataset.info.title not in section.text
    names = {"np": np, "hashlib": hashlib, "Path": Path}
    load = section.code.split("CLASS_NAMES")[0]
    with pytest.raises(FileNotFoundError, match=r"fruits\.npz"):
        exec(load, dict(names))
    path = tmp_path / "fruits.npz"
    export_dataset("fruits", settings, path)
    exec(load, loaded := dict(names))
    np.testing.assert_array_equal(loaded["test_labels"], dataset.test.labels)
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays["x_test"][0, 0, 0, 0] ^= 1
    np.savez_compressed(path, **arrays)
    with pytest.raises(ValueError, match="does not hold the images of this run"):
        exec(load, dict(names))


def test_the_code_says_that_images_have_changed(dataset: Dataset, settings: Settings) -> None:
    made = fit_experiment(stored_runs.experiment(), dataset.info)
    run = stored_runs.store_run(RunStore(settings), made)
    run = replace(run, data_fingerprint=dataset.info.fingerprint)
    assert "The images have changed" not in script(run)
    delete_pictures("fruits", PictureSelection(test=frozenset({0})), settings, used=True)
    assert "The images have changed since the run was trained" in script(run)
