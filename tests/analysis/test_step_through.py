"""The terms of a value, summed and activated, are the layer's output."""

import numpy as np
import pytest

from cifarviz.analysis.step_through import (
    compute_terms,
    layer_calculation,
    layer_inputs,
    scaled_image,
)
from cifarviz.analysis.trained_model import TrainedModel
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.layers.base import Layer
from cifarviz.network.build import build, whiten
from cifarviz.network.variables import to_arrays
from tests.layers.test_layer_types import IMAGES, NETWORKS

SCALING = Scaling((1 / 64, 1 / 128, 1 / 255), (-1.0, 0.5, 0.0))
IMAGE = IMAGES[0]


def network_of_random_weights(network: Architecture) -> TrainedModel:
    """Biases, means and variances are not those before training, which hide errors."""
    model = build(network, SCALING, seed=3)
    whiten(model, network, SCALING, IMAGES)
    generator = np.random.default_rng(4)
    arrays = {
        name: value
        if value.dtype != np.float32 or value.ndim > 1
        else generator.uniform(0.3, 1.5, value.shape).astype(np.float32)
        for name, value in to_arrays(model).items()
    }
    return TrainedModel(network, SCALING, arrays)


@pytest.mark.parametrize(("network", "layer"), NETWORKS)
def test_the_terms_of_each_layer_type_give_its_output(network: Architecture, layer: Layer) -> None:
    model = network_of_random_weights(network)
    outputs = {output.name: output.values for output in model.observe(IMAGE)}
    image = scaled_image(IMAGE, SCALING)
    generator = np.random.default_rng(5)
    for row in network.trace().all_rows:
        values = outputs[row.name]
        variables = model.layer_variables(row.name)
        for channel in {0, values.shape[-1] - 1, values.shape[-1] // 3}:
            found = layer_calculation(network, row.name, channel, image, outputs, variables)
            expected = values if values.ndim == 3 else values[None, None]
            height, width, _ = expected.shape
            assert found.placement.places == (height, width)
            corners = {(0, 0), (height - 1, width - 1), (0, width - 1)}
            others = {tuple(generator.integers((height, width)).tolist()) for _ in range(3)}
            for place in corners | others:
                terms = compute_terms(found, *place)
                assert terms.output == pytest.approx(
                    expected[(*place, channel)], rel=2e-4, abs=2e-5
                )


def test_layers_take_the_outputs_of_the_layers_before_them() -> None:
    from cifarviz.layers.conv2d import Conv2D
    from cifarviz.layers.dense import Dense
    from cifarviz.layers.flatten import Flatten
    from cifarviz.layers.residual import Residual

    block = Residual(branch=(Conv2D(filters=3), Conv2D(filters=3)))
    network = Architecture(
        input_shape=(8, 8, 3),
        classes=4,
        layers=(block, Flatten(), Dense(units=4, activation="softmax")),
    )
    assert layer_inputs(network) == {
        "conv2d_1": (None,),
        "conv2d_2": ("conv2d_1",),
        "residual_1": ("conv2d_2", None),
        "flatten_1": ("residual_1",),
        "dense_1": ("flatten_1",),
    }
