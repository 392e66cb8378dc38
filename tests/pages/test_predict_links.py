"""Predict: images of the data set by link, index or at random, and invalid links."""

from collections.abc import Callable

import numpy as np
import pytest

from cifarviz.data import library
from cifarviz.data.image_set import ImageSet
from cifarviz.data.splits import train_validation_split
from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.experiment.choices import SplitValidation
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests import stored_runs
from tests.image_files import encode_image
from tests.pages.app_page import elements, widget
from tests.pages.predict_page import errors, opened, photo, pictures, text


@pytest.fixture(scope="module")
def test_images(shared: tuple[Settings, Run]) -> ImageSet:
    return library.load("cifar10", "sample", shared[0]).test


def test_a_linked_image_is_shown_with_its_class(
    run: Run, test_images: ImageSet, predict: Callable[[np.ndarray], tuple[str, float]]
) -> None:
    position = 5
    index, actual = (
        int(test_images.indices[position]),
        CIFAR10.classes[test_images.labels[position]],
    )
    app = opened(split="test", image=index, run=run.id, checkpoint="best")
    name, probability = predict(test_images.images[position])
    assert f"Test image {index}, {actual}" in text(app)
    assert f"**{name}**, {probability:.1%}" in text(app)
    assert ("Correct." if name == actual else f"Wrong: it is {actual}") in text(app)
    assert "See its feature maps" in [link.label for link in elements(app, "page_link")]
    assert not app.exception


def test_an_upload_replaces_a_linked_image(run: Run, test_images: ImageSet) -> None:
    app = opened(image=int(test_images.indices[0]))
    assert len(pictures(app)) == 1
    app.file_uploader[0].set_value([("mine.png", encode_image(photo()), "")]).run()
    assert pictures(app)[0] == "mine.png as uploaded"
    assert len(pictures(app)) == 2
    assert "image" not in app.query_params
    assert not app.exception


def test_a_training_image_of_the_sample(run: Run, shared: tuple[Settings, Run]) -> None:
    train = library.load("cifar10", "sample", shared[0]).train
    app = opened(split="train", image=int(train.indices[3]))
    assert f"Training image {train.indices[3]}, {CIFAR10.classes[train.labels[3]]}" in text(app)
    assert not app.exception


def test_an_image_can_be_selected_by_index_or_at_random(
    run: Run, shared: tuple[Settings, Run]
) -> None:
    train = library.load("cifar10", "sample", shared[0]).train
    app = opened()
    widget(app, "segmented_control", "predict-split").set_value("train").run()
    assert "The network learned from this image." in text(app)
    widget(app, "text_input", "predict-index").set_value(str(train.indices[7])).run()
    assert f"Training image {train.indices[7]}, {CIFAR10.classes[train.labels[7]]}" in text(app)
    assert app.query_params["split"] == "train"
    app.button(key="predict-random").click().run()
    assert train.position_of(int(app.query_params["image"])) is not None
    widget(app, "text_input", "predict-index").set_value("").run()
    assert pictures(app) == []
    assert not app.exception


def test_a_validation_image_is_labelled_as_not_trained_on(
    store: RunStore, settings: Settings
) -> None:
    split = SplitValidation(fraction=0.3, seed=777)
    made = stored_runs.experiment(validation=split)
    stored_runs.store_run(store, made, checkpoints={"last": stored_runs.weights(made)})
    app = opened()
    app.button(key="predict-validation").click().run()
    train = library.load("cifar10", "sample", settings).train
    _, held_back = train_validation_split(len(train), 0.3, 777)
    assert train.position_of(int(app.query_params["image"])) in held_back
    assert "This is a validation image: the network did not learn from it" in text(app)
    assert not app.exception


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ({"image": "abc"}, "numbers 0 to 9,999; got “abc”"),
        ({"image": "99999999"}, "got “99999999”"),
        ({"image": "-1"}, "got “-1”"),
        (
            {"image": "5000"},
            "Test image 5,000 is not among the 1,000 of the embedded sample; the",
        ),
        ({"image": "1", "split": "tset"}, "There is no split “tset”"),
        ({"image": "1", "dataset": "imagenet"}, "There is no data set called “imagenet”"),
        ({"image": "1", "dataset": "[a](//b.c)"}, "There is no data set called “[a](//b.c)”"),
        ({"fit": "squash"}, "Images cannot be fitted by “squash”"),
        ({"run": "zzz"}, "There is no run “zzz” here."),
    ],
)
def test_an_invalid_link_is_reported_and_the_page_stays_usable(
    run: Run, address: dict[str, str], sentence: str
) -> None:
    app = opened(**address)
    assert len(app.error) == 1
    assert sentence in errors(app)[0]
    assert app.selectbox[0].label == "Run"
    if "run" not in address:
        app.file_uploader[0].set_value([("mine.png", encode_image(photo()), "")]).run()
        assert pictures(app) == ["mine.png as uploaded", "mine.png as the network sees it"]
    assert not app.exception


def test_without_runs_training_is_suggested() -> None:
    app = opened()
    assert "Train one first" in app.info[0].value
    assert not app.exception
