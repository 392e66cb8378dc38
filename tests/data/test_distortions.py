"""Distortions of pictures compared with what numpy gives."""

import io

import numpy as np
import pytest
from PIL import Image

from cifarviz.data.distortions import DISTORTIONS, distort, distortions_for, find_distortion
from cifarviz.errors import ExperimentInvalid

RANDOM = np.random.default_rng(0)
COLOR = RANDOM.integers(0, 256, (32, 32, 3), np.uint8)
GREY = RANDOM.integers(0, 256, (28, 28, 1), np.uint8)
WIDE = RANDOM.integers(0, 256, (16, 40, 3), np.uint8)
# A picture without sharp edges, on which resampling costs little.
SMOOTH = np.stack(
    np.broadcast_arrays(
        np.arange(40, 168, 4)[:, None], np.arange(200, 72, -4)[None, :], np.full((32, 32), 90)
    ),
    axis=-1,
).astype(np.uint8)


@pytest.mark.parametrize("picture", [COLOR, GREY, WIDE], ids=["color", "grey", "wide"])
def test_each_distortion_changes_a_picture_but_for_its_neutral_amount(picture: np.ndarray) -> None:
    for distortion in distortions_for(picture.shape[-1]):
        neutral = {distortion.key: distortion.neutral}
        assert (distort(picture, neutral) == picture).all()
        for amount in {distortion.low, distortion.high} - {distortion.neutral}:
            changed = distort(picture, {distortion.key: amount})
            assert changed.shape == picture.shape
            assert changed.dtype == np.uint8
            turned_around = distortion.key == "hue" and abs(amount) == 180
            assert (changed != picture).any() or turned_around, distortion.key


def test_the_grid_has_the_ends_the_neutral_amount_and_even_steps() -> None:
    for distortion in DISTORTIONS:
        grid = distortion.grid(41)
        assert grid[0] == distortion.low
        assert grid[-1] == distortion.high
        assert distortion.neutral in grid
        assert 41 <= len(grid) <= 42
        assert (np.diff(grid) > 0).all()
        steps = (grid - distortion.low) / distortion.step
        np.testing.assert_allclose(steps, steps.round(), atol=1e-6)
        assert [distortion.amount(distortion.position(a)) for a in grid] == grid.tolist()
    assert len(find_distortion("jpeg").grid(1000)) == 100


def test_quarter_turns_and_shifts_by_whole_pixels_move_pixels_as_they_are() -> None:
    assert (distort(COLOR, {"rotation": 90}) == np.rot90(COLOR, -1)).all()
    assert (distort(COLOR, {"rotation": 180}) == COLOR[::-1, ::-1]).all()
    right = distort(COLOR, {"right": 25})
    assert (right[:, 8:] == COLOR[:, :-8]).all()
    assert (right[:, :8] == COLOR[:, :1]).all()
    up = distort(COLOR, {"down": -50})
    assert (up[:16] == COLOR[16:]).all()
    assert (up[16:] == COLOR[-1:]).all()
    wide = distort(WIDE, {"right": 25})
    assert (wide[:, 10:] == WIDE[:, :-10]).all()


def test_scaling_enlarges_the_middle() -> None:
    larger = distort(SMOOTH, {"scale": 200}).astype(int)
    middle = SMOOTH[8:24, 8:24].astype(int).repeat(2, axis=0).repeat(2, axis=1)
    assert np.abs(larger - middle).max() <= 2
    smaller = distort(SMOOTH, {"scale": 50}).astype(int)
    means = SMOOTH.reshape(16, 2, 16, 2, 3).mean(axis=(1, 3))
    # But for the rim, where bicubic resampling has seen the edge repeated.
    assert np.abs(smaller[9:23, 9:23] - means[1:-1, 1:-1]).max() <= 1


def test_a_picture_is_turned_before_it_is_shifted() -> None:
    together = distort(COLOR, {"right": 25, "rotation": 90})
    assert (together == distort(distort(COLOR, {"rotation": 90}), {"right": 25})).all()
    # Resampled once: twice the size and shifted by one of its pixels is exact in the middle.
    once = distort(SMOOTH, {"right": 3.125, "scale": 200}).astype(int)
    middle = SMOOTH[8:24, 7:23].astype(int).repeat(2, axis=0).repeat(2, axis=1)
    assert np.abs(once - middle).max() <= 2


def test_brightness_and_contrast_are_arithmetic_cut_off_at_both_ends() -> None:
    values = COLOR.astype(float)
    expected = np.clip(values + 60, 0, 255)
    assert (distort(COLOR, {"brightness": 60}) == expected).all()
    mean = values.mean()
    expected = np.clip(np.rint(mean + 2.4 * (values - mean)), 0, 255)
    assert (distort(COLOR, {"contrast": 240}) == expected).all()
    assert np.ptp(distort(GREY, {"contrast": 0})) == 0


def test_noise_has_the_standard_deviation_and_depends_on_the_seed_alone() -> None:
    grey = np.full((64, 64, 3), 128, np.uint8)
    noisy = distort(grey, {"noise": 20})
    assert noisy.std() == pytest.approx(20, rel=0.03)
    assert noisy.mean() == pytest.approx(128, abs=1)
    assert (distort(grey, {"noise": 20}) == noisy).all()
    assert (distort(grey, {"noise": 20}, seed=1) != noisy).any()
    # The same pattern, weaker.
    half = distort(grey, {"noise": 10}).astype(int) - 128
    assert np.abs(half - (noisy.astype(int) - 128) / 2).max() <= 1


def test_a_third_of_the_circle_turns_red_into_green() -> None:
    red = np.full((4, 4, 3), (240, 0, 0), np.uint8)
    green = distort(red, {"hue": 120})[0, 0].astype(int)
    assert np.abs(green - (0, 240, 0)).max() <= 5
    grey = np.full((4, 4, 3), 77, np.uint8)
    assert (distort(grey, {"hue": 90}) == grey).all()


def test_blur_spreads_a_point_as_a_gaussian() -> None:
    point = np.zeros((33, 33, 1), np.uint8)
    point[16, 16] = 255
    spread = distort(point, {"blur": 1})[..., 0].astype(float)
    places = np.arange(33) - 16
    variance = (spread.sum(axis=0) * places**2).sum() / spread.sum()
    assert variance == pytest.approx(1, rel=0.25)


def test_jpeg_is_what_pillow_writes_and_reads() -> None:
    for picture in (COLOR, GREY):
        file = io.BytesIO()
        Image.fromarray(picture.squeeze()).save(file, "JPEG", quality=7)
        expected = np.asarray(Image.open(file)).reshape(picture.shape)
        assert (distort(picture, {"jpeg": 7}) == expected).all()


def test_what_makes_no_sense_is_refused_in_words() -> None:
    assert "hue" not in [distortion.key for distortion in distortions_for(1)]
    with pytest.raises(ExperimentInvalid, match="grey picture has no colours"):
        distort(GREY, {"hue": 30})
    assert (distort(GREY, {"hue": 0}) == GREY).all()
    with pytest.raises(ExperimentInvalid, match=r"from 0 px to 6 px; got 7"):
        distort(GREY, {"blur": 7})
    with pytest.raises(ExperimentInvalid, match="no change called “fog”"):
        distort(GREY, {"fog": 1})


def test_amounts_are_written_with_their_units() -> None:
    assert find_distortion("rotation").format(-30.0) == "−30°"
    assert find_distortion("blur").format(1.5) == "1.5 px"
    assert find_distortion("jpeg").format(100) == "100"
