"""Present: scenes of own runs, finished, queued, in training or interrupted."""

import numpy as np
import pytest

from cifarviz.analysis.overfitting import judge_run
from cifarviz.data import library
from cifarviz.experiment.choices import Data, NoValidation, SplitValidation, TestValidation
from cifarviz.runs.artifacts import FolderArtifacts
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.pins import pinned_images
from cifarviz.runs.recorded import RECORDED_SERIES, recorded_series
from cifarviz.runs.records import BatchPoints, Progress, Run
from cifarviz.runs.series import find_series_of_run, save_series
from cifarviz.runs.snapshots import save_predictions, snapshot_path
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.ui.address import escaped
from cifarviz.ui.lab.results import series_runs, series_verdict
from cifarviz.ui.present.training import has_training_images, live_experiment
from tests import stored_runs
from tests.components import chart, component_keys, epoch_slider, presenter, replay
from tests.pages import present_page
from tests.pages.app_page import widget
from tests.pages.present_page import SCENES, counts, html, opened, page_text, title
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
        assert replay(opened("overfitting", run=run.id), "present-overfitting")["mark"] == mark


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


def test_the_gap_is_what_the_curve_shows(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment(), epochs=12)
    app = opened("overfitting", run=run.id)
    assert replay(app, "present-overfitting")["panels"][0]["metric"] == "loss"
    assert "<b>0.10</b><span>loss: validation above training after epoch 12" in html(app)


def test_overfitting_by_the_gap_alone_is_shown_in_accuracy(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment(epochs=12), epochs=12)
    with store.database.connect(write=True) as connection:
        connection.execute(
            "UPDATE epochs SET val_loss = 1, accuracy = 0.6 + epoch / 100.0, "
            "val_accuracy = CASE WHEN epoch > 4 THEN 0.5 ELSE 0.6 END WHERE run = ?",
            (run.id,),
        )
    app = opened("overfitting", run=run.id)
    assert title(app) == "Overfitting: after epoch 4 it learns by heart"
    given = replay(app, "present-overfitting")
    assert given["panels"][0]["metric"] == "accuracy"
    assert given["panels"][0]["gap"][0] == 4
    assert "<b>4.0</b><span>points of accuracy: training above validation after epoch 4" in html(
        app
    )
    assert "<b>22.0</b><span>points of accuracy: training above validation after epoch 12" in html(
        app
    )


@pytest.mark.parametrize(
    ("curves", "headline"),
    [
        ("val_loss = 2 - epoch / 10.0", "Still improving: more epochs may help"),
        ("val_loss = 1, loss = 1, accuracy = 0.2, val_accuracy = 0.2", "Underfitting: it hardly"),
        ("val_loss = 1, accuracy = 0.9, val_accuracy = 0.88", "Good fit: no sign of overfitting"),
        ("val_loss = NULL, val_accuracy = NULL", "No validation: overfitting cannot be measured"),
        ("val_loss = 1 + epoch % 2", "Noisy: the curves show no trend"),
    ],
)
def test_runs_that_do_not_overfit_have_titles_of_their_own(
    store: RunStore, curves: str, headline: str
) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment(epochs=12), epochs=12)
    with store.database.connect(write=True) as connection:
        connection.execute(f"UPDATE epochs SET {curves} WHERE run = ?", (run.id,))
    app = opened("overfitting", run=run.id, notes=1)
    assert title(app).startswith(headline)
    # The sentence of every other page.
    fit = judge_run(store.get(run.id), store.epochs(run.id))
    assert fit.reason in html(app)
    assert escaped(fit.reason) in app.markdown[0].value


