"""Inside and Evaluate over the saved epochs of a run."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.intervals import accuracy_interval
from cifarviz.data import library
from cifarviz.data.image_set import ImageSet
from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.runs.artifacts import FolderArtifacts
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import load_predictions, save_predictions, save_weights, snapshot_path
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests import stored_runs
from tests.components import component_keys
from tests.pages import evaluate_page, inside_page
from tests.pages.app_page import widget
from tests.stored_runs import Arrays


@pytest.fixture
def validation_images(settings: Settings) -> ImageSet:
    """Training images that a run has validated by."""
    return library.load("cifar10", "sample", settings).train.take(np.arange(0, 600, 2))


@pytest.fixture
def run_with_snapshots(store: RunStore, weights: Arrays, validation_images: ImageSet) -> Run:
    """A run of three epochs with snapshots; it knew more after each."""
    run = stored_runs.store_run(
        store, stored_runs.experiment(), checkpoints={"last": weights, "best": weights}
    )
    folder = store.folder(run.id)
    for epoch in (0, 1, 2):
        quieter = {
            name: value * np.float32((epoch + 1) / 4) if value.dtype == np.float32 else value
            for name, value in weights.items()
        }
        save_weights(FolderArtifacts(folder), epoch, quieter)
    for epoch in (1, 2, 3):
        save_predictions(
            FolderArtifacts(folder),
            epoch,
            "train",
            validation_images.indices,
            Predictions.from_probabilities(predictions_for(validation_images, 100 * epoch)),
        )
    return run


def predictions_for(images: ImageSet, right: int) -> np.ndarray:
    """The first so many images right, the others taken for the next class."""
    predicted = np.where(np.arange(len(images)) < right, images.labels, (images.labels + 1) % 10)
    shares = np.full((len(images), 10), 0.03, np.float32)
    shares[np.arange(len(images)), predicted] = 0.73
    return shares


def test_inside_shows_the_weights_of_the_epoch_in_the_address(run_with_snapshots: Run) -> None:
    def prediction(**address: str) -> str:
        app = inside_page.opened(run=run_with_snapshots.id, checkpoint="epochs", **address)
        assert not app.exception
        assert "epoch-slider" in component_keys(app)
        return next(
            text for text in inside_page.page_texts(app) if text.startswith("The network predicts")
        )

    # Weights a quarter as large give answers that are less sure; without an epoch, the newest.
    early, newest = prediction(epoch="0"), prediction()
    assert early != newest
    assert prediction(epoch="3") == newest


def test_any_epoch_is_offered_only_with_several_epochs(
    run_with_snapshots: Run, store: RunStore
) -> None:
    app = inside_page.opened(run=run_with_snapshots.id)
    assert widget(app, "selectbox", "pick-checkpoint").options[-1] == "Any epoch"
    assert "epoch-slider" not in component_keys(app)
    widget(app, "selectbox", "pick-checkpoint").select("epochs").run()
    assert "epoch-slider" in component_keys(app)

    weights = stored_runs.weights(stored_runs.experiment())
    bare = stored_runs.store_run(store, stored_runs.experiment(), checkpoints={"last": weights})
    app = inside_page.opened(run=bare.id, checkpoint="epochs")
    assert "Any epoch" not in widget(app, "selectbox", "pick-checkpoint").options
    assert any("no weights called “epochs”" in text for text in inside_page.page_texts(app))
    assert not app.exception


def test_an_epoch_that_was_not_saved_shows_the_nearest(run_with_snapshots: Run) -> None:
    for wanted, near in (("40", 3), ("x", 3)):
        app = inside_page.opened(run=run_with_snapshots.id, checkpoint="epochs", epoch=wanted)
        text = f"saved nothing of epoch “{wanted}”, so epoch {near} is shown"
        assert any(text in shown for shown in inside_page.page_texts(app))
        assert not app.exception


def test_damaged_weights_are_reported_and_the_slider_stays(
    run_with_snapshots: Run, store: RunStore
) -> None:
    snapshot_path(store.folder(run_with_snapshots.id), "weights", 1).write_bytes(b"nothing")
    app = inside_page.opened(run=run_with_snapshots.id, checkpoint="epochs", epoch="1")
    assert any("damaged" in error for error in inside_page.errors(app))
    assert "epoch-slider" in component_keys(app)
    app = inside_page.opened(run=run_with_snapshots.id, checkpoint="epochs", epoch="2")
    assert not inside_page.errors(app)


def test_evaluate_shows_the_predictions_of_the_epoch(
    run_with_snapshots: Run, validation_images: ImageSet
) -> None:
    for epoch in (1, 2, 3):
        app = evaluate_page.opened(run=run_with_snapshots.id, checkpoint="epochs", epoch=epoch)
        assert not app.exception
        figures = evaluate_page.metrics(app)
        assert figures["Accuracy"] == f"{100 * epoch / len(validation_images):.1%}"
        # The loss is the measured loss, not that of rounded predictions.
        assert figures["Loss"] == f"{2 / epoch + 0.1:.3f}"
        assert figures["Validation images"] == "300"
    words = evaluate_page.text(app)
    assert "held out from training" in words
    assert "after epoch 3" in words


def test_evaluate_shows_validation_images_of_an_epoch(
    run_with_snapshots: Run, validation_images: ImageSet
) -> None:
    cell = validation_images.indices[(validation_images.labels == 3) & (np.arange(300) >= 200)]
    app = evaluate_page.opened(
        run=run_with_snapshots.id, checkpoint="epochs", epoch=2, actual="cat", predicted="deer"
    )
    words = evaluate_page.text(app)
    assert f"**{len(cell)}** validation images of the class cat, taken for deer" in words
    assert f"**Validation image {cell[0]}**, class cat" in words
    app = evaluate_page.opened(run=run_with_snapshots.id, checkpoint="epochs", epoch=2, image=3)
    assert "that this run held out for validation" in evaluate_page.errors(app)
    assert not app.exception


def test_predictions_for_unknown_images_are_refused(
    run_with_snapshots: Run, store: RunStore
) -> None:
    folder = store.folder(run_with_snapshots.id)
    strange = np.arange(49_000, 49_300)
    save_predictions(
        FolderArtifacts(folder), 2, "train", strange, load_predictions(folder, 2, 10).predictions
    )
    app = evaluate_page.opened(run=run_with_snapshots.id, checkpoint="epochs", epoch=2)
    assert f"images that are not in {CIFAR10.title}" in evaluate_page.errors(app)
    assert "epoch-slider" in component_keys(app)
    app = evaluate_page.opened(run=run_with_snapshots.id, checkpoint="epochs", epoch=3)
    assert not evaluate_page.errors(app)


def test_leaving_the_epochs_forgets_the_image(run_with_snapshots: Run) -> None:
    app = evaluate_page.opened(run=run_with_snapshots.id, checkpoint="epochs", epoch=2, image=0)
    widget(app, "selectbox", "pick-checkpoint").select("last").run()
    assert not evaluate_page.errors(app)
    assert "image" not in app.query_params
    assert "epoch" not in app.query_params


def test_an_interrupted_run_shows_its_newest_epoch(
    store: RunStore, weights: Arrays, validation_images: ImageSet
) -> None:
    run = stored_runs.store_run(
        store,
        stored_runs.experiment(),
        state=RunState.RUNNING,
        epochs=1,
        checkpoints={"last": weights},
    )
    save_predictions(
        FolderArtifacts(store.folder(run.id)),
        1,
        "train",
        validation_images.indices,
        Predictions.from_probabilities(predictions_for(validation_images, 30)),
    )
    # Of an epoch that is not in the history, as a power cut leaves it.
    save_predictions(
        FolderArtifacts(store.folder(run.id)),
        2,
        "train",
        validation_images.indices,
        Predictions.from_probabilities(predictions_for(validation_images, 60)),
    )
    app = evaluate_page.opened(run=run.id, checkpoint="epochs")
    assert evaluate_page.metrics(app)["Accuracy"] == "10.0%"
    assert not app.exception


def test_images_learned_late_have_a_gallery(
    run_with_snapshots: Run, validation_images: ImageSet
) -> None:
    def labels(app: AppTest) -> str:
        return evaluate_page.text(app)

    # After epoch 3 all are right; a third of them was learned in each epoch.
    app = evaluate_page.opened(run=run_with_snapshots.id, checkpoint="epochs", gallery="late")
    assert "**200** validation" not in labels(app)
    assert (
        "200 validation images. Right after epoch 3, the newest saved, wrong after some"
        in labels(app)
    )
    last = int(validation_images.indices[200])
    assert f"**Validation image {last}**" in labels(app)
    for gallery in ("never", "forgotten"):
        app = evaluate_page.opened(run=run_with_snapshots.id, checkpoint="epochs", gallery=gallery)
        assert any("no such images" in info.value for info in app.info)
    assert not app.exception


def test_a_checkpoint_has_galleries_of_mistakes_and_correct_images(run: Run) -> None:
    app = evaluate_page.opened(run=run.id, part="pictures")
    options = app.get("button_group")
    assert "Most confident mistakes" in str(options)
    assert "Learned late" not in str(options)
    app = evaluate_page.opened(run=run.id, gallery="hits", of="bird")
    assert "Recognised, the least confident first" in evaluate_page.text(app)
    assert not app.exception
    app = evaluate_page.opened(run=run.id, of="cow")
    assert "no class “cow”" in evaluate_page.errors(app)


def test_calibration_is_shown_with_top_k_accuracies(run: Run, evaluation: Evaluation) -> None:
    app = evaluate_page.opened(run=run.id, part="sure")
    words = evaluate_page.text(app)
    for name in ("Top-2 accuracy", "Top-3 accuracy", "Calibration error"):
        assert name in words
    low, high = accuracy_interval(evaluation.accuracy, len(evaluation))
    assert f"{low:.1%} to {high:.1%}" in words
    assert "evaluate-reliability" in component_keys(app)


def test_the_loss_of_an_epoch_of_an_earlier_version_is_marked(
    run_with_snapshots: Run, store: RunStore
) -> None:
    stored_runs.mark_earlier_losses(store, run_with_snapshots, 2)
    words = "Losses: validation loss clipped at 16.1 per image up to epoch 2."
    for epoch, marked in ((2, True), (3, False)):
        app = evaluate_page.opened(run=run_with_snapshots.id, checkpoint="epochs", epoch=str(epoch))
        assert (words in " ".join(text.value for text in app.markdown)) == marked
        assert not app.exception
