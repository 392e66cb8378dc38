"""The last hidden layer's vectors, and the predictions that come with them."""

import numpy as np
import pytest

from cifarviz.analysis.trained_model import TrainedModel
from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.prediction_views import ONLY_THE_IMAGE, PredictionViews
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.layers.base import Layer
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.residual import Residual
from cifarviz.network.build import build
from cifarviz.network.variables import to_arrays

SCALING = Scaling((0.01, 0.02), (-1.0, 2.0))
IMAGES = np.random.default_rng(0).integers(0, 256, (301, 5, 4, 2), np.uint8)
OUTPUT = Dense(units=3, activation="softmax")
NETWORKS: dict[str, tuple[Layer, ...]] = {
    "convolutional": (Conv2D(filters=4), Flatten(), Dense(units=7), Dropout(rate=0.5), OUTPUT),
    "residual": (Residual(branch=(Conv2D(filters=2, padding="same"),)), Flatten(), OUTPUT),
    "a single feature": (Flatten(), Dense(units=1), OUTPUT),
    "no hidden layer": (Flatten(), OUTPUT),
}


@pytest.mark.parametrize("views", [ONLY_THE_IMAGE, PredictionViews(True), PredictionViews(True, 1)])
@pytest.mark.parametrize("name", NETWORKS)
def test_features_are_the_input_of_the_last_layer(name: str, views: PredictionViews) -> None:
    architecture = Architecture(input_shape=(5, 4, 2), classes=3, layers=NETWORKS[name])
    arrays = to_arrays(build(architecture, SCALING, seed=4))
    model = TrainedModel(architecture, SCALING, arrays, views)
    done: list[int] = []
    features, predictions = model.features(IMAGES, on_progress=done.append)
    assert done == [250, 301]
    for number in (0, 260, 300):
        hidden = model.observe(IMAGES[number])[-2].values
        np.testing.assert_allclose(features[number], hidden, rtol=1e-5, atol=1e-6)
    if name == "no hidden layer":
        scaled = IMAGES * np.array(SCALING.scale) + np.array(SCALING.offset)
        np.testing.assert_allclose(features, scaled.reshape(301, -1), rtol=1e-5)
    expected = model.predictions(IMAGES).log_probabilities
    np.testing.assert_allclose(predictions.log_probabilities, expected, rtol=1e-4, atol=1e-5)


def test_images_of_another_shape_are_refused() -> None:
    architecture = Architecture(
        input_shape=(5, 4, 2), classes=3, layers=NETWORKS["no hidden layer"]
    )
    model = TrainedModel(architecture, SCALING, to_arrays(build(architecture, SCALING, seed=4)))
    with pytest.raises(ExperimentInvalid, match="takes 5×4×2 images"):
        model.features(IMAGES[:, :4])
