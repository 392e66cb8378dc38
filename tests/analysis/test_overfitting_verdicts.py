"""Verdicts on learning curves: examples, and properties of any curves."""

import re
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cifarviz.analysis.overfitting import VERDICT_LABELS, Ending, Fit, Numbers, format_loss, judge
from cifarviz.analysis.suggestions import suggestions
from cifarviz.experiment.presets import PRESETS
from tests import stored_runs

LN10 = float(np.log(10))


class Curve(NamedTuple):
    """A history, its expected verdict and a part of its expected reason."""

    loss: Numbers
    accuracy: Numbers
    val_loss: Numbers
    val_accuracy: Numbers
    verdict: str
    sentence: str
    first: int = 1
    ending: Ending = "finished"
    classes: int = 10
    planned: int | None = None

    def fit(self) -> Fit:
        return judge(
            range(self.first, self.first + len(self.loss)),
            *self[:4],
            classes=self.classes,
            ending=self.ending,
            planned=self.planned,
        )


def falling(epochs: int, to: float, fall: float, start: float = LN10) -> np.ndarray:
    """A loss that falls from ``start`` towards ``to``."""
    return to + (start - to) * np.exp(-np.arange(epochs) / fall)


def rising(epochs: int, to: float, rise: float, start: float = 0.1) -> np.ndarray:
    """An accuracy that rises from ``start`` towards ``to``."""
    return to - (to - start) * np.exp(-np.arange(epochs) / rise)


def flat(epochs: int, value: float) -> np.ndarray:
    return np.full(epochs, value)


def rising_again(epochs: int, lowest: int, slope: float) -> np.ndarray:
    """A validation loss that is lowest after epoch ``lowest`` and rises from there."""
    falling = 1.0 + 0.1 * (lowest - 1 - np.arange(epochs))
    return np.where(
        np.arange(epochs) < lowest, falling, 1.0 + slope * (np.arange(epochs) - lowest + 1)
    )


def published(preset: str, verdict: str, sentence: str) -> Curve:
    rows = PRESETS[preset].published["history"]  # type: ignore[index]
    loss, accuracy, val_loss, val_accuracy = (
        [getattr(row, name) for row in rows] for name in Curve._fields[:4]
    )
    return Curve(loss, accuracy, val_loss, val_accuracy, verdict, sentence)


JITTER = np.tile([1.0, -1.0], 10)
EIGHT_RISING = rising(8, 0.9, 3)

