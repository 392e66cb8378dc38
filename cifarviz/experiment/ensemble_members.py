"""Experiments and run names of ensemble members: the same experiment with several seeds."""

import re
from typing import Final, NamedTuple

from cifarviz.experiment.experiment import Experiment

MIN_MEMBERS: Final = 2
MAX_MEMBERS: Final = 10
MAX_SEED: Final = 2**31 - 1

_SUFFIX = re.compile(r", seed (\d+) \(member (\d+) of (\d+)\)( \(\d+\))?$")
# A run's name has at most 100 characters, including the seed and the member number.
_MAX_NAME = 60


class EnsembleName(NamedTuple):
    """The common part of the names of members that were trained together."""

    name: str
    first_seed: int
    members: int


def experiments_with_seeds(
    experiment: Experiment, first: int, count: int
) -> tuple[Experiment, ...]:
    """Return ``experiment`` with ``count`` consecutive seeds, starting at ``first``."""
    return tuple(
        Experiment.make(**{**dict(experiment), "seed": seed})
        for seed in range(first, first + count)
    )


def member_name(name: str, seed: int, number: int, count: int) -> str:
    """Return ``Four networks voting, seed 3 (member 2 of 4)``, at most 100 characters."""
    short = name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME - 1]}…"
    return f"{short}, seed {seed} (member {number} of {count})"


def name_without_member(name: str) -> str:
    """Return the name of a run without the ending that ``member_name`` adds."""
    return _SUFFIX.sub("", name)


def parse_member_name(name: str) -> EnsembleName | None:
    """Return the ensemble of a name that ``member_name`` made, else ``None``."""
    match = _SUFFIX.search(name)
    if match is None:
        return None
    seed, number, count = (int(match[group]) for group in (1, 2, 3))
    return EnsembleName(name[: match.start()], seed - number + 1, count)
