"""A run's script and notebook train what the run trained, in a process without cifarviz."""

import csv
import json
from typing import Any

import numpy as np
import pytest

from cifarviz.runs.artifacts import checkpoint_path, load_arrays
from cifarviz.runs.records import Epoch
from tests.export.conftest import Taken


def _history(one: Taken) -> list[dict[str, str]]:
    with (one.folder / "history.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(("name", "loss"), [("script", "cross_entropy"), ("notebook", "loss")])
def test_the_code_reaches_the_history_of_its_run(
    taken: dict[str, Taken], name: str, loss: str
) -> None:
    one = taken[name]
    epochs: list[Epoch] = one.store.epochs(one.run.id)
    rows = _history(one)
    assert len(rows) == len(epochs) == 2
    for row, epoch in zip(rows, epochs, strict=True):
        assert float(row[loss]) == pytest.approx(epoch.loss, rel=1e-4)
        assert float(row[f"val_{loss}"]) == pytest.approx(epoch.val_loss, rel=1e-4)
        assert float(row["accuracy"]) == pytest.approx(epoch.accuracy, abs=1e-6)
        assert float(row["val_accuracy"]) == pytest.approx(epoch.val_accuracy, abs=2e-3)
    # Two epochs that differ: a frozen order, or no training at all, would not.
    assert rows[0][loss] != rows[1][loss]


@pytest.mark.parametrize("name", ["script", "notebook"])
def test_the_code_builds_the_same_network_without_cifarviz(
    taken: dict[str, Taken], name: str
) -> None:
    one = taken[name]
    assert one.facts["parameters"] == one.run.experiment.architecture.parameters
    assert one.facts["knows_cifarviz"] is False


@pytest.mark.parametrize("name", ["script", "notebook"])
def test_the_code_ends_with_the_weights_of_its_run(taken: dict[str, Taken], name: str) -> None:
    from cifarviz.network.build import build
    from cifarviz.network.variables import to_arrays

    one = taken[name]
    assert one.run.scaling is not None
    model = build(one.run.experiment.architecture, one.run.scaling)
    model.load_weights(one.folder / "last.weights.h5")
    stored, _ = load_arrays(checkpoint_path(one.store.folder(one.run.id), "last"))
    for key, value in to_arrays(model).items():
        if "seed_generator" not in key:
            np.testing.assert_allclose(value, stored[key], rtol=5e-3, atol=5e-5, err_msg=key)


@pytest.mark.parametrize("name", ["script", "notebook"])
def test_a_keras_file_answers_in_plain_keras_as_the_run_does(
    taken: dict[str, Taken], name: str
) -> None:
    from cifarviz.analysis.trained_model import open_checkpoint

    one = taken[name]
    images = np.load(one.folder / "images.npy")
    expected = open_checkpoint(one.store, one.run, "last").probabilities(images)
    with np.load(one.folder / "answers.npz") as answers:
        np.testing.assert_allclose(answers["said"], expected, atol=1e-5)
        # The script's own model with the run's weights in it.
        np.testing.assert_allclose(answers["network"], expected, atol=1e-5)
    assert one.facts["dtype"] == "float32"


def test_answers_to_the_test_images_are_kept_where_the_run_kept_them(
    taken: dict[str, Taken],
) -> None:
    kept = np.load(taken["notebook"].folder / "test-probabilities-epoch-0002.npy")
    assert kept.shape == (1000, 10)
    np.testing.assert_allclose(kept.sum(axis=1), 1, atol=1e-5)
    assert not list(taken["script"].folder.glob("test-probabilities*"))


def test_the_notebook_is_one_that_jupyter_opens(taken: dict[str, Taken]) -> None:
    text = (taken["notebook"].folder / "train.ipynb").read_text("utf-8")
    notebook: dict[str, Any] = json.loads(text)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert set(notebook) == {"cells", "metadata", "nbformat", "nbformat_minor"}
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in notebook["cells"]:
        code = {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        assert set(cell) == {"id", "cell_type", "metadata", "source", *code}
        assert all(isinstance(line, str) for line in cell["source"])
    # The name of a run may hold markup, which Markdown would run.
    assert "<script>" not in "".join(notebook["cells"][0]["source"]).replace(r"\<", "")


def test_dropout_in_halves_follows_the_engine() -> None:
    from cifarviz.export.code import network
    from cifarviz.network import threads
    from cifarviz.training import forward

    assert network._FEWEST_IMAGES == threads._MIN_IMAGES
    assert network._MANY_WEIGHTS == forward._MANY_WEIGHTS
    assert network._MANY_IMAGES == forward._MANY_IMAGES
