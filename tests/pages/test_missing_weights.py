"""Inside, Predict and Evaluate of runs with missing or damaged weights."""

import numpy as np
import pytest

from cifarviz.analysis.trained_model import open_checkpoint
from cifarviz.data import library
from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.runs.artifacts import FolderArtifacts, checkpoint_path
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import (
    SnapshotKind,
    save_predictions,
    save_weights,
    snapshot_epochs,
    snapshot_path,
)
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_maps import save_maps
from tests import stored_runs
from tests.components import component_keys, epoch_slider
from tests.pages import evaluate_page, inside_page, predict_page, runs_page
from tests.pages.app_page import widget
from tests.stored_runs import Arrays

PINNED = 231
GONE = "The weights of its last and best epochs were removed."


@pytest.fixture
def saved_run(store: RunStore, weights: Arrays) -> Run:
    """A run of three epochs with weights and maps of epochs 0 to 2, and answers of all."""
    from cifarviz.network.stateless import LayerOutput

    run = stored_runs.store_run(store, stored_runs.experiment(), checkpoints={"last": weights})
    folder = store.folder(run.id)
    data = library.load("cifar10", "sample", store.settings)
    pinned, held_back = data.test.having([PINNED]), data.train.take(np.arange(40))
    for epoch in (0, 1, 2):
        factor = np.float32((epoch + 1) / 4)
        floats = {name: one * factor for name, one in weights.items() if one.dtype == np.float32}
        save_weights(FolderArtifacts(folder), epoch, {**weights, **floats})
        outputs = open_checkpoint(store, run, epoch).observe(pinned.images[0])
        batches = [LayerOutput(one.name, one.type, one.values[np.newaxis]) for one in outputs]
        save_maps(FolderArtifacts(folder), epoch, pinned.indices, batches)
    for epoch in (1, 2, 3):
        said = np.where(np.arange(40) < 10 * epoch, held_back.labels, (held_back.labels + 1) % 10)
        shares = np.full((40, 10), 0.03, np.float32)
        shares[np.arange(40), said] = 0.73
        save_predictions(
            FolderArtifacts(folder),
            epoch,
            "train",
            held_back.indices,
            Predictions.from_probabilities(shares),
        )
    return run


@pytest.fixture
def bare(saved_run: Run, store: RunStore) -> Run:
    """The same without its checkpoint."""
    checkpoint_path(store.folder(saved_run.id), "last").unlink()
    return saved_run


def remove(store: RunStore, run: Run, *kinds: SnapshotKind) -> None:
    for kind in kinds:
        for epoch in snapshot_epochs(store.folder(run.id), kind):
            snapshot_path(store.folder(run.id), kind, epoch).unlink()


def test_inside_shows_the_epochs_that_are_left(bare: Run, store: RunStore) -> None:
    for address in ({}, {"checkpoint": "epochs", "epoch": "1"}):
        app = inside_page.opened(run=bare.id, **address)
        assert not app.exception
        assert not inside_page.errors(app)
        assert widget(app, "selectbox", "pick-checkpoint").options == ["Any epoch"]
        assert inside_page.grids(app) == inside_page.MAPS
        assert "epoch-slider" in component_keys(app)
        assert any(text.startswith(GONE) for text in inside_page.page_texts(app))
    app = inside_page.opened(run=bare.id, checkpoint="last")
    words = "no weights called “last”. Shown instead: any epoch"
    assert any(words in text for text in inside_page.page_texts(app))
    # One epoch alone is one more than nothing.
    for epoch in (0, 2):
        for kind in ("weights", "maps"):
            snapshot_path(store.folder(bare.id), kind, epoch).unlink()
    app = inside_page.opened(run=bare.id)
    assert not app.exception
    assert inside_page.grids(app) == inside_page.MAPS


def test_with_only_saved_maps_their_images_are_shown_and_offered(
    bare: Run, store: RunStore
) -> None:
    remove(store, bare, "weights")
    app = inside_page.opened(run=bare.id, image=str(PINNED), checkpoint="epochs", epoch="2")
    assert not app.exception
    assert not inside_page.errors(app)
    assert inside_page.grids(app) == inside_page.MAPS
    for view, what in (("step", "Stepping through a layer"), ("mute", "Muting channels")):
        app = inside_page.opened(
            run=bare.id, image=str(PINNED), checkpoint="epochs", epoch="2", view=view
        )
        assert not app.exception
        assert [error.startswith(f"{what} needs") for error in inside_page.errors(app)] == [True]
    app = inside_page.opened(run=bare.id, image="5")
    assert not app.exception
    assert any("only feature maps of pinned images" in text for text in inside_page.page_texts(app))
    app.button(key=f"kept-image-{PINNED}").click().run()
    assert not app.exception
    assert inside_page.grids(app) == inside_page.MAPS


def test_evaluate_shows_the_predictions_that_are_left(bare: Run, store: RunStore) -> None:
    for part in ("classes", "sure", "pictures", "comparison"):
        app = evaluate_page.opened(run=bare.id, epoch=2, part=part)
        assert not app.exception
        assert evaluate_page.metrics(app)["Accuracy"] == "50.0%"
        assert GONE in evaluate_page.text(app)
        assert widget(app, "selectbox", "pick-checkpoint").options == ["Any epoch"]
        links = [link.proto.label for link in app.get("page_link")]
        assert "See its feature maps" in links
        assert "What the run says of it at its end" not in links
    remove(store, bare, "predictions")
    app = evaluate_page.opened(run=bare.id, epoch=1)
    assert not app.exception
    assert "by the weights after epoch 1." in evaluate_page.text(app)