CURVES = {
    "the published VGG": published(
        "cifar10-vgg",
        "overfitting",
        "after epoch 9: validation loss rose from 0.796 (epoch 9) to 1.656 (epoch 30)",
    ),
    "the published network for clothes": published(
        "fashion-mnist-cnn", "overfitting", "Overfitting starts after epoch 6: "
    ),
    "4 epochs, training still rising, validation level": Curve(
        [1.62, 1.57, 1.53, 1.49], [0.426, 0.440, 0.450, 0.460],
        [1.55, 1.54, 1.53, 1.53], [0.44, 0.45, 0.455, 0.455],
        "still improving",
        "accuracy went from 44.0% (epoch 2) to 46.0% (epoch 4)",
    ),
    "4 epochs, training and validation improving": Curve(
        [1.62, 1.57, 1.53, 1.49], [0.426, 0.440, 0.450, 0.460],
        [1.60, 1.55, 1.50, 1.46], [0.43, 0.44, 0.45, 0.46],
        "still improving",
        "Validation loss is still falling, from 1.550 (epoch 2) to 1.460 (epoch 4).",
    ),
    "1 epoch": Curve([2.0], [0.3], [1.8], [0.35], "too early", "1 epoch is too few"),
    "2 epochs": Curve(
        [2.0, 1.5], [0.3, 0.4], [1.8, 1.6], [0.35, 0.4], "too early", "2 epochs are too few"
    ),
    "2 of 10 epochs, then stopped": Curve(
        [2.0, 1.5], [0.3, 0.4], [1.8, 1.6], [0.35, 0.4], "too early",
        "The run was cut short after epoch 2 of 10.", ending="stopped", planned=10,
    ),
    "a long plateau at a low accuracy": Curve(
        falling(30, 1.9, 2), rising(30, 0.30, 2), falling(30, 1.92, 2), rising(30, 0.29, 2),
        "underfitting", "only 30.0% of its own training images right, and that hardly improves",
    ),
    "validation turns while training goes on": Curve(
        falling(12, 0.1, 3), rising(12, 0.97, 3), rising_again(12, 5, 0.06), flat(12, 0.7),
        "overfitting", "after epoch 5: validation loss rose from 1.000 (epoch 5) to 1.420",
    ),
    "the same in a fork that begins at epoch 7": Curve(
        falling(12, 0.1, 3), rising(12, 0.97, 3), rising_again(12, 5, 0.06), flat(12, 0.7),
        "overfitting", "after epoch 11: validation loss rose from 1.000 (epoch 11) to 1.420",
        first=7,
    ),
    "a fork's first two epochs": Curve(
        [0.5, 0.4], [0.8, 0.85], [0.9, 0.9], [0.7, 0.7], "too early", "2 epochs are too few",
        first=7,
    ),
    "a large gap, validation level": Curve(
        falling(20, 0.1, 2), rising(20, 0.95, 2), falling(20, 0.8, 2), rising(20, 0.75, 2),
        "overfitting",
        "training accuracy is 20.0 points ahead of validation (95.0% and 75.0%). Validation loss "
        "is level",
    ),
    "a large gap, validation still falling": Curve(
        falling(10, 0.05, 4), rising(10, 0.99, 4), falling(10, 0.6, 6), rising(10, 0.80, 4),
        "still improving", "Watch for overfitting: training accuracy is 17.0 points ahead of",
    ),
    "settled with a small gap": Curve(
        falling(20, 0.4, 3), rising(20, 0.85, 3), falling(20, 0.5, 3), rising(20, 0.82, 3),
        "good", "Validation loss is level",
    ),
    "validation ahead of training, as with dropout": Curve(
        falling(20, 0.7, 3), rising(20, 0.75, 3), falling(20, 0.5, 3), rising(20, 0.83, 3),
        "good", "Training accuracy is 8.0 points behind validation",
    ),
    "validation jumps": Curve(
        falling(20, 0.5, 5), rising(20, 0.8, 4), 1.0 + 0.3 * JITTER, 0.65 + 0.05 * JITTER,
        "noisy", "over the last 6 epochs it changes by 60% per epoch on average",
    ),
    "tiny losses that jump": Curve(
        [0.2, 0.05, 0.02, 0.01, 0.004, 0.002, 0.001, 0.001, 0.001, 0.001], rising(10, 1.0, 1),
        [0.1, 0.03, 0.01, 0.005, 0.003, 0.0021, 0.0015, 0.0021, 0.0014, 0.0019], flat(10, 1.0),
        "good", "",
    ),
    "validation jumps, and still comes down": Curve(
        falling(20, 0.5, 5), rising(20, 0.8, 4), falling(20, 0.6, 20) + 0.01 * JITTER,
        rising(20, 0.75, 8), "still improving", "Validation loss is still falling",
    ),
    "both losses grow": Curve(
        [2.1, 1.8, 1.6, 1.9, 2.5, 4.0, 9.0], [0.2, 0.3, 0.4, 0.35, 0.25, 0.15, 0.1],
        [2.0, 1.7, 1.6, 2.0, 3.0, 5.0, 9.5], [0.22, 0.33, 0.41, 0.3, 0.2, 0.12, 0.1],
        "diverging",
        "Both losses are rising: training from 1.600 (epoch 3) to 9.000 (epoch 7), validation from "
        "1.600 (epoch 3) to 9.500 (epoch 7).",
    ),
    "one huge loss at the end": Curve(
        [2.1, 1.8, 1.6, 1.5, 8e5], [0.2, 0.3, 0.4, 0.42, 0.1],
        [2.0, 1.7, 1.6, 1.55, 9e5], [0.22, 0.33, 0.41, 0.42, 0.1],
        "diverging", "to 8e+05 (epoch 5)",
    ),
    "infinite at the end": Curve(
        [2.1, float("inf")], [0.2, 0.1], [2.0, float("inf")], [0.2, 0.1],
        "diverging", "Training loss is not a finite number after epoch 2.",
    ),
    "huge, and falling": Curve(
        [9e6, 4e6, 2e6, 1e6, 5e5], [0.1, 0.12, 0.14, 0.15, 0.16],
        [8e6, 4e6, 2e6, 1e6, 5e5], [0.1, 0.12, 0.13, 0.15, 0.16],
        "still improving", "from 2e+06 (epoch 3) to 5e+05 (epoch 5)",
    ),
    "a dead network": Curve(
        flat(12, LN10), flat(12, 0.1), flat(12, LN10), flat(12, 0.1),
        "underfitting", "images right, about what guessing among 10 classes gives (10.0%)",
    ),
    "a dead network of two classes": Curve(
        flat(12, np.log(2)), flat(12, 0.5), flat(12, np.log(2)), flat(12, 0.5),
        "underfitting", "about what guessing among 2 classes gives (50.0%)", classes=2,
    ),
    "52 % of 100 classes is more than halfway": Curve(
        falling(20, 1.9, 2), rising(20, 0.52, 2), falling(20, 2.0, 2), rising(20, 0.50, 2),
        "good", "2.0 points ahead of validation (52.0% and 50.0%)", classes=100,
    ),
    "52 % of 10 classes is not": Curve(
        falling(20, 1.9, 2), rising(20, 0.52, 2), falling(20, 2.0, 2), rising(20, 0.50, 2),
        "underfitting", "only 52.0% of its own training images right, and that hardly",
    ),
    "no validation": Curve(
        falling(8, 0.2, 3), EIGHT_RISING, [None] * 8, [None] * 8,
        "not measured", "This run has no validation images",
    ),
    "stopped by a person, still falling": Curve(
        falling(6, 0.5, 5), rising(6, 0.8, 5), falling(6, 0.6, 5), rising(6, 0.75, 5),
        "stopped", "The run was cut short after epoch 6 of 30.", ending="stopped", planned=30,
    ),
    "stopped by a person, overfitting by then": Curve(
        falling(12, 0.1, 3), rising(12, 0.97, 3), rising_again(12, 5, 0.06), flat(12, 0.7),
        "overfitting", "after epoch 5", ending="stopped", planned=30,
    ),
    "ended by early stopping after three epochs without a better one": Curve(
        falling(9, 0.3, 3), rising(9, 0.9, 4), [1.6, 1.3, 1.1, 1.0, 0.95, 0.94, 0.945, 0.95, 0.948],
        rising(9, 0.84, 4), "good", "Validation loss is level, from 0.945 (epoch 7)",
    ),
    "a loss that only just rose": Curve(
        [1.2, 0.9, 0.7, 0.6, 0.5], [0.5, 0.6, 0.7, 0.72, 0.75],
        [1.0, 0.8, 0.7, 0.6, 0.9], [0.5, 0.6, 0.65, 0.68, 0.66],
        "too early", "went from 0.700 (epoch 3) to 0.900 (epoch 5), which is not enough",
    ),
    "learned by heart, a rounding below 0": Curve(
        flat(10, -1e-4), flat(10, 1.0), flat(10, -1e-4), flat(10, 1.0),
        "good", "Validation loss is level",
    ),
    "under way, still falling": Curve(
        falling(6, 0.5, 5), rising(6, 0.8, 5), falling(6, 0.6, 5), rising(6, 0.75, 5),
        "still improving", "is still falling", ending="running", planned=30,
    ),
    "under way, level so far": Curve(
        falling(9, 0.6, 2), rising(9, 0.7, 2), falling(9, 0.8, 1.5), rising(9, 0.65, 1.5),
        "too early", "The run is not finished yet.", ending="running", planned=30,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CURVES)
def test_a_curve_gets_its_verdict_and_reason(name: str) -> None:
    curve = CURVES[name]
    fit = curve.fit()
    assert (fit.verdict, curve.sentence in fit.reason) == (curve.verdict, True), fit
    assert_reason_is_true(curve, fit)


def test_each_verdict_has_an_example_and_a_label() -> None:
    assert {curve.verdict for curve in CURVES.values()} == set(VERDICT_LABELS)


def test_overfitting_starts_where_the_gap_became_wide() -> None:
    gaps = np.array([0.02, 0.05, 0.11, 0.08, 0.12, 0.15, 0.2, 0.2, 0.2])
    accuracy = rising(9, 0.95, 2)
    fit = Curve(falling(9, 0.1, 2), accuracy, flat(9, 0.8), accuracy - gaps, "", "").fit()
    assert (fit.verdict, fit.overfitting_start, fit.overfits_after) == ("overfitting", None, 4)
    wide = Curve(falling(9, 0.1, 2), accuracy, flat(9, 0.8), accuracy - 0.2, "", "", first=8).fit()
    assert wide.overfits_after == 8


def test_overfitting_by_the_gap_starts_after_the_lowest_validation_loss() -> None:
    gaps = np.array([0.02, 0.05, 0.12, 0.12, 0.12, 0.15, 0.2, 0.2, 0.2])
    accuracy = rising(9, 0.95, 2)
    val_loss = np.array([0.81, 0.805, 0.8, 0.8, 0.795, 0.8, 0.8, 0.8, 0.8])
    fit = Curve(falling(9, 0.1, 2), accuracy, val_loss, accuracy - gaps, "", "").fit()
    assert (fit.verdict, fit.overfitting_start, fit.overfits_after) == ("overfitting", None, 5)
    val_loss[-1] = 0.79
    fit = Curve(falling(9, 0.1, 2), accuracy, val_loss, accuracy - gaps, "", "").fit()
    # The last epoch is the best: nothing got worse.
    assert (fit.verdict, fit.overfits_after) == ("overfitting", None)


losses = st.floats(0, 1e9) | st.floats(0.2, 4)
shares = st.floats(0, 1)


@st.composite
def histories(draw: st.DrawFn) -> Curve:
    """Any curves, also those that move little from one epoch to the next."""
    epochs = draw(st.integers(1, 40))

    def column(values: st.SearchStrategy[float], low: float, high: float) -> np.ndarray:
        if draw(st.booleans()):
            return np.array(draw(st.lists(values, min_size=epochs, max_size=epochs)))
        start, step = draw(values), draw(st.floats(-0.05, 0.05))
        noise = draw(st.sampled_from([0.0, 0.01, 0.1]))
        random = np.random.default_rng(draw(st.integers(0, 1000)))
        course = start * (1 + step * np.arange(epochs)) + random.normal(0, noise, epochs)
        return np.clip(course, low, high)

    return Curve(
        column(losses, 0, 1e10), column(shares, 0, 1),
        column(losses, 0, 1e10), column(shares, 0, 1), "", "",
        first=draw(st.integers(1, 9)),
        ending=draw(st.sampled_from(["running", "finished", "stopped"])),
        classes=draw(st.sampled_from([2, 10, 100])),
        planned=draw(st.none() | st.integers(50, 60)),
    )  # fmt: skip


# One good epoch in the last third, and then as before.
SPIKE = Curve(np.zeros(12), np.eye(12)[10], np.zeros(12), np.zeros(12), "", "", classes=2)


@given(histories())
@example(SPIKE)
def test_the_reason_is_true_of_any_curves(curve: Curve) -> None:
    assert_reason_is_true(curve, curve.fit())


def assert_reason_is_true(curve: Curve, fit: Fit) -> None:
    """Compare each claim of the reason, and the numbers of the fit, with the curves."""
    loss, accuracy, val_loss, val_accuracy = (
        np.array([np.nan if value is None else value for value in values], float)
        for values in curve[:4]
    )
    epochs = np.arange(curve.first, curve.first + len(loss))
    by_epoch = dict(zip(epochs.tolist(), val_loss, strict=True))
    reason = fit.reason
    # "from a (epoch m) to b (epoch n)" quotes the measured losses.
    for low, first, high, last in re.findall(
        r"from ([\d.e+-]+) \(epoch (\d+)\) to ([\d.e+-]+) \(epoch (\d+)\)", reason
    ):
        measured = [
            (
                format_loss(values[int(first) - curve.first]),
                format_loss(values[int(last) - curve.first]),
            )
            for values in (loss, val_loss)
        ]
        assert (low, high) in measured
    assert (fit.overfitting_start is not None) == ("Overfitting starts after epoch" in reason)
    if fit.overfitting_start is not None:
        assert fit.verdict == "overfitting"
        assert by_epoch[fit.overfitting_start] == val_loss.min()
        assert by_epoch[fit.overfitting_start] < val_loss[-1]
        assert loss[fit.overfitting_start - curve.first] > loss[-1]
        assert fit.overfits_after == fit.overfitting_start
    if fit.overfits_after is not None:
        assert fit.verdict == "overfitting"
        lowest = epochs[int(np.argmin(val_loss))]
        assert lowest <= fit.overfits_after < epochs[-1]
    if fit.gap_at_end is not None and np.isfinite(val_loss[-1]):
        assert fit.gap_at_end.epoch == epochs[-1]
        assert fit.gap_at_end.accuracy == pytest.approx(accuracy[-1] - val_accuracy[-1])
        assert fit.gap_at_end.loss == pytest.approx(val_loss[-1] - loss[-1])
    if points := re.search(r"([\d.]+) points (ahead of|behind) validation", reason):
        gap = (accuracy - val_accuracy)[-1]
        assert f"{100 * abs(gap):.1f}" == points[1]
        assert (gap > 0) == (points[2] == "ahead of")
    if fell := re.search(r"still falling, from \S+ \(epoch (\d+)\)", reason):
        assert val_loss[-1] < by_epoch[int(fell[1])]
    if "hardly improves" in reason:
        assert accuracy[-1] - accuracy[-max(3, len(loss) // 3)] < 0.01
    if "still learning" in reason:
        third = slice(-max(3, len(loss) // 3), None)
        assert accuracy[third][-1] > accuracy[third].min() or loss[third][-1] < loss[third].max()
    if "loss is level" in reason:
        first = val_loss[-max(3, len(loss) // 3)]
        assert abs(val_loss[-1] - first) <= 0.035 * max(abs(val_loss[-1]), abs(first))
    if fit.verdict == "diverging" and np.isfinite(loss[-1]):
        assert loss[-1] >= loss.min()
        assert val_loss[-1] > val_loss.min()
    if "guessing" in reason:
        assert accuracy[-1] <= 1.2 / curve.classes
    assert ("cut short" in reason) <= (curve.ending == "stopped")
    assert ("not finished yet" in reason) <= (curve.ending == "running")


@given(histories())
def test_suggestions_agree_with_the_verdict(curve: Curve) -> None:
    fit = curve.fit()
    what = [tip.what for tip in suggestions(stored_runs.experiment(epochs=50), fit, 5000)]
    assert ("Train for longer" in what) == (fit.verdict == "still improving")
    assert ("Use early stopping" in what) == (fit.overfitting_start is not None)
    if fit.verdict in ("too early", "stopped"):
        assert what == []
