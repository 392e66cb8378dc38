"""Evaluate's galleries: their images, bars and links."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.trained_model import open_checkpoint
from cifarviz.data import library
from cifarviz.data.image_set import ImageSet
from cifarviz.figures.theme import class_color
from cifarviz.runs.artifacts import FolderArtifacts
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import save_predictions, save_weights
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_maps import save_maps
from cifarviz.settings import Settings
from tests import stored_runs
from tests.components import image_grid
from tests.pages.app_page import elements
from tests.pages.evaluate_page import opened, text
from tests.stored_runs import Arrays


def inside(app: AppTest) -> dict[str, str]:
    """The address behind each link to feature maps, by its label."""
    return {
        link.label: link.proto.query_string
        for link in elements(app, "page_link")
        if "feature maps" in link.label
    }


def predictions_for(images: ImageSet, right: np.ndarray, sure: float = 0.73) -> np.ndarray:
    """Right where ``right`` says so, else the next class."""
    predicted = np.where(right, images.labels, (images.labels + 1) % 10)
    shares = np.full((len(images), 10), (1 - sure) / 9, np.float32)
    shares[np.arange(len(images)), predicted] = sure
    return shares


@pytest.fixture
def validation_images(settings: Settings) -> ImageSet:
    return library.load("cifar10", "sample", settings).train.take(np.arange(0, 600, 2))


@pytest.fixture
def validated(store: RunStore, weights: Arrays) -> Run:
    """A run of three epochs that has kept the weights of epochs 0 and 3, and no answers yet."""
    made = stored_runs.experiment(validation={"kind": "split", "fraction": 0.1})
    run = stored_runs.store_run(store, made, checkpoints={"last": weights})
    save_weights(FolderArtifacts(store.folder(run.id)), 0, dict(weights))
    return run


def test_images_are_in_the_gallery_of_their_predictions_over_epochs(
    store: RunStore, validated: Run, validation_images: ImageSet
) -> None:
    right = np.random.default_rng(5).random((3, 300)) < 0.6
    for epoch, row in enumerate(right, 1):
        shares = predictions_for(validation_images, row)
        save_predictions(
            FolderArtifacts(store.folder(validated.id)),
            epoch,
            "train",
            validation_images.indices,
            Predictions.from_probabilities(shares),
        )
    members: dict[str, list[int]] = {"late": [], "forgotten": [], "never": [], "always": []}
    for index, history in zip(validation_images.indices.tolist(), right.T.tolist(), strict=True):
        if all(history):
            members["always"].append(index)
        elif history[-1]:
            members["late"].append(index)
        else:
            members["forgotten" if any(history) else "never"].append(index)
    rules = {
        "late": "Right after epoch 3, the newest saved, wrong after some before",
        "forgotten": "Wrong after epoch 3, the newest saved, right after some before",
        "never": "Wrong after all 3 saved epochs",
    }
    labels = {}
    for gallery, rule in rules.items():
        app = opened(run=validated.id, checkpoint="epochs", epoch=2, gallery=gallery)
        count = len(members[gallery])
        assert f"{count} validation images. {rule}" in text(app)
        assert "The bars are of epoch 2." in text(app)
        drawn = image_grid(app, "evaluate-pictures")
        shown = {int(tooltip.split()[2].rstrip(":")) for tooltip in drawn["tooltips"]}
        assert len(shown) == min(32, count)
        assert shown <= set(members[gallery])
        labels[gallery] = set(drawn["labels"])
        assert not app.exception
    assert labels["late"] == {"from epoch 3"}
    assert labels["forgotten"] == {"right 2 of 3"}
    assert {label.split()[-1] for label in labels["never"]} == {"73%"}


def test_every_image_has_bars(run: Run, evaluation: Evaluation) -> None:
    app = opened(run=run.id, gallery="mistakes", actual="ship", predicted="truck")
    for key in ("evaluate-pictures", "evaluate-cell"):
        drawn = image_grid(app, key)
        assert len(drawn["bars"]) == len(drawn["tooltips"]) > 0
        for bars, tooltip in zip(drawn["bars"], drawn["tooltips"], strict=True):
            index = int(tooltip.split()[2].rstrip(":"))
            position = int(np.flatnonzero(evaluation.indices == index)[0])
            shares, actual = evaluation.probabilities[position], evaluation.labels[position]
            likely = sorted(range(10), key=lambda index: -shares[index])[:3]
            if actual not in likely:
                likely[2] = actual
            assert bars == [
                [round(float(shares[index]), 3), class_color(index), bool(index == actual)]
                for index in likely
            ]
            names = [share.split()[0] for share in tooltip.partition("\n")[2].split(", ")]
            assert names == [evaluation.classes[index] for index in likely]


def test_links_open_the_nearest_epoch_that_inside_can_show(
    store: RunStore, validated: Run, validation_images: ImageSet
) -> None:
    for epoch in (1, 2, 3):
        # As sure as half precision can be: rounded to all of it.
        shares = predictions_for(validation_images, np.arange(300) % 2 == 0, 0.9999)
        save_predictions(
            FolderArtifacts(store.folder(validated.id)),
            epoch,
            "train",
            validation_images.indices,
            Predictions.from_probabilities(shares),
        )
    for epoch, label, near in (
        (1, "See its feature maps after epoch 0", 0),
        (2, "See its feature maps after epoch 3", 3),
        (3, "See its feature maps", 3),
    ):
        app = opened(run=validated.id, checkpoint="epochs", epoch=epoch, gallery="mistakes")
        ways = inside(app)
        assert list(ways) == [label]
        assert f"checkpoint=epochs&epoch={near}" in ways[label]
        assert "> 99.9%" in text(app)
        assert "100.0%" not in text(app)
        assert not app.exception
    app = opened(run=validated.id, checkpoint="epochs", epoch=2, seed=1)
    assert "Click an image for its feature maps after epoch 3." in text(app)


def test_a_pinned_image_links_to_the_epoch_of_its_saved_maps(
    store: RunStore, settings: Settings, weights: Arrays
) -> None:
    from cifarviz.network.stateless import LayerOutput

    made = stored_runs.experiment(validation={"kind": "test"})
    run = stored_runs.store_run(store, made, checkpoints={"last": weights})
    test = library.load("cifar10", "sample", settings).test
    for epoch in (1, 3):
        shares = predictions_for(test, np.zeros(len(test), bool))
        save_predictions(
            FolderArtifacts(store.folder(run.id)),
            epoch,
            "test",
            test.indices,
            Predictions.from_probabilities(shares),
        )
    pinned = test.having([231])
    outputs = open_checkpoint(store, run, "last").observe(pinned.images[0])
    maps = [LayerOutput(output.name, output.type, output.values[np.newaxis]) for output in outputs]
    save_maps(FolderArtifacts(store.folder(run.id)), 1, pinned.indices, maps)
    address = {"run": run.id, "checkpoint": "epochs", "epoch": 1, "gallery": "mistakes"}
    app = opened(**address, picture=231, image=231)
    assert list(inside(app)) == ["See its feature maps"]
    assert "epoch=1" in inside(app)["See its feature maps"]
    # Of another picture Inside has the weights of the end alone, and so no slider.
    other = next(int(index) for index in test.indices if index != 231)
    app = opened(**address, picture=other, image=other)
    ways = inside(app)
    assert list(ways) == ["See its feature maps after epoch 3"]
    assert "checkpoint=last" in ways["See its feature maps after epoch 3"]
    assert "epoch=" not in ways["See its feature maps after epoch 3"]
    assert not app.exception
