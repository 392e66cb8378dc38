"""The learning-rate range test: its rates, its curve, and the rate that the curve suggests.

A network is trained for a few hundred steps, each with a slightly larger learning rate (Smith,
"Cyclical Learning Rates for Training Neural Networks", arXiv 1506.01186, section 3.3).
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.formatting import format_rate
from cifarviz.experiment.optimizers import OPTIMIZERS, Optimizer
from cifarviz.experiment.schedules import Constant

# The rates, as multiples of the default of the optimizer's kind: for Adam from 1e-5 to 0.3, for SGD
# from 1e-4 to 3.
_LOWEST, _HIGHEST = 0.01, 300.0
STEPS: Final = (2000, 1000, 500, 300, 200, 100, 50, 30)
"""How many steps a test may have, so that tests on one computer mostly have as many."""
MIN_STEPS: Final = 20
MAX_STEPS: Final = 10_000
# Smoothed over this share of the steps, and at least so many.
_SMOOTHED_SHARE, _LEAST_SMOOTHED = 0.04, 3
# The share of the first steps, and at least so many, in which no rate is looked for.
_EDGE_SHARE, _LEAST_EDGE = 0.05, 3
# The test ends when the smoothed loss is this many times that of the first steps.
_DIVERGED = 1.5
# The smoothed loss must fall by this many times its uncertainty; and by this share.
_CLEAR, _LEAST_FALL = 4.0, 0.01
# A loss counts as the lowest up to this share of the whole fall above it: where the curve is flat,
# its highest rate counts.
_FLAT = 0.02
# The suggested rate, as a share of that of the lowest loss; and where the loss fell by less than
# this share, as of a network that takes long to begin to learn.
_SUGGESTED_SHARE = 10**-0.5
_SHALLOW_FALL, _CAREFUL_SHARE = 0.05, 0.1
_NO_FALL: Final = (
    "The loss did not clearly fall at any of these learning rates, so none is suggested: this "
    "network takes more steps before it begins to learn, or cannot learn. Try the optimiser's "
    "default, {usual}."
)
_NO_NUMBER: Final = (
    "The loss was not a finite number from the first steps on, so no learning rate is suggested. "
    "Check the preprocessing and the layers."
)


def for_range_test(experiment: Experiment) -> Experiment:
    """Return ``experiment`` with all that plays no part in a range test at its default.

    Experiments that are equal then have equal tests.
    """
    usual = OPTIMIZERS[experiment.optimizer.kind]().learning_rate
    unused = ("preset", "epochs", "monitor", "best_only", "tensorboard", "test_epochs")
    fields = {name: Experiment.model_fields[name].default for name in unused}
    optimizer = experiment.optimizer.model_copy(update={"learning_rate": usual})
    return experiment.model_copy(
        update={
            **fields,
            "optimizer": optimizer,
            "schedule": Constant(),
            "early_stopping": None,
            "mirrored_answers": False,
            "prediction_shift": 0,
        }
    )


def rising_rates(optimizer: Optimizer, steps: int) -> NDArray[np.float64]:
    """Return a learning rate a step, (steps,), rising exponentially.

    From too small to too large for nearly every network, around the default of the optimizer.
    """
    usual = OPTIMIZERS[optimizer.kind]().learning_rate
    return np.geomspace(_LOWEST * usual, _HIGHEST * usual, steps)


@dataclass(frozen=True, eq=False)
class RangeTest:
    """A range test, finished or under way.

    ``rates`` float64 (planned,) has the rates of all planned steps, ``losses`` float32 (n,) the
    loss in nats of each step's batch before the step, all finite: of as many steps as were made
    until the loss ``diverged``.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    seconds: float = 0.0
    diverged: bool = False

    def extended(self, losses: NDArray[np.float32], seconds: float) -> "RangeTest":
        """Return the test with the losses of further steps, ``seconds`` after it began.

        It has diverged where a loss is not finite, which is left out, and where the exponential
        average is 1.5 times that of the first steps.
        """
        together = np.concatenate([self.losses, losses])
        is_finite = np.isfinite(together)
        end = len(together) if is_finite.all() else int(is_finite.argmin())
        average = _average(together[:end], self._span)
        too_high = average[self._edge :] > _DIVERGED * average[self._edge - 1 : self._edge]
        if too_high.any():
            end = min(end, self._edge + int(too_high.argmax()) + 1)
        diverged = end < len(together) or bool(too_high.any())
        return RangeTest(self.rates, together[:end], seconds, diverged)

    @property
    def planned(self) -> int:
        """How many steps it has unless the loss diverges."""
        return len(self.rates)

    @cached_property
    def smoothed(self) -> NDArray[np.float64]:
        """The losses smoothed, float64 (n,), without a shift along the rates.

        A bias-corrected exponential average, taken forwards and then backwards.
        """
        return _average(_average(self.losses, self._span)[::-1], self._span)[::-1]

    @property
    def steepest(self) -> float | None:
        """The rate at which the smoothed loss falls fastest over the logarithm of the rate."""
        lowest = self._lowest
        if lowest is None:
            return None
        slopes = np.gradient(self.smoothed, np.log(self.rates[: len(self.losses)]))
        return float(self.rates[self._edge + int(slopes[self._edge : lowest + 1].argmin())])

    @property
    def suggested(self) -> float | None:
        """The rate to train with, to two significant digits; ``None`` where ``note`` says why.

        A third (10 to the power of -0.5) of the rate at which the smoothed loss is lowest, of
        several the highest. The usual rule, a tenth, is taken where the loss fell by less than
        5 %: elsewhere it was too careful for the presets, and the steepest slope depends on
        single batches (docs/learning-rate.md).
        """
        lowest = self._lowest
        return None if lowest is None else round_rate(float(self.rates[lowest]) * self._share)

    @property
    def reason(self) -> str | None:
        """How ``suggested`` follows from the curve, in a sentence."""
        lowest = self._lowest
        if lowest is None:
            return None
        rate = format_rate(float(self.rates[lowest]))
        if self._share == _SUGGESTED_SHARE:
            return f"Suggested is a third of the rate with the lowest loss, {rate}."
        return (
            f"Suggested is a tenth of the rate with the lowest loss, {rate}, since the loss fell "
            "only a little in so few steps."
        )

    @property
    def _share(self) -> float:
        fall = 1 - float(self.smoothed.min()) / float(self.smoothed[: self._edge].mean())
        return _SUGGESTED_SHARE if fall >= _SHALLOW_FALL else _CAREFUL_SHARE

    @property
    def note(self) -> str | None:
        """Why no rate is suggested, in sentences."""
        if self._lowest is not None:
            return None
        if len(self.losses) <= self._edge:
            return _NO_NUMBER
        return _NO_FALL.format(usual=format_rate(float(self.rates[0]) / _LOWEST))

    @property
    def _span(self) -> float:
        return max(_SMOOTHED_SHARE * self.planned, _LEAST_SMOOTHED)

    @property
    def _edge(self) -> int:
        return max(int(_EDGE_SHARE * self.planned), _LEAST_EDGE)

    @cached_property
    def _lowest(self) -> int | None:
        """The last step with the lowest smoothed loss; ``None`` if it did not clearly fall."""
        smoothed = self.smoothed
        if len(smoothed) <= 2 * self._edge:
            return None
        lowest = self._edge + int(smoothed[self._edge :].argmin())
        scatter = self.losses[: lowest + 1] - smoothed[: lowest + 1]
        # Both ends of the fall are averages of about twice as many batches as the span.
        uncertainty = float(np.sqrt(np.mean(scatter**2) / self._span))
        start = float(smoothed[: self._edge].mean())
        fall = start - float(smoothed[lowest])
        if fall <= max(_CLEAR * uncertainty, _LEAST_FALL * start):
            return None
        is_higher = smoothed[lowest:] > smoothed[lowest] + _FLAT * fall
        return lowest + (int(is_higher.argmax()) if is_higher.any() else len(is_higher)) - 1


def round_rate(rate: float) -> float:
    """Round a learning rate to two significant digits."""
    return float(f"{rate:.1e}")


def _average(values: NDArray[np.floating], span: float) -> NDArray[np.float64]:
    """Return the bias-corrected exponential average of so many values, the last included."""
    decay = 1 - 1 / span
    averaged = np.empty(len(values))
    total = weight = 0.0
    for place, value in enumerate(values.tolist()):
        total = decay * total + (1 - decay) * value
        weight = decay * weight + (1 - decay)
        averaged[place] = total / weight
    return averaged
