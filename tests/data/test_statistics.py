import numpy as np
import pytest

from cifarviz.data.statistics import (
    channel_mean_std,
    class_counts,
    class_mean_images,
    mean_std_from_histograms,
    pixel_histograms,
    value_ranges,
)


@pytest.fixture(scope="module")
def images():
    # More than one chunk, and not a whole number of chunks.
    return np.random.default_rng(1).integers(3, 250, (4_321, 4, 4, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def labels():
    return np.random.default_rng(2).integers(0, 4, 4_321).astype(np.uint8)


def test_class_counts_name_empty_classes_too():
    assert class_counts(np.array([0, 2, 2], np.uint8), 4).tolist() == [1, 0, 2, 0]


def test_mean_and_deviation_are_those_of_float64(images):
    mean, deviation = channel_mean_std(images)
    exact = images.astype(np.float64)
    np.testing.assert_allclose(mean, exact.mean(axis=(0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(deviation, exact.std(axis=(0, 1, 2)), rtol=1e-12)


def test_an_even_picture_has_no_deviation():
    mean, deviation = channel_mean_std(np.full((3, 2, 2, 1), 77, np.uint8))
    assert (mean[0], deviation[0]) == (77.0, 0.0)


def test_no_images_have_no_mean():
    mean, deviation = channel_mean_std(np.zeros((0, 4, 4, 3), np.uint8))
    assert np.isnan(mean).all()
    assert np.isnan(deviation).all()


def test_histograms_count_every_pixel(images):
    histograms = pixel_histograms(images)
    assert histograms.shape == (3, 256)
    for channel in range(3):
        expected = np.histogram(images[..., channel], bins=np.arange(257))[0]
        np.testing.assert_array_equal(histograms[channel], expected)


def test_range_and_moments_from_histograms(images):
    histograms = pixel_histograms(images)
    assert value_ranges(histograms) == [(3, 249)] * 3
    np.testing.assert_array_equal(
        mean_std_from_histograms(histograms)[0], channel_mean_std(images)[0]
    )
    assert value_ranges(np.zeros((1, 256), np.int64)) == [(0, 0)]


def test_mean_image_of_each_class(images, labels):
    means = class_mean_images(images, labels, 5)
    assert means.shape == (5, 4, 4, 3)
    for label in range(4):
        np.testing.assert_allclose(means[label], images[labels == label].mean(axis=0))
    assert np.isnan(means[4]).all()


def test_grey_images_work_as_well():
    images = np.array([0, 10], np.uint8).reshape(2, 1, 1, 1)
    assert class_mean_images(images, np.zeros(2, np.uint8), 1).item() == 5.0
    assert pixel_histograms(images).shape == (1, 256)
