"""The members of an ensemble: what can vote, its names, and the choice in the address."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations
from typing import Literal

import streamlit as st

from cifarviz.analysis.members import Member
from cifarviz.datasets.registry import find_dataset
from cifarviz.errors import CifarvizError
from cifarviz.experiment.ensemble_members import (
    MAX_MEMBERS,
    MIN_MEMBERS,
    name_without_member,
    parse_member_name,
)
from cifarviz.experiment.experiment import Experiment
from cifarviz.runs.artifacts import Checkpoint, epoch_predictions_path
from cifarviz.runs.recorded import ORIGIN, recorded_series
from cifarviz.runs.records import Run
from cifarviz.runs.series import Series
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_weights import stored_checkpoints
from cifarviz.ui import cache, state
from cifarviz.ui.address import escaped, quoted, whole_number
from cifarviz.ui.navigation import link_to
from cifarviz.ui.query import update_query_params, widget_key, widget_value
from cifarviz.ui.runs.rows import format_date

WeightsPreference = Checkpoint | Literal["answer"]
"""Which of a run's weights vote; ``"answer"``: those chosen for the run on the Runs page."""

# Characters of a run's name in a short label.
_SHORT = 18


@dataclass(frozen=True)
class ExperimentFacts:
    """What the menus need of an experiment; ``family`` is equal if only the seed differs."""

    dataset: str
    data: str
    seed: int
    epochs: int
    test_epochs: tuple[int, ...]
    family: str


_MOST_TEAMS, _MOST_FAMILIES, _MOST_EPOCHS = 4, 2, 2


@dataclass(frozen=True)
class EnsembleSuggestion:
    """Members that belong together, and what the button that chooses them says."""

    label: str
    members: tuple[Member, ...]


REMEMBERED = "members"
"""The name under which a browser session remembers its members."""
MEMBER_PARAMS = ("member", "page")
"""Query parameters that belong to one choice of members."""
_WEIGHTS: dict[WeightsPreference, str] = {
    "answer": "Weights used",
    "last": "Last epoch",
    "best": "Best epoch",
}
_MEMBERS_KEY, _WEIGHTS_KEY = "ensemble-members", "ensemble-weights"


@lru_cache(maxsize=1000)
def experiment_facts(experiment_json: str) -> ExperimentFacts | None:
    """Read an experiment; ``None`` if this version cannot read it."""
    try:
        experiment = Experiment.from_json(experiment_json)
    except CifarvizError:
        return None
    dataset, variant = experiment.data.dataset, experiment.data.variant
    return ExperimentFacts(
        dataset,
        f"{find_dataset(dataset).title} {variant}",
        experiment.seed,
        experiment.epochs,
        experiment.test_epochs,
        experiment.model_dump_json(exclude={"seed"}),
    )


def available_weights(store: RunStore, run: Run, preferred: WeightsPreference) -> Checkpoint | None:
    """Return the ``preferred`` weights of ``run`` if it has them, else those it has."""
    available = stored_checkpoints(store, run)
    return preferred if preferred in available else next(iter(available), None)


def prediction_epochs(store: RunStore, run: Run) -> tuple[int, ...]:
    """Return the epochs after which test predictions of ``run`` were saved and still exist."""
    facts = experiment_facts(run.experiment_json)
    if facts is None:
        return ()
    folder = store.folder(run.id)
    return tuple(
        epoch for epoch in facts.test_epochs if epoch_predictions_path(folder, epoch).is_file()
    )


def member_options(
    store: RunStore,
    runs: Sequence[Run],
    preferred: WeightsPreference,
    chosen: Sequence[Member] = (),
) -> list[Member]:
    """Return all that can vote, in the order of ``runs``: weights of ended runs, saved epochs.

    The same network is listed once, so that all may vote together: as the member among ``chosen``
    if there is any, else as weights.
    """
    options: list[Member] = []
    for run in runs:
        if run.state.active or experiment_facts(run.experiment_json) is None:
            continue
        weights = available_weights(store, run, preferred)
        candidates = [] if weights is None else [Member(run, weights)]
        candidates += [Member(run, epoch) for epoch in prediction_epochs(store, run)]
        seen = [member for member in chosen if member.run.id == run.id]
        for candidate in candidates:
            if candidate in chosen:
                options.append(candidate)
            elif not any(map(candidate.same_network, seen)):
                options.append(candidate)
                seen.append(candidate)
    return options


