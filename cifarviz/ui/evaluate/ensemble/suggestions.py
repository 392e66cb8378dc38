"""Which members suggest themselves as an ensemble: the likelier ones first, and not too many."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cifarviz.analysis.members import Member
from cifarviz.experiment.member_seeds import FEWEST_MEMBERS, MOST_MEMBERS, common_name, team_name
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.ui.evaluate.ensemble.choices import (
    Wanted,
    facts_of,
    kept_epochs,
    listed,
    weights_of,
)
from cifarviz.ui.runs.rows import in_date

_MOST_TEAMS, _MOST_FAMILIES, _MOST_EPOCHS = 4, 2, 2


@dataclass(frozen=True)
class Suggestion:
    """Members that belong together, and why, in words."""

    label: str
    members: tuple[Member, ...]


@dataclass(frozen=True)
class _Groups:
    """Members by their seeds, the newest first: those trained together, those that differ in their
    seed only; and the kept epochs of runs that were trained alone."""

    teams: dict[tuple[str, ...], dict[int, Member]] = field(default_factory=dict)
    families: dict[str, dict[int, Member]] = field(default_factory=dict)
    epochs: list[Suggestion] = field(default_factory=list)


def suggestions(store: RunStore, runs: Sequence[Run], wanted: Wanted) -> list[Suggestion]:
    """Runs trained together; others that differ only in their seed; epochs of one. Newest first."""
    groups = _grouped(store, runs, wanted)
    teams = _of_seeds(groups.teams.values())
    offered = {frozenset(one.members) for one in teams}
    families = [
        one for one in _of_seeds(groups.families.values()) if frozenset(one.members) not in offered
    ]
    return _told_apart(
        [*teams[:_MOST_TEAMS], *families[:_MOST_FAMILIES], *groups.epochs[:_MOST_EPOCHS]]
    )


def _grouped(store: RunStore, runs: Sequence[Run], wanted: Wanted) -> _Groups:
    groups = _Groups()
    for run in runs:
        facts = facts_of(run.experiment_json)
        if facts is None or run.state.active:
            continue
        team = team_name(run.name)
        # A member of a team has others to vote with; its own epochs would only fill the row.
        epochs = kept_epochs(store, run)[-MOST_MEMBERS:] if team is None else ()
        if len(epochs) >= FEWEST_MEMBERS:
            label = f"Epochs {listed(epochs)} of “{run.name}”"
            members = tuple(Member(run, epoch) for epoch in epochs)
            groups.epochs.append(Suggestion(label, members))
        which = weights_of(store, run, wanted)
        if which is None or run.state is not RunState.FINISHED:
            continue
        # The newest of several runs from one seed.
        groups.families.setdefault(facts.family, {}).setdefault(facts.seed, Member(run, which))
        if team is not None:
            key = (facts.family, *map(str, team))
            groups.teams.setdefault(key, {}).setdefault(facts.seed, Member(run, which))
    return groups


def _of_seeds(groups: Iterable[Mapping[int, Member]]) -> list[Suggestion]:
    return [_seeds(members) for members in groups if len(members) >= FEWEST_MEMBERS]


def _seeds(members: Mapping[int, Member]) -> Suggestion:
    newest = list(members.items())[:MOST_MEMBERS]
    seeds = tuple(sorted(seed for seed, _ in newest))
    name = common_name(newest[0][1].run.name)
    span = seeds[-1] - seeds[0] == len(seeds) - 1 and len(seeds) > 2
    which = f"{seeds[0]}–{seeds[-1]}" if span else listed(seeds)
    return Suggestion(
        f"{len(seeds)} runs of “{name}”, seeds {which}", tuple(members[seed] for seed in seeds)
    )


def _told_apart(found: Sequence[Suggestion]) -> list[Suggestion]:
    again = Counter(one.label for one in found)
    return [
        one
        if again[one.label] == 1
        else Suggestion(
            f"{one.label}, {in_date(max(member.run.created for member in one.members))}",
            one.members,
        )
        for one in found
    ]
