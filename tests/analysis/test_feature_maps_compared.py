"""Feature maps of two networks, compared with NumPy's correlations."""

import numpy as np
import pytest

from cifarviz.analysis.feature_maps import (
    LayerView,
    channel_correlations,
    least_correlated_first,
    pair_layers,
    scale_channels,
    spatial_correlation,
)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(3)


def test_channel_correlations_equal_those_of_numpy(random: np.random.Generator) -> None:
    left = random.normal(size=(6, 5, 9)).astype(np.float32)
    right = (0.3 * left + random.normal(size=left.shape)).astype(np.float32)
    right[..., 1] = -3 * left[..., 1] + 2
    found = channel_correlations(left, right)
    assert found is not None
    expected = [
        np.corrcoef(left[..., n].ravel().astype(float), right[..., n].ravel().astype(float))[0, 1]
        for n in range(9)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert found[1] == pytest.approx(-1)


def test_a_dense_layer_has_one_correlation(random: np.random.Generator) -> None:
    left, right = random.normal(size=(2, 40)).astype(np.float32)
    found = channel_correlations(left, right)
    assert found is not None
    assert found.tolist() == [pytest.approx(np.corrcoef(left, right)[0, 1], abs=1e-6)]


def test_incomparable_layers_have_no_correlation() -> None:
    left = np.arange(16, dtype=np.float32).reshape(2, 2, 4)
    right = left.copy()
    right[..., 0] = 7  # dead on the one side
    right[0, 0, 2] = np.nan
    found = channel_correlations(left, right)
    assert found is not None
    np.testing.assert_array_equal(np.isnan(found), [True, False, True, False])
    assert channel_correlations(left, left[:1]) is None
    assert channel_correlations(left[:1, :1], left[:1, :1]) is None


def test_newly_dead_channels_come_first_and_those_dead_in_both_last() -> None:
    base = np.arange(4, dtype=np.float32).reshape(2, 2)
    left = np.stack([base, base, 0 * base, base, 0 * base], axis=-1)
    right = np.stack([base, base[::-1], 0 * base, 0 * base, base], axis=-1)
    # 3 has been dead and 4 is, 1 is less alike than 0, and 2 is dead in both.
    assert least_correlated_first(left, right).tolist() == [3, 4, 1, 0, 2]
    assert least_correlated_first(left[:1, :1], right[:1, :1]).tolist() == [0, 1, 2, 3, 4]


def test_spatial_correlation_ignores_the_channel_order(
    random: np.random.Generator,
) -> None:
    left = random.normal(size=(8, 8, 6)).astype(np.float32)
    assert spatial_correlation(left, left[..., ::-1]) == pytest.approx(1)
    right = random.normal(size=(8, 8, 11)).astype(np.float32)
    expected = np.corrcoef(np.abs(left).mean(-1).ravel(), np.abs(right).mean(-1).ravel())[0, 1]
    assert spatial_correlation(left, right) == pytest.approx(expected, abs=1e-6)
    assert spatial_correlation(left, right[:4]) is None
    assert spatial_correlation(left, 0 * right) is None


def view(name: str, units: int = 0) -> LayerView:
    values = np.zeros(units, np.float32) if units else np.zeros((2, 2, 3), np.float32)
    maps = None if units else scale_channels(values)
    return LayerView(name, name.rpartition("_")[0], values, maps)


def test_layers_are_paired_by_type_and_number() -> None:
    left = [view("conv2d_1"), view("conv2d_2"), view("dense_1", 5), view("dense_2", 10)]
    right = [view("conv2d_1"), view("max_pooling2d_1"), view("dense_1", 10)]
    pairs = [
        (pair.left and pair.left.name, pair.right and pair.right.name)
        for pair in pair_layers(left, right)
    ]
    # The answers go together, and a hidden layer with nobody's answer.
    assert pairs == [
        ("conv2d_1", "conv2d_1"),
        ("conv2d_2", None),
        ("dense_1", None),
        (None, "max_pooling2d_1"),
        ("dense_2", "dense_1"),
    ]
