"""Predict, "A small push": adversarial pictures, and whether other networks are fooled."""

import threading
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.analysis.adversarial import (
    ACCURACY_EPSILONS,
    METHODS,
    EpsilonSweep,
    accuracy_under_attack,
    epsilon_sweep,
)
from cifarviz.analysis.sweeps import accuracy_sample
from cifarviz.analysis.trained_model import open_checkpoint
from cifarviz.data import library
from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.ui import weights_job
from tests import stored_runs
from tests.components import chart
from tests.pages.app_page import address_of, widget
from tests.pages.predict_page import errors, opened, pictures, plain, text
from tests.pages.test_predict_break import press_and_wait


@pytest.fixture(autouse=True)
def _wait_for_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights_job, "PATIENCE", 60)


def pushed(**address: object) -> AppTest:
    return opened(**{"image": 3, "view": "push", **address})


def swept(settings: Settings, run: Run, method: str, target: int | None = None) -> EpsilonSweep:
    image = library.load("cifar10", "sample", settings).test.having([3]).images[0]
    model = open_checkpoint(RunStore(settings), run, "last")
    return epsilon_sweep(model, image, METHODS[method], target)


@pytest.mark.parametrize("method", ["fgsm", "pgd"])
def test_the_smallest_push_that_flips_is_shown_at_first(
    run: Run, settings: Settings, method: str
) -> None:
    expected = swept(settings, run, method)
    assert expected.flip is not None, "the picture of this test should flip"
    smallest = int(expected.flip.amount)
    app = pushed(method=method)
    before, after = (expected.probabilities[i] for i in (0, smallest))
    assert f"Before: **{CIFAR10.classes[before.argmax()]}** {before.max():.1%}" in text(app)
    assert f"After: **{CIFAR10.classes[after.argmax()]}** {after.max():.1%}" in text(app)
    assert f"No pixel changes by more than **{smallest} of 255 levels**" in text(app)
    assert f"The smallest push that works: **{smallest} level" in text(app)
    factor = 127 // smallest
    assert pictures(app)[-3:] == [
        "Test image 3, airplane",
        f"Difference × {factor}",
        "Test image 3, airplane, pushed",
    ]
    figure = chart(app, "predict-push")
    curve = next(one for one in figure["data"] if one["name"] == CIFAR10.classes[after.argmax()])
    np.testing.assert_allclose(curve["y"], expected.probabilities[:, after.argmax()], rtol=1e-4)
    assert not app.error
    assert not app.exception


def test_the_page_does_not_wait_for_a_slow_network(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cifarviz.analysis.trained_model import TrainedModel

    original, gate = TrainedModel.perturb, threading.Event()

    def slow(self: TrainedModel, *arrays: np.ndarray, **options: Any) -> np.ndarray:
        gate.wait(60)
        return original(self, *arrays, **options)

    monkeypatch.setattr(TrainedModel, "perturb", slow)
    monkeypatch.setattr(weights_job, "PATIENCE", 0)
    app = pushed(method="pgd", image=19)
    assert "Pushing the picture …" in text(app)
    assert not app.slider
    gate.set()
    monkeypatch.setattr(weights_job, "PATIENCE", 60)
    app.run()
    assert "No pixel changes by more than" in text(app)
    assert not app.exception


def test_the_slider_is_in_the_address_and_0_changes_nothing(run: Run) -> None:
    app = pushed()
    widget(app, "slider", "predict-epsilon").set_value(0).run()
    assert address_of(app)["epsilon"] == "0"
    assert "No pixel changes." in text(app)
    assert "No difference" in text(app)
    app = pushed(epsilon=17)
    assert "ε is a whole number from 0 to 16; got “17”." in errors(app)
    assert not app.exception


def test_a_class_to_push_towards(run: Run, settings: Settings) -> None:
    start = swept(settings, run, "fgsm").predicted
    target = (start + 4) % 10
    expected = swept(settings, run, "pgd", target)
    app = pushed(method="pgd", target=CIFAR10.classes[target])
    reached = "The smallest push that works" if expected.flip else "No push of up to 16 levels"
    assert reached in text(app)
    assert f"**{CIFAR10.classes[target]}**" in text(app)
    app = pushed(target=CIFAR10.classes[start])
    assert "The network predicts this class already. Choose another class to aim at." in errors(app)
    assert not app.exception


def test_the_accuracy_under_attack_is_measured_in_the_background(
    run: Run, settings: Settings
) -> None:
    app = press_and_wait(pushed(), "predict-accuracy-start")
    figure = chart(app, "predict-accuracy")
    line = next(trace for trace in figure["data"] if trace["name"] == "200 test images")
    model = open_checkpoint(RunStore(settings), run, "last")
    images = accuracy_sample(library.load("cifar10", "sample", settings).test)
    expected = accuracy_under_attack(model, images, METHODS["fgsm"], lambda done: None)
    assert line["x"] == list(ACCURACY_EPSILONS)
    np.testing.assert_allclose(line["y"], expected.correct / 200)
    assert not app.exception


def test_other_networks_say_what_they_see_in_the_same_picture(
    members: list[Run], settings: Settings, shared_members: tuple[Settings, list[Run]]
) -> None:
    own, *others = members
    app = pushed(run=own.id, epsilon=8, fooled=",".join(run.id for run in others))
    pictures_ = swept(shared_members[0], own, "fgsm").pictures[[0, 8]]
    actual = int(library.load("cifar10", "sample", settings).test.having([3]).labels[0])
    table = app.dataframe[0].value
    assert list(table["Network"]) == [run.name for run in others]
    for (_, row), run in zip(table.iterrows(), others, strict=True):
        model = open_checkpoint(RunStore(shared_members[0]), run, "last")
        before, after = model.probabilities(pictures_)
        assert row["Before"] == f"{CIFAR10.classes[before.argmax()]} {before.max():.1%}"
        assert row["After"] == f"{CIFAR10.classes[after.argmax()]} {after.max():.1%}"
        assert (row["Fooled"] == "yes") == (before.argmax() == actual != after.argmax())
    widget(app, "multiselect", "predict-fooled").set_value([others[1].id]).run()
    assert address_of(app)["fooled"] == others[1].id
    assert len(app.dataframe[0].value) == 1
    assert not app.error
    app = pushed(run=own.id, fooled=f"{own.id},zzz")
    assert any("There is no other network “zzz”" in plain(one) for one in errors(app))
    assert not app.exception


def test_a_home_with_one_network_says_so(run: Run) -> None:
    assert "There is no other network on this data set yet." in text(pushed())


def test_a_fresh_home_offers_the_recorded_networks(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIFARVIZ_RECORDED", "1")
    app = pushed(epsilon=8)
    others = widget(app, "multiselect", "predict-fooled").options
    assert len(others) >= 2
    assert all(name.startswith("recorded: ") for name in others)
    app = opened(image=3, view="compare")
    app.button(key="predict-offer-1").click().run()
    assert len(address_of(app)["with"].split(",")) == len(others)
    assert not app.error
    assert not app.exception


def test_a_network_without_a_gradient_is_reported(store: RunStore) -> None:
    experiment = stored_runs.experiment()
    dead = {name: np.zeros_like(one) for name, one in stored_runs.weights(experiment).items()}
    stored_runs.store_run(store, experiment, checkpoints={"last": dead})
    app = pushed()
    assert any("No push moves this picture" in one.value for one in app.info)
    assert not app.error
    assert not app.exception
