"""Predict: thumbnails of uploads, and predictions as text."""

import numpy as np
import pytest

from cifarviz.analysis.predictions import RankedClass
from cifarviz.figures.sprite import enlarge
from cifarviz.ui.predict.picture import MAX_SIDE
from cifarviz.ui.predict.prediction import format_prediction
from cifarviz.ui.predict.uploads import thumbnail


def ranked(*probabilities: float) -> list[RankedClass]:
    names = ("cat", "dog", "frog")
    return [RankedClass(i, names[i], p) for i, p in enumerate(probabilities)]


@pytest.mark.parametrize(
    ("probabilities", "text"),
    [
        ((0.95, 0.03, 0.02), "The network is confident: **cat**, 95.0%."),
        ((0.6, 0.3, 0.1), "The network predicts **cat**, 60.0%, then dog, 30.0%."),
        ((0.4, 0.35, 0.25), "The network is unsure: **cat**, 40.0%, or dog, 35.0%."),
    ],
)
def test_the_text_follows_the_confidence(probabilities: tuple[float, ...], text: str) -> None:
    assert format_prediction(ranked(*probabilities)) == text


def test_the_text_says_whether_the_prediction_is_correct() -> None:
    ranking = ranked(0.95, 0.03, 0.02)
    assert format_prediction(ranking, actual=0).endswith("95.0%. Correct.")
    assert format_prediction(ranking, actual=2).endswith("Wrong: it is frog, predicted with 2.0%.")


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((32, 32), (224, 224)),
        ((60, 60), (180, 180)),
        ((224, 100), (224, 100)),
        ((400, 800), (112, 224)),
        ((3000, 4000), (168, 224)),
        ((1, 5000), (1, 224)),
        ((5000, 1), (224, 1)),
    ],
)
def test_a_thumbnail_fills_its_area(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert thumbnail(np.zeros((*size, 3), np.uint8)).shape == (*expected, 3)


def test_small_pictures_are_enlarged_without_smoothing() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    for large in (thumbnail(pixels), enlarge(pixels, MAX_SIDE)):
        assert large.shape == (MAX_SIDE, MAX_SIDE, 3)
        np.testing.assert_array_equal(large[3::7, 3::7], pixels)
        np.testing.assert_array_equal(large[::7, ::7], large[6::7, 6::7])
