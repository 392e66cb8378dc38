"""The public Python interface: its examples run, and wrong arguments are errors."""

import doctest
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cifarviz import api
from cifarviz.analysis.trained_model import TrainedModel
from cifarviz.errors import ExperimentInvalid, ImageUnreadable, RunDamaged, RunNotFound
from cifarviz.experiment.choices import Data
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from scripts.app_server import ROOT
from tests import stored_runs
from tests.runs.held_run import held_run


@pytest.fixture
def home(tmp_path: Path) -> api.Home:
    return api.open_home(tmp_path / "home")


@pytest.fixture
def run(home: api.Home) -> api.Run:
    """A run with its initial weights."""
    experiment = stored_runs.experiment()
    return stored_runs.store_run(
        home.store, experiment, checkpoints={"last": stored_runs.weights(experiment)}
    )


def test_the_examples_of_the_documentation_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    results = doctest.testfile(str(ROOT / "docs" / "python.md"), module_relative=False)
    assert results.attempted > 25
    assert results.failed == 0


def test_the_example_of_the_module_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    results = doctest.testmod(api)
    assert results.attempted > 5
    assert results.failed == 0


def test_everything_public_is_documented() -> None:
    text = (ROOT / "docs" / "python.md").read_text("utf-8")
    functions = [name for name in api.__all__ if name[0].islower()]
    assert [name for name in functions if f"api.{name}(" not in text] == []
    for name in api.__all__:
        assert getattr(api, name).__doc__


def test_the_default_home_is_that_of_the_environment(settings: object) -> None:
    assert api.open_home().settings == settings


def test_files_are_cropped_scaled_and_named(home: api.Home, run: api.Run, tmp_path: Path) -> None:
    path = tmp_path / "wide.png"
    pixels = np.random.default_rng(0).integers(0, 256, (40, 80, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    predictions = home.predict(run, path)
    assert predictions.index.tolist() == [str(path)]
    again = home.predict(run.id, [path, str(path)])
    np.testing.assert_allclose(
        again.to_numpy(), np.repeat(predictions.to_numpy(), 2, axis=0), rtol=1e-5
    )
    assert list(home.feature_maps(run, path)) == [
        row.name for row in run.experiment.architecture.trace().rows
    ]


def test_wrong_arguments_are_errors_with_a_reason(
    home: api.Home, run: api.Run, tmp_path: Path
) -> None:
    with pytest.raises(RunNotFound, match="There is no run “zzz” here"):
        home.run("zzz")
    with pytest.raises(RunNotFound, match="“”"):
        home.run("")
    with pytest.raises(ExperimentInvalid, match="no preset called “cifar11”"):
        api.preset("cifar11")
    with pytest.raises(ImageUnreadable, match="cannot be opened"):
        home.predict(run, tmp_path / "nothing.png")
    with pytest.raises(ExperimentInvalid, match="got 28×28×1"):
        home.predict(run, np.zeros((1, 28, 28, 1), np.uint8))
    with pytest.raises(ImageUnreadable, match="Image 1 must be"):
        home.predict(run, [np.zeros((32, 32, 3), np.uint8), np.zeros(5, np.uint8)])
    with pytest.raises(ValueError, match="metric must be “loss” or “accuracy”"):
        home.plot_history(run, metric="f1")  # type: ignore[arg-type]
    with pytest.raises(ExperimentInvalid, match="class 33"):
        home.model(run).attention(np.zeros((32, 32, 3), np.uint8), "conv2d_1", 33)
    with pytest.raises(ValueError, match="exactly one image, not 2"):
        home.feature_maps(run, np.zeros((2, 32, 32, 3), np.uint8))
    with pytest.raises(ValueError, match="must have shape"):
        api.feature_map_image(np.zeros(10))


def test_without_the_full_set_a_run_is_evaluated_on_the_sample_with_a_warning(
    home: api.Home,
) -> None:
    experiment = stored_runs.experiment(
        Flatten(),
        Dense(units=10, activation="softmax"),
        data=Data(variant="full"),
    )
    run = stored_runs.store_run(
        home.store, experiment, checkpoints={"last": stored_runs.weights(experiment)}
    )
    with pytest.warns(UserWarning, match="test images of the sample"):
        assert len(home.evaluate(run)) == 1000


def test_several_runs_are_plotted_in_one_chart(home: api.Home, run: api.Run) -> None:
    other = stored_runs.store_run(home.store, stored_runs.experiment(), name="other")
    groups = {trace.legendgrouptitle.text for trace in home.plot_history(run, other).data}
    assert {run.name, "other"} <= groups


@pytest.mark.parametrize("count", [1, 2])
def test_the_learning_rate_is_plotted_below_the_loss(
    count: int, home: api.Home, run: api.Run
) -> None:
    runs = [run] * count
    loss, accuracy = home.plot_history(*runs), home.plot_history(*runs, metric="accuracy")
    assert sum(trace.name == "Learning rate" for trace in loss.data) == count
    assert not any(trace.name == "Learning rate" for trace in accuracy.data)


def test_importing_the_api_does_not_import_tensorflow() -> None:
    code = "import sys; from cifarviz import api; print('tensorflow' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"


def test_predictions_of_the_test_images_are_computed_once(
    home: api.Home, run: api.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = home.evaluate(run)

    def refuse(*_args: object, **_more: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(TrainedModel, "predictions", refuse)
    again = home.evaluate(run.id)
    assert (again.loss, again.accuracy) == (first.loss, first.accuracy)


def test_waiting_for_an_orphaned_run_returns_at_once(home: api.Home) -> None:
    run_id, lock = held_run(home.store, "orphan", stored_runs.experiment())
    lock.release()
    (listed,) = home.runs()
    assert listed.orphaned
    assert home.wait(listed).id == run_id


def test_a_damaged_run_is_listed_and_can_only_be_deleted(home: api.Home, run: api.Run) -> None:
    with home.store.database.connect(write=True) as connection:
        connection.execute("UPDATE runs SET state = 'archived'")
    (listed,) = home.runs()
    assert listed.damage is not None
    assert home.history(listed).empty is False
    for method in (home.evaluate, home.model, home.resume):
        with pytest.raises(RunDamaged, match=f"runs delete {run.id}"):
            method(run.id)
    home.delete(listed)
    assert home.runs() == []


def test_predicting_no_images_returns_no_rows(home: api.Home, run: api.Run) -> None:
    assert home.predict(run, []).shape == (0, 10)


def test_early_stopping_is_off_for_runs_too_short_for_it() -> None:
    assert api.preset("fashion-mnist-cnn", epochs=1).early_stopping is None
    assert api.preset("fashion-mnist-cnn").early_stopping is not None


def test_predict_accepts_a_list_of_pixel_arrays(home: api.Home, run: api.Run) -> None:
    images = api.load_data().test.images[:2]
    both = home.predict(run, list(images))
    assert both.index.tolist() == [0, 1]
    np.testing.assert_allclose(both.to_numpy(), home.predict(run, images).to_numpy())
