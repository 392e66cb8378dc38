"""Shares, probabilities and intervals as percentages."""

from math import isfinite


def format_percent(share: float, digits: int = 1) -> str:
    """Format a share, 0 to 1, as ``68.9%``; not a number as ``–``.

    A share above 0 is not rounded to 0 %, one below 1 not to 100 %: ``< 0.1%`` and ``> 99.9%``.
    """
    if not isfinite(share):
        return "–"
    least = 10.0 ** -(digits + 2)
    if 0 < share < least:
        return f"< {least:.{digits}%}"
    if 1 - least < share < 1:
        return f"> {1 - least:.{digits}%}"
    return f"{share:.{digits}%}"


def format_probability(share: float, digits: int = 1) -> str:
    """Format a softmax probability, 0 to 1, as ``percent`` does, but never as 0 or 100 %.

    Softmax returns 0 or 1 only by rounding, in half precision for saved predictions and in single
    precision for new ones; both are formatted the same.
    """
    if not isfinite(share):
        return format_percent(share)
    least = 10.0 ** -(digits + 2)
    return format_percent(min(max(share, least / 2), 1 - least / 2), digits)


def format_bounds(low: float, high: float, digits: int = 1) -> str:
    """Format two shares as ``76.5% to 78.2%``."""
    return f"{format_percent(low, digits)} to {format_percent(high, digits)}"
