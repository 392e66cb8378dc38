"""Inside: weights, gradients and activations of each layer over the epochs."""

import numpy as np
import pytest

from cifarviz.analysis.trained_model import TrainedModel
from cifarviz.errors import DatasetDamaged
from cifarviz.experiment.choices import Data
from cifarviz.network.layer_samples import LayerSample
from cifarviz.runs.artifacts import FolderArtifacts
from cifarviz.runs.layer_histograms import Histograms, make_histogram, save_histograms
from cifarviz.runs.recorded import restore_recorded_run
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import save_weights, snapshot_path
from cifarviz.runs.store import RunStore
from cifarviz.ui import weights_job
from cifarviz.ui.inside import layer_histories
from tests import stored_runs
from tests.components import component_keys
from tests.pages.app_page import address_of, widget
from tests.pages.inside_page import errors, opened, page_texts
from tests.stored_runs import Arrays


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages wait for their results, as they would be run again in a browser."""
    monkeypatch.setattr(weights_job, "PATIENCE", 60)


def histograms(gradient: float) -> Histograms:
    def layer(name: str, size: float, dead: float = 0.0) -> LayerSample:
        values = np.linspace(-size, size, 100).astype(np.float32)
        return LayerSample(name, values, -size, size, size, dead)

    samples = {
        "weights": [layer("conv2d_1", 1), layer("dense_1", 1)],
        "gradients": [layer("conv2d_1", gradient), layer("dense_1", 0.1)],
        "activations": [layer("conv2d_1", 1, dead=1 / 3)],
    }
    return {kind: tuple(map(make_histogram, own)) for kind, own in samples.items()}  # type: ignore[misc]


@pytest.fixture
def measured(store: RunStore, weights: Arrays) -> Run:
    run = stored_runs.store_run(store, stored_runs.experiment(), checkpoints={"last": weights})
    artifacts = FolderArtifacts(store.folder(run.id))
    for epoch in range(4):
        save_histograms(artifacts, epoch, histograms(1e-9 if epoch == 3 else 0.1))
    for epoch in range(3):
        save_weights(artifacts, epoch, dict(weights))
    return run


def test_each_kind_has_a_chart_and_problems_are_named(measured: Run) -> None:
    app = opened(run=measured.id, view="weights")
    assert "layer-histories" in component_keys(app)
    texts = "\n".join(page_texts(app))
    assert "**conv2d\\_1**: 33.3% of its units give the same value for every image" in texts
    assert "**conv2d\\_1**: the norm of its gradient is 1e-09 times that of its weights" in texts
    [table] = app.dataframe
    assert table.value["Gradient / weights"].tolist() == pytest.approx([1e-9, 0.1])
    for kind in ("gradients", "activations"):
        widget(app, "segmented_control", "inside-values").set_value(kind).run()
        assert address_of(app)["values"] == kind
        assert "layer-histories" in component_keys(app)
        assert f"{kind.capitalize()} over the epochs" in [one.value for one in app.header]
    assert not errors(app)
    assert not app.exception


def test_problems_are_those_of_the_epoch_shown(measured: Run) -> None:
    app = opened(run=measured.id, view="weights", checkpoint="epochs", epoch="2")
    texts = page_texts(app)
    assert "Layers after epoch 2" in [one.value for one in app.header]
    assert not any("vanishing" in text for text in texts)


def test_a_damaged_file_leaves_the_other_epochs(measured: Run, store: RunStore) -> None:
    snapshot_path(store.folder(measured.id), "histograms", 3).write_bytes(b"nothing")
    app = opened(run=measured.id, view="weights")
    assert "Layers after epoch 2" in [one.value for one in app.header]
    assert not errors(app)


def test_of_older_runs_weights_and_activations_are_measured(run: Run) -> None:
    app = opened(run=run.id, view="weights")
    assert "layer-histories" in component_keys(app)
    [table] = app.dataframe
    assert list(table.value.columns) == ["Layer", "Norm of weights", "Dead units"]
    assert any("are counted over 256 training images" in text for text in page_texts(app))
    widget(app, "segmented_control", "inside-values").set_value("gradients").run()
    assert any("No gradients of this run are stored" in text for text in page_texts(app))
    assert "layer-histories" not in component_keys(app)
    assert not errors(app)


def test_what_is_stored_is_shown_without_its_images(
    measured: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_given: object) -> None:
        raise DatasetDamaged("The images are damaged.")

    monkeypatch.setattr(layer_histories, "train_indices", refuse)
    app = opened(run=measured.id, view="weights", values="activations")
    assert "layer-histories" in component_keys(app)
    assert any("for a few hundred validation images" in text for text in page_texts(app))
    assert not errors(app)


def test_activations_are_of_images_trained_on(
    store: RunStore, weights: Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = []

    def measure(self: TrainedModel, images: np.ndarray) -> Histograms:
        shown.append(len(images))
        return histograms(0.1)

    monkeypatch.setattr(TrainedModel, "layer_histograms", measure)
    experiment = stored_runs.experiment(data=Data(train_images=100))
    run = stored_runs.store_run(store, experiment, checkpoints={"last": weights})
    app = opened(run=run.id, view="weights", values="activations")
    assert shown == [100]
    assert any("for 100 training images" in text for text in page_texts(app))


def test_unknown_values_have_one_message(run: Run) -> None:
    [error] = errors(opened(run=run.id, view="weights", values="biases"))
    assert "no values “biases”" in error


def test_it_needs_no_image(measured: Run) -> None:
    app = opened(run=measured.id, view="weights", image="nonsense")
    assert "layer-histories" in component_keys(app)
    assert not {"inside-answer", "pinned"} & set(component_keys(app))
    assert not errors(app)


def test_a_recorded_run_says_why_it_has_no_gradients(store: RunStore) -> None:
    restore_recorded_run(store)
    texts = page_texts(opened(view="weights", values="gradients"))
    assert any("was recorded before gradients were measured" in text for text in texts)
