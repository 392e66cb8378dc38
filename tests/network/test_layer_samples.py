"""Samples of weights, gradients and activations, against NumPy and finite differences."""

import math

import numpy as np
import pytest

from cifarviz.analysis.trained_model import TrainedModel
from cifarviz.experiment.activation_images import activation_images
from cifarviz.network.build import build
from cifarviz.network.layer_samples import (
    MAX_VALUES,
    LayerSample,
    sample_activations,
    sample_gradients,
    sample_layers,
    sample_weights,
    to_samples,
)
from cifarviz.network.variables import to_arrays
from tests.network.tiny_network import BY_255, TINY

IMAGES = np.random.default_rng(4).integers(0, 256, (6, 8, 8, 3), np.uint8)
LABELS = np.array([0, 1, 2, 3, 0, 1], np.int32)


def by_name(samples: tuple[LayerSample, ...]) -> dict[str, LayerSample]:
    return {sample.name: sample for sample in samples}


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    return to_arrays(build(TINY, BY_255, seed=5))


@pytest.fixture(scope="module")
def model(arrays: dict[str, np.ndarray]) -> TrainedModel:
    return TrainedModel(TINY, BY_255, arrays)


def test_weights_are_those_of_the_checkpoint(
    model: TrainedModel, arrays: dict[str, np.ndarray]
) -> None:
    found = by_name(to_samples(model.compute(sample_weights)))
    assert list(found) == ["conv2d_1", "batch_normalization_1", "dense_1", "dense_2"]
    for name, sample in found.items():
        own = {key.split("/")[3]: value for key, value in arrays.items() if f"/{name}/" in key}
        trained = [own[key].ravel() for key in ("gamma", "beta", "kernel", "bias") if key in own]
        expected = np.concatenate(trained)
        np.testing.assert_array_equal(np.sort(sample.values), np.sort(expected))
        assert (sample.low, sample.high) == (expected.min(), expected.max())
        assert sample.norm == pytest.approx(np.linalg.norm(expected))


def test_activations_are_the_layers_outputs(model: TrainedModel) -> None:
    found = by_name(to_samples(model.compute(sample_activations, IMAGES)))
    assert list(found) == ["conv2d_1", "batch_normalization_1", "activation_1", "dense_1"]
    outputs = [model.observe(image) for image in IMAGES]
    for name, sample in found.items():
        expected = np.stack([
            next(one.values for one in output if one.name == name) for output in outputs
        ])  # fmt: skip
        np.testing.assert_allclose(
            np.sort(sample.values), np.sort(expected.ravel()), rtol=1e-4, atol=1e-5
        )
        flat = expected.reshape(-1, expected.shape[-1])
        assert sample.dead == pytest.approx((flat.max(axis=0) == flat.min(axis=0)).mean())


def test_units_with_one_value_are_dead(arrays: dict[str, np.ndarray]) -> None:
    made = dict(arrays)
    [name] = [key for key in made if key.endswith("conv2d_1/bias")]
    made[name] = np.array([0, -1000, 0, 0], np.float32)
    found = by_name(
        to_samples(TrainedModel(TINY, BY_255, made).compute(sample_activations, IMAGES))
    )
    assert found["conv2d_1"].dead == 0.25


def test_the_norm_of_gradients_is_the_slope_along_them(arrays: dict[str, np.ndarray]) -> None:
    model = TrainedModel(TINY, BY_255, arrays)
    found = by_name(to_samples(model.compute(sample_gradients, IMAGES, LABELS)))
    assert list(found) == ["conv2d_1", "batch_normalization_1", "dense_1", "dense_2"]

    def loss(changed: dict[str, np.ndarray]) -> float:
        logs = TrainedModel(TINY, BY_255, changed).predictions(IMAGES).log_probabilities
        return float(-logs[np.arange(len(LABELS)), LABELS].mean())

    # Kernel and bias of the last layer, each value moved by itself.
    keys = [key for key in arrays if "/dense_2/" in key]
    slopes = []
    for key in keys:
        for place in np.ndindex(arrays[key].shape):
            sides = []
            for step in (1e-2, -1e-2):
                moved = arrays[key].copy()
                moved[place] += step
                sides.append(loss({**arrays, key: moved}))
            slopes.append((sides[0] - sides[1]) / 2e-2)
    sample = found["dense_2"]
    np.testing.assert_allclose(np.sort(sample.values), np.sort(slopes), rtol=0.01, atol=1e-4)
    assert sample.norm == pytest.approx(math.hypot(*slopes), rel=0.01)


def test_all_kinds_at_once_are_the_same(model: TrainedModel) -> None:
    together = model.compute(sample_layers, IMAGES, IMAGES, LABELS)
    alone = {
        "weights": model.compute(sample_weights),
        "gradients": model.compute(sample_gradients, IMAGES, LABELS),
        "activations": model.compute(sample_activations, IMAGES),
    }
    for kind, facts in alone.items():
        for one, other in zip(to_samples(together[kind]), to_samples(facts), strict=True):
            assert one.name == other.name
            np.testing.assert_allclose(one.values, other.values, rtol=1e-4, atol=1e-6)


def test_large_layers_are_sampled_evenly(model: TrainedModel) -> None:
    images = np.random.default_rng(0).integers(0, 256, (100, 8, 8, 3), np.uint8)
    found = by_name(to_samples(model.compute(sample_activations, images)))
    sample = found["conv2d_1"]
    assert len(sample.values) == MAX_VALUES < 100 * 8 * 8 * 4
    every = np.concatenate([model.observe(image)[0].values.ravel() for image in images])
    # The extremes are of all values, the sample has all channels.
    assert sample.high == pytest.approx(every.max(), rel=1e-5)
    assert sample.values.mean() == pytest.approx(every.mean(), rel=0.05)


def test_the_number_of_images_follows_the_training_set_and_memory() -> None:
    assert activation_images(TINY) == activation_images(TINY, 50_000) == 256
    assert activation_images(TINY, 5_000) == 100
    assert activation_images(TINY, 90) == 32
