"""Inside: all layers of a network, and the dialog of a channel."""

import numpy as np
import pytest

from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.pooling import GlobalAveragePool2D
from cifarviz.layers.whitening import Whitening
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from tests import stored_runs
from tests.components import component_keys
from tests.pages.inside_page import MAPS, errors, grids, opened, page_texts

TINY = stored_runs.experiment()


@pytest.fixture
def run(store: RunStore, weights: dict[str, np.ndarray]) -> Run:
    """A run two channels of whose first layer are dead for every image."""
    made = dict(weights)
    bias = next(name for name in made if name.endswith("conv2d_1/bias"))
    made[bias] = made[bias].copy()
    made[bias][[1, 4]] = -1000
    return stored_runs.store_run(store, TINY, checkpoints={"last": made, "best": made})


def test_every_layer_is_shown_with_its_type_shape_and_channels(run: Run) -> None:
    app = opened(checkpoint="best")
    assert grids(app) == MAPS
    assert [key for key in component_keys(app) if key.startswith("bars-")] == [
        "bars-flatten_1",
        "bars-dense_1",
    ]
    assert [one.value for one in app.subheader] == list(TINY.architecture.layer_names)
    facts = [one.value for one in app.caption]
    assert "Convolution · output 32×32×6 · 6 channels · 2 dead: 1 and 4" in facts
    assert "Max pooling · output 16×16×6 · 6 channels · 2 dead: 1 and 4" in facts
    assert any(fact.startswith("Dense · output 10") for fact in facts)
    assert not app.exception


def test_the_channel_in_the_address_opens_with_its_values_and_kernel(run: Run) -> None:
    app = opened(layer="conv2d_2", channel="7")
    assert any(text.startswith("**Channel 7** of 8, numbered from 0") for text in page_texts(app))
    assert "Kernel, 3 × 3 for each of 6 input channels" in page_texts(app)
    values = next(text for text in page_texts(app) if "values from" in text)
    assert "-" not in values
    assert {"channel-map", "channel-kernel"} <= set(component_keys(app))
    assert not app.exception


def test_a_dead_channel_is_labelled_and_a_pooled_one_has_no_kernel(run: Run) -> None:
    app = opened(layer="max_pooling2d_1", channel="4")
    assert any("0 everywhere in this image" in text for text in page_texts(app))
    assert "Max pooling has no kernel." in page_texts(app)
    assert "channel-kernel" not in component_keys(app)
    assert not app.exception


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        ("whitening_1", "Kernel, 2 × 2 for red, green, blue"),
        ("conv2d_1", "Kernel, 3 × 3 for each of 8 input channels"),
    ],
)
def test_kernels_after_whitening_are_not_those_of_the_image(
    store: RunStore, layer: str, sentence: str
) -> None:
    made = stored_runs.experiment(
        Whitening(filters=8),
        Conv2D(filters=4),
        GlobalAveragePool2D(),
        Dense(units=10, activation="softmax"),
        mirrored_answers=True,
    )
    stored_runs.store_run(store, made, checkpoints={"last": stored_runs.weights(made)})
    app = opened(layer=layer, channel="0")
    assert sentence in page_texts(app)
    assert any(
        text.startswith("This is the prediction for the original image.")
        for text in page_texts(app)
    )
    assert not app.exception


def test_layers_of_every_kind_are_shown(store: RunStore) -> None:
    made = stored_runs.experiment(
        Conv2D(filters=3, kernel_size=5, strides=2),
        Dropout(rate=0.5),
        Conv2D(filters=4, kernel_size=1, activation="linear"),
        GlobalAveragePool2D(),
        Dense(units=10, activation="softmax"),
    )
    stored_runs.store_run(store, made, checkpoints={"last": stored_runs.weights(made)})
    app = opened(layer="conv2d_1", channel="0")
    assert grids(app) == ["conv2d_1", "dropout_1", "conv2d_2"]
    assert "bars-global_average_pooling2d_1" in component_keys(app)
    assert "Kernel, 5 × 5 for red, green, blue" in page_texts(app)
    assert not app.exception


def test_order_and_scale_are_in_the_address(run: Run) -> None:
    app = opened(order="strength", scale="layer", layer="conv2d_1", channel="3")
    assert "black is 0, white is " in "\n".join(page_texts(app))
    assert grids(app) == MAPS
    assert not app.exception
    app = opened(order="size")
    assert any("only by index, strength, variance" in error for error in errors(app))
    assert not app.exception
