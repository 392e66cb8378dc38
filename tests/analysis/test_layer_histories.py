"""Histograms over epochs, and the problems that are found in them."""

import numpy as np
import pytest

from cifarviz.analysis.layer_histories import (
    LayerNumbers,
    find_problems,
    layer_histories,
    layer_numbers,
    rebin,
)
from cifarviz.experiment.architecture import Architecture
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.network.layer_samples import LayerSample
from cifarviz.runs.layer_histograms import BINS, LayerHistogram, make_histogram


def histogram(values: np.ndarray, name: str = "conv2d_1", dead: float = 0.0) -> LayerHistogram:
    values = values.astype(np.float32)
    low, high = float(values.min()), float(values.max())
    return make_histogram(LayerSample(name, values, low, high, float(np.linalg.norm(values)), dead))


def test_histograms_of_all_epochs_are_brought_to_the_same_bins() -> None:
    generator = np.random.default_rng(0)
    values = {epoch: generator.normal(0, 1 + epoch, 16_000) for epoch in (0, 1, 3)}
    [found] = layer_histories(
        {epoch: {"weights": (histogram(own),)} for epoch, own in values.items()}, "weights"
    )
    assert found.epochs == (0, 1, 3)
    edges = np.linspace(found.low, found.high, BINS + 1)
    for row, own in zip(found.shares, values.values(), strict=True):
        expected = np.histogram(own, edges)[0] / len(own)
        np.testing.assert_allclose(row, expected, atol=0.015)
        assert row.sum() == pytest.approx(1, abs=0.01)
    # Outliers of the widest epoch are left out.
    assert -16 < found.low < -10 < 10 < found.high < 16


def test_a_histogram_in_its_own_bins_is_unchanged() -> None:
    layer = histogram(np.random.default_rng(0).uniform(-2, 5, 1_000))
    edges = np.linspace(layer.low, layer.high, BINS + 1)
    np.testing.assert_allclose(rebin(layer, edges) * 1_000, layer.counts, atol=1e-6)


def test_one_value_and_no_finite_values_have_rows() -> None:
    zeros = histogram(np.zeros(9))
    broken = make_histogram(
        LayerSample("conv2d_1", np.full(3, np.nan, np.float32), np.nan, np.nan, np.nan)
    )
    [found] = layer_histories({0: {"weights": (zeros,)}, 1: {"weights": (broken,)}}, "weights")
    assert found.low < 0 < found.high
    assert found.shares.sum(axis=1).tolist() == [1, 0]


def test_numbers_of_a_layer_come_from_its_histograms() -> None:
    network = Architecture(
        input_shape=(8, 8, 3),
        classes=2,
        layers=(
            Conv2D(filters=4, activation="tanh"),
            Flatten(),
            Dense(units=2, activation="softmax"),
        ),
    )
    outputs = np.concatenate([np.full(60, 0.99), np.full(10, -0.99), np.linspace(-0.8, 0.8, 30)])
    weights, gradient = np.array([3.0, 4.0]), np.array([0.0, 0.5])
    numbers = layer_numbers(
        {
            "weights": (histogram(weights), histogram(weights, "dense_1")),
            "gradients": (histogram(gradient), histogram(gradient, "dense_1")),
            "activations": (histogram(outputs, dead=0.5),),
        },
        network,
    )
    assert [layer.name for layer in numbers] == ["conv2d_1", "dense_1"]
    assert numbers[0].weight_norm == pytest.approx(5)
    assert numbers[0].ratio == pytest.approx(0.1)
    assert numbers[0].dead == 0.5
    assert numbers[0].saturated == pytest.approx(0.7, abs=0.02)
    assert numbers[1].saturated is numbers[1].dead is None


def test_problems_are_found_by_layer() -> None:
    fine = LayerNumbers("fine", 1.0, 0.1, 0.0)
    layers = [
        LayerNumbers("a", 1.0, 0.1, 0.25),
        LayerNumbers("same as a", 1.0, 0.1, 0.25),
        LayerNumbers("b", 1.0, 1e-8, 0.0),
        LayerNumbers("c", 1.0, 20.0, 0.0),
        LayerNumbers("d", 1.0, 0.1, 0.0, saturated=0.8),
        LayerNumbers("e", 1.0, float("nan"), 0.0),
        LayerNumbers("f", None, None, None),
    ]
    found = [(problem.kind, problem.layer) for problem in find_problems([fine, *layers])]
    assert found == [
        ("dead", "a"),
        ("vanishing", "b"),
        ("exploding", "c"),
        ("saturated", "d"),
        ("not_finite", "e"),
    ]
    assert not find_problems([fine, LayerNumbers("g", 1.0, 0.01, 0.0)])


def test_a_gradient_far_below_that_of_other_layers_vanishes() -> None:
    layers = [LayerNumbers("first", 1.0, 1e-5, 0.0), LayerNumbers("last", 1.0, 1.0, 0.0)]
    assert [problem.layer for problem in find_problems(layers)] == ["first"]
