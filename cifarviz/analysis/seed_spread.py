"""How far a result varies between runs that differ in their seed only."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from cifarviz.experiment.study import Goal
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.states import RunState
from cifarviz.runs.trial_values import best_value, epoch_values

# Settings that may differ: they steer the seed, or what is stored.
_FREE = ("seed", "preset", "test_epochs", "tensorboard", "best_only")


@dataclass(frozen=True)
class SeedSpread:
    """The results of runs with the same settings and different seeds, one or more."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean result."""
        return sum(self.values) / len(self.values)

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest result."""
        return min(self.values), max(self.values)


def runs_with_other_seeds(run: Run, runs: Sequence[Run]) -> list[Run]:
    """Return those of ``runs`` whose settings are those of ``run``, except for the seed.

    Forks are left out, as they start with another run's weights.
    """
    if run.damage is not None:
        return []
    family, seed = _family(run.experiment_json)
    others = []
    for other in runs:
        if other.damage is None and other.parent is None:
            other_family, other_seed = _family(other.experiment_json)
            if other_family == family and other_seed != seed:
                others.append(other)
    return others


def run_seed(run: Run) -> int:
    """Return the seed of a run whose record is sound."""
    return _family(run.experiment_json)[1]


@lru_cache(maxsize=4096)
def _family(experiment_json: str) -> tuple[str, int]:
    """Return what is equal for experiments that differ in their seed only, and the seed."""
    values = json.loads(experiment_json)
    seed = int(values["seed"])
    for name in _FREE:
        values.pop(name, None)
    return json.dumps(values, sort_keys=True), seed


def seed_spread(
    runs: Sequence[Run],
    histories: Mapping[str, Sequence[Epoch]],
    goal: Goal,
    seconds: float | None = None,
) -> SeedSpread | None:
    """Return the best result of each finished run of ``runs``; ``None`` if there is none.

    ``seconds`` is that of ``epoch_values``.
    """
    results = [
        best_value(epoch_values(histories[run.id], goal, seconds), goal)
        for run in runs
        if run.state is RunState.FINISHED
    ]
    values = tuple(value for value in results if value is not None)
    return SeedSpread(values) if values else None
