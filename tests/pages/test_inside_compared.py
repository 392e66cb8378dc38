"""Inside: two networks side by side, and their first filters."""

import numpy as np
import pytest

from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import GlobalAveragePool2D, MaxPool2D
from cifarviz.runs.artifacts import FolderArtifacts, checkpoint_path
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import save_weights
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from tests import stored_runs
from tests.components import component_keys
from tests.pages.app_page import widget
from tests.pages.inside_page import MAPS, errors, grids, opened, page_texts
from tests.stored_runs import Arrays

TINY = stored_runs.experiment()
RIGHT = [f"right-{name}" for name in MAPS]


@pytest.fixture
def snapshot_run(store: RunStore, weights: Arrays) -> Run:
    """A run with other weights before training, and the same at its best as it ended with."""
    run = stored_runs.store_run(
        store, TINY, name="long", checkpoints={"last": weights, "best": weights}
    )
    random = np.random.default_rng(0)
    for epoch in (0, 1):
        other = {
            name: random.normal(0, 0.2, value.shape).astype(np.float32)
            if value.dtype == np.float32
            else value
            for name, value in weights.items()
        }
        save_weights(FolderArtifacts(store.folder(run.id)), epoch, other)
    return run


def sides(found: list[str]) -> tuple[list[str], list[str]]:
    right = [name for name in found if name.startswith("right-")]
    return [name for name in found if name not in right], right


def test_two_epochs_of_a_run_are_shown_side_by_side(snapshot_run: Run) -> None:
    app = opened(run=snapshot_run.id, **{"with": snapshot_run.id})
    assert not app.exception
    assert not errors(app)
    # Its beginning, by default; beside its beginning the newest.
    assert widget(app, "selectbox", "inside-at").value == "0"
    beginning = opened(
        run=snapshot_run.id, checkpoint="epochs", epoch="0", **{"with": snapshot_run.id}
    )
    assert beginning.selectbox(key="inside-at").value == "3"
    assert sides(grids(app)) == (MAPS, RIGHT)
    words = "\n".join(page_texts(app))
    assert r"**Last epoch \(after epoch 3\)** predicts" in words
    assert "**Before training** predicts" in words
    assert "Median correlation of channels" in words
    assert "points" in words
    assert {"inside-answer", "inside-answer-right", "filters", "filters-right"} <= set(
        component_keys(app)
    )
    assert "bars-right-dense_1" in component_keys(app)

    widget(app, "selectbox", "inside-at").select("best").run()
    words = "\n".join(page_texts(app))
    assert "Median correlation of channels 1.00" in words
    assert "Correlation of values 1.00" in words
    assert "Both give “ship”" in words


def test_the_most_changed_channels_come_first_only_where_epochs_are_compared(
    snapshot_run: Run,
) -> None:
    app = opened(run=snapshot_run.id, order="change", **{"with": snapshot_run.id, "at": "1"})
    assert not app.exception
    assert not errors(app)
    widget(app, "selectbox", "inside-with").select("none").run()
    assert not errors(app)
    assert "order" not in app.query_params
    assert "at" not in app.query_params
    app = opened(run=snapshot_run.id, order="change")
    assert any("where two epochs of a run are compared" in error for error in errors(app))


def test_layers_without_a_counterpart_in_the_other_network_are_named(
    store: RunStore, snapshot_run: Run
) -> None:
    made = stored_runs.experiment(
        Conv2D(filters=5),
        Conv2D(filters=5),
        Conv2D(filters=5),
        GlobalAveragePool2D(),
        Dense(units=10, activation="softmax"),
    )
    other = stored_runs.store_run(
        store, made, name="other", checkpoints={"last": stored_runs.weights(made)}
    )
    app = opened(run=snapshot_run.id, **{"with": other.id})
    assert not app.exception
    assert not errors(app)
    left, right = sides(grids(app))
    assert left == MAPS
    assert right == ["right-conv2d_1", "right-conv2d_2", "right-conv2d_3"]
    words = "\n".join(page_texts(app))
    assert "No counterpart: this network has no layer of this type (max pooling)." in words
    assert "No counterpart: this network has 2 layers of this type (convolution)." in words
    assert "has no weights of epoch 3" not in words
    assert "with the same number in two networks are unrelated" in words
    # Only where maps are of one size.
    assert words.count("Correlation of active places") == 1
    assert r"**long, last epoch \(after epoch 3\)** predicts" in words

    # The other way round, and with a channel of the one on the right.
    app = opened(
        run=other.id,
        layer="max_pooling2d_2",
        channel="3",
        side="right",
        **{"with": snapshot_run.id},
    )
    assert not app.exception
    assert not errors(app)
    assert any(text.startswith("**Channel 3** of 8") for text in page_texts(app))


def test_the_right_run_follows_the_epoch_of_the_left(
    snapshot_run: Run, store: RunStore, weights: Arrays
) -> None:
    other = stored_runs.store_run(store, TINY, name="other", checkpoints={"last": weights})
    save_weights(
        FolderArtifacts(store.folder(other.id)),
        1,
        {n: v for n, v in weights.items() if v.dtype == np.float32},
    )
    app = opened(run=snapshot_run.id, checkpoint="epochs", epoch="1", **{"with": other.id})
    assert widget(app, "selectbox", "inside-at").value == "same"
    assert "**other, after epoch 1** predicts" in "\n".join(page_texts(app))
    app = opened(run=snapshot_run.id, checkpoint="epochs", epoch="0", **{"with": other.id})
    words = "\n".join(page_texts(app))
    assert "has no weights of epoch 0. Its weights after epoch 1 are shown." in words
    assert "**long, before training** predicts" in words


