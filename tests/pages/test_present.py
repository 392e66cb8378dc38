"""Present: every scene of the recorded run and of others."""

import io

import numpy as np
import pytest
from PIL import Image

from cifarviz.data import library
from cifarviz.runs.pins import pinned_images
from cifarviz.runs.recorded import hide, offer_recorded, recorded
from cifarviz.runs.records import BatchPoints, Progress, Run
from cifarviz.runs.snapshots import keep_answers, snapshot_path
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests import stored_runs
from tests.pages import present_page
from tests.pages.present_page import SCENES, html, opened, said, sent, title
from tests.stored_runs import Arrays


@pytest.fixture(scope="module")
def recorded_home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home as a new user has it; no test changes anything in it."""
    home = str(tmp_path_factory.mktemp("recorded"))
    settings = Settings.from_environment({"CIFARVIZ_HOME": home, "CIFARVIZ_WARM_UP": "0"})
    offer_recorded(RunStore(settings))
    return settings


@pytest.fixture
def demonstration(recorded_home: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("CIFARVIZ_HOME", str(recorded_home.home))
    monkeypatch.setenv("CIFARVIZ_RECORDED", "1")
    run = recorded(RunStore(recorded_home))
    assert run is not None
    return run


def test_the_recorded_run_is_what_is_presented_first(demonstration: Run) -> None:
    app = opened()
    assert title(app) == "60,000 small pictures of ten kinds of things"
    assert "learns from 35,000 of them, and is checked on 15,000" in html(app)
    bar = sent(app, "presenter")
    assert [name for name, _ in bar["scenes"]] == list(SCENES)
    assert (bar["shown"], bar["notes"]) == ("data", False)


def test_the_network_is_drawn_layer_by_layer(demonstration: Run) -> None:
    app = opened("network", notes=1)
    assert title(app) == "12 layers, 814,122 numbers to learn"
    assert html(app).count('class="present-layer"') == 13
    assert "dense_1** alone holds 524,544 of the 814,122 parameters (64%)" in said(app)


def test_the_recording_has_every_epoch_at_its_own_time(demonstration: Run) -> None:
    app = opened("training", at="9.5", pace="10x")
    assert title(app) == "30 epochs of 35,000 images"
    given = sent(app, "present-replay")
    assert (given["mark"], given["player"], given["at"], given["pace"]) == (
        "recorded",
        True,
        9.5,
        "10x",
    )
    history = RunStore(Settings.from_environment()).epochs(demonstration.id)
    assert given["clock"] == pytest.approx(
        np.cumsum([0.0, *(one.seconds for one in history)]).round(2)
    )
    loss = given["panels"][0]
    assert loss["validation"] == pytest.approx([one.val_loss for one in history], rel=1e-4)
    # 1,094 steps an epoch: the batches reach to the end of the last one, no further.
    assert max(loss["x"]) == pytest.approx(30)
    assert given["until"] == 30
    # Its images are not here, so nothing can go on from it.
    assert given["forks"] == []
    assert "fetch the full CIFAR-10" in said(opened("training", notes=1))


def test_the_turn_is_named_and_shaded(demonstration: Run) -> None:
    app = opened("turn", notes=1)
    assert title(app) == "After epoch 8 it learns by heart"
    given = sent(app, "present-turn")
    assert given["turn"] == {"epoch": 8, "words": "the turn: epoch 8"}
    assert (given["mark"], given["player"], len(given["panels"])) == ("recorded", False, 1)
    assert "rose from 0.818 to 1.816" in html(app)
    # 79.7 less 72.0, and 98.5 less 71.4.
    assert "<b>7.6</b><span>points of accuracy: training is ahead of validation" in html(app)
    assert "<b>27.1</b>" in html(app)
    assert "accuracy went from 72.0% to 71.4%" in said(app)
    assert "To try next: **" in said(app)


def test_feature_maps_come_from_what_was_kept(
    demonstration: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*given: object) -> None:
        raise AssertionError("kept maps need no network")

    monkeypatch.setattr("cifarviz.ui.cache.layer_views", no_network)
    first = opened("maps")
    assert title(first) == "What the first convolution sees"
    slider = sent(first, "epoch-slider")
    assert slider["stops"] == [0, 1, 2, 3, 4, 6, 8, 9, 11, 16, 23, 30]
    assert slider["shown"] == 0
    assert "conv2d_1: 32 channels of 32 × 32" in html(first)
    later = opened("maps", epoch=8, layer="conv2d_6", notes=1)
    assert "conv2d_6: 128 channels of 8 × 8" in html(later)
    assert sent(later, "epoch-slider")["shown"] == 8
    options = later.selectbox(key="present-image").options
    # Four whose maps were kept, and four more that are pinned, for which weights are asked.
    assert options[1].startswith("automobile, test image")
    assert len(options) == 8
    other = opened("maps", image=later.selectbox(key="present-image").value)
    assert not other.warning


def test_mistakes_are_those_that_can_be_shown_here(demonstration: Run) -> None:
    app = opened("mistakes", notes=1)
    assert title(app) == "Sure, and wrong"
    assert html(app).count("<figcaption>") == 8
    assert "about 15,000 validation images" in said(app)
    assert "Of these the 1,507 that are on this machine" in said(app)
    assert "**431 of 1,507** were taken for something else" in said(app)
    early = opened("mistakes", epoch=1)
    assert html(early) != html(app)


def test_a_photo_is_asked_about_and_not_kept(demonstration: Run) -> None:
    app = opened("photo")
    assert "airplane" in html(app)
    file = io.BytesIO()
    Image.new("RGB", (60, 40), (30, 90, 200)).save(file, "PNG")
    app.file_uploader(key="present-file").upload("sky.png", file.getvalue(), "image/png").run()
    assert not app.exception
    assert "It says: <b>" in html(app)
    assert html(app).count("<u style") == 5
    app.file_uploader(key="present-file").upload("note.txt", b"hello", "text/plain").run()
    assert not app.exception
    assert "note.txt" in said(app)
    # The camera is another way to the same.
    camera = opened("photo", photo="camera")
    shot = camera.camera_input(key="present-camera")
    shot.upload("shot.jpg", file.getvalue(), "image/jpeg").run()
    assert "It says: <b>" in html(camera)


@pytest.mark.parametrize("scene", SCENES)
def test_every_scene_has_notes_and_a_run_of_one_s_own_has_every_scene(
    trained: Run, scene: str
) -> None:
    app = opened(scene, run=trained.id, notes=1)
    assert not app.error
    assert not app.warning
    # Notes, and under them the run and the keys.
    assert len(app.markdown[0].value) > 80
    assert app.selectbox(key="present-run").value == trained.id
    assert sent(app, "presenter")["notes"] is True
    hidden = opened(scene, run=trained.id)
    assert not hidden.markdown
    assert not [box for box in hidden.selectbox if box.key == "present-run"]


def test_maps_of_kept_weights_are_computed(trained: Run) -> None:
    app = opened("maps", run=trained.id, notes=1)
    assert sent(app, "epoch-slider")["stops"] == [0, 1, 3]
    assert "from 0 to 3; the maps are computed from the weights the run has kept" in said(app)
    assert 'class="present-mark recorded"' in html(app)
    assert "conv2d_1: 6 channels of 32 × 32" in html(app)


def test_a_run_s_own_mistakes(trained: Run) -> None:
    app = opened("mistakes", run=trained.id, notes=1)
    assert html(app).count("<figcaption>") == 3
    assert "**3 of 50** were taken for something else (6.0%)" in said(app)
    assert "73.0%" in html(app)
    wrong = opened("mistakes", run=trained.id, epoch=2)
    assert "no answers of epoch “2”" in said(wrong)
    assert html(wrong).count("<figcaption>") == 3


def test_the_mistakes_are_those_of_the_epoch_that_answers_for_the_run(
    store: RunStore, weights: Arrays
) -> None:
    run = stored_runs.store_run(
        store, stored_runs.experiment(), checkpoints={"last": weights, "best": weights}
    )
    stored_runs.make_worse(store, run, 3)
    images = library.load("cifar10", "sample", store.settings).test.take(np.arange(50))
    labels = images.labels
    for epoch, wrong in ((1, 30), (2, 5), (3, 20)):
        said_then = np.full((50, 10), 0.01, np.float32)
        said_then[np.arange(50), (labels + (np.arange(50) < wrong)) % 10] = 0.91
        keep_answers(store.folder(run.id), epoch, "test", images.indices, said_then)
    app = opened("mistakes", run=run.id, notes=1)
    assert "After epoch 3, 20 of 50 test pictures" in html(app)
    store.prefer(run.id, "best")
    app = opened("mistakes", run=run.id, notes=1)
    assert app.selectbox(key="present-epoch").value == "2"
    assert "After epoch 2, 5 of 50 test pictures" in html(app)
    assert "What the network said after epoch 2 (lowest" in said(app)
    assert "After epoch 1, 30 of 50" in html(opened("mistakes", run=run.id, epoch=1))
    # Where that epoch's answers are gone, its weights are asked.
    snapshot_path(store.folder(run.id), "answers", 2).unlink()
    app = opened("mistakes", run=run.id, notes=1)
    assert "2, asked now" in app.selectbox(key="present-epoch").options
    assert "After epoch 2, " in html(app)
    assert "What the network said at its lowest validation loss, epoch 2" in said(app)
    assert "about 1,000 test images" in said(app)
    assert "After epoch 3, 20 of 50" in html(opened("mistakes", run=run.id, epoch=3))


def test_without_answers_the_network_is_asked(run: Run) -> None:
    app = opened("mistakes", run=run.id, notes=1)
    assert "What the network said as it ended about 1,000 test images" in said(app)
    assert "As it ended, " in html(app)
    assert html(app).count("<figcaption>") == 8


def test_a_run_that_learns_is_live(store: RunStore, weights: Arrays) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment(), state=RunState.RUNNING, epochs=1)
    points = np.arange(11, 16)
    store.record(
        run.id,
        Progress("training", 2, 15, 10, 900.0, 30.0, 1e12),
        BatchPoints(points, points / 10, points / 100),
    )
    with stored_runs.held(store, run):
        app = opened("training", run=run.id)
        given = sent(app, "present-replay")
        assert (given["mark"], given["player"], given["last"]) == ("live", False, 3)
        assert given["until"] == pytest.approx(1.5)
        assert "epoch 2 of 3" in html(app)


@pytest.mark.parametrize(
    ("state", "mark", "headline", "told"),
    [
        (RunState.QUEUED, "waiting", "Waiting for its turn to learn", "does not train yet"),
        (RunState.PAUSED, "paused", "Learning is paused", "does not train at this moment"),
        (RunState.STOPPING, "stopping", "Learning is being stopped", "has been asked to end"),
        (RunState.STOPPED, "recorded", "Stopped after 1 of 3 epochs", "**Stopped**: After 1 of 3"),
        (RunState.FAILED, "recorded", "Failed after 1 of 3 epochs", "**Failed**: It broke."),
        (RunState.RUNNING, "live", "The network is learning", "trains at this moment"),
    ],
)
def test_only_a_run_that_learns_is_called_live(
    store: RunStore, state: RunState, mark: str, headline: str, told: str
) -> None:
    run = stored_runs.store_run(
        store, stored_runs.experiment(), state=state, epochs=1, message="It broke."
    )
    if state is RunState.STOPPING:
        with store.database.connect(write=True) as connection:
            connection.execute("UPDATE runs SET state = ? WHERE id = ?", (state, run.id))
    with stored_runs.held(store, run):
        app = opened("training", run=run.id, notes=1)
        assert (title(app), sent(app, "present-replay")["mark"]) == (headline, mark)
        assert told in said(app)
        assert ("live" in said(app).lower()) == (mark == "live")
        assert sent(opened("turn", run=run.id), "present-turn")["mark"] == mark


def test_a_run_that_is_being_built_is_not_called_live(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment(), state=RunState.RUNNING, epochs=0)
    with stored_runs.held(store, run):
        app = opened("training", run=run.id, notes=1)
    assert title(app) == "The network is about to learn"
    assert sent(app, "present-replay")["mark"] == "starting"


def test_maps_of_one_epoch_are_shown_without_a_player(run: Run) -> None:
    app = opened("maps", run=run.id, notes=1)
    assert "conv2d_1: 6 channels" in html(app)
    assert "there is nothing to play; these are computed from its kept weights." in said(app)
    assert "plays over" not in said(app)
    with pytest.raises(AssertionError, match="epoch-slider is not on the page"):
        sent(app, "epoch-slider")


def test_without_a_turn_it_is_said_who_is_ahead(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment(), epochs=12)
    with store.database.connect(write=True) as connection:
        connection.execute(
            "UPDATE epochs SET accuracy = 0.5, val_accuracy = 0.501 WHERE run = ?", (run.id,)
        )
    app = opened("turn", run=run.id)
    assert "<b>0.1</b><span>points of accuracy: validation is ahead of training" in html(app)


def test_what_went_on_from_a_run_is_drawn_after_it(store: RunStore, trained: Run) -> None:
    fork = stored_runs.store_run(store, stored_runs.experiment(), epochs=0)
    with store.database.connect(write=True) as connection:
        connection.execute(
            "UPDATE runs SET parent = ?, parent_epoch = 2 WHERE id = ?", (trained.id, fork.id)
        )
    given = sent(opened("training", run=fork.id), "present-replay")
    assert (given["branch"], given["epochs"]) == (2, [1, 2])
    with store.database.connect(write=True) as connection:
        connection.execute("UPDATE runs SET state = 'queued' WHERE id = ?", (fork.id,))
    with stored_runs.held(store, fork):
        waits = said(opened("training", run=fork.id, notes=1))
    # Up to the third epoch, of which it has two from its parent.
    assert "it begins, for 1 epoch, when the runs before it have ended" in waits
    # Of a run on the sample the images are here: it can be gone on from where weights are.
    assert sent(opened("training", run=trained.id), "present-replay")["forks"] == [1, 3]


def test_a_hidden_recorded_run_can_be_brought_back(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIFARVIZ_RECORDED", "1")
    offer_recorded(store)
    hide(store)
    app = opened("turn")
    app.button(key="bring-back-recorded").click().run()
    assert title(app) == "After epoch 8 it learns by heart"


def test_another_run_is_chosen_in_the_panel(trained: Run, store: RunStore) -> None:
    other = stored_runs.store_run(store, stored_runs.experiment(), name="other")
    app = opened("maps", run=trained.id, notes=1, epoch=1, image=pinned_images_of(store)[0])
    app.selectbox(key="present-run").select(other.id).run()
    assert not app.exception
    address = present_page.address_of(app)
    assert address["run"] == other.id
    assert "epoch" not in address
    assert "image" not in address


def pinned_images_of(store: RunStore) -> tuple[int, ...]:
    return pinned_images(store, library.load("cifar10", "sample", store.settings).info)
