"""Figures of the data: counts, histograms, ranges."""

import numpy as np
import pytest

from cifarviz.figures.class_counts import class_counts, class_counts_figure
from cifarviz.figures.pixel_histogram import pixel_histogram, pixel_histogram_figure
from cifarviz.figures.preprocessing_range import preprocessing_ranges, preprocessing_ranges_figure
from cifarviz.figures.theme import CLASS_COLORS


def test_class_counts_keep_order_and_colour() -> None:
    value = class_counts(("cat", "dog"), {"Training": np.array([3, 5]), "Test": [1, 2]})
    assert value.parts == (("Training", (3, 5)), ("Test", (1, 2)))
    assert value.total == 11
    training, test = class_counts_figure(value).data
    assert list(training.marker.color) == list(CLASS_COLORS[:2])
    assert (training.marker.pattern.shape, test.marker.pattern.shape) == ("", "/")


def test_a_count_too_few_is_refused() -> None:
    with pytest.raises(ValueError, match="1 counts for 2 classes"):
        class_counts(("cat", "dog"), {"Training": [3]})


def test_without_images_there_is_a_message() -> None:
    figure = class_counts_figure(class_counts(("cat",), {"Training": [0]}))
    assert figure.layout.annotations[0].text == "No images to count."


def test_a_histogram_is_in_shares_of_its_own_channel() -> None:
    value = pixel_histogram(np.array([[1, 3], [5, 5], [0, 0]]))
    assert value.shares.tolist() == [[0.25, 0.75], [0.5, 0.5], [0, 0]]
    assert value.starts.tolist() == [0, 128]
    assert [t.name for t in pixel_histogram_figure(value).data] == ["Red", "Green", "Blue"]


def test_a_grey_image_has_one_channel() -> None:
    assert [t.name for t in pixel_histogram_figure(pixel_histogram(np.array([1, 2]))).data] == [
        "Grey"
    ]


def test_without_pixels_there_is_a_message() -> None:
    figure = pixel_histogram_figure(pixel_histogram(np.zeros((3, 0))))
    assert figure.layout.annotations[0].text == "No pixels to count."


def test_ranges_are_those_of_the_reference_experiment() -> None:
    mean, deviation = np.array([125.307, 122.950, 113.865]), np.array([62.993, 62.089, 66.705])
    value = preprocessing_ranges(
        {"÷ 255": ([1 / 255] * 3, [0] * 3), "Standardise": (1 / deviation, -mean / deviation)},
        minimum=[0] * 3,
        maximum=[255] * 3,
        mean=mean,
        deviation=deviation,
    )
    divided, standard = value.rows[:3], value.rows[3:]
    assert {(r.minimum, round(r.maximum, 6)) for r in divided} == {(0.0, 1.0)}
    assert round(min(r.minimum for r in standard), 3) == -1.989
    assert round(max(r.maximum for r in standard), 3) == 2.127
    assert all(abs(r.mean) < 1e-9 and abs(r.deviation - 1) < 1e-9 for r in standard)
    bars = [t for t in preprocessing_ranges_figure(value).data if t.type == "bar"]
    assert [t.name for t in bars] == ["Red", "Green", "Blue"]


def test_without_preprocessing_there_is_a_message() -> None:
    value = preprocessing_ranges({}, minimum=[0], maximum=[1], mean=[0], deviation=[1])
    assert preprocessing_ranges_figure(value).layout.annotations[0].text.startswith("No prepro")


def test_a_very_high_peak_is_cut_off_and_labelled() -> None:
    figure = pixel_histogram_figure(pixel_histogram(np.array([90, 2, 5, 3])))
    assert figure.layout.yaxis.range == (0, 0.065)
    assert figure.layout.annotations[0].text == "90.0% of the pixels are 0"
    even = pixel_histogram_figure(pixel_histogram(np.array([9, 2, 5, 3])))
    assert even.layout.yaxis.range is None
    assert not even.layout.annotations
