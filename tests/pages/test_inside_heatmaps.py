"""Inside: heatmaps by several methods, and ideal images."""

import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.analysis.occlusion import Occlusion, occlusion
from cifarviz.data import library
from cifarviz.data.splits import train_validation_split
from cifarviz.experiment.choices import SplitValidation
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.ui import cache, weights_job
from cifarviz.ui.inside import explanations, heatmaps
from tests import stored_runs
from tests.components import component_keys
from tests.pages.app_page import address_of, widget
from tests.pages.inside_page import errors, opened, page_texts
from tests.pages.page_contents import drawn
from tests.stored_runs import Arrays


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages wait for their results, as they would be run again in a browser."""
    monkeypatch.setattr(weights_job, "PATIENCE", 60)


def pictures(app: AppTest) -> list[str]:
    return [line for line in drawn(app).splitlines() if line.startswith("picture: Heatmap of")]


def test_occlusion_shows_how_far_the_probability_falls(run: Run, settings: Settings) -> None:
    image = library.load("cifar10", "sample", settings).test.having([3]).images[0]
    model = cache.trained_model(run, "last")
    found = occlusion(image, 4, model.plain_probabilities)
    drops = found.drops(int(found.probabilities.argmax()))
    app = opened(image="3", heat="occlusion", patch="4")
    assert len(pictures(app)) == 2
    assert (
        f"A patch lowers the probability by up to {100 * drops.max():.1f} points and raises it by "
        f"up to {-100 * drops.min():.1f}." in page_texts(app)
    )
    widget(app, "selectbox", "inside-patch").select("12").run()
    assert address_of(app)["patch"] == "12"
    assert not app.exception
    assert not errors(app)


@pytest.mark.parametrize(
    ("drops", "sentence"),
    [
        ([0.0004, -0.0004], "No patch changes the probability by as much as 0.1 points."),
        ([0.25, 0.1], "A patch lowers the probability by up to 25.0 points; none raises it."),
        ([-0.25, 0], "A patch raises the probability by up to 25.0 points; none lowers it."),
    ],
)
def test_no_patch_is_said_to_change_it_by_0_points(
    run: Run, monkeypatch: pytest.MonkeyPatch, drops: list[float], sentence: str
) -> None:
    values = np.array([drops], np.float32)
    monkeypatch.setattr(Occlusion, "drops", lambda found, index: values)
    assert page_texts(opened(image="3", heat="occlusion")).count(sentence) == 2


def test_the_baseline_is_the_mean_of_the_images_trained_on(
    store: RunStore, weights: Arrays, settings: Settings
) -> None:
    made = stored_runs.experiment()
    split = SplitValidation(fraction=0.25, seed=3)
    experiment = made.model_copy(update={"validation": split})
    run = stored_runs.store_run(store, experiment, checkpoints={"last": weights})
    images = library.load("cifar10", "sample", settings).train.images
    train, held_back = train_validation_split(len(images), 0.25, 3)
    mean = explanations.mean_image(run)
    assert len(held_back)
    assert mean is not None
    np.testing.assert_allclose(mean, images[train].astype(np.float64).mean(axis=0), rtol=1e-6)
    assert not np.allclose(mean, images.mean(axis=0), rtol=1e-4)


def test_integrated_gradients_say_how_nearly_they_add_up(run: Run) -> None:
    app = opened(image="3", heat="gradients")
    assert widget(app, "selectbox", "inside-baseline").value == "mean"
    sums = [text for text in page_texts(app) if text.startswith("The pixels add up to ")]
    assert len(sums) == len(pictures(app)) == 2
    before = pictures(app)
    widget(app, "selectbox", "inside-baseline").select("black").run()
    assert address_of(app)["from"] == "black"
    assert pictures(app) != before
    assert not errors(app)


def test_the_ideal_image_of_a_class_has_a_higher_score_than_the_image(run: Run) -> None:
    app = opened(image="3")
    widget(app, "selectbox", "inside-heat").select("ideal").run()
    assert address_of(app)["heat"] == "ideal"
    assert "What the network looks for" in [header.value for header in app.header]
    scores = [text for text in page_texts(app) if text.startswith("Score ")]
    assert len(scores) == len(pictures(app)) == 2
    for text in scores:
        found = re.fullmatch(r"Score (.+); this image has (.+), noise (.+)\.", text)
        assert found is not None
        ideal, image, noise = (float(number.replace("−", "-")) for number in found.groups())
        assert ideal > max(image, noise)
    assert not errors(app)


def test_unknown_methods_and_choices_have_one_message(run: Run) -> None:
    app = opened(heat="integrated")
    assert errors(app) == [
        "There is no method “integrated” for this network. Choose from Grad-CAM, Occlusion, "
        "Integrated gradients, Ideal image."
    ]
    assert "Where the network looks" in [header.value for header in app.header]
    assert "no patch of side “5”" in errors(opened(heat="occlusion", patch="5"))[0]
    assert "no baseline “white”" in errors(opened(heat="gradients", **{"from": "white"}))[0]


def test_a_network_of_dense_layers_has_all_but_grad_cam(store: RunStore) -> None:
    made = stored_runs.experiment(Flatten(), Dense(units=10, activation="softmax"))
    stored_runs.store_run(store, made, checkpoints={"last": stored_runs.weights(made)})
    app = opened(image="3")
    assert widget(app, "selectbox", "inside-heat").options == [
        "Occlusion",
        "Integrated gradients",
        "Ideal image",
    ]
    assert len(pictures(app)) == 2
    assert not errors(app)
    assert not app.exception


def test_heatmaps_of_two_networks_are_side_by_side(store: RunStore, weights: Arrays) -> None:
    made = stored_runs.experiment(Flatten(), Dense(units=10, activation="softmax"))
    other = stored_runs.store_run(
        store, made, name="dense", checkpoints={"last": stored_runs.weights(made)}
    )
    run = stored_runs.store_run(
        store, stored_runs.experiment(), checkpoints={"last": weights, "best": weights}
    )
    for method in ("occlusion", "gradients", "ideal"):
        app = opened(run=run.id, image="3", heat=method, **{"with": other.id})
        assert len(pictures(app)) == 4
        assert not errors(app)


def test_each_of_two_networks_has_the_baseline_of_its_own_training_images(
    store: RunStore, weights: Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, right = (
        stored_runs.store_run(store, stored_runs.experiment(), checkpoints={"last": weights})
        for _ in range(2)
    )
    means = {left.id: np.float32(100), right.id: np.float32(200)}
    monkeypatch.setattr(
        heatmaps, "mean_image", lambda run: np.full((32, 32, 3), means[run.id], np.float32)
    )
    app = opened(run=left.id, image="3", heat="gradients", **{"with": right.id})
    sums = [text for text in page_texts(app) if text.startswith("The pixels add up to ")]
    assert len(set(sums)) == 4
    assert not errors(app)


def test_a_result_that_takes_long_is_waited_for_in_the_browser(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights_job, "PATIENCE", 0)
    app = opened(image="9", heat="occlusion")
    assert "Computing …" in page_texts(app)
    assert any(key.startswith("explanation-") for key in component_keys(app))
    assert not app.exception


def test_the_dialog_of_a_channel_has_its_ideal_image(run: Run) -> None:
    mean = explanations.mean_image(run)
    assert mean is not None
    color = mean.mean(axis=(0, 1))
    ideal = cache.trained_model(run, "last").ideal_image("conv2d_2", 3, color)
    app = opened(run=run.id, layer="conv2d_2", channel="3")
    [text] = [text for text in page_texts(app) if text.startswith("Reaches ")]
    assert text.startswith(f"Reaches {ideal.value:.4g}".replace("-", "−"))
    assert any(
        "picture: Ideal image of channel 3 of conv2d_2" in line for line in drawn(app).splitlines()
    )
    assert not errors(app)


def test_a_dead_channel_has_no_ideal_image(store: RunStore, weights: Arrays) -> None:
    made = dict(weights)
    [name] = [key for key in made if key.endswith("conv2d_1/bias")]
    made[name] = np.full_like(made[name], -1000)
    run = stored_runs.store_run(store, stored_runs.experiment(), checkpoints={"last": made})
    app = opened(run=run.id, layer="conv2d_1", channel="1")
    assert any(text.startswith("No image found: ") for text in page_texts(app))
    assert not errors(app)
