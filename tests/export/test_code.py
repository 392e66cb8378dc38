"""A run's script and notebook repeat its training in a process without cifarviz."""

import csv
import json
from typing import Any

import numpy as np
import pytest

from cifarviz.runs.artifacts import checkpoint_path, load_arrays
from cifarviz.runs.records import Epoch
from tests.export.conftest import ExportedRun


def _history(run: ExportedRun) -> list[dict[str, str]]:
    with (run.folder / "history.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(("name", "loss"), [("script", "cross_entropy"), ("notebook", "loss")])
def test_the_code_repeats_the_history_of_its_run(
    exported: dict[str, ExportedRun], name: str, loss: str
) -> None:
    run = exported[name]
    epochs: list[Epoch] = run.store.epochs(run.run.id)
    rows = _history(run)
    assert len(rows) == len(epochs) == 2
    for row, epoch in zip(rows, epochs, strict=True):
        assert float(row[loss]) == pytest.approx(epoch.loss, rel=1e-4)
        assert float(row[f"val_{loss}"]) == pytest.approx(epoch.val_loss, rel=1e-4)
        assert float(row["accuracy"]) == pytest.approx(epoch.accuracy, abs=1e-6)
        assert float(row["val_accuracy"]) == pytest.approx(epoch.val_accuracy, abs=2e-3)
    # The epochs differ, unlike without training.
    assert rows[0][loss] != rows[1][loss]


@pytest.mark.parametrize("name", ["script", "notebook"])
def test_the_code_builds_the_same_network_without_cifarviz(
    exported: dict[str, ExportedRun], name: str
) -> None:
    run = exported[name]
    assert run.facts["parameters"] == run.run.experiment.architecture.parameters
    assert run.facts["imports_cifarviz"] is False


@pytest.mark.parametrize("name", ["script", "notebook"])
def test_the_code_ends_with_the_weights_of_its_run(
    exported: dict[str, ExportedRun], name: str
) -> None:
    from cifarviz.network.build import build
    from cifarviz.network.variables import to_arrays

    run = exported[name]
    assert run.run.scaling is not None
    model = build(run.run.experiment.architecture, run.run.scaling)
    model.load_weights(run.folder / "last.weights.h5")
    stored, _ = load_arrays(checkpoint_path(run.store.folder(run.run.id), "last"))
    for key, value in to_arrays(model).items():
        if "seed_generator" not in key:
            np.testing.assert_allclose(value, stored[key], rtol=5e-3, atol=5e-5, err_msg=key)


@pytest.mark.parametrize("name", ["script", "notebook"])
def test_a_keras_file_predicts_like_the_run_without_cifarviz(
    exported: dict[str, ExportedRun], name: str
) -> None:
    from cifarviz.analysis.trained_model import open_checkpoint

    run = exported[name]
    images = np.load(run.folder / "images.npy")
    expected = open_checkpoint(run.store, run.run, "last").probabilities(images)
    with np.load(run.folder / "predictions.npz") as predictions:
        np.testing.assert_allclose(predictions["model"], expected, atol=1e-5)
        # The program's own model with the run's weights.
        np.testing.assert_allclose(predictions["network"], expected, atol=1e-5)
    assert run.facts["dtype"] == "float32"


def test_test_predictions_are_saved_at_the_epochs_of_the_run(
    exported: dict[str, ExportedRun],
) -> None:
    predictions = np.load(exported["notebook"].folder / "test-probabilities-epoch-0002.npy")
    assert predictions.shape == (1000, 10)
    np.testing.assert_allclose(predictions.sum(axis=1), 1, atol=1e-5)
    assert not list(exported["script"].folder.glob("test-probabilities*"))


def test_the_notebook_has_the_format_of_jupyter(exported: dict[str, ExportedRun]) -> None:
    text = (exported["notebook"].folder / "train.ipynb").read_text("utf-8")
    notebook: dict[str, Any] = json.loads(text)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert set(notebook) == {"cells", "metadata", "nbformat", "nbformat_minor"}
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in notebook["cells"]:
        code = {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        assert set(cell) == {"id", "cell_type", "metadata", "source", *code}
        assert all(isinstance(line, str) for line in cell["source"])
    # Markup in a run's name is escaped.
    assert "<script>" not in "".join(notebook["cells"][0]["source"]).replace(r"\<", "")


def test_dropout_in_halves_uses_the_limits_of_the_engine() -> None:
    from cifarviz.export.code import network
    from cifarviz.network import threads
    from cifarviz.training import forward

    assert network._FEWEST_IMAGES == threads._MIN_IMAGES
    assert network._MANY_WEIGHTS == forward._MANY_WEIGHTS
    assert network._MANY_IMAGES == forward._MANY_IMAGES
