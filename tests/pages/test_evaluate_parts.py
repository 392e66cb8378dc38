"""Evaluate: class order, pages of images, and comparing two networks."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.analysis.evaluation import Evaluation, confusable_order, evaluate
from cifarviz.analysis.galleries import most_confident_mistakes
from cifarviz.analysis.intervals import accuracy_interval
from cifarviz.data import library
from cifarviz.data.image_set import ImageSet
from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.experiment.presets import PRESETS
from cifarviz.figures.theme import class_color
from cifarviz.runs.artifacts import FolderArtifacts
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import save_predictions, save_weights
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests import stored_runs
from tests.components import chart, image_grid
from tests.pages.app_page import elements
from tests.pages.evaluate_page import errors, metrics, opened, text
from tests.stored_runs import Arrays

CLASSES = CIFAR10.classes


def matrix(app: AppTest) -> dict:
    return chart(app, "evaluate-matrix")["data"][0]


def links(app: AppTest) -> dict[str, str]:
    found = elements(app, "page_link")
    return {link.label: f"{link.proto.page}?{link.proto.query_string}" for link in found}


def accuracy_words(right: int, of: int) -> str:
    low, high = accuracy_interval(right / of, of)
    return f"{low:.1%} to {high:.1%}"


def predictions_for(images: ImageSet, right: np.ndarray) -> np.ndarray:
    """Right where ``right`` says so, else the next class."""
    predicted = np.where(right, images.labels, (images.labels + 1) % 10)
    shares = np.full((len(images), 10), 0.03, np.float32)
    shares[np.arange(len(images)), predicted] = 0.73
    return shares


@pytest.fixture
def images(settings: Settings) -> ImageSet:
    """Training images that runs hold back for validation."""
    return library.load("cifar10", "sample", settings).train.take(np.arange(0, 600, 2))


def validated(store: RunStore, weights: Arrays, name: str) -> Run:
    made = stored_runs.experiment(validation={"kind": "split", "fraction": 0.1})
    return stored_runs.store_run(store, made, name=name, checkpoints={"last": weights})


def test_the_order_of_classes_does_not_change_the_cells(run: Run, evaluation: Evaluation) -> None:
    order = confusable_order(evaluation.confusion)
    assert list(order) != list(range(10))
    app = opened(run=run.id, order="alike", actual="ship", predicted="truck")
    drawn = matrix(app)
    assert drawn["y"] == drawn["x"] == [CLASSES[index] for index in order]
    for place, actual in enumerate(order):
        for other, predicted in enumerate(order):
            cell = [actual, predicted, evaluation.confusion[actual, predicted]]
            assert drawn["customdata"][place][other] == cell
    members = evaluation.cell(8, 9)
    assert f"**{len(members)}** test images of the class ship, taken for truck" in text(app)
    assert f"**Test image {evaluation.indices[members[0]]}**, class ship" in text(app)
    app.button_group(key="evaluate-order").set_value("usual").run()
    assert matrix(app)["x"] == list(CLASSES)
    assert not app.exception
    assert "no order “pie”" in errors(opened(run=run.id, order="pie"))


def test_each_accuracy_has_its_interval(run: Run, evaluation: Evaluation) -> None:
    app = opened(run=run.id)
    right = int(evaluation.confusion.trace())
    assert accuracy_words(right, 1000) in text(app)
    table = app.dataframe[0].value
    low, high = accuracy_interval(evaluation.per_class.recall[3], 100)
    assert table["recall_interval"].iloc[3] == f"{low:.0%} to {high:.0%}"


def test_galleries_have_pages(run: Run, evaluation: Evaluation) -> None:
    order = most_confident_mistakes(evaluation.labels, evaluation.probabilities)
    app = opened(run=run.id, gallery="mistakes")
    shown = image_grid(app, "evaluate-pictures")
    assert shown["count"] == 32
    pagination = elements(app, "pagination")[-1]
    pagination.set_value(2).run()
    assert app.query_params["sheet"] == "2"
    second = evaluation.indices[order[32]]
    assert f"**Test image {second}**" in text(app)
    # A link to a picture opens the sheet it is on.
    far = evaluation.indices[order[100]]
    app = opened(run=run.id, picture=far)
    assert f"**Test image {far}**" in text(app)
    assert elements(app, "pagination")[-1].value == 4
    assert "There is no page “99”" in errors(opened(run=run.id, gallery="hits", sheet=99))
    assert not app.exception


def test_two_networks_are_compared_image_by_image(
    members: list[Run], shared_members: tuple[Settings, list[Run]]
) -> None:
    from cifarviz.analysis.trained_model import open_checkpoint

    settings, runs = shared_members
    test = library.load("cifar10", "sample", settings).test
    models = [open_checkpoint(RunStore(settings), run, "last") for run in runs[:2]]
    first, second = (model.probabilities(test.images).argmax(axis=1) for model in models)
    app = opened(run=runs[0].id, **{"with": runs[1].id})
    a, b = first == test.labels, second == test.labels
    assert f"| **A right** | {(a & b).sum()} | **{(a & ~b).sum()}** |" in text(app)
    assert f"| **A wrong** | **{(~a & b).sum()}** | {(~a & ~b).sum()} |" in text(app)
    assert metrics(app)["Accuracy of B"] == f"{b.mean():.1%}"
    assert accuracy_words(int(b.sum()), 1000) in text(app)
    assert metrics(app)["Same prediction"] == f"{(first == second).mean():.1%}"
    assert f"**{(a != b).sum()}** images are recognised by only one" in text(app)
    assert "McNemar" in text(app)
    count = int((a & ~b).sum())
    assert f"{count} test images." in text(app)
    for row, (name, model) in enumerate(zip("AB", models, strict=True)):
        bars = chart(app, f"evaluate-beside-{name}")["data"][0]
        drawn = image_grid(app, "evaluate-beside-pictures")
        shown = drawn["tooltips"][0]
        position = int(np.flatnonzero(test.indices == int(shown.split()[2].rstrip(":")))[0])
        given = model.probabilities(test.images[position][None])[0]
        found = int(given.argmax())
        assert bars["customdata"][0][0] == found
        # The first of a picture's two bars is A's, which is right here.
        assert drawn["bars"][0][row] == [
            pytest.approx(given[found], abs=1e-3),
            class_color(found),
            name == "A",
        ]
    assert not app.exception
    assert not app.error


def test_networks_that_cannot_be_compared_are_reported(
    store: RunStore, weights: Arrays, images: ImageSet
) -> None:
    run = stored_runs.store_run(
        store, stored_runs.experiment(), checkpoints={"last": weights}, name="mine"
    )
    alone = opened(run=run.id, part="compare")
    assert "There is no other network here" in alone.info[-1].value
    assert "Train another network" in links(alone)
    clothes = PRESETS["fashion-mnist-cnn"].experiment
    strange = stored_runs.store_run(store, clothes, name="shoes", checkpoints={"last": weights})
    stored_runs.store_run(
        store, stored_runs.experiment(seed=2), checkpoints={"last": weights}, name="other"
    )
    for token, words in (
        (strange.id, "shoes was not trained on CIFAR-10"),
        ("zzz", "There is no run “zzz” here"),
        (run.id, "is the network shown above"),
    ):
        app = opened(run=run.id, **{"with": token})
        assert words in errors(app)
        assert not app.exception
    # Validation images: another run may have learned from them, so both must have held them back.
    first, second = (validated(store, weights, name) for name in ("first", "second"))
    right = np.arange(300) % 3 == 0
    save_predictions(
        FolderArtifacts(store.folder(first.id)),
        1,
        "train",
        images.indices,
        Predictions.from_probabilities(predictions_for(images, right)),
    )
    apart = library.load("cifar10", "sample", store.settings).train.take(np.arange(1, 601, 2))
    save_predictions(
        FolderArtifacts(store.folder(second.id)),
        1,
        "train",
        apart.indices,
        Predictions.from_probabilities(predictions_for(apart, right)),
    )
    app = opened(run=first.id, checkpoint="epochs", **{"with": second.id})
    assert "The two networks have no validation image in common" in app.info[-1].value
    assert not app.exception


def test_epochs_are_compared_on_common_validation_images(
    store: RunStore, weights: Arrays, images: ImageSet
) -> None:
    first, second = (validated(store, weights, name) for name in ("first", "second"))
    a, b = np.arange(300) % 3 == 0, np.arange(300) % 4 == 0
    save_predictions(
        FolderArtifacts(store.folder(first.id)),
        2,
        "train",
        images.indices,
        Predictions.from_probabilities(predictions_for(images, a)),
    )
    for epoch in (1, 2, 3):
        later = images.take(np.arange(100, 300))
        shares = predictions_for(later, b[100:] if epoch == 2 else np.zeros(200, bool))
        save_predictions(
            FolderArtifacts(store.folder(second.id)),
            epoch,
            "train",
            later.indices,
            Predictions.from_probabilities(shares),
        )
    app = opened(run=first.id, checkpoint="epochs", epoch=2, **{"with": second.id})
    a, b = a[100:], b[100:]
    assert f"| **A right** | {(a & b).sum()} | **{(a & ~b).sum()}** |" in text(app)
    assert "second, epoch 2. All numbers are for the 200 validation images that both" in text(app)
    assert not app.exception


def test_all_epochs_have_the_same_order_of_classes(
    store: RunStore, weights: Arrays, images: ImageSet
) -> None:
    run = validated(store, weights, "mine")
    random = np.random.default_rng(0)
    for epoch in (1, 2, 3):
        shares = random.dirichlet([0.3] * 10, 300).astype(np.float32)
        save_predictions(
            FolderArtifacts(store.folder(run.id)),
            epoch,
            "train",
            images.indices,
            Predictions.from_probabilities(shares),
        )
    newest = evaluate(
        images.labels,
        Predictions.from_probabilities(shares.astype(np.float16)),
        images.indices,
        CLASSES,
    )
    wanted = [CLASSES[index] for index in confusable_order(newest.confusion)]
    for epoch in (1, 3):
        app = opened(run=run.id, checkpoint="epochs", epoch=epoch, order="alike", seed=1)
        assert matrix(app)["x"] == wanted
        assert "→" in metrics(app)["Most frequent mistake"]
        assert "Ten random validation images" in [heading.value for heading in app.header]
        leading = links(app)
        # It has kept its weights of the end, epoch 3, alone.
        inside = leading["See its feature maps" + ("" if epoch == 3 else " after epoch 3")]
        assert "checkpoint=last" in inside
        assert "split=train" in inside
        assert "checkpoint" not in leading["See the prediction of the run's checkpoint"]
        assert not app.exception


def test_without_saved_predictions_weights_are_evaluated(store: RunStore, weights: Arrays) -> None:
    from cifarviz.analysis.trained_model import open_checkpoint

    run = stored_runs.store_run(store, stored_runs.experiment(), checkpoints={"last": weights})
    for epoch in (0, 1):
        quieter = {
            name: value * np.float32(epoch - 0.5) if value.dtype == np.float32 else value
            for name, value in weights.items()
        }
        save_weights(FolderArtifacts(store.folder(run.id)), epoch, quieter)
    test = library.load("cifar10", "sample", store.settings).test
    for epoch in (0, 1):
        given = open_checkpoint(store, run, epoch).probabilities(test.images)
        app = opened(run=run.id, checkpoint="epochs", epoch=epoch)
        assert metrics(app)["Accuracy"] == f"{(given.argmax(axis=1) == test.labels).mean():.1%}"
        assert f"the 1,000 test images by the weights after epoch {epoch}." in text(app)
        assert not app.exception


def test_a_run_without_saved_epochs_is_reported(run: Run) -> None:
    app = opened(run=run.id, checkpoint="epochs")
    assert "no saved predictions or weights of its epochs" in text(app)
    assert metrics(app)["Test images"] == "1,000"
