"""Inside: stepping through the calculation of a channel."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.layers.activation import Activation
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.concatenation import Concatenation
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.depthwise_conv2d import DepthwiseConv2D
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.group_norm import GroupNorm, LayerNorm
from cifarviz.layers.pad_channels import PadChannels
from cifarviz.layers.pooling import AveragePool2D, GlobalMaxPool2D, MaxPool2D
from cifarviz.layers.residual import Residual
from cifarviz.layers.separable_conv2d import SeparableConv2D
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.ui import cache
from tests import stored_runs
from tests.components import component_keys, components
from tests.pages.app_page import address_of, widget
from tests.pages.inside_page import errors, opened, page_texts


def stepped(app: AppTest) -> tuple[list[int], dict[str, Any], dict[str, np.ndarray]]:
    """The position, the facts and the arrays that the component was sent."""
    (sent,) = components(app, "step_through")
    place, _, head, body = sent.data.split(b"\n", 3)
    facts = json.loads(head)
    values, arrays = np.frombuffer(body, "<f4"), {}
    for name, size in facts["arrays"]:
        arrays[name], values = values[:size], values[size:]
    return json.loads(place), facts, arrays


def test_it_begins_with_the_first_convolution_at_its_largest_value(run: Run) -> None:
    app = opened(view="step")
    place, facts, arrays = stepped(app)
    assert (facts["layer"], facts["channel"]) == ("conv2d_1", "channel 0")
    assert facts["labels"] == {"names": ["Red", "Green", "Blue"]}
    assert arrays["output"].argmax() == place[0] * facts["places"][1] + place[1]
    assert not errors(app)
    assert not app.exception


@pytest.mark.parametrize("layer", ["conv2d_2", "max_pooling2d_1", "flatten_1", "dense_1"])
def test_the_browser_gets_the_arrays_of_the_network(run: Run, layer: str) -> None:
    app = opened(view="step", layer=layer, channel="3")
    _, facts, arrays = stepped(app)
    image = next(view for view in _views(run) if view.name == layer).values
    expected = image[..., 3] if image.ndim == 3 else image[3]
    np.testing.assert_array_equal(arrays["output"], np.ravel(expected))
    if facts["kind"] == "sum" and "kernel" in arrays:
        kernel = cache.trained_model(run, "last").layer_variables(layer)["kernel"][..., 3]
        np.testing.assert_array_equal(arrays["kernel"], np.moveaxis(kernel, -1, 0).ravel())
    assert not app.exception


def _views(run: Run) -> Any:
    from cifarviz.data import library

    test = library.load("cifar10", "sample", cache.settings()).test
    return cache.layer_views(run, "last", test.images[test.position_of(1)])


def test_a_unit_names_its_inputs_by_their_place_in_the_maps(run: Run) -> None:
    app = opened(view="step", layer="dense_1", channel="8")
    _, facts, _ = stepped(app)
    assert facts["labels"] == {"shape": [8, 8, 8]}
    assert facts["channel"] == "unit 8 (ship)"
    assert facts["places"] == [1, 1]


def test_menus_change_the_address(run: Run) -> None:
    app = opened(view="step", layer="conv2d_2", channel="3", pixel="2,5")
    assert stepped(app)[0] == [2, 5]
    widget(app, "number_input", "step-channel").set_value(4).run()
    assert address_of(app)["channel"] == "4"
    assert stepped(app)[0] == [2, 5]
    widget(app, "selectbox", "step-layer").set_value("max_pooling2d_1").run()
    assert address_of(app)["layer"] == "max_pooling2d_1"
    assert not {"channel", "pixel"} & address_of(app).keys()
    widget(app, "segmented_control", "inside-view").set_value("layers").run()
    assert "layer" not in address_of(app)
    assert not app.exception


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ({"layer": "conv2d_9"}, "This network has no layer “conv2d_9”."),
        ({"channel": "99"}, "Channel: expected a whole number from 0 to 5, got “99”; 0 is used."),
        ({"pixel": "99,0"}, "There is no position “99,0”. Write row and column from 0"),
        ({"pixel": "left"}, "There is no position “left”."),
    ],
)
def test_unknown_values_are_reported(run: Run, address: dict[str, str], problem: str) -> None:
    app = opened(view="step", **address)
    assert any(problem in error for error in errors(app))
    assert stepped(app)[1]["layer"] == "conv2d_1"
    assert not app.exception


@pytest.fixture
def run_of_many_types(store: RunStore) -> Run:
    """A run whose network has layers of nearly all types, on small maps."""
    tiny = stored_runs.experiment()
    network = tiny.architecture.make(
        input_shape=(32, 32, 3),
        classes=10,
        layers=(
            MaxPool2D(pool_size=4, strides=4),
            DepthwiseConv2D(depth_multiplier=2),
            BatchNorm(),
            Activation(activation="gelu"),
            Residual(branch=(Conv2D(filters=8, kernel_size=1),), shortcut=(PadChannels(added=2),)),
            Concatenation(inputs=((SeparableConv2D(filters=4),), (GroupNorm(),))),
            Dropout(),
            AveragePool2D(pool_size=3, strides=2, padding="same"),
            LayerNorm(),
            GlobalMaxPool2D(),
            Dense(units=10, activation="softmax"),
        ),
    )
    experiment = tiny.model_copy(update={"architecture": network})
    return stored_runs.store_run(
        store, experiment, checkpoints={"last": stored_runs.weights(experiment)}
    )


def test_every_layer_can_be_stepped_through(run_of_many_types: Run) -> None:
    run = run_of_many_types
    app = opened(run=run.id, view="step")
    rows = run.experiment.architecture.trace().all_rows
    assert widget(app, "selectbox", "step-layer").options == [row.name for row in rows]
    for row in rows:
        app.query_params["layer"] = row.name
        app.run()
        assert not errors(app)
        assert not app.exception
        place, facts, arrays = stepped(app)
        assert facts["layer"] == row.name
        height, width = facts["places"]
        assert len(arrays["output"]) == height * width
        assert place[0] < height
        assert place[1] < width
        assert len(arrays["maps"]) == facts["count"] * np.prod(facts["input"])


def test_the_dialog_of_a_channel_leads_to_it(run: Run) -> None:
    app = opened(layer="conv2d_2", channel="3")
    app.button(key="channel-step").click().run()
    assert address_of(app)["view"] == "step"
    assert stepped(app)[1]["layer"] == "conv2d_2"
    assert stepped(app)[1]["channel"] == "channel 3"
    assert any("Padding counts as 0" in text for text in page_texts(app))
    assert not app.exception


def test_it_says_which_of_two_compared_networks_it_shows(run: Run) -> None:
    texts = [text.replace("\\", "") for text in page_texts(opened(view="step", **{"with": run.id}))]
    assert any("this is the left one: mine, last epoch (after epoch 3)" in text for text in texts)
    assert not any("left one" in text for text in page_texts(opened(view="step")))


def test_a_run_that_cannot_be_compared_is_none_of_two(linked: Mapping[str, str]) -> None:
    app = opened(run=linked["MINE"], view="step", **{"with": linked["CLOTHES"]})
    assert not any("left one" in text for text in page_texts(app))


def test_the_layer_is_shown_where_the_prediction_overflows(store: RunStore) -> None:
    experiment = stored_runs.experiment()
    weights = {name: value * 1e30 for name, value in stored_runs.weights(experiment).items()}
    run = stored_runs.store_run(store, experiment, checkpoints={"last": weights})
    app = opened(run=run.id, view="step")
    assert "step-through" in component_keys(app)
    assert not app.exception


def test_problems_with_the_image_are_reported_outside_its_menu(run: Run) -> None:
    app = opened(view="step", split="zzz")
    assert any("There is no split “zzz”" in warning.value for warning in app.main.warning)
    assert any("have the numbers 0 to" in text for text in errors(opened(view="mute", image="x")))
    assert not app.exception
