"""What classes are called on the pages, in the language of this browser session.

The address holds the language as ``labels``; in the address classes themselves keep their English
names, so that a link leads to the same thing in either language.
"""

import time
from typing import Final

import streamlit as st

from cifarviz.data.datasets import LANGUAGES, DatasetInfo, Language, find
from cifarviz.ui import state
from cifarviz.ui.address import quoted
from cifarviz.ui.components.address_setting import address_setting
from cifarviz.ui.unbroken import unbroken

PARAMETER: Final = "labels"

_KEY = "label-language"
_ENGLISH: Final[Language] = "en"
# Seconds within which the browser has surely taken over a new address.
_LAG = 1.0


def class_names(dataset: DatasetInfo | str) -> tuple[str, ...]:
    """The names of a data set's classes as they are shown, in the order of the labels."""
    return find(dataset).class_names(language())


def address_names(dataset: DatasetInfo | str) -> tuple[str, ...]:
    """The names of a data set's classes as they stand in an address, in the order of the labels."""
    return find(dataset).classes


def language() -> Language:
    """The language that class names are shown in."""
    return state.language_memory().language


def language_address() -> dict[str, str]:
    """What a link to any page has to hold so that it keeps the language."""
    return {} if language() == _ENGLISH else {PARAMETER: language()}


def pick_language() -> None:
    """Show the choice of language; call this before a page shows anything."""
    memory = state.language_memory()
    given = st.query_params.get(PARAMETER)
    if given != memory.given and time.monotonic() - memory.chosen > _LAG:
        _follow(given)
    state.put(_KEY, memory.language)
    st.segmented_control(
        "Class names",
        list(LANGUAGES),
        format_func=LANGUAGES.__getitem__,
        key=_KEY,
        required=True,
        on_change=unbroken(_choose),
        help="The language that classes are named in, on every page.",
    )
    if memory.unknown is None:
        address_setting(PARAMETER, language_address().get(PARAMETER), given)


def unknown_language() -> str | None:
    """A sentence on a language that the address names in vain."""
    unknown = state.language_memory().unknown
    if unknown is None:
        return None
    known = " or ".join(f"{name} (“{code}”)" for code, name in LANGUAGES.items())
    shown = LANGUAGES[language()]
    return (
        f"There are no class names in {quoted(unknown)}, only in {known}. They are shown in "
        f"{shown}."
    )


def _follow(given: str | None) -> None:
    memory = state.language_memory()
    memory.given, memory.unknown = given, None
    if given in LANGUAGES:
        memory.language = next(code for code in LANGUAGES if code == given)
    elif given is not None:
        memory.unknown = given
    # An address without any, as the menu's, changes nothing.


def _choose() -> None:
    memory = state.language_memory()
    memory.language, memory.unknown = state.get(_KEY), None
    memory.chosen = time.monotonic()
