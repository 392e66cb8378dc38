"""Choosing the members of an ensemble; the address holds them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import streamlit as st

from cifarviz.analysis.members import Member
from cifarviz.experiment.member_seeds import MOST_MEMBERS
from cifarviz.runs.records import Run
from cifarviz.ui import cache, state
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.evaluate.ensemble.choices import Wanted, choices, labels, weights_of
from cifarviz.ui.evaluate.ensemble.named_members import joined, named_members, token
from cifarviz.ui.evaluate.ensemble.suggestions import Suggestion, suggestions
from cifarviz.ui.navigation import link_to
from cifarviz.ui.query import update_query_params, widget_key, widget_value
from cifarviz.ui.unbroken import unbroken

FORGOTTEN = ("member", "page")
"""What in the address makes sense for the members of before only."""

_WEIGHTS: dict[Wanted, str] = {
    "answer": "Their answer",
    "last": "As they ended",
    "best": "Best epoch",
}
_MEMBERS, _KIND = "ensemble-members", "ensemble-weights"
_REMEMBERED = "members"


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
        max_selections=MOST_MEMBERS,
        placeholder="Choose two or more" if tokens else "There are none yet",
        on_change=unbroken(lambda: _chosen(by_token)),
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
        on_change=unbroken(lambda: _weigh(chosen)),
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


def _suggest(found: Sequence[Suggestion], chosen: Sequence[Member]) -> None:
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
                on_click=unbroken(choose),
                args=(one.members,),
            )
