"""Filters as small images, against the weights."""

import numpy as np

from cifarviz.figures.pictures import filter_pictures


def test_filters_are_scaled_separately_or_together() -> None:
    kernel = np.zeros((1, 2, 3, 3), np.float32)
    kernel[0, 0, :, 0] = 0.5, -0.5, 0.25
    kernel[0, 1, 2, 1] = -2.0
    own = filter_pictures(kernel, one_scale=False)
    assert own.shape == (3, 1, 2, 3)
    assert own.dtype == np.uint8
    # Full red, no green, blue half way up; 0 is mid-grey, also where all of it is.
    assert own[0].tolist() == [[[255, 0, 191], [128, 128, 128]]]
    assert own[1].tolist() == [[[128, 128, 128], [128, 128, 0]]]
    assert (own[2] == 128).all()

    one = filter_pictures(kernel, one_scale=True)
    assert one[0].tolist() == [[[159, 96, 143], [128, 128, 128]]]
    assert one[1].tolist() == own[1].tolist()


def test_random_filters_keep_their_order_of_weights() -> None:
    kernel = np.random.default_rng(0).normal(size=(5, 5, 1, 4)).astype(np.float32)
    pictures = filter_pictures(kernel, one_scale=True)
    for number in range(4):
        weights = kernel[..., number].astype(float)
        expected = np.round((weights / np.abs(kernel).max() + 1) * 127.5)
        np.testing.assert_array_equal(pictures[number], expected)
