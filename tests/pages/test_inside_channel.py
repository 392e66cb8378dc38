"""Inside: the dialog of a channel, its epochs and its top images."""

import re

import numpy as np
import pytest
from sklearn.model_selection import train_test_split
from streamlit.testing.v1 import AppTest

from cifarviz.analysis.trained_model import open_checkpoint
from cifarviz.data import library
from cifarviz.data.image_set import ImageSet
from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.experiment.experiment import SplitValidation
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.runs.artifacts import FolderArtifacts, checkpoint_path
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice, save_weights, snapshot_path
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_weights import weights_epoch
from cifarviz.settings import Settings
from cifarviz.ui import cache
from cifarviz.ui.inside import dataset_activations
from cifarviz.ui.inside.channel import weights_label
from cifarviz.ui.inside.dataset_activations import activations_job
from tests import stored_runs
from tests.components import component_keys, image_grid, live_items, ringed_tile
from tests.pages.inside_page import errors, opened, page_texts
from tests.stored_runs import Arrays

TINY = stored_runs.experiment()


@pytest.fixture
def test_set(settings: Settings) -> ImageSet:
    return library.load("cifar10", "sample", settings).test


@pytest.fixture
def snapshot_run(store: RunStore, weights: Arrays) -> Run:
    """A run with weights after epochs 0, 1, 2 and 3; channels 1 and 4 of the first layer are dead
    for every image."""
    made = dict(weights)
    bias = next(name for name in made if name.endswith("conv2d_1/bias"))
    made[bias] = made[bias].copy()
    made[bias][[1, 4]] = -1000
    run = stored_runs.store_run(store, TINY, checkpoints={"last": made, "best": made})
    for epoch in (0, 1, 2):
        scaled = {
            name: value * np.float32((epoch + 1) / 4) if value.dtype == np.float32 else value
            for name, value in made.items()
        }
        save_weights(FolderArtifacts(store.folder(run.id)), epoch, scaled)
    return run


def opened_after_scan(run: Run, weights: WeightsChoice = "last", **address: str) -> AppTest:
    """The page, once all test images have been looked at."""
    assert activations_job(run, weights).wait(60)
    app = opened(run=run.id, **address)
    assert not app.exception
    return app


def tiles(app: AppTest, key: str) -> tuple[int | None, dict[str, list[str]]]:
    """What an image grid was sent: the ringed one, and the rest."""
    return ringed_tile(app, key), image_grid(app, key)


def test_the_dialog_names_run_weights_and_image(snapshot_run: Run) -> None:
    app = opened_after_scan(snapshot_run, layer="conv2d_2", channel="3", image="1")
    assert "mine · last epoch (after epoch 3) · Test image 1, ship" in page_texts(app)
    app = opened_after_scan(
        snapshot_run, 2, layer="conv2d_2", channel="3", checkpoint="epochs", epoch="2"
    )
    assert "mine · after epoch 2 · Test image 1, ship" in page_texts(app)
    app = opened_after_scan(
        snapshot_run, 0, layer="conv2d_2", channel="3", checkpoint="epochs", epoch="0"
    )
    assert "mine · before training · Test image 1, ship" in page_texts(app)


def test_the_nine_images_are_those_with_the_highest_values(
    snapshot_run: Run, test_set: ImageSet
) -> None:
    model = cache.trained_model(snapshot_run, "last")
    highest = [model.observe(image)[2].values[..., 5].max() for image in test_set.images]
    best = np.argsort(-np.array(highest), kind="stable")[:9]
    index = str(test_set.indices[best[2]])

    ringed, shown = tiles(
        opened_after_scan(snapshot_run, layer="conv2d_2", channel="5", image=index),
        "channel-top-images",
    )
    names = [CIFAR10.classes[label] for label in test_set.labels[best]]
    assert shown["labels"] == [
        f"{name}\n{highest[place]:.4g}" for name, place in zip(names, best, strict=True)
    ]
    assert shown["tooltips"][0].startswith(f"Test image {test_set.indices[best[0]]}, {names[0]}: ")
    assert ringed == 2
    # 3×3, pooled 2×2, 3×3 again: 8 pixels wide.
    app = opened_after_scan(snapshot_run, layer="conv2d_2", channel="5")
    assert any("Out of all 1,000" in text and "8 × 8 pixels" in text for text in page_texts(app))