def member_labels(members: Sequence[Member]) -> list[str]:
    """Return a different name for each, with seed and data set, and its date or id if needed."""
    plain = [_label(member, dated=False) for member in members]
    repeated = Counter(plain)
    dated = [
        label if repeated[label] == 1 else _label(member, dated=True)
        for label, member in zip(plain, members, strict=True)
    ]
    repeated = Counter(dated)
    return [
        label if repeated[label] == 1 else f"{label} ({member.run.id})"
        for label, member in zip(dated, members, strict=True)
    ]


def short_member_labels(members: Sequence[Member]) -> list[str]:
    """Return a few characters for each: its number, and what differs from the others.

    That is as little as needed of its name, its seed and its epoch.
    """
    names = [name_without_member(member.run.name) for member in members]
    short = [name if len(name) <= _SHORT else f"{name[: _SHORT - 1]}…" for name in names]
    facts = [experiment_facts(member.run.experiment_json) for member in members]
    seeds = [f"seed {None if known is None else known.seed}" for known in facts]
    epochs = [member.label for member in members]
    different = [texts for texts in (short, seeds, epochs) if len(set(texts)) > 1] or [short]
    candidates = [
        [", ".join(texts) for texts in zip(*parts, strict=True)]
        for size in range(1, len(different) + 1)
        for parts in combinations(different, size)
    ]
    unique = (labels for labels in candidates if len(set(labels)) == len(members))
    return [f"{number} · {label}" for number, label in enumerate(next(unique, candidates[-1]), 1)]


def newest_of_families(runs: Sequence[Run]) -> list[Run]:
    """Return the first of the ``runs`` that differ only in their seed, for each such group."""
    newest: dict[str, Run] = {}
    for run in runs:
        facts = experiment_facts(run.experiment_json)
        if facts is not None:
            newest.setdefault(facts.family, run)
    return list(newest.values())


def format_numbers(numbers: Sequence[int]) -> str:
    """Return ``1, 2 and 3``; raises ``ValueError`` for none."""
    *most, last = map(str, numbers)
    return f"{', '.join(most)} and {last}" if most else last


def _label(member: Member, *, dated: bool) -> str:
    run = member.run
    facts = experiment_facts(run.experiment_json)
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


def format_member(member: Member) -> str:
    """Return what stands for ``member`` in an address: its run's id, and ``@`` with the epoch."""
    return member.run.id if member.when == "last" else f"{member.run.id}@{member.when}"


def format_members(members: Sequence[Member]) -> str | None:
    """Return what stands for all of them in an address; ``None`` for none."""
    return ",".join(map(format_member, members)) or None


def parse_members(text: str, runs: Mapping[str, Run]) -> tuple[list[Member], list[str]]:
    """Return the members in an address, and a sentence on each part of it that is none.

    ``runs`` are the known ones by their id.
    """
    members: list[Member] = []
    problems: list[str] = []
    for part in (part.strip() for part in text.split(",")):
        if not part:
            continue
        run_id, _, when = part.partition("@")
        run = runs.get(run_id)
        epoch = whole_number(when)
        if run is None:
            problems.append(f"There is no run {quoted(run_id)} here, so it is left out.")
        elif when in ("", "last"):
            members.append(Member(run))
        elif when == "best":
            members.append(Member(run, "best"))
        elif epoch:
            members.append(Member(run, epoch))
        else:
            problems.append(
                f"{quoted(when)} is no epoch of {quoted(run.name)}, so it is left out. After the @ "
                "comes “best” or the number of an epoch."
            )
    if len(members) > MAX_MEMBERS:
        problems.append(
            f"An ensemble has at most {MAX_MEMBERS} members, and the address has {len(members)}: "
            f"the first {MAX_MEMBERS} are shown."
        )
    return members[:MAX_MEMBERS], problems


