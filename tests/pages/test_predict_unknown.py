"""Predict and Present: pictures of nothing the network knows, and the nearest training images."""

import re

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from cifarviz.analysis import out_of_distribution
from cifarviz.analysis.trained_model import open_checkpoint
from cifarviz.data import library
from cifarviz.data.image_set import Dataset
from cifarviz.errors import DataError, DatasetNotFound
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.ui import cache, familiarity
from tests.components import image_grid, live_texts
from tests.image_files import encode_image
from tests.pages import present_page
from tests.pages.app_page import elements, opened_by_link
from tests.pages.predict_page import errors, opened, text, uploaded
from tests.waiting import wait_until

WARNING = "This is probably nothing it knows."


@pytest.fixture(scope="module")
def sample(shared: tuple[Settings, Run]) -> Dataset:
    return library.load("cifar10", "sample", shared[0])


def noise() -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    return encode_image(Image.fromarray(pixels))


def settled(app: AppTest) -> AppTest:
    """The page once nothing is worked on; a browser reruns it by itself."""

    def is_settled() -> bool:
        app.run()
        shown = "\n".join([*live_texts(app), text(app)])
        return not re.search("Comparing with images|Showing the training images", shown)

    wait_until(is_settled)
    return app


def warnings(app: AppTest) -> list[str]:
    return [one.value for one in app.warning if WARNING in one.value]


def test_noise_is_warned_of_and_nine_of_ten_test_images_are_not(run: Run, sample: Dataset) -> None:
    app = settled(uploaded(("noise.png", noise(), "")))
    assert warnings(app)
    # What means little is not called confident.
    assert "The most probable class is **" in text(app)
    assert "confident" not in text(app)
    assert "does not contradict the warning above" in text(app)
    assert "For 95% of 1,000 test images it is at most" in text(app)
    assert not app.exception
    found = [
        bool(warnings(opened_by_link("predict", run=run.id, image=int(index))))
        for index in sample.test.indices[:10]
    ]
    assert sum(found) <= 1


def test_work_that_failed_can_be_tried_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise DataError("The images are on a disk that is switched off.")

    cache.forget_images()
    with monkeypatch.context() as broken:
        broken.setattr(familiarity, "make_run_detector", fail)
        app = settled(opened(run=run.id, image=3))
        assert "The images are on a disk that is switched off." in errors(app)
    button = next(one for one in app.button if one.label == "Try again")
    app = settled(button.click().run())
    assert "Nothing unusual was found." in text(app)
    assert not errors(app)


def test_the_nearest_training_images_are_those_of_a_search_by_hand(
    run: Run, sample: Dataset, shared: tuple[Settings, Run]
) -> None:
    app = settled(opened(run=run.id, image=int(sample.test.indices[4])))
    model = open_checkpoint(RunStore(shared[0]), run, "last")
    seen, _ = model.features(sample.train.images)
    wanted, _ = model.features(sample.test.images[4:5])
    cosines = (seen @ wanted[0]) / np.linalg.norm(seen, axis=1) / np.linalg.norm(wanted)
    nearest = sample.train.indices[np.argsort(-cosines)[:9]]
    grid = image_grid(app, "predict-nearest-images")
    assert [int(one.split()[-1]) for one in grid["tooltips"]] == nearest.tolist()
    assert f"{1 - cosines.max():.3f}" in grid["labels"][0]
    assert "of 5,000 training images" in text(app)
    assert not app.exception


def test_a_training_image_is_not_among_its_own_nearest(
    run: Run, sample: Dataset, shared: tuple[Settings, Run]
) -> None:
    index = int(sample.train.indices[4])
    app = settled(opened(run=run.id, image=index, split="train"))
    model = open_checkpoint(RunStore(shared[0]), run, "last")
    seen, _ = model.features(sample.train.images)
    cosines = (seen @ seen[4]) / np.linalg.norm(seen, axis=1) / np.linalg.norm(seen[4])
    nearest = sample.train.indices[np.argsort(-cosines)]
    assert nearest[0] == index
    grid = image_grid(app, "predict-nearest-images")
    assert [int(one.split()[-1]) for one in grid["tooltips"]] == nearest[1:10].tolist()
    assert "of 4,999 other training images" in text(app)
    assert not app.exception


def test_without_the_images_it_was_trained_on_the_page_says_so(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_given: object, **_more: object) -> None:
        raise DatasetNotFound("They are gone.")

    monkeypatch.setattr(familiarity, "make_run_detector", refuse)
    familiarity.detector_jobs.clear()
    app = settled(opened(run=run.id, image=3))
    familiarity.detector_jobs.clear()
    assert errors(app) == ["They are gone."]
    assert "The network" in text(app)


def test_too_few_images_to_calibrate_on_are_no_error(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(out_of_distribution, "MIN_REFERENCE_IMAGES", 5_000)
    familiarity.detector_jobs.clear()
    app = settled(opened(run=run.id, image=3))
    assert "Whether the network knows a picture cannot be told" in text(app)
    assert "The network" in text(app)
    assert not app.error
    app = present_page.opened(run=run.id, scene="photo")
    app.file_uploader[0].set_value([("noise.png", noise(), "")])
    app = settled(app.run())
    familiarity.detector_jobs.clear()
    assert not app.error
    assert not app.exception
    cache.forget_images()


def test_a_photo_of_noise_is_warned_of_on_present(run: Run) -> None:
    app = present_page.opened(run=run.id, scene="photo")
    app.file_uploader[0].set_value([("noise.png", noise(), "")])
    app = settled(app.run())
    assert any(WARNING in one.proto.body for one in elements(app, "html"))
    assert not app.exception
    cache.forget_images()
