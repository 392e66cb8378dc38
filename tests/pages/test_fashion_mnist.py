"""Fashion-MNIST on all pages: grey images, its runs, and inverted photos."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from cifarviz.analysis.trained_model import open_checkpoint
from cifarviz.data import library
from cifarviz.data.image_set import ImageSet
from cifarviz.datasets.fashion_mnist import FASHION_MNIST
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.choices import Data
from cifarviz.experiment.presets import PRESETS
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import MaxPool2D
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.app_server import ROOT
from tests import stored_runs

GREY = Architecture(
    input_shape=(28, 28, 1),
    classes=10,
    layers=(
        Conv2D(filters=4),
        MaxPool2D(),
        Flatten(),
        Dense(units=10, activation="softmax"),
    ),
)
SWAPPED = "Light and dark swapped, because the training images are light on black."
Shared = tuple[Settings, Run, Run]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """A home with a run on Fashion-MNIST and a newer one on CIFAR-10; nothing changes it."""
    home = tmp_path_factory.mktemp("fashion")
    settings = Settings.from_environment({"CIFARVIZ_HOME": str(home), "KERAS_HOME": str(home)})
    store = RunStore(settings)
    base = PRESETS["fashion-mnist-cnn"].experiment
    grey = base.model_copy(
        update={"architecture": GREY, "data": Data(dataset="fashion-mnist"), "epochs": 3}
    )
    grey = type(grey).from_json(grey.model_copy(update={"early_stopping": None}).to_json())
    weights = stored_runs.weights(grey)
    clothes = stored_runs.store_run(store, grey, name="clothes", checkpoints={"best": weights})
    made = stored_runs.experiment()
    things = stored_runs.store_run(
        store, made, name="things", checkpoints={"best": stored_runs.weights(made)}
    )
    return settings, clothes, things


@pytest.fixture(autouse=True)
def clothes(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("CIFARVIZ_HOME", str(shared[0].home))
    monkeypatch.setenv("KERAS_HOME", str(shared[0].home))
    monkeypatch.setenv("CIFARVIZ_WARM_UP", "0")
    return shared[1]


@pytest.fixture(scope="module")
def test_images(shared: Shared) -> ImageSet:
    return library.load("fashion-mnist", "sample", shared[0]).test


def opened(page: str, **address: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    for name, value in address.items():
        app.query_params[name] = value
    return app.switch_page(f"pages/{page}.py").run()


def text(app: AppTest) -> str:
    return "\n".join(one.value for one in (*app.markdown, *app.caption))


def png(pixels: np.ndarray, scale: int = 10) -> tuple[str, bytes, str]:
    """A photo: each pixel a square of ``scale``, in colour."""
    large = np.repeat(pixels.repeat(scale, 0).repeat(scale, 1), 3, axis=2)
    file = io.BytesIO()
    Image.fromarray(large).save(file, "PNG")
    return "shirt.png", file.getvalue(), "image/png"


def uploaded(page: str, file: tuple[str, bytes, str], **address: str) -> AppTest:
    app = opened(page, **address)
    app.file_uploader[0].set_value([file] if page == "predict" else file)
    return app.run()


def control(app: AppTest, label: str) -> Any:
    found = [*app.button_group, *app.toggle, *app.selectbox, *app.text_input]
    return next(one for one in found if one.label == label)


def test_samples_has_one_grey_channel_and_no_published_images() -> None:
    app = opened("samples", dataset="fashion-mnist", split="test", image="1")
    assert "28 × 28 pixels, 1 channel of 0 to 255" in text(app)
    assert "| 60,000 | 28 × 28 pixels | 1 (grey) | 10 |" in text(app)
    assert "The MIT License (MIT), Copyright © 2017 Zalando SE." in text(app)
    assert all(one.label != "Show" for one in app.button_group)
    assert not app.warning
    assert not app.exception


def test_published_images_of_a_data_set_without_them_are_refused() -> None:
    app = opened("samples", dataset="fashion-mnist", view="published")
    [warning] = app.warning
    assert "No original tutorial shows images of Fashion-MNIST." in warning.value
    assert "50 of 5,000 training images" in text(app)
    assert not app.exception


def test_another_data_set_resets_the_selected_classes() -> None:
    app = opened("samples", classes="frog", view="published")
    control(app, "Data set").set_value("fashion-mnist").run()
    assert dict(app.query_params) == {"dataset": "fashion-mnist"}
    assert not app.warning
    assert not app.exception


@pytest.mark.parametrize("page", ["inside", "predict"])
def test_an_image_from_samples_opens_with_a_network_for_its_data_set(
    clothes: Run, page: str
) -> None:
    app = opened(page, dataset="fashion-mnist", split="test", image="1")
    # The other run is newer.
    assert control(app, "Run").value == clothes.id
    assert "Test image 1, Pullover" in text(app)
    assert not app.error
    assert not app.exception


def test_a_run_on_another_data_set_resets_the_image(clothes: Run, shared: Shared) -> None:
    app = opened("evaluate", run=clothes.id, actual="Coat", predicted="Coat")
    control(app, "Run").set_value(shared[2].id).run()
    assert not app.error
    assert "actual" not in app.query_params
    assert not app.exception


def test_a_dark_object_on_a_light_background_is_inverted(
    clothes: Run, shared: Shared, test_images: ImageSet
) -> None:
    thing = test_images.images[0]
    model = open_checkpoint(RunStore(shared[0]), clothes, "best")
    given = model.probabilities(thing[None])[0]
    answer = f"**{FASHION_MNIST.classes[given.argmax()]}**, {given.max():.1%}"
    app = uploaded("predict", png(255 - thing, scale=1), run=clothes.id)
    assert answer in text(app)
    assert SWAPPED in text(app)
    assert "Input of the network: 28 × 28 pixels" in text(app)
    control(app, "Swap light and dark").set_value("no").run()
    assert SWAPPED not in text(app)
    assert app.query_params["invert"] == "no"
    assert not app.exception


def test_a_light_object_on_a_dark_background_is_not_inverted(
    clothes: Run, test_images: ImageSet
) -> None:
    app = uploaded("predict", png(test_images.images[0]), run=clothes.id)
    assert SWAPPED not in text(app)
    control(app, "Swap light and dark").set_value("yes").run()
    assert SWAPPED in text(app)
    assert not app.exception


def test_an_unknown_inversion_in_a_link_is_reported(clothes: Run) -> None:
    app = opened("predict", run=clothes.id, invert="maybe")
    [error] = app.error
    assert "Use auto, yes or no" in error.value
    assert not app.exception


def test_photos_are_not_inverted_for_data_with_any_background(shared: Shared) -> None:
    app = opened("predict", run=shared[2].id)
    assert all(one.label != "Swap light and dark" for one in app.button_group)
    assert not app.exception


def test_inside_inverts_uploads_unless_switched_off(clothes: Run, test_images: ImageSet) -> None:
    app = uploaded("inside", png(255 - test_images.images[0]), run=clothes.id, split="upload")
    assert SWAPPED in text(app)
    control(app, "Swap light and dark").set_value(False).run()
    assert SWAPPED not in text(app)
    assert not app.exception


def test_the_first_validation_image_comes_first(clothes: Run, shared: Shared) -> None:
    from cifarviz.experiment.split_positions import split_positions

    train = library.load("fashion-mnist", "sample", shared[0]).train
    parts = split_positions(clothes.experiment, len(train))
    assert parts is not None
    app = opened("predict", run=clothes.id)
    app.button(key="predict-validation").click().run()
    assert app.query_params["image"] == str(train.indices[parts[1][0]])
    assert "This is a validation image" in text(app)
    app.button(key="predict-validation").click().run()
    assert int(app.query_params["image"]) in train.indices[parts[1]]
    assert not app.exception


def test_runs_show_their_data_set() -> None:
    app = opened("runs")
    assert set(app.dataframe[0].value["Data"]) == {"Fashion-MNIST sample", "CIFAR-10 sample"}
    assert not app.exception
