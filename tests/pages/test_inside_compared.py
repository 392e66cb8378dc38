"""Inside with two networks beside each other, and the filters of their first convolutions."""

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
from cifarviz.runs.snapshots import keep_weights
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from tests import stored_runs
from tests.components import component_keys
from tests.pages.app_page import widget
from tests.pages.inside_page import MAPS, errors, grids, opened, said
from tests.stored_runs import Arrays

TINY = stored_runs.experiment()
RIGHT = [f"right-{name}" for name in MAPS]


@pytest.fixture
def kept(store: RunStore, weights: Arrays) -> Run:
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
        keep_weights(FolderArtifacts(store.folder(run.id)), epoch, other)
    return run


def sides(found: list[str]) -> tuple[list[str], list[str]]:
    right = [name for name in found if name.startswith("right-")]
    return [name for name in found if name not in right], right


def test_two_epochs_of_one_run_are_beside_each_other(kept: Run) -> None:
    app = opened(run=kept.id, **{"with": kept.id})
    assert not app.exception
    assert not errors(app)
    # Its beginning, if nothing else is said; beside its beginning the newest.
    assert widget(app, "selectbox", "inside-at").value == "0"
    beginning = opened(run=kept.id, checkpoint="epochs", epoch="0", **{"with": kept.id})
    assert beginning.selectbox(key="inside-at").value == "3"
    assert sides(grids(app)) == (MAPS, RIGHT)
    words = "\n".join(said(app))
    assert r"**Last epoch \(after epoch 3\)** says" in words
    assert "**Before training** says" in words
    assert "Median correlation of its channels" in words
    assert "points" in words
    assert {"inside-answer", "inside-answer-right", "filters", "filters-right"} <= set(
        component_keys(app)
    )
    assert "bars-right-dense_1" in component_keys(app)

    widget(app, "selectbox", "inside-at").select("best").run()
    words = "\n".join(said(app))
    assert "Median correlation of its channels 1.00" in words
    assert "Correlation of its values 1.00" in words
    assert "Both give “ship”" in words


def test_the_most_changed_channels_come_first_only_where_epochs_are_compared(kept: Run) -> None:
    app = opened(run=kept.id, order="change", **{"with": kept.id, "at": "1"})
    assert not app.exception
    assert not errors(app)
    widget(app, "selectbox", "inside-with").select("none").run()
    assert not errors(app)
    assert "order" not in app.query_params
    assert "at" not in app.query_params
    app = opened(run=kept.id, order="change")
    assert any("where two epochs of one run are compared" in error for error in errors(app))


