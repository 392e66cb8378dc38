"""Pictures of other things are told from those a network knows, at a stated false-alarm rate."""

from dataclasses import replace

import numpy as np
import pytest

from cifarviz.analysis.neighbours import NeighbourIndex, max_images
from cifarviz.analysis.out_of_distribution import (
    Familiarity,
    TrainingDistances,
    calibrate,
    make_detector,
)
from cifarviz.analysis.trained_model import TrainedModel
from cifarviz.errors import DataError
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.layers.base import Layer
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.network.build import build
from cifarviz.network.layer_statistics import MAX_VECTOR
from cifarviz.network.variables import to_arrays

SCALING = Scaling((1 / 255,) * 3, (0.0,) * 3)
RANDOM = np.random.default_rng(0)


def network(*layers: Layer, side: int = 6) -> TrainedModel:
    architecture = Architecture(
        input_shape=(side, side, 3),
        classes=3,
        layers=(*layers, Flatten(), Dense(units=3, activation="softmax")),
    )
    return TrainedModel(architecture, SCALING, to_arrays(build(architecture, SCALING, seed=3)))


def pictures(count: int, side: int = 6) -> np.ndarray:
    return RANDOM.integers(0, 256, (count, side, side, 3), np.uint8)


def test_statistics_are_means_and_deviations_of_each_channel() -> None:
    model = network(Conv2D(filters=4), Conv2D(filters=2))
    images = pictures(3)
    found = model.layer_statistics(images)
    scaled = (images / 255).astype(np.float32)
    maps = [np.stack([model.observe(image)[layer].values for image in images]) for layer in (0, 1)]
    flat = np.stack([model.observe(image)[2].values for image in images])
    by_hand = [
        np.concatenate([one.mean(axis=(1, 2)), one.std(axis=(1, 2))], axis=1)
        for one in (scaled, *maps)
    ]
    assert len(found) == 5
    for one, other in zip(found[1:], (*by_hand, flat), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_the_first_statistics_are_the_correlations_of_neighbours() -> None:
    model = network(Conv2D(filters=2), side=12)
    images = pictures(3, 12)
    images[1] = np.linspace(0, 240, 12).round().astype(np.uint8)[:, np.newaxis]
    images[2] = 77
    found = model.layer_statistics(images)[0]
    deviations = images - images.mean(axis=(1, 2), keepdims=True)
    in_rows, in_columns = np.zeros((3, 3)), np.zeros((3, 3))
    for place in np.ndindex(3, 12, 11, 3):
        n, line, at, channel = place
        lines = deviations[n, line, :, channel], deviations[n, :, line, channel]
        in_rows[n, channel] += lines[0][at] * lines[0][at + 1] / (12 * 11)
        in_columns[n, channel] += lines[1][at] * lines[1][at + 1] / (12 * 11)
    expected = np.hstack([in_rows, in_columns]) / np.tile(images.var(axis=(1, 2)) + 1, 2)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    # Noise, lines of one colour, a plain colour: without limits at its edges a ramp has 0.7.
    assert np.abs(found[0]).max() < 0.5 < found[1].min()
    assert not found[2].any()


def test_noise_is_told_from_smooth_images_at_any_size() -> None:
    model = network(Conv2D(filters=4), side=12)
    waves = np.sin(np.arange(12) / 3 + RANDOM.uniform(0, 6, (300, 1)))
    smooth = (128 + 100 * waves[:, :, np.newaxis] * waves[:, np.newaxis]).astype(np.uint8)
    images = np.repeat(smooth[..., np.newaxis], 3, axis=3)
    detector = make_detector(model, images[:200], images[200:], "test")
    for size in (1, 2, 5):
        noise = pictures(20, 12 * size).reshape(20, 12, size, 12, size, 3).mean(axis=(2, 4))
        judged = detector.judge(model.layer_statistics(noise.astype(np.uint8)))
        assert all(one.is_unknown for one in judged)


def test_long_vectors_are_left_out_and_a_network_without_hidden_layers_has_its_pixels() -> None:
    side = 20
    assert side * side * 3 > MAX_VECTOR
    model = network(side=side)
    correlations, only = model.layer_statistics(pictures(2, side))
    assert correlations.shape == only.shape == (2, 6)


def test_the_score_is_the_distance_to_the_kth_nearest_in_standard_deviations() -> None:
    train = [RANDOM.normal(3, 2, (300, 5)), RANDOM.normal(0, 9, (300, 4))]
    others = [RANDOM.normal(3, 2, (7, 5)), RANDOM.normal(0, 9, (7, 4))]
    distances = TrainingDistances([one.astype(np.float32) for one in train])
    assert distances.neighbour == 3
    expected = []
    for row in range(7):
        squares = np.zeros(300)
        for known, other in zip(train, others, strict=True):
            difference = (known - other[row]) / known.std(axis=0)
            squares += (difference**2).mean(axis=1)
        expected.append(np.sqrt(np.sort(squares)[2]))
    found = distances.scores([one.astype(np.float32) for one in others])
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_a_training_image_is_not_compared_with_itself() -> None:
    train = RANDOM.normal(0, 1, (120, 4)).astype(np.float32)
    detector = replace(
        calibrate([train], [train[:30]], "test"), train_indices=np.arange(120, dtype=np.int64) * 3
    )
    assert detector.distances.neighbour == 1
    picture = train[40:41]
    distances = np.sqrt((((train - picture) / train.std(axis=0)) ** 2).mean(axis=1))
    [judged] = detector.judge([picture], train_index=120)
    assert judged.score == pytest.approx(np.sort(distances)[1], rel=1e-3)
    # An image that is not among those it compares with, and a picture that is no training image.
    for index in (121, None):
        [judged] = detector.judge([picture], train_index=index)
        assert judged.score == pytest.approx(0, abs=1e-2)


def test_the_threshold_is_the_95_percent_quantile_of_the_reference_images() -> None:
    train, reference = (RANDOM.normal(0, 1, (n, 6)).astype(np.float32) for n in (200, 101))
    detector = calibrate([train], [reference], "validation")
    scores = np.sort(detector.distances.scores([reference]))
    # Of 101 scores the 96th from below has 95 below it.
    assert detector.threshold == pytest.approx(scores[95])
    judged = detector.judge([reference])
    assert sum(one.is_unknown for one in judged) == 5
    assert detector.to_dict(judged[0]) == {
        "unknown": judged[0].is_unknown,
        "score": judged[0].score,
        "threshold": detector.threshold,
        "false_alarm_rate": 0.05,
        "calibrated_on": "validation",
        "images": 101,
    }


def test_a_score_that_is_no_number_counts_as_unknown() -> None:
    assert Familiarity(float("nan"), 1.0).is_unknown
    assert not Familiarity(1.0, 1.0).is_unknown


def test_a_channel_that_is_silent_for_all_training_images_divides_by_nothing() -> None:
    train = RANDOM.normal(0, 1, (100, 3)).astype(np.float32)
    train[:, 1] = 0
    for silent in (train, np.zeros_like(train)):
        detector = calibrate([silent], [silent], "test")
        assert np.isfinite(detector.distances.scores([train[:5] + 1])).all()


def test_too_few_images_are_refused_in_words() -> None:
    model = network(Conv2D(filters=2))
    with pytest.raises(DataError, match="there are 19 test images here"):
        make_detector(model, pictures(5), pictures(19), "test")
    with pytest.raises(DataError, match="none of the images it was trained on"):
        make_detector(model, pictures(0), pictures(30), "validation")


def test_progress_counts_the_images_of_both_kinds() -> None:
    done: list[tuple[int, int]] = []

    def report(images: int, total: int) -> None:
        done.append((images, total))

    make_detector(network(Conv2D(filters=2)), pictures(30), pictures(20), "test", report)
    assert done == [(30, 50), (50, 50)]


def test_the_nearest_are_those_of_a_comparison_with_each() -> None:
    features = RANDOM.normal(0, 1, (50, 8)).astype(np.float32)
    features[7] = 0
    query = RANDOM.normal(0, 1, 8).astype(np.float32)
    found = NeighbourIndex(features).nearest(query, 9)
    expected = []
    for row in features:
        lengths = float(np.linalg.norm(row) * np.linalg.norm(query))
        expected.append(1 - float(row @ query) / lengths if lengths else 1.0)
    order = np.argsort(expected, kind="stable")[:9]
    assert found.positions.tolist() == order.tolist()
    np.testing.assert_allclose(found.distances, np.array(expected)[order], atol=1e-6)
    assert NeighbourIndex(features[:4]).nearest(query, 9).positions.shape == (4,)


def test_wide_features_are_searched_among_fewer_images() -> None:
    assert max_images(64) == 20_000
    assert max_images(3072) == 3255


def test_a_single_training_image_is_compared_with_itself() -> None:
    statistics = [np.array([[1.0, 2.0]], np.float32)]
    distances = TrainingDistances(statistics)
    assert distances.scores(statistics, left_out=0).tolist() == [0.0]
