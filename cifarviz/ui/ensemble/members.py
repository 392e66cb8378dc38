"""Choosing the members of an ensemble."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import combinations
from typing import Literal

import streamlit as st

from cifarviz.analysis.members import Member
from cifarviz.datasets.registry import find
from cifarviz.errors import CifarvizError
from cifarviz.experiment.ensemble_members import (
    MAX_MEMBERS,
    MIN_MEMBERS,
    name_without_member,
    parse_member_name,
)
from cifarviz.experiment.experiment import Experiment
from cifarviz.runs.artifacts import Checkpoint, epoch_predictions_path
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_weights import stored_checkpoints
from cifarviz.ui import cache, state
from cifarviz.ui.address import escaped, quoted, whole_number
from cifarviz.ui.navigation import link_to
from cifarviz.ui.query import update_query_params, widget_key, widget_value
from cifarviz.ui.runs.rows import format_date
from cifarviz.ui.streamlit_patches import uninterruptible

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


@dataclass(frozen=True)
class Named:
    """The members an address names, and a sentence on each part of it that names none."""

    members: tuple[Member, ...]
    problems: tuple[str, ...]


_MOST_TEAMS, _MOST_FAMILIES, _MOST_EPOCHS = 4, 2, 2


@dataclass(frozen=True)
class EnsembleSuggestion:
    """Members that belong together, and why, in words."""

    label: str
    members: tuple[Member, ...]


@dataclass(frozen=True)
class _Groups:
    """Members by their seeds, the newest first: those trained together, those that differ in their
    seed only; and the kept epochs of runs that were trained alone."""

    teams: dict[tuple[str, ...], dict[int, Member]] = field(default_factory=dict)
    families: dict[str, dict[int, Member]] = field(default_factory=dict)
    epochs: list[EnsembleSuggestion] = field(default_factory=list)


FORGOTTEN = ("member", "page")
"""What in the address makes sense for the members of before only."""
_WEIGHTS: dict[Wanted, str] = {
    "answer": "Their answer",
    "last": "As they ended",
    "best": "Best epoch",
}
_MEMBERS, _KIND = "ensemble-members", "ensemble-weights"
_REMEMBERED = "members"


def weights_of(store: RunStore, run: Run, wanted: Wanted) -> Checkpoint | None:
    """The weights that ``run`` has kept, those ``wanted`` where there is a choice."""
    kept = stored_checkpoints(store, run)
    return wanted if wanted in kept else next(iter(kept), None)


def kept_epochs(store: RunStore, run: Run) -> tuple[int, ...]:
    """The epochs after which the answers of ``run`` were kept and still are."""
    facts = facts_of(run.experiment_json)
    folder = store.folder(run.id)
    epochs = () if facts is None else facts.test_epochs
    return tuple(epoch for epoch in epochs if epoch_predictions_path(folder, epoch).is_file())


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
    names = [name_without_member(one.run.name) for one in members]
    short = [name if len(name) <= _SHORT else f"{name[: _SHORT - 1]}…" for name in names]
    seeds = [f"seed {_seed(one.run)}" for one in members]
    whens = [one.label for one in members]
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
        parts.append(member.label)
    if dated:
        parts.append(format_date(run.created))
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


def token(member: Member) -> str:
    """What the address says for ``member``."""
    return member.run.id if member.when == "last" else f"{member.run.id}@{member.when}"


def joined(members: Sequence[Member]) -> str | None:
    """What the address says for all of them; ``None`` for none."""
    return ",".join(map(token, members)) or None


def named_members(text: str, runs: Mapping[str, Run]) -> Named:
    """Read what ``joined`` wrote, or anybody else; ``runs`` are those there are, by their id."""
    members: list[Member] = []
    problems: list[str] = []
    for part in (one.strip() for one in text.split(",")):
        if not part:
            continue
        run_id, _, when = part.partition("@")
        run = runs.get(run_id)
        epoch = whole_number(when)
        if run is None:
            problems.append(f"There is no run {quoted(run_id)} here: it is left out.")
        elif when in ("", "last"):
            members.append(Member(run))
        elif when == "best":
            members.append(Member(run, "best"))
        elif epoch:
            members.append(Member(run, epoch))
        else:
            problems.append(
                f"{quoted(when)} is no epoch of {quoted(run.name)}: after the @ stands “best” or "
                "the number of an epoch. It is left out."
            )
    if len(members) > MAX_MEMBERS:
        problems.append(
            f"An ensemble has at most {MAX_MEMBERS} members here, and {len(members)} came: the "
            f"first {MAX_MEMBERS} are shown."
        )
    return Named(tuple(members[:MAX_MEMBERS]), tuple(problems))


def pick_members(runs: Sequence[Run]) -> tuple[Member, ...]:
    """Show what there is to choose, suggestions first, and return the members of the address.

    Without any there, they are those that this browser session had last. What the address names
    in vain is said.
    """
    text = st.query_params.get("members")
    if text is None:
        text = state.recall(_REMEMBERED) or ""
        if text:
            update_query_params(members=text)
    state.remember(_REMEMBERED, text)
    named = named_members(text, {run.id: run for run in runs})
    for problem in named.problems:
        st.error(problem, icon=":material/error:")
    if len(named.problems) > len(named.members):
        link_to("runs", "See the runs there are")
    kind = _kind()
    _menus(runs, named.members, kind)
    _suggest(suggestions(cache.store(), runs, kind), named.members)
    return named.members


def choose(members: Sequence[Member], **also: str | None) -> None:
    """Put these members into the address in place of those there are, and with them ``also``."""
    text = joined(members)
    state.remember(_REMEMBERED, text or "")
    update_query_params(**dict.fromkeys(FORGOTTEN), **also, members=text)


def _menus(runs: Sequence[Run], chosen: Sequence[Member], kind: Wanted) -> None:
    offered = choices(cache.store(), runs, kind, chosen)
    # What the address names stands there too, be it gone or still at work.
    offered += [one for one in chosen if one not in offered]
    tokens = [token(one) for one in offered]
    names = dict(zip(tokens, labels(offered), strict=True))
    by_token = dict(zip(tokens, offered, strict=True))
    left, right = st.columns([2, 1], gap="medium")
    wanted = list(dict.fromkeys(map(token, chosen)))
    left.multiselect(
        "Members",
        tokens,
        wanted,
        format_func=names.__getitem__,
        key=widget_key(_MEMBERS, wanted),
        max_selections=MAX_MEMBERS,
        placeholder="Choose two or more" if tokens else "There are none yet",
        on_change=uninterruptible(lambda: _chosen(by_token)),
        help="The trained networks that vote, and answers that a run kept after some of its "
        "epochs.",
    )
    right.segmented_control(
        "Weights",
        list(_WEIGHTS),
        default=kind,
        format_func=_WEIGHTS.__getitem__,
        key=widget_key(_KIND, kind),
        required=True,
        on_change=uninterruptible(lambda: _weigh(chosen)),
        help="Which of the weights that each run has kept, for the members there are and for "
        "those chosen from now on; where a run has one kind only, that. “Their answer” is what is "
        "chosen for each on the Runs page, else as it ended. Kept epochs stay as they are.",
    )


def _chosen(by_token: Mapping[str, Member]) -> None:
    tokens = widget_value(_MEMBERS)
    # The browser sends names. One that has changed since, as with the state of a run, comes as it
    # is: nobody chose anything then.
    if all(one in by_token for one in tokens):
        choose([by_token[one] for one in tokens])


def _kind() -> Wanted:
    """The weights that are wanted where a run has kept both kinds; the address holds them."""
    wanted = st.query_params.get("weights", "answer")
    kind = next((one for one in _WEIGHTS if one == wanted), None)
    if kind is None:
        st.error(
            f"There are no weights called {quoted(wanted)}: it is answer, last or best.",
            icon=":material/error:",
        )
        return "answer"
    return kind


def _weigh(members: Sequence[Member]) -> None:
    kind: Wanted = widget_value(_KIND)
    store = cache.store()
    changed = [
        one
        if isinstance(one.when, int)
        else replace(one, when=weights_of(store, one.run, kind) or one.when)
        for one in members
    ]
    choose(list(dict.fromkeys(changed)), weights=kind)


def _suggest(found: Sequence[EnsembleSuggestion], chosen: Sequence[Member]) -> None:
    if not found:
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown(":small[These belong together:]", width="content")
        for number, one in enumerate(found):
            st.button(
                escaped(one.label),
                key=f"suggestion-{number}",
                icon=":material/group_work:",
                disabled=set(one.members) == set(chosen),
                on_click=uninterruptible(choose),
                args=(one.members,),
            )


def suggestions(store: RunStore, runs: Sequence[Run], wanted: Wanted) -> list[EnsembleSuggestion]:
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
        team = parse_member_name(run.name)
        # A member of a team has others to vote with; its own epochs would only fill the row.
        epochs = kept_epochs(store, run)[-MAX_MEMBERS:] if team is None else ()
        if len(epochs) >= MIN_MEMBERS:
            label = f"Epochs {listed(epochs)} of “{run.name}”"
            members = tuple(Member(run, epoch) for epoch in epochs)
            groups.epochs.append(EnsembleSuggestion(label, members))
        which = weights_of(store, run, wanted)
        if which is None or run.state is not RunState.FINISHED:
            continue
        # The newest of several runs from one seed.
        groups.families.setdefault(facts.family, {}).setdefault(facts.seed, Member(run, which))
        if team is not None:
            key = (facts.family, *map(str, team))
            groups.teams.setdefault(key, {}).setdefault(facts.seed, Member(run, which))
    return groups


def _of_seeds(groups: Iterable[Mapping[int, Member]]) -> list[EnsembleSuggestion]:
    return [_seeds(members) for members in groups if len(members) >= MIN_MEMBERS]


def _seeds(members: Mapping[int, Member]) -> EnsembleSuggestion:
    newest = list(members.items())[:MAX_MEMBERS]
    seeds = tuple(sorted(seed for seed, _ in newest))
    name = name_without_member(newest[0][1].run.name)
    span = seeds[-1] - seeds[0] == len(seeds) - 1 and len(seeds) > 2
    which = f"{seeds[0]}–{seeds[-1]}" if span else listed(seeds)
    return EnsembleSuggestion(
        f"{len(seeds)} runs of “{name}”, seeds {which}", tuple(members[seed] for seed in seeds)
    )


def _told_apart(found: Sequence[EnsembleSuggestion]) -> list[EnsembleSuggestion]:
    again = Counter(one.label for one in found)
    return [
        one
        if again[one.label] == 1
        else EnsembleSuggestion(
            f"{one.label}, {format_date(max(member.run.created for member in one.members))}",
            one.members,
        )
        for one in found
    ]
