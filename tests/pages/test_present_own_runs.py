"""Present: scenes of own runs, finished, queued, in training or interrupted."""

import numpy as np
import pytest

from cifarviz.data import library
from cifarviz.runs.artifacts import FolderArtifacts
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.pins import pinned_images
from cifarviz.runs.records import BatchPoints, Progress, Run
from cifarviz.runs.snapshots import save_predictions, snapshot_path
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from tests import stored_runs
from tests.components import component_keys, epoch_slider, presenter, replay
from tests.pages import present_page
from tests.pages.app_page import widget
from tests.pages.present_page import SCENES, html, opened, page_text, title
from tests.stored_runs import Arrays


@pytest.mark.parametrize("scene", SCENES)
def test_every_scene_has_notes_and_exists_for_own_runs(trained: Run, scene: str) -> None:
    app = opened(scene, run=trained.id, notes=1)
    assert not app.error
    assert not app.warning
    # Notes, and under them the run and the keys.
    assert len(app.markdown[0].value) > 80
    assert widget(app, "selectbox", "present-run").value == trained.id
    assert presenter(app)["notes"] is True
    hidden = opened(scene, run=trained.id)
    assert not hidden.markdown
    assert not [box for box in hidden.selectbox if box.key == "present-run"]


def test_maps_are_computed_from_saved_weights(trained: Run) -> None:
    app = opened("maps", run=trained.id, notes=1)
    assert epoch_slider(app)["stops"] == [0, 1, 3]
    assert "from 0 to 3. The maps are computed from saved weights" in page_text(app)
    assert 'class="present-mark recorded"' in html(app)
    assert "conv2d_1: 6 channels of 32 × 32" in html(app)


def test_mistakes_of_an_own_run_are_shown(trained: Run) -> None:
    app = opened("mistakes", run=trained.id, notes=1)
    assert html(app).count("<figcaption>") == 3
    assert "**3 of 50** are wrong (6.0%)" in page_text(app)
    assert "73.0%" in html(app)
    wrong = opened("mistakes", run=trained.id, epoch=2)
    assert "no saved predictions of epoch “2”" in page_text(wrong)
    assert html(wrong).count("<figcaption>") == 3


def test_mistakes_are_of_the_runs_default_weights(store: RunStore, weights: Arrays) -> None:
    run = stored_runs.store_run(
        store, stored_runs.experiment(), checkpoints={"last": weights, "best": weights}
    )
    stored_runs.raise_validation_loss(store, run, 3)
    images = library.load("cifar10", "sample", store.settings).test.take(np.arange(50))
    labels = images.labels
    for epoch, wrong in ((1, 30), (2, 5), (3, 20)):
        said_then = np.full((50, 10), 0.01, np.float32)
        said_then[np.arange(50), (labels + (np.arange(50) < wrong)) % 10] = 0.91
        save_predictions(
            FolderArtifacts(store.folder(run.id)),
            epoch,
            "test",
            images.indices,
            Predictions.from_probabilities(said_then),
        )
    app = opened("mistakes", run=run.id, notes=1)
    assert "20 of 50 test images wrong (after epoch 3)" in html(app)
    store.prefer(run.id, "best")
    app = opened("mistakes", run=run.id, notes=1)
    assert widget(app, "selectbox", "present-epoch").value == "2"
    assert "5 of 50 test images wrong (after epoch 2)" in html(app)
    assert "after epoch 2, lowest" in page_text(app)
    assert "30 of 50 test images wrong (after epoch 1)" in html(
        opened("mistakes", run=run.id, epoch=1)
    )
    # Where that epoch's answers are gone, its weights are asked.
    snapshot_path(store.folder(run.id), "predictions", 2).unlink()
    app = opened("mistakes", run=run.id, notes=1)
    assert "2, predicted now" in widget(app, "selectbox", "present-epoch").options
    assert "(after epoch 2)" in html(app)
    assert "best epoch 2 (lowest validation loss)" in page_text(app)
    assert "predicted 1,000 test images" in page_text(app)
    assert "20 of 50 test images wrong (after epoch 3)" in html(
        opened("mistakes", run=run.id, epoch=3)
    )


def test_without_saved_predictions_the_network_predicts(run: Run) -> None:
    app = opened("mistakes", run=run.id, notes=1)
    assert "predicted 1,000 test images: last epoch (after epoch 3)" in page_text(app)
    assert "last epoch (after epoch 3)" in html(app)
    assert html(app).count("<figcaption>") == 8


