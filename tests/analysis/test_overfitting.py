"""The start of overfitting is found, and not in noise."""

from itertools import product

import numpy as np
import pytest

from cifarviz.analysis.overfitting import LOSS_RULE, Fit, find_rise, gap_after, judge, smoothed
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.records import Epoch

SEEDS = range(4)
# Epochs, the epoch of the lowest loss (from 0), and how fast the loss rises after it.
RISES = [(10, 4, 0.08), (15, 6, 0.06), (20, 8, 0.04), (30, 9, 0.03), (60, 20, 0.01)]
NOISE = [0.0, 0.005, 0.01, 0.02]


def falling_loss(epochs: int, fall: float) -> np.ndarray:
    """A loss that falls from 2.0 towards 0.8."""
    return 0.8 + 1.2 * np.exp(-np.arange(epochs) / fall)


def of_published(preset: str) -> Fit:
    published = PRESETS[preset].published
    assert published is not None
    rows = published["history"]
    return judge(
        [row.epoch for row in rows],
        [row.loss for row in rows],
        [row.accuracy for row in rows],
        [row.val_loss for row in rows],
        [row.val_accuracy for row in rows],
        classes=10,
    )


def test_published_histories_overfit_where_their_authors_saw_it() -> None:
    vgg = of_published("cifar10-vgg")
    assert (vgg.verdict, vgg.overfitting_start) == ("overfitting", 9)
    assert vgg.gap_at_start is not None
    assert vgg.gap_at_end is not None
    assert (vgg.gap_at_start.epoch, vgg.gap_at_end.epoch) == (9, 30)
    assert vgg.gap_at_start.loss == pytest.approx(0.7965 - 0.5643)
    assert vgg.gap_at_end.accuracy == pytest.approx(0.9836 - 0.7363)
    assert "after epoch 9: validation loss rose from 0.796 (epoch 9) to 1.656" in vgg.reason
    fashion = of_published("fashion-mnist-cnn")
    assert (fashion.verdict, fashion.overfitting_start) == ("overfitting", 6)


# 20 curves, each from several seeds.
@pytest.mark.parametrize(("shape", "noise"), list(product(RISES, NOISE)))
def test_a_known_rise_is_found_through_noise_at_the_measured_minimum(
    shape: tuple[int, int, float], noise: float
) -> None:
    epochs, lowest, slope = shape
    for seed in SEEDS:
        true = falling_loss(epochs, lowest / 3) + slope * np.maximum(np.arange(epochs) - lowest, 0)
        values = true + np.random.default_rng([seed, epochs]).normal(0, noise, epochs)
        found = find_rise(values)
        assert found == values.argmin()
        # Noise moves the lowest point only where the true loss stays within the noise.
        assert true[found] - true.min() <= 5 * noise


@pytest.mark.parametrize(
    ("epochs", "fall", "noise"),
    list(product([10, 15, 20, 30, 60], [2, 5, 20], [0.0, 0.01, 0.05, 0.1])),
)
def test_a_loss_that_never_rises_is_not_found_to_rise(
    epochs: int, fall: float, noise: float
) -> None:
    risen = sum(
        find_rise(
            falling_loss(epochs, fall) + np.random.default_rng([seed]).normal(0, noise, epochs)
        )
        is not None
        for seed in range(40)
    )
    # The rule allows for one in a hundred.
    assert risen <= (0 if noise == 0 else 2)


def test_a_loss_that_falls_again_does_not_rise() -> None:
    up_and_down = [2.0, 1.5, 1.2, 1.0, 1.1, 1.3, 1.4, 1.2, 1.0, 0.9, 0.88, 0.87]
    assert find_rise(up_and_down[:7]) == 3
    assert find_rise(up_and_down) is None


def test_missing_values_are_ignored_and_positions_kept() -> None:
    values = [2.0, float("nan"), 1.5, 1.0, None, 1.2, 1.4, 1.7]
    assert find_rise(values) == 3
    assert find_rise([float("nan")] * 9) is None
    assert find_rise([float("inf"), *values]) == 4


@pytest.mark.parametrize("epochs", [0, 1, 2, 3])
def test_very_short_runs_have_no_verdict_yet(epochs: int) -> None:
    falling = [1.0 / (1 + number) for number in range(epochs)]
    fit = judge(range(1, epochs + 1), falling, falling, falling, falling, classes=10)
    assert fit.verdict == "too early"
    assert fit.overfitting_start is None
    assert (fit.gap_at_end is None) == (epochs == 0)


def test_smoothing_is_a_centred_mean_that_shrinks_towards_the_ends() -> None:
    values = np.array([1.0, 5.0, 3.0, np.nan, 2.0, 4.0, 9.0])
    expected = [1.0, 3.0, 11 / 4, np.nan, 4.5, 5.0, 9.0]
    assert smoothed(values, 2) == pytest.approx(expected, nan_ok=True)
    assert smoothed(values, 0) == pytest.approx(values, nan_ok=True)


def test_the_rule_on_the_page_has_the_numbers_that_decide() -> None:
    assert "more than 2% and by more than 5 times its noise" in LOSS_RULE
    assert "at least 2 epochs have come since the lowest" in LOSS_RULE

    # 20 epochs without noise, lowest at the eighth; the last two, a tenth, are the end.
    def ends_at(last: float) -> int | None:
        losses = np.full(20, 1.0)
        losses[:5], losses[7], losses[-2:] = [2.0, 1.8, 1.6, 1.4, 1.2], 0.9999, last
        return find_rise(losses)

    assert (ends_at(1.019), ends_at(1.022)) == (None, 7)
    assert find_rise([2.0, 1.5, 1.0, 1.5]) is None
    assert find_rise([2.0, 1.0, 1.5, 1.6]) == 1


def test_the_gap_after_an_epoch_is_of_that_epoch() -> None:
    history = [Epoch(2, 0.5, 0.8, 0.75, 0.7, 0.1, 1.0), Epoch(3, 0.4, 0.9, None, None, 0.1, 1.0)]
    gap = gap_after(history, 2)
    assert gap is not None
    assert (gap.epoch, gap.loss, gap.accuracy) == (2, 0.25, pytest.approx(0.1))
    assert gap_after(history, 3) is gap_after(history, 1) is None