def test_two_runs_of_different_networks_say_what_has_no_counterpart(
    store: RunStore, kept: Run
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
    app = opened(run=kept.id, **{"with": other.id})
    assert not app.exception
    assert not errors(app)
    left, right = sides(grids(app))
    assert left == MAPS
    assert right == ["right-conv2d_1", "right-conv2d_2", "right-conv2d_3"]
    words = "\n".join(said(app))
    assert "No counterpart: this network has none of its kind (max pooling)." in words
    assert "No counterpart: this network has 2 of its kind (convolution)." in words
    assert "has kept no weights of epoch 3" not in words
    assert "has nothing to do with channel 5 of the other" in words
    # Only where maps are of one size.
    assert words.count("Where it is active: correlation") == 1
    assert r"**long, last epoch \(after epoch 3\)** says" in words

    # The other way round, and with a channel of the one on the right.
    app = opened(
        run=other.id, layer="max_pooling2d_2", channel="3", side="right", **{"with": kept.id}
    )
    assert not app.exception
    assert not errors(app)
    assert any(text.startswith("**Channel 3** · one of 8") for text in said(app))


def test_the_same_epoch_of_another_run_follows_the_one_on_the_left(
    kept: Run, store: RunStore, weights: Arrays
) -> None:
    other = stored_runs.store_run(store, TINY, name="other", checkpoints={"last": weights})
    keep_weights(
        FolderArtifacts(store.folder(other.id)),
        1,
        {n: v for n, v in weights.items() if v.dtype == np.float32},
    )
    app = opened(run=kept.id, checkpoint="epochs", epoch="1", **{"with": other.id})
    assert widget(app, "selectbox", "inside-at").value == "same"
    assert "**other, after epoch 1** says" in "\n".join(said(app))
    app = opened(run=kept.id, checkpoint="epochs", epoch="0", **{"with": other.id})
    words = "\n".join(said(app))
    assert "has kept no weights of epoch 0: here are those after epoch 1." in words
    assert "**long, before training** says" in words


def test_what_cannot_be_compared_is_said_and_the_rest_is_shown(
    kept: Run, store: RunStore, weights: Arrays
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
        (foreign.id, "“clothes” learns from Fashion-MNIST and “long” from CIFAR-10"),
        (bare.id, "“bare” has no weights"),
        (broken.id, "damaged"),
        ("zzz", "no run “zzz” here to compare with"),
    ):
        app = opened(run=kept.id, **{"with": other})
        assert not app.exception
        assert len(errors(app)) == 1
        assert sentence in errors(app)[0].replace("\\", "")
        assert sides(grids(app)) == (MAPS, [])
        assert "The network says" in "\n".join(said(app))

    app = opened(run=kept.id, **{"with": kept.id, "at": "7"})
    assert any("has kept no weights “7”" in error for error in errors(app))
    assert sides(grids(app)) == (MAPS, RIGHT)
    # The weights on the left are damaged, and those on the right are not.
    app = opened(run=broken.id, **{"with": kept.id})
    assert any("damaged" in error for error in errors(app))
    assert not app.exception


def test_a_run_under_way_is_compared_too(kept: Run, store: RunStore, weights: Arrays) -> None:
    live = stored_runs.store_run(
        store, TINY, name="live", state=RunState.RUNNING, epochs=1, checkpoints={"last": weights}
    )
    with stored_runs.held(store, live):
        app = opened(run=kept.id, **{"with": live.id, "at": "last"})
        assert r"**live, current \(training\)** says" in "\n".join(said(app))
        app = opened(run=live.id, **{"with": kept.id})
        assert sides(grids(app)) == (MAPS, RIGHT)
        assert not app.exception


def test_first_filters_are_pictures_where_a_convolution_sees_the_image(
    store: RunStore, kept: Run
) -> None:
    app = opened(run=kept.id, filters="layer")
    assert "filters" in component_keys(app)
    words = "\n".join(said(app))
    assert "conv2d_1 · 6 filters, 3 × 3 each" in words
    assert "its weights for red, green and blue" in words
    app = opened(run=kept.id, filters="loud")
    assert any("scale of filters is own or layer" in error for error in errors(app))
    assert "filters" in component_keys(app)

    dense = stored_runs.experiment(Flatten(), Dense(units=10, activation="softmax"))
    bare = stored_runs.store_run(
        store, dense, name="dense", checkpoints={"last": stored_runs.weights(dense)}
    )
    app = opened(run=bare.id)
    assert not app.exception
    # Of a network without maps there is nothing to choose about them.
    assert "What the first layer looks for" not in [one.value for one in app.header]
    keys = {one.key for one in app.get("button_group")}
    assert not keys & {"inside-filters", "inside-order", "inside-scale", "inside-colors"}
    assert "Each picture is one channel" not in "\n".join(said(app))
    assert [key for key in component_keys(app) if key.startswith("bars-")]

    # Beside another it is named.
    app = opened(run=kept.id, **{"with": bare.id})
    assert not app.exception
    assert "“dense, after epoch 3” has no layer with maps" in " ".join(errors(app))
    assert "This network has no convolution" in "\n".join(said(app))
    assert "filters" in component_keys(app)
    app = opened(run=bare.id, **{"with": kept.id})
    assert not app.exception
    assert not errors(app)
    assert "filters-right" in component_keys(app)


def test_one_value_or_one_channel_is_a_layer_as_well(store: RunStore) -> None:
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
    assert "conv2d_1 · 1 filter, 3 × 3 each" in said(app)
    # One value a channel can only be on the scale of its layer.
    scales = [text for text in said(app) if "dark blue is" in text]
    assert len(scales) == 4
    assert all("1×1" in text for text in scales)
