"""What there is to choose for an ensemble, by what name, and which choices suggest themselves."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from cifarviz.analysis.members import Member
from cifarviz.data.datasets import DATASETS
from cifarviz.errors import CifarvizError
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.member_seeds import FEWEST_MEMBERS, MOST_MEMBERS, common_name
from cifarviz.runs.artifacts import Checkpoint, answers_path, checkpoint_path
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.ui.runs.rows import in_date

_MOST_SUGGESTIONS = 6


@dataclass(frozen=True)
class Suggestion:
    """Members that belong together, and why, in words."""

    label: str
    members: tuple[Member, ...]


@dataclass(frozen=True)
class _Facts:
    data: str
    seed: int
    epochs: int
    test_epochs: tuple[int, ...]
    family: str  # equal for runs that differ only in their seed


def weights_of(store: RunStore, run: Run, preferred: Checkpoint) -> Checkpoint | None:
    """The weights that ``run`` has kept, ``preferred`` where there is a choice."""
    other: Checkpoint = "last" if preferred == "best" else "best"
    folder = store.folder(run.id)
    for which in (preferred, other):
        if checkpoint_path(folder, which).is_file():
            return which
    return None


def kept_epochs(store: RunStore, run: Run) -> tuple[int, ...]:
    """The epochs after which the answers of ``run`` were kept and still are."""
    facts = _facts(run.experiment_json)
    folder = store.folder(run.id)
    epochs = () if facts is None else facts.test_epochs
    return tuple(epoch for epoch in epochs if answers_path(folder, epoch).is_file())


def choices(store: RunStore, runs: Sequence[Run], preferred: Checkpoint) -> list[Member]:
    """All that can vote, in the order of ``runs``: weights of runs that ended, and kept epochs."""
    found: list[Member] = []
    for run in runs:
        if run.state.active or _facts(run.experiment_json) is None:
            continue
        which = weights_of(store, run, preferred)
        if which is not None:
            found.append(Member(run, which))
        found.extend(Member(run, epoch) for epoch in kept_epochs(store, run))
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
    """A few characters for each: its number, and what tells it from the others."""
    runs = {one.run.id for one in members}
    seeds = [_seed(one.run) for one in members]
    if len(runs) == 1:
        words = [_when(one) for one in members]
    elif len(set(seeds)) == len(members) and len({common_name(m.run.name) for m in members}) == 1:
        words = [f"seed {seed}" for seed in seeds]
    else:
        names = [common_name(one.run.name) for one in members]
        words = [name if len(name) <= 18 else f"{name[:17]}…" for name in names]
    return [f"{number} · {word}" for number, word in enumerate(words, 1)]


def suggestions(store: RunStore, runs: Sequence[Run], preferred: Checkpoint) -> list[Suggestion]:
    """Runs that differ only in their seed, and the kept epochs of one; the newest first."""
    families: dict[str, dict[int, Member]] = {}
    found: list[Suggestion | str] = []
    for run in runs:
        facts = _facts(run.experiment_json)
        if facts is None or run.state.active:
            continue
        epochs = kept_epochs(store, run)
        if len(epochs) >= FEWEST_MEMBERS:
            epochs = epochs[-MOST_MEMBERS:]
            found.append(
                Suggestion(
                    f"Epochs {listed(epochs)} of “{run.name}”",
                    tuple(Member(run, epoch) for epoch in epochs),
                )
            )
        which = weights_of(store, run, preferred)
        if which is None or run.state is not RunState.FINISHED:
            continue
        if facts.family not in families:
            families[facts.family] = {}
            found.append(facts.family)
        # The newest of several runs from one seed.
        families[facts.family].setdefault(facts.seed, Member(run, which))
    made = [_of_seeds(families[one]) if isinstance(one, str) else one for one in found]
    whole = [one for one in made if one is not None][:_MOST_SUGGESTIONS]
    return _told_apart(whole)


def families(runs: Sequence[Run]) -> list[Run]:
    """Of ``runs``, the newest first, the first of those that differ only in their seed."""
    found: dict[str, Run] = {}
    for run in runs:
        facts = _facts(run.experiment_json)
        if facts is not None:
            found.setdefault(facts.family, run)
    return list(found.values())


def listed(numbers: Sequence[int]) -> str:
    """``1, 2 and 3``; raises ``ValueError`` for none."""
    *most, last = map(str, numbers)
    return f"{', '.join(most)} and {last}" if most else last


def _of_seeds(members: Mapping[int, Member]) -> Suggestion | None:
    if len(members) < FEWEST_MEMBERS:
        return None
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


def _label(member: Member, *, dated: bool) -> str:
    run = member.run
    facts = _facts(run.experiment_json)
    parts = [run.name]
    if facts is not None:
        if f"seed {facts.seed}" not in run.name:
            parts.append(f"seed {facts.seed}")
        parts.append(facts.data)
        if run.state.resumable:
            parts.append(f"{run.state} after {run.epochs_done} of {facts.epochs} epochs")
    if member.when != "last":
        parts.append(_when(member))
    if dated:
        parts.append(in_date(run.created))
    return ", ".join(parts)


def _when(member: Member) -> str:
    match member.when:
        case "last":
            return "as it ended"
        case "best":
            best = member.run.best_epoch
            return "best epoch" if best is None else f"best epoch {best}"
        case epoch:
            return f"epoch {epoch}"


def _seed(run: Run) -> int | None:
    facts = _facts(run.experiment_json)
    return None if facts is None else facts.seed


@lru_cache(maxsize=1000)
def _facts(experiment_json: str) -> _Facts | None:
    """Read once for each experiment; ``None`` for what this version cannot read."""
    try:
        made = Experiment.from_json(experiment_json)
    except CifarvizError:
        return None
    family = made.model_dump_json(exclude={"seed"})
    data = f"{DATASETS[made.data.dataset].title} {made.data.variant}"
    return _Facts(data, made.seed, made.epochs, made.test_epochs, family)
