"""The strongest activations of a channel, compared with single images."""

import itertools

import numpy as np
import pytest

from cifarviz.analysis import trained_model
from cifarviz.analysis.feature_maps import scale_channels
from cifarviz.analysis.top_activations import MOST_IMAGES, TopActivationsCollector
from cifarviz.analysis.trained_model import TrainedModel
from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.prediction_views import ONLY_THE_IMAGE, PredictionViews
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import MaxPool2D
from cifarviz.network.build import build
from cifarviz.network.stateless import Peaks
from cifarviz.network.variables import to_arrays

SCALING = Scaling((1 / 255,) * 3, (0.0,) * 3)
OUTPUT = Dense(units=3, activation="softmax")
IMAGES = np.random.default_rng(3).integers(0, 256, (41, 8, 8, 3), np.uint8)


def trained(*layers, bias=None, views=ONLY_THE_IMAGE) -> TrainedModel:
    architecture = Architecture(
        input_shape=(8, 8, 3), classes=3, layers=(*layers, Flatten(), OUTPUT)
    )
    model = build(architecture, SCALING, seed=5)
    if bias is not None:
        model.get_layer("conv2d_1").bias.assign(bias)
    arrays = to_arrays(model)
    return TrainedModel(architecture, SCALING, arrays, views)


@pytest.fixture
def small_batches(monkeypatch):
    """41 images are looked into in six batches."""
    monkeypatch.setattr(trained_model, "_MAX_BATCH", 7)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("views", [ONLY_THE_IMAGE, PredictionViews(True), PredictionViews(True, 1)])
def test_top_activations_equal_those_of_single_images(views):
    # The first channel is dead for all, the second for images that are not bright anywhere.
    network = trained(
        Conv2D(filters=6),
        BatchNorm(),
        MaxPool2D(),
        Conv2D(filters=4, activation="linear"),
        MaxPool2D(pool_size=4, strides=4),
        bias=[-100, -1.2, 0, 0, 0.1, 0],
        views=views,
    )
    found = network.top_activations(IMAGES)
    seen = [network.observe(image) for image in IMAGES]
    assert list(found) == [o.name for o in seen[0] if o.values.ndim == 3]
    for number, (name, top) in enumerate(found.items()):
        maps = np.stack([outputs[number].values for outputs in seen])
        dead = np.array([
            [channel in scale_channels(one).dead for channel in range(maps.shape[-1])]
            for one in maps
        ])  # fmt: skip
        np.testing.assert_array_equal(top.silent_for, dead.sum(axis=0))
        assert top.dead == tuple(np.flatnonzero(dead.all(axis=0)))
        assert top.images == 41
        for channel in range(maps.shape[-1]):
            highest = np.where(dead[:, channel], -np.inf, maps[..., channel].max(axis=(1, 2)))
            order = [
                n for n in np.argsort(-highest, kind="stable")[:MOST_IMAGES] if highest[n] > -np.inf
            ]
            assert [one.position for one in top.top_images(channel)] == order, (name, channel)
            for one in top.top_images(channel):
                values = maps[one.position, ..., channel]
                assert one.value == pytest.approx(values.max(), rel=1e-5)
                assert one.place == values.argmax(), (name, channel)
    assert found["conv2d_1"].dead == (0,)
    assert 0 < found["conv2d_1"].silent_for[1] < 41
    assert found["conv2d_1"].top_images(0) == ()


def test_equal_activations_keep_their_order_for_any_batch_size():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 4, (50, 3)).astype(np.float32)  # many are equal
    places = rng.integers(0, 9, (50, 3)).astype(np.int32)
    for cuts in ([0, 50], [0, 1, 4, 30, 50], range(51)):
        collector = TopActivationsCollector()
        for start, end in itertools.pairwise(cuts):
            part = slice(start, end)
            collector.add([Peaks("a", values[part], places[part], values[part] == 0)])
        top = collector.layers()["a"]
        for channel in range(3):
            expected = sorted(range(50), key=lambda n: (-values[n, channel], n))[:MOST_IMAGES]
            assert [one.position for one in top.top_images(channel)] == expected
            assert [one.place for one in top.top_images(channel)] == places[
                expected, channel
            ].tolist()


def test_fewer_than_nine_images_and_nan_are_handled():
    values = np.array([[1, np.nan], [3, np.inf], [2, -1]], np.float32)
    places = np.zeros((3, 2), np.int32)
    collector = TopActivationsCollector()
    collector.add([Peaks("a", values, places, np.zeros((3, 2), bool))])
    top = collector.layers()["a"]
    assert [one.position for one in top.top_images(0)] == [1, 2, 0]
    assert [one.position for one in top.top_images(1)] == [2]
    assert top.dead == ()


def test_layers_with_one_channel_one_value_or_no_maps_are_handled():
    one = trained(Conv2D(filters=1), MaxPool2D(pool_size=8, strides=8), bias=[-0.5])
    found = one.top_activations(IMAGES)
    # The map of one value is dead where that is zero; the larger one where it is zero everywhere.
    assert found["max_pooling2d_1"].silent_for == found["conv2d_1"].silent_for
    assert [e.place for e in found["max_pooling2d_1"].top_images(0)] == [0] * MOST_IMAGES
    assert trained().top_activations(IMAGES) == {}
    assert one.top_activations(IMAGES[:0]) == {}


@pytest.mark.usefixtures("small_batches")
def test_progress_is_reported_and_an_exception_there_cancels():
    told: list[int] = []
    network = trained(Conv2D(filters=2))
    network.top_activations(IMAGES, on_progress=told.append)
    assert told == [7, 14, 21, 28, 35, 41]

    def stop(done):
        raise KeyError(done)

    with pytest.raises(KeyError, match="7"):
        network.top_activations(IMAGES, on_progress=stop)
    with pytest.raises(ExperimentInvalid, match="8×8×3"):
        network.top_activations(IMAGES[:, :4])
