"""Class names in the language of this browser session.

The address holds the language as ``labels``. Classes have their English names in the address, so
that a link works in every language.
"""

from typing import Final

import streamlit as st

from cifarviz.datasets.info import LANGUAGES, DatasetInfo, Language
from cifarviz.datasets.registry import all_datasets, find_dataset
from cifarviz.ui import state
from cifarviz.ui.address import quoted
from cifarviz.ui.query import update_query_params, widget_key, widget_value

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
    """Return a data set's class names in the session's language, ordered by label."""
    return find_dataset(dataset).class_names(language())


def query_class_names(dataset: DatasetInfo | str) -> tuple[str, ...]:
    """Return a data set's class names as used in addresses, ordered by label."""
    return find_dataset(dataset).classes


def languages() -> tuple[Language, ...]:
    """Return the languages that any data set has class names in."""
    known = {code for info in all_datasets() for code in info.languages}
    return tuple(code for code in LANGUAGES if code in known)


def language() -> Language:
    """Return the language of class names in this session."""
    return state.language_memory().language


def language_query_params() -> dict[str, str]:
    """Return the query parameters that keep the language in a link; empty for English."""
    return {} if language() == _ENGLISH else {QUERY_PARAM: language()}


def render_language_choice() -> None:
    """Show the language choice; call this before the page draws anything."""
    offered = languages()
    memory = state.language_memory()
    requested = st.query_params.get(QUERY_PARAM)
    memory.unknown = None
    if requested in offered:
        memory.language = next(code for code in offered if code == requested)
    elif requested is not None:
        memory.unknown = requested
    else:
        # The menu's links have no language: the session's stays.
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
        on_change=_select_language,
        help="The language of class names on every page. Data sets without names in it show "
        "English.",
    )


def unknown_language_message() -> str | None:
    """Return a message about an unknown language in the address; ``None`` if there is none."""
    unknown = state.language_memory().unknown
    if unknown is None:
        return None
    known = " or ".join(f"{LANGUAGES[code]} (“{code}”)" for code in languages())
    return (
        f"There are no class names in {quoted(unknown)}, only in {known}. They are shown in "
        f"{LANGUAGES[language()]}."
    )


def _select_language() -> None:
    state.language_memory().language = widget_value(_KEY)
    update_query_params(**{QUERY_PARAM: None} | language_query_params())


def format_number_word(number: int) -> str:
    """Spell a number from 0 to 12; format larger ones in digits."""
    return _NUMBER_NAMES[number] if 0 <= number < len(_NUMBER_NAMES) else f"{number:,}"
