"""Projections to a plane: against numpy's singular values, and turned clouds that come back."""

import numpy as np
import pytest

from cifarviz.analysis.projections import (
    COMPONENTS,
    align_positions,
    embed_tsne,
    measure_trustworthiness,
    principal_components,
)
from cifarviz.errors import ArtifactDamaged

RANDOM = np.random.default_rng(3)


def cloud(images: int, features: int) -> np.ndarray:
    """Features whose variances differ, so that the order of components is clear."""
    values = RANDOM.normal(size=(images, features)) / np.sqrt(1 + np.arange(features))
    # Reflected at a plane, so that a component is of all features.
    normal = RANDOM.normal(size=(features, 1))
    return (5 + values - 2 * values @ normal @ normal.T / (normal**2).sum()).astype(np.float32)


def turned(positions: np.ndarray, degrees: float, *, mirrored: bool) -> np.ndarray:
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if mirrored:
        turn = turn @ np.diag([1.0, -1.0])
    return positions @ turn


# 1,200 features are computed by another algorithm, and so are few images of many.
@pytest.mark.parametrize(("images", "features"), [(300, 8), (200, 120), (120, 1200), (30, 1200)])
def test_components_are_those_of_the_singular_values(images: int, features: int) -> None:
    values = cloud(images, features)
    found = principal_components(values)
    centred = values.astype(np.float64) - values.mean(axis=0, dtype=np.float64)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    count = min(COMPONENTS, images, features)
    assert found.scores.shape == (images, count)
    assert found.features == features
    np.testing.assert_allclose(found.explained, (sizes**2 / (sizes**2).sum())[:count], atol=1e-6)
    # The sign of a component is arbitrary.
    expected = np.abs(left * sizes)[:, :2]
    np.testing.assert_allclose(np.abs(found.plane), expected, atol=2e-4)
    assert not found.is_constant


def test_a_single_feature_lies_on_a_line() -> None:
    values = RANDOM.normal(size=(40, 1))
    found = principal_components(values)
    assert found.explained.tolist() == [1.0]
    assert np.ptp(found.plane[:, 1]) == 0
    np.testing.assert_allclose(
        np.abs(found.plane[:, 0]), np.abs(values - values.mean())[:, 0], 1e-5
    )


def test_equal_vectors_have_no_components() -> None:
    found = principal_components(np.full((20, 4), 7.0, np.float32))
    assert found.is_constant
    assert not found.plane.any()
    assert not align_positions(found.plane).any()


def test_features_that_are_no_numbers_are_refused() -> None:
    values = cloud(20, 4)
    values[[3, 5], 2] = np.nan
    with pytest.raises(ArtifactDamaged, match="not a number for 2 of 20 images"):
        principal_components(values)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0.0, 90.0, 137.0])
def test_a_turned_and_mirrored_cloud_comes_back(degrees: float, mirrored: bool) -> None:
    reference = RANDOM.normal(size=(50, 2)) * (3, 1)
    other = 12 * turned(reference, degrees, mirrored=mirrored) + (4, -9)
    aligned = align_positions(other, reference)
    np.testing.assert_allclose(aligned, align_positions(reference), atol=1e-12)
    np.testing.assert_allclose((aligned**2).sum(axis=1).mean(), 1)
    np.testing.assert_allclose(aligned.mean(axis=0), 0, atol=1e-12)


def test_no_other_turn_fits_better() -> None:
    reference, other = align_positions(RANDOM.normal(size=(30, 2))), RANDOM.normal(size=(30, 2))
    least = ((align_positions(other, reference) - reference) ** 2).sum()
    own = align_positions(other)
    for mirrored in (False, True):
        for degrees in range(360):
            tried = turned(own, degrees, mirrored=mirrored)
            assert ((tried - reference) ** 2).sum() >= least - 1e-9


def test_trustworthiness_is_that_of_its_definition() -> None:
    points = cloud(40, 5).astype(np.float64)
    plane = points[:, :2]
    found = measure_trustworthiness(points, plane)

    def ranks(values: np.ndarray) -> np.ndarray:
        distances = np.linalg.norm(values[:, None] - values[None], axis=-1)
        np.fill_diagonal(distances, -1)
        return distances.argsort(axis=1).argsort(axis=1)

    high, low, n, k = ranks(points), ranks(plane), 40, 12
    intruders = (low >= 1) & (low <= k) & (high > k)
    penalty = (high - k)[intruders].sum()
    assert found == pytest.approx(1 - 2 / (n * k * (2 * n - 3 * k - 1)) * penalty)
    assert measure_trustworthiness(points[:20], plane[:20]) is None


def test_tsne_keeps_far_groups_apart() -> None:
    groups = np.repeat(np.arange(3), 20)
    values = RANDOM.normal(size=(60, 6)) + 40 * np.eye(6)[groups]
    components = principal_components(values)
    positions = embed_tsne(components.scores, components.plane)
    distances = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    assert np.array_equal(groups[distances.argmin(axis=1)], groups)
    with pytest.raises(ValueError, match="t-SNE of 9 points"):
        embed_tsne(components.scores[:9], components.plane[:9])
