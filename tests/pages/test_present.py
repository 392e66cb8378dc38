"""Present: every scene of the recorded run and of others."""

import io

import numpy as np
import pytest
from PIL import Image

from cifarviz.runs.recorded import find_recorded_run, hide_recorded_run, unpack_recorded_once
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests.components import epoch_slider, presenter, replay
from tests.pages.present_page import SCENES, counts, html, opened, page_text, title


@pytest.fixture
def demonstration(recorded_store: RunStore) -> Run:
    run = find_recorded_run(recorded_store)
    assert run is not None
    return run


def test_the_recorded_run_is_presented_first(demonstration: Run) -> None:
    app = opened()
    assert title(app) == "60,000 small pictures in ten classes"
    # The parts add up to the headline.
    assert counts(app) == [
        ("35,000", "to learn from"),
        ("15,000", "to validate"),
        ("10,000", "to test"),
        ("60,000", "in all"),
    ]
    bar = presenter(app)
    assert [name for name, _ in bar["scenes"]] == list(SCENES)
    assert (bar["shown"], bar["notes"], bar["choosing"]) == ("data", False, False)


def test_the_network_is_drawn_layer_by_layer(demonstration: Run) -> None:
    app = opened("network", notes=1)
    assert title(app) == "12 layers, 814,122 parameters"
    assert html(app).count('class="present-layer"') == 13
    assert "dense_1** alone has 524,544 of the 814,122 parameters (64%)" in page_text(app)


def test_the_recording_shows_each_epoch_at_its_time(demonstration: Run) -> None:
    app = opened("training", at="9.5", pace="10x")
    assert title(app) == "30 epochs of 35,000 images"
    given = replay(app, "present-replay")
    assert (given["mark"], given["player"], given["at"], given["pace"]) == (
        "recorded",
        True,
        9.5,
        "10x",
    )
    history = RunStore(Settings.from_environment()).epochs(demonstration.id)
    # In all, the run's time at work, which has more in it than its epochs.
    own = np.cumsum([0.0, *(one.seconds for one in history)])
    assert given["clock"] == pytest.approx(own * demonstration.seconds / own[-1], abs=0.01)
    assert round(given["clock"][-1]) == 448
    loss = given["panels"][0]
    assert loss["validation"] == pytest.approx([one.val_loss for one in history], rel=1e-4)
    # 1,094 steps an epoch: the batches reach to the end of the last one, no further.
    assert max(loss["x"]) == pytest.approx(30)
    assert given["until"] == 30
    # Its images are not here, so nothing can go on from it; the sample is.
    assert (given["forks"], given["restart"]) == ([], "Train live on the sample")
    notes = page_text(opened("training", notes=1))
    assert "takes the full CIFAR-10" in notes
    assert "The embedded sample needs no download" in notes


def test_the_start_of_overfitting_is_marked(demonstration: Run) -> None:
    app = opened("turn", notes=1)  # its name in older links
    assert title(app) == "Overfitting: after epoch 8 it learns by heart"
    given = replay(app, "present-overfitting")
    assert given["panels"][0]["gap"] == [8, "Overfitting starts after epoch 8"]
    assert (given["mark"], given["player"], len(given["panels"])) == ("recorded", False, 1)
    assert "rose from 0.818 (epoch 8) to 1.816" in html(app)
    # In what the curve shows: 0.818 less 0.586, and 1.816 less 0.042.
    assert given["panels"][0]["metric"] == "loss"
    assert "<b>0.23</b><span>loss: validation above training after epoch 8" in html(app)
    assert "<b>1.77</b><span>loss: validation above training after epoch 30" in html(app)
    assert "**Overfitting**: the network learns its training images by heart" in page_text(app)
    assert "accuracy went from 72.0% to 71.4%" in page_text(app)
    assert "Try next: **" in page_text(app)


def test_feature_maps_come_from_saved_files(
    demonstration: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*given: object) -> None:
        raise AssertionError("kept maps need no network")

    monkeypatch.setattr("cifarviz.ui.cache.layer_views", no_network)
    first = opened("maps")
    assert title(first) == "Feature maps after the first convolution"
    slider = epoch_slider(first)
    assert slider["stops"] == [0, 1, 2, 3, 4, 6, 8, 9, 11, 16, 23, 30]
    assert slider["shown"] == 0
    assert "conv2d_1: 32 channels of 32 × 32" in html(first)
    later = opened("maps", epoch=8, layer="conv2d_6", notes=1)
    assert "conv2d_6: 128 channels of 8 × 8" in html(later)
    assert epoch_slider(later)["shown"] == 8
    options = later.selectbox(key="present-image").options
    # Four whose maps were kept, and four more that are pinned, for which weights are asked.
    assert options[1].startswith("automobile, test image")
    assert len(options) == 8
    other = opened("maps", image=later.selectbox(key="present-image").value)
    assert not other.warning


def test_only_mistakes_with_available_images_are_shown(demonstration: Run) -> None:
    app = opened("mistakes", notes=1)
    assert title(app) == "Confident mistakes"
    assert html(app).count("<figcaption>") == 8
    assert "predicted 15,000 validation images" in page_text(app)
    # 71.4% of all are right; the pictures are of those on this machine.
    assert "4,284 of 15,000 validation images wrong" in html(app)
    assert "confident of the 1,507 here" in html(app)
    assert "**4,284 of 15,000** are wrong (28.6%), and 10,716 are right (71.4%)" in page_text(app)
    assert "1,507 of them are on this machine, 431 of these are wrong" in page_text(app)
    early = opened("mistakes", epoch=1)
    assert html(early) != html(app)


def test_a_photo_is_predicted_and_not_stored(demonstration: Run) -> None:
    app = opened("photo")
    assert "airplane" in html(app)
    file = io.BytesIO()
    Image.new("RGB", (60, 40), (30, 90, 200)).save(file, "PNG")
    app.file_uploader(key="present-file").upload("sky.png", file.getvalue(), "image/png").run()
    assert not app.exception
    assert "Prediction: <b>" in html(app)
    assert html(app).count("<u style") == 5
    app.file_uploader(key="present-file").upload("note.txt", b"hello", "text/plain").run()
    assert not app.exception
    assert "note.txt" in page_text(app)
    # The camera is another way to the same.
    camera = opened("photo", photo="camera")
    shot = camera.camera_input(key="present-camera")
    shot.upload("shot.jpg", file.getvalue(), "image/jpeg").run()
    assert "Prediction: <b>" in html(camera)


def test_a_hidden_recorded_run_can_be_restored(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIFARVIZ_RECORDED", "1")
    unpack_recorded_once(store)
    hide_recorded_run(store)
    app = opened("overfitting")
    app.button(key="bring-back-recorded").click().run()
    assert title(app) == "Overfitting: after epoch 8 it learns by heart"