def test_a_run_in_training_is_live(store: RunStore, weights: Arrays) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment(), state=RunState.RUNNING, epochs=1)
    points = np.arange(11, 16)
    store.record(
        run.id,
        Progress("training", 2, 15, 10, 900.0, 30.0, 1e12),
        BatchPoints(points, points / 10, points / 100),
    )
    with stored_runs.hold_lock(store, run):
        app = opened("training", run=run.id)
        given = replay(app, "present-replay")
        assert (given["mark"], given["player"], given["last"]) == ("live", False, 3)
        assert given["until"] == pytest.approx(1.5)
        assert "epoch 2 of 3" in given["below"]


@pytest.mark.parametrize(
    ("state", "mark", "headline", "told"),
    [
        (RunState.QUEUED, "waiting", "Waiting to train", "is queued"),
        (RunState.PAUSED, "paused", "Training is paused", "when you resume it"),
        (RunState.STOPPING, "stopping", "Training is stopping", "is about to stop"),
        (
            RunState.STOPPED,
            "recorded",
            "Stopped after epoch 1 of 3",
            "**Stopped**: After epoch 1 (of 3)",
        ),
        (RunState.FAILED, "recorded", "Failed after epoch 1 of 3", "**Failed**: It broke."),
        (RunState.RUNNING, "live", "The network is training", "is training for"),
    ],
)
def test_only_a_run_in_training_is_labelled_live(
    store: RunStore, state: RunState, mark: str, headline: str, told: str
) -> None:
    run = stored_runs.store_run(
        store, stored_runs.experiment(), state=state, epochs=1, message="It broke."
    )
    if state is RunState.STOPPING:
        with store.database.connect(write=True) as connection:
            connection.execute("UPDATE runs SET state = ? WHERE id = ?", (state, run.id))
    with stored_runs.hold_lock(store, run):
        app = opened("training", run=run.id, notes=1)
        assert (title(app), replay(app, "present-replay")["mark"]) == (headline, mark)
        assert told in page_text(app)
        assert ("live" in page_text(app).lower()) == (mark == "live")
        assert replay(opened("turn", run=run.id), "present-turn")["mark"] == mark


def test_a_run_that_is_preparing_is_not_labelled_live(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment(), state=RunState.RUNNING, epochs=0)
    with stored_runs.hold_lock(store, run):
        app = opened("training", run=run.id, notes=1)
    assert title(app) == "Training is about to start"
    assert replay(app, "present-replay")["mark"] == "starting"


def test_maps_of_one_epoch_are_shown_without_a_player(run: Run) -> None:
    app = opened("maps", run=run.id, notes=1)
    assert "conv2d_1: 6 channels" in html(app)
    assert "computed from saved weights. No other epoch was saved." in page_text(app)
    assert "Plays" not in page_text(app)
    assert "epoch-slider" not in component_keys(app)


def test_without_overfitting_the_title_compares_training_and_validation(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment(), epochs=12)
    with store.database.connect(write=True) as connection:
        connection.execute(
            "UPDATE epochs SET accuracy = 0.5, val_accuracy = 0.501 WHERE run = ?", (run.id,)
        )
    app = opened("turn", run=run.id)
    assert "<b>0.1</b><span>points of accuracy: validation above training" in html(app)


def test_the_continuation_of_a_run_is_drawn_after_it(store: RunStore, trained: Run) -> None:
    fork = stored_runs.store_run(store, stored_runs.experiment(), epochs=0)
    with store.database.connect(write=True) as connection:
        connection.execute(
            "UPDATE runs SET parent = ?, parent_epoch = 2 WHERE id = ?", (trained.id, fork.id)
        )
    given = replay(opened("training", run=fork.id), "present-replay")
    assert (given["branch"], given["epochs"]) == (2, [1, 2])
    with store.database.connect(write=True) as connection:
        connection.execute("UPDATE runs SET state = 'queued' WHERE id = ?", (fork.id,))
    with stored_runs.hold_lock(store, fork):
        waits = page_text(opened("training", run=fork.id, notes=1))
    # Up to the third epoch, of which it has two from its parent.
    assert "It will train for 1 epoch when the runs before it are done" in waits
    # Of a run on the sample the images are here: it can be gone on from where weights are.
    assert replay(opened("training", run=trained.id), "present-replay")["forks"] == [1, 3]


def test_another_run_can_be_selected_in_the_panel(trained: Run, store: RunStore) -> None:
    other = stored_runs.store_run(store, stored_runs.experiment(), name="other")
    first, second, *_ = pinned_images_of(store)
    app = opened("maps", run=trained.id, notes=1, epoch=1, image=second)
    widget(app, "selectbox", "present-run").select(other.id).run()
    assert not app.exception
    address = present_page.address_of(app)
    assert address["run"] == other.id
    # Those of the run before are nothing for this one, which has kept no maps.
    assert "epoch" not in address
    assert address["image"] == str(first)


def pinned_images_of(store: RunStore) -> tuple[int, ...]:
    return pinned_images(store, library.load("cifar10", "sample", store.settings).info)
