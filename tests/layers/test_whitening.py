"""Whitening decorrelates neighbouring pixels."""

import numpy as np
import pytest

from cifarviz.layers.whitening import whitening_kernel


def smooth_images(count: int = 300, side: int = 16, channels: int = 3) -> np.ndarray:
    """Images whose neighbouring pixels and channels are much alike."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 160, (count, side, side, 1))
    shifts = [(down, right) for down in range(3) for right in range(3)]
    large = 128 + sum(np.roll(noise, shift, axis=(1, 2)) for shift in shifts) / 9
    noisy = large + rng.normal(0, 12, (count, side, side, channels))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def whitened(images: np.ndarray, kernel: np.ndarray, scale: float, offset: float) -> np.ndarray:
    """What the convolution makes of each patch: (patches, filters)."""
    size = kernel.shape[0]
    windows = np.lib.stride_tricks.sliding_window_view(
        images * scale + offset, (size, size), axis=(1, 2)
    )
    patches = np.moveaxis(windows, 3, 5).reshape(-1, kernel[..., 0].size)
    return patches @ kernel.reshape(-1, kernel.shape[-1])


@pytest.mark.parametrize(("size", "channels"), [(2, 3), (3, 3), (2, 1)])
def test_all_components_together_are_uncorrelated_and_of_one_size(size, channels):
    images, values = smooth_images(channels=channels), size**2 * channels
    scale, offset = 1 / 60, -128 / 60
    kernel = whitening_kernel(images, (scale,) * channels, (offset,) * channels, size, 2 * values)
    assert kernel.shape == (size, size, channels, 2 * values)
    assert kernel.dtype == np.float32
    found = whitened(images, kernel, scale, offset)[:, :values]
    products = found.T @ found / len(found)
    np.testing.assert_allclose(products, np.eye(values), atol=0.12)


def test_fewer_filters_are_the_strongest_and_their_negatives():
    images = smooth_images()
    every = whitening_kernel(images, (1 / 60,) * 3, (-2,) * 3, 2, 24)
    some = whitening_kernel(images, (1 / 60,) * 3, (-2,) * 3, 2, 6)
    np.testing.assert_array_equal(some[..., :3], every[..., :3])
    np.testing.assert_array_equal(some[..., 3:], -some[..., :3])
    # The stronger a component is, the less it needs to be blown up.
    lengths = np.linalg.norm(every[..., :12].reshape(12, 12), axis=0)
    assert (np.diff(lengths) >= 0).all()


@pytest.mark.parametrize("images", [np.zeros((1, 4, 4, 3), np.uint8), smooth_images(3, 4)])
def test_few_or_empty_images_give_finite_kernels(images):
    kernel = whitening_kernel(images, (1 / 255,) * 3, (0,) * 3, 3, 54)
    assert np.isfinite(kernel).all()
