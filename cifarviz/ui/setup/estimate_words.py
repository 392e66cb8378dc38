"""The estimate of how long training will take, in words."""

from cifarviz.training.estimate import Estimate

_SAME = 1.15


def span(estimate: Estimate, epochs: int = 1) -> str:
    """``about 50 s``, or ``40 s to 1 min`` where the estimate is wider than 15 % each way."""
    low, high = estimate.low * epochs, estimate.high * epochs
    if high < 1:
        return "under 1 s"
    if high / low <= _SAME**2:
        return f"about {_rounded((low * high) ** 0.5)}"
    low_words, high_words = _rounded(low), _rounded(high)
    return f"about {low_words}" if low_words == high_words else f"{low_words} to {high_words}"


def basis(estimate: Estimate, precision: str | None) -> str:
    """What the estimate rests on, in a sentence."""
    if estimate.runs == 0:
        where = f" in {precision}" if precision is not None else ""
        return f"A wide guess: no run like this{where} was recorded yet."
    runs = "1 recorded run" if estimate.runs == 1 else f"{estimate.runs} recorded runs"
    what = "of a network of this size" if estimate.same else "of the networks most like this one"
    return f"By the speed of {runs} {what}, on this machine."


def _rounded(seconds: float) -> str:
    """Two digits are more than is known."""
    if seconds < 1:
        return "1 s"
    for unit, size in (("h", 3600.0), ("min", 60.0), ("s", 1.0)):
        if seconds >= size * 1.5 or size == 1.0:
            value = seconds / size
            return f"{value:.0f} {unit}" if value >= 9.5 or unit == "s" else f"{value:.1f} {unit}"
    raise AssertionError("every number of seconds is at least one")
