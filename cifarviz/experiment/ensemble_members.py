"""One experiment trained from several seeds, as the members of an ensemble."""

import re
from typing import Final, NamedTuple

from cifarviz.experiment.experiment import Experiment

MIN_MEMBERS: Final = 2
MAX_MEMBERS: Final = 10
MAX_SEED: Final = 2**31 - 1

_SUFFIX = re.compile(r", seed (\d+) \(member (\d+) of (\d+)\)( \(\d+\))?$")
# A run's name has at most 100 characters, and the seed and the member follow.
_LONGEST = 60


class EnsembleName(NamedTuple):
    """What the names of members that were trained together have in common."""

    name: str
    first_seed: int
    members: int


def experiments_with_seeds(
    experiment: Experiment, first: int, count: int
) -> tuple[Experiment, ...]:
    """``experiment`` from ``count`` seeds in a row; nothing else differs."""
    return tuple(
        Experiment.make(**{**dict(experiment), "seed": seed})
        for seed in range(first, first + count)
    )


def member_name(name: str, seed: int, number: int, count: int) -> str:
    """``Four networks voting, seed 3 (member 2 of 4)``, at most 100 characters."""
    short = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
    return f"{short}, seed {seed} (member {number} of {count})"


def name_without_member(name: str) -> str:
    """The name of a run without what ``member_name`` put after it."""
    return _SUFFIX.sub("", name)


def parse_member_name(name: str) -> EnsembleName | None:
    """With whom a run was trained, if ``member_name`` has named it."""
    found = _SUFFIX.search(name)
    if found is None:
        return None
    seed, number, count = (int(found[group]) for group in (1, 2, 3))
    return EnsembleName(name[: found.start()], seed - number + 1, count)
