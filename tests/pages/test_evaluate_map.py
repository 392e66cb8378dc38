"""Evaluate's Map view: positions, colours and epochs."""

import threading

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.trained_model import TrainedModel, open_checkpoint
from cifarviz.data import library
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.runs.artifacts import FolderArtifacts
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice, save_weights
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.ui import cache, weights_job
from tests import stored_runs
from tests.components import components, epoch_slider, image_map, map_positions
from tests.pages.app_page import address_of, opened_from_start, widget
from tests.pages.evaluate_page import errors, metrics, text

KEY = "image-map-cifar10-sample"


def opened(**address: object) -> AppTest:
    return opened_from_start("evaluate", view="map", **address)


def test_images_are_where_their_vectors_vary_most(
    run: Run, shared: tuple[Settings, Run], evaluation: Evaluation
) -> None:
    app = opened(run=run.id)
    assert not app.exception
    drawn = image_map(app, KEY)
    # All images of the sample are on it, in their order.
    assert drawn["indices"] == evaluation.indices.tolist()
    assert drawn["group"] == drawn["labels"] == evaluation.labels.tolist()
    assert drawn["predicted"] == evaluation.predicted.tolist()
    assert [name for name, *_ in drawn["groups"]] == list(evaluation.classes)
    images = library.load("cifar10", "sample", shared[0]).test.images
    features, _ = open_checkpoint(RunStore(shared[0]), run, "last").features(images)
    left, sizes, _ = np.linalg.svd(features - features.mean(axis=0), full_matrices=False)
    expected = left[:, :2] * sizes[:2]
    expected /= np.sqrt((expected**2).sum(axis=1).mean())
    np.testing.assert_allclose(np.abs(map_positions(app)), np.abs(expected), atol=2e-3)
    share = (sizes[:2] ** 2).sum() / (sizes**2).sum()
    assert metrics(app)["Variance shown"] == f"{share:.1%}"
    assert metrics(app)["Accuracy of these"] == f"{evaluation.accuracy:.1%}"
    assert "far apart on the map is far apart in the layer" in text(app)


def test_colours_tell_right_from_wrong(run: Run, evaluation: Evaluation) -> None:
    app = opened(run=run.id, color="right")
    drawn = image_map(app, KEY)
    assert [name for name, *_ in drawn["groups"]] == ["right", "wrong"]
    assert drawn["group"] == (evaluation.predicted != evaluation.labels).astype(int).tolist()
    widget(app, "button_group", "map-color").set_value("predicted").run()
    assert address_of(app)["color"] == "predicted"
    assert image_map(app, KEY)["group"] == evaluation.predicted.tolist()


def test_the_slider_moves_images_and_does_not_mirror_them(trained: Run) -> None:
    app = opened(run=trained.id)
    assert epoch_slider(app)["stops"] == [0, 1, 3]
    newest = map_positions(app)
    # Half the weights make another map, turned to fit the newest.
    earlier = map_positions(opened(run=trained.id, epoch=1))
    for position in (newest, earlier):
        np.testing.assert_allclose((position**2).sum(axis=1).mean(), 1, rtol=1e-4)
    correlation = [np.corrcoef(newest[:, axis], earlier[:, axis])[0, 1] for axis in (0, 1)]
    assert min(correlation) > 0.5


def test_another_epoch_is_shown_while_one_is_computed(
    trained: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, open_model = threading.Event(), cache.open_model

    def open_slowly(run: Run, weights: WeightsChoice, runs: RunStore) -> TrainedModel:
        if weights == 1:
            release.wait(20)
        return open_model(run, weights, runs)

    monkeypatch.setattr(cache, "open_model", open_slowly)
    newest = map_positions(opened(run=trained.id))
    monkeypatch.setattr(weights_job, "PATIENCE", 0)
    app = opened(run=trained.id, epoch=1)
    assert "This is the map after epoch 3 until then." in text(app)
    np.testing.assert_array_equal(map_positions(app), newest)
    release.set()
    for _ in range(200):
        app.run()
        if "until then" not in text(app):
            break
    assert "after epoch 1" in image_map(app, KEY)["description"]


def test_similar_colours_have_different_frames(run: Run) -> None:
    groups = {name: is_round for name, _, is_round in image_map(opened(run=run.id), KEY)["groups"]}
    assert groups["deer"] != groups["dog"] != groups["horse"] != groups["cat"]


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ({"method": "umap"}, "There is no method “umap” here. Choose from pca, tsne."),
        ({"color": "blue"}, "There are no colours by “blue” here."),
    ],
)
def test_unknown_values_are_reported(run: Run, address: dict[str, str], problem: str) -> None:
    app = opened(run=run.id, **address)
    assert problem in errors(app)
    assert components(app, "image_map")


def test_a_network_without_hidden_layers_and_a_layer_of_one(store: RunStore) -> None:
    output = Dense(units=10, activation="softmax")
    for layers, sentence in (
        ((Flatten(), output), "Only the last layer of this network has weights"),
        ((Flatten(), Dense(units=1, activation="linear"), output), "the map is a line"),
    ):
        made = stored_runs.experiment(*layers)
        run = stored_runs.store_run(
            store, made, checkpoints={"last": stored_runs.weights(made)}, epochs=1
        )
        app = opened(run=run.id)
        assert sentence in "\n".join(info.value for info in app.info)
        assert np.isfinite(map_positions(app)).all()
        assert not app.exception


def test_weights_that_cannot_be_mapped_are_explained(trained: Run, store: RunStore) -> None:
    arrays = stored_runs.weights(stored_runs.experiment())
    folder = FolderArtifacts(store.folder(trained.id))
    save_weights(folder, 0, {name: np.zeros_like(values) for name, values in arrays.items()})
    save_weights(folder, 1, {name: values * np.nan for name, values in arrays.items()})
    app = opened(run=trained.id, epoch=0)
    assert "gives the same vector for all images" in "\n".join(info.value for info in app.info)
    app = opened(run=trained.id, epoch=1)
    assert "holds NaN or infinite values" in errors(app)
    # The slider leads to the epochs that can be shown.
    assert epoch_slider(app)["shown"] == 1
    assert "nothing of epoch" in "\n".join(
        one.value for one in opened(run=trained.id, epoch=2).warning
    )