def test_incomparable_layers_are_reported_and_the_others_shown(
    snapshot_run: Run, store: RunStore, weights: Arrays
) -> None:
    base = PRESETS["fashion-mnist-cnn"].experiment
    foreign = stored_runs.store_run(
        store,
        Experiment(**{**dict(base), "data": base.data.model_copy(update={"variant": "sample"})}),
        name="clothes",
        checkpoints={"last": {}},
    )
    bare = stored_runs.store_run(store, TINY, name="bare", state=RunState.STOPPED)
    broken = stored_runs.store_run(store, TINY, name="broken", checkpoints={"last": weights})
    checkpoint_path(store.folder(broken.id), "last").write_bytes(b"nothing")
    for other, sentence in (
        (foreign.id, "“clothes” was trained on Fashion-MNIST and “long” on CIFAR-10"),
        (bare.id, "“bare” has no weights"),
        (broken.id, "damaged"),
        ("zzz", "no run “zzz” to compare with"),
    ):
        app = opened(run=snapshot_run.id, **{"with": other})
        assert not app.exception
        assert len(errors(app)) == 1
        assert sentence in errors(app)[0].replace("\\", "")
        assert sides(grids(app)) == (MAPS, [])
        assert "The network predicts" in "\n".join(page_texts(app))

    app = opened(run=snapshot_run.id, **{"with": snapshot_run.id, "at": "7"})
    assert any("has no weights “7”" in error for error in errors(app))
    assert sides(grids(app)) == (MAPS, RIGHT)
    # The weights on the left are damaged, and those on the right are not.
    app = opened(run=broken.id, **{"with": snapshot_run.id})
    assert any("damaged" in error for error in errors(app))
    assert not app.exception


def test_an_active_run_can_be_compared(snapshot_run: Run, store: RunStore, weights: Arrays) -> None:
    live = stored_runs.store_run(
        store, TINY, name="live", state=RunState.RUNNING, epochs=1, checkpoints={"last": weights}
    )
    with stored_runs.hold_lock(store, live):
        app = opened(run=snapshot_run.id, **{"with": live.id, "at": "last"})
        assert r"**live, current \(training\)** predicts" in "\n".join(page_texts(app))
        app = opened(run=live.id, **{"with": snapshot_run.id})
        assert sides(grids(app)) == (MAPS, RIGHT)
        assert not app.exception


def test_first_filters_are_pictures_where_a_convolution_sees_the_image(
    store: RunStore, snapshot_run: Run
) -> None:
    app = opened(run=snapshot_run.id, filters="layer")
    assert "filters" in component_keys(app)
    words = "\n".join(page_texts(app))
    assert "conv2d_1 · 6 filters of 3 × 3" in words
    assert "its weights for red, green and blue" in words
    app = opened(run=snapshot_run.id, filters="loud")
    assert any("scale of filters is own or layer" in error for error in errors(app))
    assert "filters" in component_keys(app)

    dense = stored_runs.experiment(Flatten(), Dense(units=10, activation="softmax"))
    bare = stored_runs.store_run(
        store, dense, name="dense", checkpoints={"last": stored_runs.weights(dense)}
    )
    app = opened(run=bare.id)
    assert not app.exception
    # Of a network without maps there is nothing to choose about them.
    assert "Filters of the first layer" not in [one.value for one in app.header]
    keys = {one.key for one in app.get("button_group")}
    assert not keys & {"inside-filters", "inside-order", "inside-scale", "inside-colors"}
    assert "Each picture is the feature map of a channel" not in "\n".join(page_texts(app))
    assert [key for key in component_keys(app) if key.startswith("bars-")]

    # Beside another it is named.
    app = opened(run=snapshot_run.id, **{"with": bare.id})
    assert not app.exception
    assert "“dense, after epoch 3” has no layer with maps" in " ".join(errors(app))
    assert "This network has no convolution" in "\n".join(page_texts(app))
    assert "filters" in component_keys(app)
    app = opened(run=bare.id, **{"with": snapshot_run.id})
    assert not app.exception
    assert not errors(app)
    assert "filters-right" in component_keys(app)


def test_layers_with_one_value_or_channel_are_compared(store: RunStore) -> None:
    made = stored_runs.experiment(
        Conv2D(filters=1),
        MaxPool2D(pool_size=32, strides=32),
        Conv2D(filters=4),
        Flatten(),
        Dense(units=10, activation="softmax"),
    )
    run = stored_runs.store_run(store, made, checkpoints={"last": stored_runs.weights(made)})
    app = opened(run=run.id, colors="viridis", **{"with": run.id, "at": "last"})
    assert not app.exception
    left, right = sides(grids(app))
    assert left == ["conv2d_1", "max_pooling2d_1", "conv2d_2"]
    assert len(right) == 3
    assert "conv2d_1 · 1 filter of 3 × 3" in page_texts(app)
    # One value a channel can only be on the scale of its layer.
    scales = [text for text in page_texts(app) if "dark blue is" in text]
    assert len(scales) == 4
    assert all("1×1" in text for text in scales)