def test_a_dead_channel_has_no_top_images(snapshot_run: Run) -> None:
    app = opened_after_scan(snapshot_run, layer="conv2d_1", channel="4")
    assert "The channel is dead for all 1,000 test images." in page_texts(app)
    assert "The channel has the same value everywhere." in page_texts(app)
    assert "channel-top-images" not in component_keys(app)
    assert "channel-epochs" in component_keys(app)
    assert any("Its value is 0 everywhere after all of them" in text for text in page_texts(app))


def test_the_progress_of_a_scan_is_shown(
    snapshot_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow:
        total, done, over, seconds_left = 1000, 300, False, 7.0

        def wait(self, seconds: float) -> bool:
            return False

        def cancel(self) -> None: ...

    monkeypatch.setattr("cifarviz.ui.inside.channel.activations_job", lambda *_: Slow())
    app = opened(run=snapshot_run.id, layer="conv2d_2", channel="5")
    assert not app.exception
    job = live_items(app, "over-all")["job"]
    assert job["text"] == "Scanning all images: 300 of 1,000, about 7 s left"
    assert job["share"] == 0.3
    assert app.button(key="stop-over-all")
    assert "channel-top-images" not in component_keys(app)
    assert "channel-epochs" in component_keys(app)


def test_the_channel_is_shown_after_each_epoch_with_weights(snapshot_run: Run) -> None:
    ringed, shown = tiles(
        opened_after_scan(snapshot_run, layer="conv2d_2", channel="5"), "channel-epochs"
    )
    assert shown["labels"] == ["epoch 0", "epoch 1", "epoch 2", "epoch 3"]
    assert ringed == 3
    ringed, _ = tiles(
        opened_after_scan(
            snapshot_run, 1, layer="conv2d_2", channel="5", checkpoint="epochs", epoch="1"
        ),
        "channel-epochs",
    )
    assert ringed == 1


def test_all_epochs_share_a_labelled_scale(snapshot_run: Run, test_set: ImageSet) -> None:
    image = test_set.images[test_set.position_of(1)]
    maps = [
        cache.trained_model(snapshot_run, weights).observe(image)[2].values[..., 5]
        for weights in (0, 1, 2, "last")
    ]
    low, high = min(one.min() for one in maps), max(one.max() for one in maps)
    app = opened_after_scan(snapshot_run, layer="conv2d_2", channel="5", image="1")
    words = f"darkest is {low:.4g}, brightest {high:.4g}".replace("-", "−")
    assert any(words in text for text in page_texts(app))


def test_damaged_weights_of_an_epoch_are_reported_and_the_others_shown(
    snapshot_run: Run, store: RunStore
) -> None:
    snapshot_path(store.folder(snapshot_run.id), "weights", 1).write_bytes(b"nothing")
    app = opened_after_scan(snapshot_run, layer="conv2d_2", channel="5")
    _, shown = tiles(app, "channel-epochs")
    assert shown["labels"] == ["epoch 0", "epoch 1", "epoch 2", "epoch 3"]
    assert shown["muted"] == [1]
    assert any(text.startswith("Epoch 1: ") and "damaged" in text for text in page_texts(app))
    assert not errors(app)


def test_a_run_without_snapshots_has_a_message(store: RunStore, weights: Arrays) -> None:
    run = stored_runs.store_run(store, TINY, checkpoints={"last": weights})
    app = opened_after_scan(run, layer="conv2d_2", channel="5")
    assert any("has no weights of other epochs" in text for text in page_texts(app))
    assert "channel-epochs" not in component_keys(app)
    assert "channel-top-images" in component_keys(app)


def test_a_network_with_one_channel(store: RunStore) -> None:
    made = stored_runs.experiment(
        Conv2D(filters=1), Flatten(), Dense(units=10, activation="softmax")
    )
    run = stored_runs.store_run(store, made, checkpoints={"last": stored_runs.weights(made)})
    app = opened_after_scan(run, layer="conv2d_1", channel="0")
    assert any(text.startswith("**Channel 0** of 1, ") for text in page_texts(app))
    assert app.button(key="channel-next").disabled
    assert "channel-top-images" in component_keys(app)


def test_channels_that_are_dead_for_all_images_are_listed(snapshot_run: Run) -> None:
    facts = [one.value for one in opened(run=snapshot_run.id).caption]
    assert "Convolution · output 32×32×6 · 6 channels · 2 dead: 1 and 4" in facts
    facts = [one.value for one in opened_after_scan(snapshot_run).caption]
    assert (
        "Convolution · output 32×32×6 · 6 channels · 2 dead: 1 and 4 · "
        "2 dead for all 1,000 test images: 1 and 4" in facts
    )
    assert any(fact.startswith("Flatten") and "for all" not in fact for fact in facts)


def test_dead_channels_are_counted_on_validation_images_if_there_are_any(
    store: RunStore, weights: Arrays, settings: Settings
) -> None:
    made = dict(weights)
    bias = next(name for name in made if name.endswith("conv2d_1/bias"))
    made[bias] = made[bias].copy()
    # Dead for all, for hardly any and for some of the images.
    made[bias][[1, 4]] = -1000
    made[bias][2] -= 0.5
    experiment = TINY.model_copy(update={"validation": SplitValidation(fraction=0.1, seed=3)})
    run = stored_runs.store_run(store, experiment, checkpoints={"last": made})
    train = library.load("cifar10", "sample", settings).train
    _, held_back = train_test_split(np.arange(len(train)), test_size=0.1, random_state=3)
    facts = [one.value for one in opened_after_scan(run).caption]
    assert any(
        f"2 dead for all {len(held_back):,} validation images: 1 and 4" in fact for fact in facts
    )
    found = activations_job(run, "last").result()
    assert found is not None
    model = open_checkpoint(store, run, "last")
    silent = np.zeros(6, int)
    for position in held_back:
        first = next(
            one for one in model.observe(train.images[position]) if one.name == "conv2d_1"
        ).values
        silent += (first == first[:1, :1]).all(axis=(0, 1))
    assert found.reference["conv2d_1"].silent_for.tolist() == silent.tolist()
    # The nine that excite a channel most are test images all the same.
    assert found.test["conv2d_1"].images == 1_000


def test_many_images_are_scanned_on_request(
    snapshot_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset_activations, "_AUTOMATIC_LIMIT", 100)
    app = opened(run=snapshot_run.id)
    button = app.button(key="begin-over-all")
    assert button.label == "Scan 1,000 test images"
    button.click().run()
    assert activations_job(snapshot_run, "last").wait(60)
    app.run()
    assert any("dead for all 1,000 test images" in one.value for one in app.caption)
    assert not any(one.key == "begin-over-all" for one in app.button)
    assert not app.exception


def test_the_feed_of_a_scan_can_stand_in_an_address(
    snapshot_run: Run, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    feeds = []
    monkeypatch.setattr(
        dataset_activations, "rerun_on_change", lambda name, mark, *, key: feeds.append(name)
    )
    assert not opened(run=snapshot_run.id).exception
    assert feeds
    for feed in feeds:
        assert re.fullmatch(r"[a-z0-9-]+", feed)
        assert str(settings.home) not in feed


def test_a_stopped_scan_can_be_started_again(snapshot_run: Run) -> None:
    job = activations_job(snapshot_run, "last")
    assert job.wait(60)
    # As a press of Stop before it was done leaves it.
    job._result = None
    app = opened(run=snapshot_run.id, layer="conv2d_2", channel="5")
    assert "The scan of all test images was stopped." in page_texts(app)
    assert app.button(key="begin-top-images")
    app = opened(run=snapshot_run.id)
    assert app.button(key="begin-over-all")
    assert not app.exception


def test_new_weights_are_scanned_again(snapshot_run: Run, store: RunStore, weights: Arrays) -> None:
    first = activations_job(snapshot_run, "last")
    assert activations_job(snapshot_run, "last") is first
    path = checkpoint_path(store.folder(snapshot_run.id), "last")
    stored_runs.save_arrays(path, weights, {"format": 1})
    second = activations_job(snapshot_run, "last")
    assert second is not first
    assert second.wait(60)
    found = second.result()
    assert found is not None
    assert found.reference["conv2d_1"].dead == ()


@pytest.mark.parametrize(
    ("state", "checkpoint", "epoch", "label"),
    [
        (RunState.FINISHED, "last", 3, "last epoch (after epoch 3)"),
        (RunState.FINISHED, "best", 3, "best epoch 3 (lowest validation loss)"),
        (RunState.STOPPED, "last", None, "last epoch (after epoch 3)"),
        (RunState.FINISHED, 0, 0, "before training"),
        (RunState.FINISHED, 2, 2, "after epoch 2"),
    ],
)
def test_weights_are_labelled_with_their_epoch(
    store: RunStore, state: RunState, checkpoint: WeightsChoice, epoch: int | None, label: str
) -> None:
    run = stored_runs.store_run(store, TINY, state=state)
    assert weights_epoch(run, checkpoint) == epoch
    assert weights_label(run, checkpoint) == label
