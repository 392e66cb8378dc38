"""Probabilities of raw images."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.prediction_views import ONLY_THE_IMAGE, PredictionViews
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from cifarviz.network.build import build
from cifarviz.network.inference import log_probabilities, log_probability_batches

ARCHITECTURE = Architecture(
    input_shape=(6, 6, 3),
    classes=4,
    layers=(
        Conv2D(filters=3),
        BatchNorm(),
        Dropout(rate=0.5),
        Flatten(),
        Dense(units=4, activation="softmax"),
    ),
)
IMAGES = np.random.default_rng(0).integers(0, 256, (53, 6, 6, 3), np.uint8)


def probabilities(*arguments):
    return np.exp(log_probabilities(*arguments))


def model(views=ONLY_THE_IMAGE, precision="float32"):
    scaling = Scaling((1 / 255,) * 3, (0.0,) * 3)
    return build(ARCHITECTURE, scaling, seed=1, precision=precision, prediction_views=views)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_probabilities_are_float32_sum_to_1_and_equal_the_models(precision):
    made = model(precision=precision)
    found = probabilities(made, IMAGES)
    assert found.dtype == np.float32
    assert found.shape == (53, 4)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    tolerance = 1e-5 if precision == "float32" else 0.02
    np.testing.assert_allclose(found, np.asarray(made(IMAGES, training=False)), atol=tolerance)


@pytest.mark.parametrize("batch_size", [1, 10, 53, 500])
def test_the_batch_size_does_not_matter(batch_size):
    made = model()
    np.testing.assert_allclose(
        probabilities(made, IMAGES, batch_size), probabilities(made, IMAGES), atol=1e-6
    )


def test_mirrored_predictions_are_averaged():
    plain = model()
    mirrored = model(PredictionViews(mirrored=True))
    expected = (probabilities(plain, IMAGES) + probabilities(plain, IMAGES[:, :, ::-1])) / 2
    np.testing.assert_allclose(probabilities(mirrored, IMAGES), expected, atol=1e-6)
    np.testing.assert_allclose(probabilities(mirrored, IMAGES[:, :, ::-1]), expected, atol=1e-6)


def test_shifted_predictions_are_averaged():
    plain = model()
    # A border that is mirrored, as for training images that are shifted.
    padded = np.pad(IMAGES, ((0, 0), (1, 1), (1, 1), (0, 0)), "reflect")
    seen = [IMAGES, padded[:, 2:, 2:], padded[:, :-2, :-2]]
    expected = np.mean([probabilities(plain, images) for images in seen], axis=0)
    found = probabilities(model(PredictionViews(shift=1)), IMAGES)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    seen += [images[:, :, ::-1] for images in seen]
    expected = np.mean([probabilities(plain, images) for images in seen], axis=0)
    found = probabilities(model(PredictionViews(mirrored=True, shift=1)), IMAGES)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert PredictionViews(mirrored=True, shift=1).count == len(seen)


def test_no_images_give_no_rows():
    assert probabilities(model(), IMAGES[:0]).shape == (0, 4)


def test_predictions_are_yielded_batch_by_batch():
    sizes = [len(part) for part in log_probability_batches(model(), IMAGES, 20)]
    assert sizes == [20, 20, 13]


def test_new_weights_take_effect_at_once():
    made = model()
    before = probabilities(made, IMAGES)
    made.get_layer("dense_1").bias.assign([5.0, 0.0, 0.0, 0.0])
    assert (probabilities(made, IMAGES)[:, 0] > before[:, 0]).all()


def test_read_only_and_memory_mapped_images_work(tmp_path):
    np.save(tmp_path / "images.npy", IMAGES)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    made = model()
    np.testing.assert_array_equal(probabilities(made, mapped), probabilities(made, IMAGES))


@pytest.mark.parametrize("shape", [(2, 8, 8, 3), (6, 6, 3), (2, 6, 6, 1)])
def test_images_of_another_shape_are_refused_with_a_message(shape):
    with pytest.raises(ExperimentInvalid, match="This network takes 6×6×3 images, but got"):
        probabilities(model(), np.zeros(shape, np.uint8))


def test_threads_can_predict_at_once():
    made = model()
    expected = probabilities(model(), IMAGES)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: probabilities(made, IMAGES, 7), range(8)):
            np.testing.assert_allclose(found, expected, atol=1e-6)


def test_an_unused_model_is_freed():
    made = model()
    probabilities(made, IMAGES)
    held = weakref.ref(made)
    del made
    gc.collect()
    assert held() is None
