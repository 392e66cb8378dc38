"""A measured promise of a bar."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True)
class Check:
    """A promise of a bar: what was done, what was measured, and the limit, with their units."""

    bar: int
    what: str
    value: str
    limit: str
    met: bool


class Outcome(NamedTuple):
    """What was to be shown, whether it was, and the value in words: a promise without a limit."""

    what: str
    met: bool
    value: str


def none_of(bar: int, what: str, problems: Sequence[str], tries: int) -> Check:
    """Return the check that nothing went wrong in so many tries; prints what did."""
    for problem in problems:
        print(f"  bar {bar}: {problem}", flush=True)
    return Check(bar, what, f"{len(problems)} of {tries:,}", "0", not problems)


def at_most(bar: int, what: str, value: float, limit: float, unit: str) -> Check:
    """Return the check that a value is no more than its limit."""
    return Check(bar, what, f"{value:,.2f} {unit}", f"≤ {limit:g} {unit}", value <= limit)


def at_least(bar: int, what: str, value: float, limit: float, unit: str = "") -> Check:
    """Return the check that a value is no less than its limit."""
    value_text, limit_text = f"{value:,.2f} {unit}".rstrip(), f"≥ {limit:g} {unit}".rstrip()
    return Check(bar, what, value_text, limit_text, value >= limit)


def p95_at_most(bar: int, what: str, values: Sequence[float], limit: float, unit: str) -> Check:
    """Return the check of a 95th percentile; not met without any values."""
    if not len(values):
        return Check(bar, what, "never", f"≤ {limit:g} {unit}", False)
    median, p95 = np.percentile(values, (50, 95))
    text = f"{p95:.2f} {unit} (median {median:.2f}, {len(values)} times)"
    return Check(bar, what, text, f"≤ {limit:g} {unit}", bool(p95 <= limit))


def print_checks(checks: Iterable[Check]) -> None:
    """Print a line for each check."""
    for check in checks:
        mark = "met" if check.met else "NOT MET"
        print(f"{check.bar:>3}  {mark:8}{check.what:72}  {check.value:40}  {check.limit}")