def begin_with_recorded_members() -> None:
    """Choose recorded networks where this browser session has not chosen any yet."""
    if "members" in st.query_params or state.recall(REMEMBERED) is not None:
        return
    series = recorded_networks()
    if series is not None:
        update_query_params(members=",".join(series.run_ids))


def recorded_networks() -> Series | None:
    """Return the series of recorded networks to compare with, unpacked the first time.

    ``None`` where there are none, as where one of them was deleted. Raises ``ArchiveDamaged``.
    """
    return recorded_series(cache.store(), "duel") if cache.settings().recorded else None


def pick_members(runs: Sequence[Run]) -> list[Member]:
    """Show the menus and suggestions, and return the members of the address.

    Without any, they are those that this browser session had last. Unknown ones are reported.
    """
    text = st.query_params.get("members")
    if text is None:
        text = state.recall(REMEMBERED) or ""
        if text:
            update_query_params(members=text)
    state.remember(REMEMBERED, text)
    members, problems = parse_members(text, {run.id: run for run in runs})
    for problem in problems:
        st.error(problem, icon=":material/error:")
    if len(problems) > len(members):
        link_to("runs", "See all runs")
    preferred = _weights_in_address()
    _render_menus(runs, members, preferred)
    _render_suggestions(suggestions(cache.store(), runs, preferred), members)
    if members and all(member.run.origin == ORIGIN for member in members):
        st.caption("These are recorded networks. Choose your own above once you have trained some.")
    return members


def set_members(members: Sequence[Member], **params: str | None) -> None:
    """Put these members into the address in place of the old ones, together with ``params``."""
    text = format_members(members)
    state.remember(REMEMBERED, text or "")
    update_query_params(**dict.fromkeys(MEMBER_PARAMS), **params, members=text)


def _render_menus(
    runs: Sequence[Run], chosen: Sequence[Member], preferred: WeightsPreference
) -> None:
    options = member_options(cache.store(), runs, preferred, chosen)
    # Members of the address are listed even if they are deleted or still training.
    options += [member for member in chosen if member not in options]
    by_token = {format_member(member): member for member in options}
    names = dict(zip(by_token, member_labels(options), strict=True))
    left, right = st.columns([2, 1], gap="medium")
    wanted = list(dict.fromkeys(map(format_member, chosen)))
    left.multiselect(
        "Members",
        list(by_token),
        wanted,
        format_func=names.__getitem__,
        key=widget_key(_MEMBERS_KEY, wanted),
        max_selections=MAX_MEMBERS,
        placeholder="Choose two or more" if by_token else "There are no trained networks yet",
        on_change=lambda: _members_chosen(by_token),
        help="The networks that vote: trained weights, and test predictions saved after epochs.",
    )
    right.segmented_control(
        "Weights",
        list(_WEIGHTS),
        default=preferred,
        format_func=_WEIGHTS.__getitem__,
        key=widget_key(_WEIGHTS_KEY, preferred),
        required=True,
        on_change=lambda: _weights_chosen(chosen),
        help="The weights of each member, if its run has several. “Weights used” are those chosen "
        "for the run on the Runs page, by default those of its last epoch. Members that are saved "
        "epochs do not change.",
    )


def _members_chosen(by_token: Mapping[str, Member]) -> None:
    tokens = widget_value(_MEMBERS_KEY)
    # The browser sends names. A name that has changed since, as with the state of a run, arrives
    # unchanged: then nothing was chosen.
    if all(token in by_token for token in tokens):
        set_members([by_token[token] for token in tokens])