def test_the_images_of_the_sample_add_up(store: RunStore) -> None:
    split = stored_runs.store_run(store, stored_runs.experiment(validation=SplitValidation()))
    store.describe(split.id, train_images=3000, validation_images=1500)
    assert counts(opened("data", run=split.id)) == [
        ("3,000", "to learn from"),
        ("1,500", "to validate"),
        ("500", "not used"),
        ("1,000", "to test"),
        ("6,000", "in the embedded sample"),
    ]
    # The test images may take the place of validation images.
    on_test = stored_runs.store_run(store, stored_runs.experiment(validation=TestValidation()))
    store.describe(on_test.id, train_images=5000, validation_images=1000)
    assert counts(opened("data", run=on_test.id)) == [
        ("5,000", "to learn from"),
        ("1,000", "to validate"),
        ("6,000", "in the embedded sample"),
    ]
    # Numbers that do not fit are no sum.
    store.describe(split.id, train_images=9000, validation_images=1500)
    assert counts(opened("data", run=split.id)) == [("9,000", "to learn from")]


def test_a_run_whose_images_are_missing_trains_live_on_the_sample(
    store: RunStore, trained: Run
) -> None:
    full = stored_runs.experiment(data=Data(variant="full", train_images=9000))
    run = stored_runs.store_run(store, full)
    app = opened("training", run=run.id, at=1)
    assert replay(app, "present-replay")["restart"] == "Train live on the sample"
    sampled = live_experiment(run)
    assert sampled is not None
    assert sampled.data == Data()
    assert sampled.architecture == full.architecture
    # Where its images are, it is trained on those, and continued where it has weights.
    own = stored_runs.store_run(store, stored_runs.experiment(), name="own")
    assert replay(opened("training", run=own.id), "present-replay")["restart"] == "Train live"
    assert live_experiment(own) == own.experiment
    given = replay(opened("training", run=trained.id), "present-replay")
    assert (given["forks"], given["restart"]) == ([1, 3], "Train live")


@pytest.mark.parametrize("name", sorted(one.name for one in RECORDED_SERIES.iterdir()))
def test_a_recorded_run_of_the_sample_goes_live_without_a_download(
    store: RunStore, name: str
) -> None:
    series = recorded_series(store, name)
    assert series is not None
    for run_id in series.run_ids:
        app = opened("training", run=run_id, at=20)
        assert replay(app, "present-replay")["restart"] == "Train live"
        assert has_training_images(store.get(run_id))


def duel_of(store: RunStore, *names: str) -> list[Run]:
    runs = [
        stored_runs.store_run(store, stored_runs.experiment(epochs=12), name=name, epochs=12)
        for name in names
    ]
    for run in runs:
        store.describe(run.id, validation_images=1000)
    save_series(store, "duel", "Width: narrow against wide", [(run.id, run.name) for run in runs])
    return runs


def test_a_run_of_a_duel_has_a_scene_with_both_validation_curves(store: RunStore) -> None:
    narrow, wide = duel_of(store, "narrow", "wide")
    other = stored_runs.store_run(store, stored_runs.experiment(), name="other")
    with store.database.connect(write=True) as connection:
        connection.execute("UPDATE epochs SET val_accuracy = 0.9 WHERE run = ?", (wide.id,))
        connection.execute("UPDATE epochs SET val_accuracy = 0.4 WHERE run = ?", (narrow.id,))
    app = opened("duel", run=narrow.id, notes=1)
    assert title(app) == "Duel: Width"
    assert "**Width: narrow against wide**" in page_text(app)
    assert [name for name, _ in presenter(app)["scenes"]].index("duel") == 4
    for metric in ("accuracy", "loss"):
        traces = chart(app, f"present-duel-{metric}")["data"]
        names = [trace["name"] for trace in traces if len(trace["x"]) == 12]
        assert names == ["narrow", "wide"]
    # The verdict of the Lab.
    members = series_runs(store, find_series_of_run(store, wide.id)[0])
    verdict = series_verdict("duel", members)
    assert verdict is not None
    assert "is highest with wide: 90.0%" in verdict.headline
    assert verdict.headline in html(app)
    for sentence in verdict.sentences:
        assert sentence in page_text(app)
    # Another run without a duel is presented in the scene before.
    widget(app, "selectbox", "present-run").select(other.id).run()
    assert present_page.address_of(app)["scene"] == "overfitting"
    assert not app.warning


