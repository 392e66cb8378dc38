"""What there is to choose for an ensemble, and by what name."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Literal

from cifarviz.analysis.members import Member
from cifarviz.datasets.registry import find
from cifarviz.errors import CifarvizError
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.member_seeds import common_name
from cifarviz.runs.artifacts import Checkpoint, answers_path
from cifarviz.runs.kept_weights import kept_checkpoints
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.ui.runs.rows import in_date

Wanted = Checkpoint | Literal["answer"]
"""Which of a run's weights vote; ``"answer"``: those that answer for it everywhere."""

# Of a run's name, in a label that has to be short.
_SHORT = 18


@dataclass(frozen=True)
class Facts:
    """What the menus need of an experiment."""

    data: str
    seed: int
    epochs: int
    test_epochs: tuple[int, ...]
    family: str  # equal for runs that differ only in their seed


def weights_of(store: RunStore, run: Run, wanted: Wanted) -> Checkpoint | None:
    """The weights that ``run`` has kept, those ``wanted`` where there is a choice."""
    kept = kept_checkpoints(store, run)
    return wanted if wanted in kept else next(iter(kept), None)


def kept_epochs(store: RunStore, run: Run) -> tuple[int, ...]:
    """The epochs after which the answers of ``run`` were kept and still are."""
    facts = facts_of(run.experiment_json)
    folder = store.folder(run.id)
    epochs = () if facts is None else facts.test_epochs
    return tuple(epoch for epoch in epochs if answers_path(folder, epoch).is_file())


def choices(
    store: RunStore, runs: Sequence[Run], wanted: Wanted, chosen: Sequence[Member] = ()
) -> list[Member]:
    """All that can vote, in the order of ``runs``: weights of runs that ended, and kept epochs.

    Of two that are the same network there is one, so that all of them may vote together: that
    among those ``chosen`` already, else the weights.
    """
    found: list[Member] = []
    for run in runs:
        if run.state.active or facts_of(run.experiment_json) is None:
            continue
        mine = [one for one in chosen if one.run.id == run.id]
        which = weights_of(store, run, wanted)
        offered = [] if which is None else [Member(run, which)]
        offered += [Member(run, epoch) for epoch in kept_epochs(store, run)]
        known = list(mine)
        for one in offered:
            if one in mine:
                found.append(one)
            elif not any(map(one.same_network, known)):
                found.append(one)
                known.append(one)
    return found


def labels(members: Sequence[Member]) -> list[str]:
    """A name for each, different for each, that tells seed and data set."""
    plain = [_label(one, dated=False) for one in members]
    again = Counter(plain)
    dated = [
        label if again[label] == 1 else _label(one, dated=True)
        for label, one in zip(plain, members, strict=True)
    ]
    again = Counter(dated)
    return [
        label if again[label] == 1 else f"{label} ({one.run.id})"
        for label, one in zip(dated, members, strict=True)
    ]


def short_labels(members: Sequence[Member]) -> list[str]:
    """A few characters for each: its number, and what tells it from the others.

    That is as little as will do of its name, its seed and its epoch.
    """
    names = [common_name(one.run.name) for one in members]
    short = [name if len(name) <= _SHORT else f"{name[: _SHORT - 1]}…" for name in names]
    seeds = [f"seed {_seed(one.run)}" for one in members]
    whens = [one.words for one in members]
    different = [one for one in (short, seeds, whens) if len(set(one)) > 1]
    words = [", ".join(parts) for parts in zip(*(different or [short]), strict=True)]
    for size in range(1, len(different)):
        for some in combinations(different, size):
            joined = [", ".join(parts) for parts in zip(*some, strict=True)]
            if len(set(joined)) == len(members):
                return _numbered(joined)
    return _numbered(words)


def families(runs: Sequence[Run]) -> list[Run]:
    """Of ``runs``, the newest first, the first of those that differ only in their seed."""
    found: dict[str, Run] = {}
    for run in runs:
        facts = facts_of(run.experiment_json)
        if facts is not None:
            found.setdefault(facts.family, run)
    return list(found.values())


def listed(numbers: Sequence[int]) -> str:
    """``1, 2 and 3``; raises ``ValueError`` for none."""
    *most, last = map(str, numbers)
    return f"{', '.join(most)} and {last}" if most else last


def _label(member: Member, *, dated: bool) -> str:
    run = member.run
    facts = facts_of(run.experiment_json)
    parts = [run.name]
    if facts is not None:
        if not re.search(rf"\bseed {facts.seed}\b", run.name):
            parts.append(f"seed {facts.seed}")
        parts.append(facts.data)
        if run.state.resumable:
            parts.append(f"{run.state} after {run.epochs_done} of {facts.epochs} epochs")
    if member.when != "last":
        parts.append(member.words)
    if dated:
        parts.append(in_date(run.created))
    return ", ".join(parts)


def _numbered(words: Sequence[str]) -> list[str]:
    return [f"{number} · {word}" for number, word in enumerate(words, 1)]


def _seed(run: Run) -> int | None:
    facts = facts_of(run.experiment_json)
    return None if facts is None else facts.seed


@lru_cache(maxsize=1000)
def facts_of(experiment_json: str) -> Facts | None:
    """Read once for each experiment; ``None`` for what this version cannot read."""
    try:
        made = Experiment.from_json(experiment_json)
    except CifarvizError:
        return None
    family = made.model_dump_json(exclude={"seed"})
    data = f"{find(made.data.dataset).title} {made.data.variant}"
    return Facts(data, made.seed, made.epochs, made.test_epochs, family)
