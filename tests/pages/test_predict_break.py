"""Predict, "Break it": sliders over the chosen picture, and where the prediction changes."""

import threading
from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.analysis.sweeps import accuracy_sample, accuracy_sweep, sweep
from cifarviz.analysis.trained_model import open_checkpoint
from cifarviz.data import library
from cifarviz.data.distortions import distort, find_distortion
from cifarviz.data.image_set import ImageSet
from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.ui import weights_job
from tests import stored_runs
from tests.components import chart, chart_head, component_keys, image_grid, live_texts
from tests.image_files import encode_image
from tests.pages.app_page import address_of, widget
from tests.pages.predict_page import errors, opened, photo, pictures, text, uploaded
from tests.waiting import wait_until

Ask = Callable[[np.ndarray], tuple[str, float]]


@pytest.fixture(autouse=True)
def _wait_for_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights_job, "PATIENCE", 60)


@pytest.fixture
def test_images(run: Run, settings: Settings) -> ImageSet:
    return library.load("cifar10", "sample", settings).test


def broken(**address: object) -> AppTest:
    return opened(image=3, **{"view": "break", **address})


def picture(images: ImageSet) -> np.ndarray:
    return images.having([3]).images[0]


def press_and_wait(app: AppTest, key: str) -> AppTest:
    """Press a button that starts a job, and run the page again when the job has ended."""
    app.button(key=key).click().run()
    wait_until_ended()
    return app.run()


def wait_until_ended() -> None:
    wait_until(lambda: "cifarviz-accuracy-curve" not in [one.name for one in threading.enumerate()])


def test_the_sliders_of_a_link_change_the_picture_together(
    run: Run, predict: Ask, test_images: ImageSet
) -> None:
    app = broken(amounts="rotation:-30,noise:40,blur:1.5")
    amounts = {"rotation": -30.0, "noise": 40.0, "blur": 1.5}
    name, probability = predict(distort(picture(test_images), amounts))
    assert f"**{name}**, {probability:.1%}" in text(app)
    assert "Rotation −30° · Blur 1.5 px · Noise 40 levels" in text(app)
    assert widget(app, "slider", "predict-rotation").value == -30
    assert widget(app, "slider", "predict-blur").value == 1.5
    assert widget(app, "slider", "predict-hue").value == 0
    assert "Test image 3, airplane, changed" in pictures(app)
    assert not app.error
    assert not app.exception


def test_the_slider_moved_last_has_the_curves_and_is_in_the_address(
    run: Run, predict: Ask, test_images: ImageSet
) -> None:
    app = broken(amounts="rotation:-30")
    widget(app, "slider", "predict-noise").set_value(25.0).run()
    assert address_of(app)["amounts"] == "rotation:-30,noise:25"
    assert address_of(app)["change"] == "noise"
    assert "over Noise" not in chart_head(app, "predict-sweep")["description"]
    assert chart_head(app, "predict-sweep")["description"].endswith("over noise")
    widget(app, "slider", "predict-noise").set_value(0.0).run()
    assert address_of(app)["amounts"] == "rotation:-30"
    app.button(key="predict-reset").click().run()
    assert "amounts" not in address_of(app)
    assert address_of(app)["change"] == "noise"
    assert "Not changed" in text(app)
    assert not app.exception


def test_curves_and_flips_are_those_of_the_network(
    run: Run, settings: Settings, test_images: ImageSet
) -> None:
    app = broken(change="rotation", amounts="contrast:60,rotation:20")
    model = open_checkpoint(RunStore(settings), run, "last")
    expected = sweep(
        model.probabilities, picture(test_images), find_distortion("rotation"), {"contrast": 60}
    )
    figure = chart(app, "predict-sweep")
    curves = {trace["name"]: trace for trace in figure["data"]}
    first = CIFAR10.classes[expected.predicted]
    np.testing.assert_allclose(
        curves[first]["y"], expected.probabilities[:, expected.predicted], rtol=1e-5
    )
    assert curves[first]["x"] == expected.amounts.tolist()
    assert figure["layout"]["shapes"][0]["x0"] == 20
    flips = [find_distortion("rotation").format(flip.amount) for flip in expected.flips]
    assert len(flips) == 2, "the picture of this test should flip on both sides"
    for amount in flips:
        assert amount in text(app)
    marks = [trace for trace in figure["data"] if trace["mode"] == "markers"]
    assert [trace["x"] for trace in marks] == [[flip.amount] for flip in expected.flips]
    for trace, flip in zip(marks, expected.flips, strict=True):
        curve = curves[CIFAR10.classes[flip.predicted]]
        assert trace["y"] == [curve["y"][curve["x"].index(flip.amount)]], "on its curve"
    labels = [label.split("\n")[0] for label in image_grid(app, "predict-flips")["labels"]]
    assert labels == [flips[0], "0°", flips[1]]