def _weights_in_address() -> WeightsPreference:
    wanted = st.query_params.get("weights", "answer")
    preferred = next((name for name in _WEIGHTS if name == wanted), None)
    if preferred is None:
        st.error(
            f"There are no weights called {quoted(wanted)}. Choose answer, last or best.",
            icon=":material/error:",
        )
        return "answer"
    return preferred


def _weights_chosen(members: Sequence[Member]) -> None:
    preferred: WeightsPreference = widget_value(_WEIGHTS_KEY)
    store = cache.store()
    changed = [
        member
        if isinstance(member.when, int)
        else replace(member, when=available_weights(store, member.run, preferred) or member.when)
        for member in members
    ]
    set_members(list(dict.fromkeys(changed)), weights=preferred)


def _render_suggestions(offers: Sequence[EnsembleSuggestion], chosen: Sequence[Member]) -> None:
    if not offers:
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown(":small[Suggestions:]", width="content")
        for number, offer in enumerate(offers):
            st.button(
                escaped(offer.label),
                key=f"suggestion-{number}",
                icon=":material/group_work:",
                disabled=set(offer.members) == set(chosen),
                on_click=set_members,
                args=(offer.members,),
            )


def suggestions(
    store: RunStore, runs: Sequence[Run], preferred: WeightsPreference
) -> list[EnsembleSuggestion]:
    """Return runs trained together, runs that differ in their seed only, and epochs of a run.

    ``runs`` are the newest first, and so are the suggestions of each kind.
    """
    # Members by their seeds; of several runs with the same seed, the newest.
    teams: dict[tuple[str, ...], dict[int, Member]] = {}
    families: dict[tuple[str, ...], dict[int, Member]] = {}
    by_epochs: list[EnsembleSuggestion] = []
    for run in runs:
        facts = experiment_facts(run.experiment_json)
        if facts is None or run.state.active:
            continue
        team = parse_member_name(run.name)
        # A member of a team has others to vote with; its own epochs would only fill the row.
        epochs = prediction_epochs(store, run)[-MAX_MEMBERS:] if team is None else ()
        if len(epochs) >= MIN_MEMBERS:
            label = f"Epochs {format_numbers(epochs)} of “{run.name}”"
            members = tuple(Member(run, epoch) for epoch in epochs)
            by_epochs.append(EnsembleSuggestion(label, members))
        weights = available_weights(store, run, preferred)
        if weights is None or run.state is not RunState.FINISHED:
            continue
        member = Member(run, weights)
        families.setdefault((facts.family,), {}).setdefault(facts.seed, member)
        if team is not None:
            key = (facts.family, *map(str, team))
            teams.setdefault(key, {}).setdefault(facts.seed, member)
    by_team, by_family = (
        [_seeds_suggestion(group) for group in groups.values() if len(group) >= MIN_MEMBERS]
        for groups in (teams, families)
    )
    known = {frozenset(offer.members) for offer in by_team}
    by_family = [offer for offer in by_family if frozenset(offer.members) not in known]
    offers = [*by_team[:_MOST_TEAMS], *by_family[:_MOST_FAMILIES], *by_epochs[:_MOST_EPOCHS]]
    repeated = Counter(offer.label for offer in offers)
    return [
        offer
        if repeated[offer.label] == 1
        else replace(
            offer,
            label=f"{offer.label}, "
            f"{format_date(max(member.run.created for member in offer.members))}",
        )
        for offer in offers
    ]


def _seeds_suggestion(group: Mapping[int, Member]) -> EnsembleSuggestion:
    newest = dict(list(group.items())[:MAX_MEMBERS])
    seeds = sorted(newest)
    is_range = len(seeds) > 2 and seeds[-1] - seeds[0] == len(seeds) - 1
    seeds_text = f"{seeds[0]}–{seeds[-1]}" if is_range else format_numbers(seeds)
    name = name_without_member(next(iter(newest.values())).run.name)
    return EnsembleSuggestion(
        f"{len(seeds)} runs of “{name}”, seeds {seeds_text}", tuple(newest[seed] for seed in seeds)
    )
