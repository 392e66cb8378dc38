"""What is queued so that there is an ensemble: runs, their names, and who votes in the end."""

from collections.abc import Sequence
from dataclasses import dataclass

from cifarviz.analysis.members import Member
from cifarviz.executors.worker import Worker
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.member_seeds import from_seeds, member_name
from cifarviz.experiment.presets import PresetVariant
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.records import Run
from cifarviz.training.entry_queue import Submission, queue_series


@dataclass(frozen=True)
class Team:
    """``experiments`` with a name each; ``epochs``: of its one run, those whose answers vote."""

    experiments: tuple[Experiment, ...]
    names: tuple[str, ...]
    epochs: tuple[int, ...] = ()

    @property
    def total_epochs(self) -> int:
        """Of all its runs together."""
        return sum(one.epochs for one in self.experiments)


def seeds_team(experiment: Experiment, name: str, first: int, count: int) -> Team:
    """``count`` members that differ in their seed."""
    made = from_seeds(experiment, first, count)
    names = (member_name(name, one.seed, at, count) for at, one in enumerate(made, 1))
    return Team(made, tuple(names))


def variant_team(experiment: Experiment, name: str, variant: PresetVariant, seed: int) -> Team:
    """One run whose epochs vote: ``experiment`` is the variant's, on the data that are here."""
    title = variant.title[:1].lower() + variant.title[1:]
    (seeded,) = from_seeds(experiment, seed, 1)
    return Team((seeded,), (f"{name}, {title}"[:100],), seeded.test_epochs)


def queue_team(worker: Worker, team: Team) -> tuple[Member, ...]:
    """Queue the runs; all of them or, whatever goes wrong with one, none that goes on.

    As a series, so that all train in one precision. Raises what ``Worker.submit`` does.
    """
    submissions = [
        Submission(experiment, name, f"seed {experiment.seed}")
        for experiment, name in zip(team.experiments, team.names, strict=True)
    ]
    _series, runs = queue_series(worker, "ensemble", team.names[0], submissions)
    return _members(runs, team)


def _members(runs: Sequence[Run], team: Team) -> tuple[Member, ...]:
    if team.epochs:
        return tuple(Member(runs[0], epoch) for epoch in team.epochs)
    # Of a run that keeps its best weights only, these are what is left when it finishes.
    when: Checkpoint = "best" if team.experiments[0].best_only else "last"
    return tuple(Member(run, when) for run in runs)
