"""A few choices side by side, or a menu of many, of which the address holds one."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

import streamlit as st

from cifarviz.ui import state
from cifarviz.ui.address import quoted
from cifarviz.ui.followed_address import change, show, wished
from cifarviz.ui.unbroken import unbroken

Word = TypeVar("Word", bound=str)


def address_choice(
    name: str,
    label: str,
    options: Mapping[Word, str],
    *,
    key: str,
    hint: str,
    problem: Callable[[str], str],
    forget: Sequence[str] = (),
    usual: Word | None = None,
    menu: bool = False,
) -> Word:
    """Show the choices and return the one that the address holds as ``name``, else the usual one.

    That is the first, if ``usual`` is not said. ``options`` are the address's words with those
    shown; ``menu`` folds them up. ``problem`` makes a sentence of a word, quoted, that is none of
    them. ``forget`` names what else in the address a change makes void.
    """
    otherwise = next(iter(options)) if usual is None else usual
    wanted = st.query_params.get(name, otherwise)
    found = next((one for one in options if one == wanted), None)
    chosen = otherwise if found is None else found
    show(key, chosen)
    show_as = st.selectbox if menu else partial(st.segmented_control, required=True)
    show_as(
        label,
        list(options),
        format_func=options.__getitem__,
        key=key,
        on_change=unbroken(_chosen),
        args=(name, key, forget),
        help=hint,
    )
    if found is None:
        st.error(problem(quoted(wanted)), icon=":material/error:")
    return chosen


def _chosen(name: str, key: str, forget: Sequence[str]) -> None:
    if wished(key):
        change(**dict.fromkeys(forget), **{name: state.get(key)})
