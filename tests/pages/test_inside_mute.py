"""Inside: muting channels."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.analysis.trained_model import TrainedModel, open_checkpoint
from cifarviz.data import library
from cifarviz.data.image_set import ImageSet
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import MaxPool2D
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.ui.inside.muting_jobs import ablation_job, evaluation_job
from tests import stored_runs
from tests.components import chart, component_keys, image_grid
from tests.pages.app_page import address_of, widget
from tests.pages.inside_page import errors, opened, page_texts
from tests.stored_runs import Arrays


def muted_model(run: Run, arrays: Arrays, layer: str, channels: list[int]) -> TrainedModel:
    """The run's network with zeroed weights of these channels."""
    changed = {name: value.copy() for name, value in arrays.items()}
    for name, value in changed.items():
        if f"/{layer}/" in name:
            value[..., channels] = 0
    assert isinstance(run.scaling, Scaling)
    return TrainedModel(run.experiment.architecture, run.scaling, changed)


@pytest.fixture
def test_set(run: Run, settings: Settings) -> ImageSet:
    return library.load("cifar10", "sample", settings).test


def bars(app: AppTest) -> dict[str, dict[str, float]]:
    """Both probabilities of each class shown."""
    return {
        trace["name"]: dict(zip(trace["y"], trace["x"], strict=True))
        for trace in chart(app, "mute-prediction")["data"]
    }


def test_at_first_everything_is_on(run: Run) -> None:
    app = opened(view="mute")
    assert image_grid(app, "mute-conv2d_1")["muted"] == []
    assert "Nothing is muted. Click a channel." in page_texts(app)
    whole, muted = bars(app).values()
    assert whole == pytest.approx(muted)
    assert "off" not in address_of(app)
    assert not errors(app)
    assert not app.exception


def test_the_answer_is_that_of_a_network_with_zeroed_weights(
    run: Run, weights: Arrays, test_set: ImageSet
) -> None:
    app = opened(view="mute", layer="conv2d_2", off="conv2d_2:1,4-6")
    assert image_grid(app, "mute-conv2d_2")["muted"] == [1, 4, 5, 6]
    pixels = test_set.having([1]).images
    expected = muted_model(run, weights, "conv2d_2", [1, 4, 5, 6]).probabilities(pixels)[0]
    _, muted = bars(app).values()
    assert sorted(muted.values()) == pytest.approx(sorted(expected), abs=1e-5)
    assert "ship ✓" in muted
    assert any("4 channels muted" in text for text in page_texts(app))
    assert not app.exception


def test_buttons_change_what_is_muted(run: Run) -> None:
    app = opened(view="mute", layer="conv2d_2", off="conv2d_1:2;conv2d_2:1,4-6")
    app.button(key="mute-invert").click().run()
    assert address_of(app)["off"] == "conv2d_1:2;conv2d_2:0,2-3,7"
    app.button(key="mute-all-off").click().run()
    assert address_of(app)["off"] == "conv2d_1:2;conv2d_2:0-7"
    assert any("All 8 channels of conv2d" in warning.value for warning in app.warning)
    assert app.button(key="mute-all-off").disabled
    widget(app, "segmented_control", "inside-view").set_value("layers").run()
    assert address_of(app)["off"] == "conv2d_1:2;conv2d_2:0-7"
    widget(app, "segmented_control", "inside-view").set_value("mute").run()
    app.button(key="mute-all-on").click().run()
    assert "off" not in address_of(app)
    assert not app.exception


@pytest.mark.parametrize("off", ["conv2d_1:6", "dense_1:0", "conv2d_9:1", "conv2d_1", "<b>:1"])
def test_unknown_channels_are_reported_and_the_others_muted(run: Run, off: str) -> None:
    app = opened(view="mute", off=f"{off};conv2d_1:3")
    assert len(errors(app)) == 1
    assert "such as “conv2d_1:0,2-3”" in errors(app)[0]
    assert image_grid(app, "mute-conv2d_1")["muted"] == [3]
    assert not app.exception