def test_the_accuracy_is_measured_in_the_background(
    run: Run, settings: Settings, test_images: ImageSet
) -> None:
    app = broken(change="noise", amounts="brightness:10")
    assert "**Test images** over noise, each with Brightness 10 levels" in text(app)
    app = press_and_wait(app, "predict-accuracy-start")
    figure = chart(app, "predict-accuracy")
    line = next(trace for trace in figure["data"] if trace["name"] == "200 test images")
    model = open_checkpoint(RunStore(settings), run, "last")
    expected = accuracy_sweep(
        model.probabilities,
        accuracy_sample(test_images),
        find_distortion("noise"),
        {"brightness": 10},
        lambda done: None,
    )
    np.testing.assert_allclose(line["y"], expected.correct / 200)
    # Its own slider does not change it, another one does.
    widget(app, "slider", "predict-noise").set_value(30.0).run()
    assert "predict-accuracy" in component_keys(app)
    widget(app, "slider", "predict-brightness").set_value(12.0).run()
    assert "predict-accuracy" not in component_keys(app)
    assert not app.exception


def test_a_measurement_shows_its_progress_and_can_be_stopped(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cifarviz.analysis.trained_model import TrainedModel

    original, gate = TrainedModel.probabilities, threading.Event()

    def slow(self: TrainedModel, images: np.ndarray) -> np.ndarray:
        if len(images) == 200:
            gate.wait(60)
        return original(self, images)

    monkeypatch.setattr(TrainedModel, "probabilities", slow)
    app = broken(change="jpeg")
    app.button(key="predict-accuracy-start").click().run()
    assert "Predicting changed test images …" in live_texts(app)
    app.button(key="stop-predict-accuracy-job").click().run()
    gate.set()
    wait_until_ended()
    app.run()
    assert "predict-accuracy" not in component_keys(app)
    assert not app.button(key="predict-accuracy-start").disabled
    assert not app.exception


def test_the_page_does_not_wait_for_a_slow_network(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cifarviz.analysis.trained_model import TrainedModel

    original, gate = TrainedModel.probabilities, threading.Event()

    def slow(self: TrainedModel, images: np.ndarray) -> np.ndarray:
        if len(images) > 1:
            gate.wait(60)
        return original(self, images)

    monkeypatch.setattr(TrainedModel, "probabilities", slow)
    monkeypatch.setattr(weights_job, "PATIENCE", 0)
    app = broken(change="blur")
    assert "Predicting the changed picture …" in text(app)
    assert "predict-sweep" not in component_keys(app)
    gate.set()
    monkeypatch.setattr(weights_job, "PATIENCE", 60)
    app.run()
    assert "predict-sweep" in component_keys(app)
    assert not app.exception


def test_a_grey_picture_has_no_hue(store: RunStore) -> None:
    experiment = stored_runs.experiment()
    grey = experiment.model_copy(
        update={
            "architecture": experiment.architecture.model_copy(update={"input_shape": (28, 28, 1)}),
            "data": experiment.data.model_copy(update={"dataset": "fashion-mnist"}),
        }
    )
    stored_runs.store_run(store, grey, checkpoints={"last": stored_runs.weights(grey)})
    app = opened(image=2, change="hue", view="break")
    assert "A grey picture has no hue. Choose another change." in errors(app)
    assert not [one for one in app.slider if one.label == "Hue"]
    assert len(app.slider) == 9
    assert not app.exception


def test_wrong_amounts_are_reported_and_the_others_count(run: Run) -> None:
    app = broken(amounts="rotation:500,blur:2,fog:1,noise")
    [problem] = errors(app)
    assert "“rotation:500, fog:1, noise”" in problem.replace(":color[]", "")
    assert "Blur 2 px" in text(app)
    assert not app.exception


def test_an_upload_is_broken_as_a_test_image_is(run: Run, predict: Ask) -> None:
    app = uploaded(
        ("mine.png", encode_image(photo((32, 32))), "image/png"),
        view="break",
        amounts="brightness:60",
    )
    pixels = np.asarray(photo((32, 32)))
    name, probability = predict(distort(pixels, {"brightness": 60}))
    assert f"**{name}**, {probability:.1%}" in text(app)
    assert "mine.png, changed" in pictures(app)
    assert not app.exception