def test_other_experiments_of_two_runs_are_titled_by_what_they_show(store: RunStore) -> None:
    series = recorded_series(store, "memorisation")
    assert series is not None
    app = opened("duel", run=series.run_ids[0])
    assert title(app) == "Memorisation"
    assert not app.exception


def test_a_single_epoch_without_validation_has_no_notes_about_either(store: RunStore) -> None:
    experiment = stored_runs.experiment(epochs=1, validation=NoValidation())
    run = stored_runs.store_run(store, experiment, epochs=1)
    text = page_text(opened("training", run=run.id, notes=1))
    assert "Each dot is" in text
    assert "Validation is measured" not in text
    assert "From epoch" not in text


def test_without_a_duel_of_two_there_is_no_such_scene(store: RunStore, trained: Run) -> None:
    three = duel_of(store, "a", "b", "c")
    pair = duel_of(store, "d", "e")
    store.delete(pair[1].id)
    for run in (trained, three[0], pair[0]):
        app = opened("duel", run=run.id)
        assert [name for name, _ in presenter(app)["scenes"]] == list(SCENES)
        assert "There is no scene “duel” here" in page_text(app)
        assert presenter(app)["shown"] == "overfitting"


def test_the_verdict_on_a_duel_waits_for_an_epoch_of_both_runs(store: RunStore) -> None:
    first, second = duel_of(store, "narrow", "wide")
    with store.database.connect(write=True) as connection:
        connection.execute("UPDATE runs SET state = 'running' WHERE id = ?", (second.id,))
    with stored_runs.hold_lock(store, second):
        assert "So far, after 12 epochs: no clear difference" in html(opened("duel", run=first.id))
        with store.database.connect(write=True) as connection:
            connection.execute("DELETE FROM epochs WHERE run = ?", (second.id,))
        assert "The first verdict comes when both runs have finished an epoch" in html(
            opened("duel", run=first.id)
        )


def test_a_run_is_chosen_from_cards(trained: Run, store: RunStore) -> None:
    other = stored_runs.store_run(store, stored_runs.experiment(epochs=12), name="*other*")
    app = opened("training", run=trained.id, choose=1, at=2)
    assert title(app) == "Choose a run"
    cards = [button.label for button in app.button if "present-run-" in str(button.key)]
    assert cards[0].startswith(f"**{escaped('*other*')}**")
    assert "Too early to say" in cards[1]
    assert "validation" in cards[1]
    app.button(key=f"present-run-{other.id}").click().run()
    assert not app.exception
    assert present_page.address_of(app) == {"scene": "training", "run": other.id}
    assert title(app) == "3 epochs of 5,000 images"


def test_the_speaker_gets_notes_the_next_scene_and_the_choices(trained: Run) -> None:
    told = presenter(opened("maps", run=trained.id))["speaker"]
    assert ["conv2d_1", True] in told["notes"][0]
    assert told["next"][0] == "The mistakes"
    offered = {name: (dict(options), chosen) for name, _, options, chosen in told["choices"]}
    assert offered["layer"][1] == "conv2d_1"
    assert "conv2d_2" in offered["layer"][0]
    assert offered["run"][1] == trained.id
    told = presenter(opened("training", run=trained.id))["speaker"]
    assert told["next"] == ["Overfitting", "Too early to say"]
    assert presenter(opened("photo", run=trained.id))["speaker"]["next"] == ["", ""]


def test_the_speaker_s_window_shows_no_scene(trained: Run) -> None:
    app = opened("maps", run=trained.id, speaker=1, notes=1)
    assert component_keys(app) == ["speaker"]
    assert not app.title
    assert not app.markdown


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
