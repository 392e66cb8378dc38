"""What classes are called on the pages, in the language of this browser session.

The address holds the language as ``labels``; in the address classes themselves keep their English
names, so that a link leads to the same thing in either language.
"""

from typing import Final

import streamlit as st

from cifarviz.datasets.info import LANGUAGES, DatasetInfo, Language
from cifarviz.datasets.registry import all_datasets, find
from cifarviz.ui import state
from cifarviz.ui.address import quoted
from cifarviz.ui.query import update_query_params, widget_key, widget_value
from cifarviz.ui.streamlit_patches import uninterruptible

QUERY_PARAM: Final = "labels"
_KEY = "label-language"
_ENGLISH: Final[Language] = "en"
_NUMBER_NAMES: Final = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)


def class_names(dataset: DatasetInfo | str) -> tuple[str, ...]:
    """The names of a data set's classes as they are shown, in the order of the labels."""
    return find(dataset).class_names(language())


def address_names(dataset: DatasetInfo | str) -> tuple[str, ...]:
    """The names of a data set's classes as they stand in an address, in the order of the labels."""
    return find(dataset).classes


def languages() -> tuple[Language, ...]:
    """The languages that the classes of any data set have names in."""
    known = {code for info in all_datasets() for code in info.languages}
    return tuple(code for code in LANGUAGES if code in known)


def language() -> Language:
    """The language that class names are shown in."""
    return state.language_memory().language


def language_query_params() -> dict[str, str]:
    """What a link to any page has to hold so that it keeps the language."""
    return {} if language() == _ENGLISH else {QUERY_PARAM: language()}


def render_language_choice() -> None:
    """Show the choice of language; call this before a page shows anything."""
    offered = languages()
    memory = state.language_memory()
    given = st.query_params.get(QUERY_PARAM)
    memory.unknown = None
    if given in offered:
        memory.language = next(code for code in offered if code == given)
    elif given is not None:
        memory.unknown = given
    else:
        # An address without any, as the menu's, changes nothing.
        update_query_params(**language_query_params())
    if len(offered) < 2:
        return
    st.segmented_control(
        "Class names",
        list(offered),
        default=memory.language,
        format_func=LANGUAGES.__getitem__,
        key=widget_key(_KEY, memory.language),
        required=True,
        on_change=uninterruptible(_select_language),
        help="The language of class names on every page. Data sets without names in it show "
        "English.",
    )


def unknown_language_message() -> str | None:
    """A sentence on a language that the address names in vain."""
    unknown = state.language_memory().unknown
    if unknown is None:
        return None
    known = " or ".join(f"{LANGUAGES[code]} (“{code}”)" for code in languages())
    shown = LANGUAGES[language()]
    return (
        f"There are no class names in {quoted(unknown)}, only in {known}. They are shown in "
        f"{shown}."
    )


def _select_language() -> None:
    state.language_memory().language = widget_value(_KEY)
    update_query_params(**{QUERY_PARAM: None} | language_query_params())


def number_in_words(number: int) -> str:
    """``ten`` for 10, and ``100`` for 100: words up to twelve, digits beyond."""
    return _NUMBER_NAMES[number] if 0 <= number < len(_NUMBER_NAMES) else f"{number:,}"