def test_unknown_channels_have_one_message(run: Run) -> None:
    [error] = errors(opened(view="mute", off="a;b;c;d;e;conv2d_1:3"))
    assert "The address mutes “a”, “b”, “c” and 2 more, which this network" in error


def test_a_layer_without_maps_is_reported(run: Run) -> None:
    app = opened(view="mute", layer="dense_1", click="twice")
    assert any("There is no layer “dense_1” with maps." in error for error in errors(app))
    assert any(
        "A click can be “Click mutes” or “Click keeps only”, not “twice”." in error
        for error in errors(app)
    )
    assert not app.exception


def test_networks_without_maps_and_with_one_channel_are_explained(store: RunStore) -> None:
    end = Dense(units=10, activation="softmax")
    runs = {}
    for name, layers in (
        ("flat", (Flatten(), end)),
        ("one", (Conv2D(filters=1), MaxPool2D(), Conv2D(filters=1), Flatten(), end)),
    ):
        tiny = stored_runs.experiment()
        network = tiny.architecture.make(input_shape=(32, 32, 3), classes=10, layers=layers)
        experiment = tiny.model_copy(update={"architecture": network})
        runs[name] = stored_runs.store_run(
            store, experiment, checkpoints={"last": stored_runs.weights(experiment)}
        )
    app = opened(run=runs["flat"].id, view="mute")
    assert "This network has no layer with maps, so it has no channels to mute." in page_texts(app)
    assert not app.exception
    app = opened(run=runs["flat"].id, view="step", layer="dense_1")
    assert not errors(app)
    assert not app.exception
    app = opened(run=runs["one"].id, view="mute", off="conv2d_1:0")
    assert "single channel, which is muted" in app.warning[0].value
    assert len(set(np.round(list(bars(app)["With muted channels"].values()), 6))) == 1
    assert not app.exception


def test_accuracy_and_confusion_are_compared_with_the_whole_network(
    run: Run, weights: Arrays, test_set: ImageSet
) -> None:
    off = {"conv2d_2": frozenset(range(7))}
    app = opened(view="mute", off="conv2d_2:0-6")
    app.button(key="mute-evaluate").click().run()
    job = evaluation_job(run, "last", off, start=False)
    assert job is not None
    assert job.wait(60)
    app.run()
    result = job.result()
    assert result is not None
    assert result.muted.indices.tolist() == test_set.indices.tolist()
    model = open_checkpoint(RunStore(Settings.from_environment()), run, "last")
    other = muted_model(run, weights, "conv2d_2", list(range(7)))
    hits = [
        (network.probabilities(test_set.images).argmax(1) == test_set.labels).mean()
        for network in (model, other)
    ]
    shown = {metric.label: metric.value for metric in app.metric}
    assert result.whole.accuracy == pytest.approx(hits[0])
    assert result.muted.accuracy == pytest.approx(hits[1], abs=0.002)
    assert shown["Whole network"] == f"{hits[0]:.1%}"
    assert {"muted-matrix", "muted-change"} <= set(component_keys(app))
    assert not app.exception


def test_the_channels_that_matter_are_ranked(run: Run) -> None:
    app = opened(view="mute", layer="conv2d_1", off="conv2d_1:2")
    app.button(key="mute-ablate").click().run()
    job = ablation_job(run, "last", "conv2d_1", start=False)
    assert job is not None
    assert job.wait(60)
    app.run()
    result = job.result()
    assert result is not None
    assert result.images.sum() == 300
    labels = image_grid(app, "mute-ranked")["labels"]
    assert [int(label.partition(":")[0]) for label in labels] == result.ranked(None).tolist()
    assert len(image_grid(app, "mute-ranked")["muted"]) == 1
    widget(app, "selectbox", "mute-hurts").set_value("ship").run()
    assert address_of(app)["hurts"] == "ship"
    labels = image_grid(app, "mute-ranked")["labels"]
    assert [int(label.partition(":")[0]) for label in labels] == result.ranked(8).tolist()
    assert any("30 test images of the class" in text for text in page_texts(app))
    assert not app.exception
