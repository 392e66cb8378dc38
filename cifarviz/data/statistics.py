"""Statistics of pixels and labels, computed in chunks to avoid copies of all images.

``images`` is uint8 (n, height, width, channels), ``labels`` whole numbers (n,).
"""

import numpy as np
import numpy.typing as npt

from cifarviz.datasets.arrays import Labels

_CHUNK_IMAGES = 2_000
_VALUES = np.arange(256, dtype=np.float64)


def class_counts(labels: Labels, classes: int) -> npt.NDArray[np.int64]:
    """Count the images of each class, int64 (classes,)."""
    return np.bincount(labels, minlength=classes).astype(np.int64)


def pixel_histograms(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Count how often each value 0..255 occurs in each channel, int64 (channels, 256)."""
    channels = images.shape[3]
    histograms = np.zeros((channels, 256), np.int64)
    for start in range(0, len(images), _CHUNK_IMAGES):
        chunk = images[start : start + _CHUNK_IMAGES]
        for channel in range(channels):
            values = np.ascontiguousarray(chunk[..., channel]).ravel()
            histograms[channel] += np.bincount(values, minlength=256)
    return histograms


def channel_mean_std(
    images: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return each channel's mean and standard deviation over pixels 0..255, float64 (channels,).

    The standard deviation is that of the population (divided by n). NaN without images.
    """
    return mean_std_from_histograms(pixel_histograms(images))


def mean_std_from_histograms(
    histograms: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return mean and standard deviation of each channel from ``pixel_histograms``."""
    total = histograms.sum(axis=1, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        mean = histograms @ _VALUES / total
        squares = (histograms * (_VALUES[None, :] - mean[:, None]) ** 2).sum(axis=1)
        return mean, np.sqrt(squares / total)


def value_ranges(histograms: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return the lowest and highest value of each channel; (0, 0) without images."""
    ranges = []
    for counts in histograms:
        present = np.flatnonzero(counts)
        ranges.append((int(present[0]), int(present[-1])) if len(present) else (0, 0))
    return ranges


def class_mean_images(
    images: npt.NDArray[np.uint8], labels: Labels, classes: int
) -> npt.NDArray[np.float64]:
    """Return the mean image of each class, 0..255, float64 (classes, height, width, channels).

    NaN for a class without images.
    """
    sums = np.zeros((classes, *images.shape[1:]), np.float64)
    for start in range(0, len(images), _CHUNK_IMAGES):
        chunk = images[start : start + _CHUNK_IMAGES]
        here = labels[start : start + _CHUNK_IMAGES]
        for label in range(classes):
            sums[label] += chunk[here == label].sum(axis=0, dtype=np.uint64)
    counts = class_counts(labels, classes).astype(np.float64)
    with np.errstate(invalid="ignore"):
        return sums / counts[:, None, None, None]