def test_a_run_without_any_files_is_refused_and_runs_with_weights_come_first(
    bare: Run, store: RunStore, weights: Arrays
) -> None:
    remove(store, bare, "weights", "predictions", "maps")
    for page in (inside_page, evaluate_page):
        app = page.opened(run=bare.id)
        assert "has no weights: no epoch was finished" in " ".join(inside_page.errors(app))
    whole = stored_runs.store_run(
        store, stored_runs.experiment(), name="whole", checkpoints={"last": weights}
    )
    young = stored_runs.store_run(
        store, stored_runs.experiment(), name="young", state=RunState.STOPPED, epochs=0
    )
    save_weights(FolderArtifacts(store.folder(young.id)), 0, dict(weights))
    app = inside_page.opened()
    options = widget(app, "selectbox", "pick-run").options
    assert [one.split(" · ")[0] for one in options] == ["young", "whole"]
    assert widget(app, "selectbox", "pick-run").value == whole.id


def test_the_runs_page_links_to_what_is_left(bare: Run) -> None:
    app = runs_page.opened(bare.id)
    labels = [link.proto.label for link in app.get("page_link")]
    assert "Look inside" in labels
    assert "Evaluate" in labels
    assert "Predict" not in labels


def test_a_run_in_its_first_epoch_is_shown_before_training(
    store: RunStore, weights: Arrays
) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment(), state=RunState.RUNNING, epochs=0)
    save_weights(FolderArtifacts(store.folder(run.id)), 0, dict(weights))
    with stored_runs.hold_lock(store, run):
        app = inside_page.opened(run=run.id)
        assert not app.exception
        assert not inside_page.errors(app)
        assert inside_page.grids(app) == inside_page.MAPS
        assert any("the network before training" in text for text in inside_page.page_texts(app))
        # There is nothing to judge yet.
        app = evaluate_page.opened(run=run.id)
        assert any("as soon as the first epoch is done" in one.value for one in app.info)


def test_damaged_weights_are_reported_and_their_maps_shown(saved_run: Run, store: RunStore) -> None:
    exact = inside_page.opened(run=saved_run.id, checkpoint="epochs", epoch="2", image=str(PINNED))
    snapshot_path(store.folder(saved_run.id), "weights", 2).write_bytes(b"garbage")
    address = {"run": saved_run.id, "checkpoint": "epochs", "epoch": "2", "image": str(PINNED)}
    app = inside_page.opened(**address)
    assert not app.exception
    (error,) = inside_page.errors(app)
    assert f"The weights of epoch 2 of run {saved_run.id} are damaged" in error
    assert "the others still work" in error
    assert inside_page.grids(app) == inside_page.MAPS
    assert "epoch-slider" in component_keys(app)
    assert any(
        "the feature maps that the run saved" in text for text in inside_page.page_texts(app)
    )
    verdicts = [
        next(
            text for text in inside_page.page_texts(one) if text.startswith("The network predicts")
        )
        for one in (exact, app)
    ]
    assert verdicts[0] == verdicts[1]

    app = inside_page.opened(**address, layer="conv2d_1", channel="0")
    assert "Output, saved with 256 levels" in inside_page.page_texts(app)
    assert not any("cannot be shown" in text for text in inside_page.page_texts(app))
    # Of an image that was not pinned nothing of this epoch is left.
    app = inside_page.opened(**{**address, "image": "5"})
    assert inside_page.grids(app) == []
    assert "are damaged" in inside_page.errors(app)[0]


def test_damaged_weights_on_the_right_are_reported_and_their_maps_shown(
    saved_run: Run, store: RunStore
) -> None:
    snapshot_path(store.folder(saved_run.id), "weights", 1).write_bytes(b"garbage")
    app = inside_page.opened(
        run=saved_run.id, image=str(PINNED), **{"with": saved_run.id, "at": "1"}
    )
    assert not app.exception
    assert [name for name in inside_page.grids(app) if name.startswith("right-")]
    assert "The weights of epoch 1" in inside_page.errors(app)[0]
    assert "heatmaps of “After epoch 1”" in inside_page.errors(app)[1]


def test_saved_maps_replace_a_damaged_checkpoint(saved_run: Run, store: RunStore) -> None:
    folder = store.folder(saved_run.id)
    snapshot_path(folder, "maps", 2).rename(snapshot_path(folder, "maps", 3))
    checkpoint_path(folder, "last").write_bytes(b"garbage")
    app = inside_page.opened(run=saved_run.id, checkpoint="last", image=str(PINNED))
    assert not app.exception
    assert "checkpoint-last.npz" in inside_page.errors(app)[0]
    assert inside_page.grids(app) == inside_page.MAPS


def test_predict_answers_with_the_epochs_that_are_left(bare: Run, store: RunStore) -> None:
    app = predict_page.opened(run=bare.id, image=str(PINNED), epoch="1")
    assert not app.exception
    assert not predict_page.errors(app)
    assert widget(app, "selectbox", "pick-checkpoint").options == ["Any epoch"]
    assert epoch_slider(app)["shown"] == 1
    test = library.load("cifar10", "sample", store.settings).test
    pixels = test.having([PINNED]).images
    chances = open_checkpoint(store, bare, 1).probabilities(pixels)[0]
    assert f"**{CIFAR10.classes[chances.argmax()]}**, {chances.max():.1%}" in predict_page.text(app)
    remove(store, bare, "weights")
    (error,) = [one.value for one in predict_page.opened(run=bare.id).error]
    assert "no epoch was finished, or the files were removed" in error
