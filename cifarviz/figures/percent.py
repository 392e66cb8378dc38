"""Shares in percent, written the same way everywhere."""

from math import isfinite


def percent(share: float, digits: int = 1) -> str:
    """A share, 0 to 1, as ``68.9%``; what is not a number as ``–``.

    What is something is not rounded to nothing, and what is not all not to all: ``< 0.1%`` and
    ``> 99.9%``.
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
    """How sure a network is of a class, 0 to 1, as ``percent`` has it, but never 0 or 100 %.

    Softmax gives neither: 1 and 0 are what rounding left, of half precision in answers that were
    kept and of single in those asked for now; so both are written the same.
    """
    if not isfinite(share):
        return percent(share)
    least = 10.0 ** -(digits + 2)
    return percent(min(max(share, least / 2), 1 - least / 2), digits)


def interval(low: float, high: float, digits: int = 1) -> str:
    """Two shares as ``76.5% to 78.2%``."""
    return f"{percent(low, digits)} to {percent(high, digits)}"
