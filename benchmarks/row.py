"""A row of a table of measurements, and how its numbers are written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Results = Mapping[str, Any]
"""The content of a results file."""


@dataclass(frozen=True)
class Row:
    """A claim with its goal, the measured value and the command that measures it."""

    claim: str
    goal: str
    measured: str
    command: str
    short: bool = False
    """Whether the README shows it, too."""
    date: str = ""


def format_range(ratios: Sequence[float], digits: int = 2, unit: str = "×") -> str:
    """Return median and range of ratios."""
    low, high = min(ratios), max(ratios)
    return f"{np.median(ratios):.{digits}f}{unit} ({low:.{digits}f}–{high:.{digits}f})"


def format_ratios(
    values: Sequence[float], baseline: Sequence[float], digits: int = 1, unit: str = "×"
) -> str:
    """Return median and range of the ratios of each round, which had the same load."""
    return format_range([a / b for a, b in zip(values, baseline, strict=True)], digits, unit)


def format_milliseconds(values: Sequence[float]) -> str:
    """Return median, 95th percentile and count of times in milliseconds."""
    median, p95 = np.percentile(values, (50, 95))
    return f"median {median:,.0f} ms, 95 % within {p95:,.0f} ms ({len(values)} times)"
