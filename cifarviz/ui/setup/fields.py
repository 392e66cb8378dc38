"""One widget for one field of an experiment, by what the field can be.

Numbers are typed into text fields: Streamlit's own number field makes 3 of 3.7 and 1 of 1e3
without a word, and here whatever was typed is kept until it is put right.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial
from math import isfinite
from typing import Any, Literal, get_args, get_origin

import streamlit as st

from cifarviz.experiment.epoch_list import epochs_meant, epochs_text
from cifarviz.ui.address import escaped
from cifarviz.ui.query import widget_key, widget_value
from cifarviz.ui.unbroken import unbroken
from cifarviz.value import Value
from cifarviz.value_text import choice_words, number_text

_LONGEST = 40
# Fewer than 100 epochs, which are as many as an experiment takes.
_LONGEST_LIST = 280
_WHOLE = re.compile(r"[+-]?\d+")
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}([,\u202f\u00a0 ]\d{3})+")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")

Give = Callable[[Any], None]
"""Takes what a field was changed to."""


def field_input(
    made: type[Value],
    name: str,
    value: object,
    give: Give,
    *,
    key: str,
    disabled: bool = False,
    placeholder: str = "",
) -> None:
    """Show field ``name`` of the class ``made`` with ``value``; ``give`` gets each new one."""
    annotation: Any = made.model_fields[name].annotation
    label, hint = sentence_case(made.words(name)), made.help_text(name)
    if annotation is bool:
        st.toggle(
            label,
            value=value is True,
            key=widget_key(key, value is True),
            help=hint,
            disabled=disabled,
            on_change=unbroken(lambda: give(widget_value(key))),
        )
    elif get_origin(annotation) is Literal:
        choice_input(label, get_args(annotation), str(value), give, key=key, hint=hint)
    elif get_origin(annotation) is tuple:
        _typed_input(
            label,
            value,
            give,
            text=epochs_text,
            meant=epochs_meant,
            key=key,
            hint=hint,
            longest=_LONGEST_LIST,
            disabled=disabled,
            placeholder=placeholder,
        )
    else:
        whole = float not in (annotation, *get_args(annotation))
        _typed_input(
            label,
            value,
            give,
            text=number_typed,
            meant=partial(number_meant, whole=whole),
            key=key,
            hint=hint,
            longest=_LONGEST,
            disabled=disabled,
            placeholder=placeholder,
        )


def _typed_input(
    label: str,
    value: object,
    give: Give,
    *,
    text: Callable[[Any], str],
    meant: Callable[[str], object],
    key: str,
    hint: str,
    longest: int,
    disabled: bool,
    placeholder: str,
) -> None:
    st.text_input(
        label,
        value=text(value),
        key=widget_key(key, value, lambda typed, value: meant(typed) == value),
        help=hint,
        max_chars=longest,
        disabled=disabled,
        placeholder=placeholder,
        autocomplete="off",
        on_change=unbroken(lambda: give(meant(widget_value(key)))),
    )


def choice_input(
    label: str,
    options: Sequence[str],
    value: str,
    give: Give,
    *,
    key: str,
    hint: str = "",
    headed: bool = False,
    words: Callable[[str], str] = choice_words,
) -> None:
    """A menu of ``options``, each in words; ``give`` gets the one chosen.

    ``headed``: a heading above says its label and help, which it then only has for screen readers.
    """
    st.selectbox(
        label,
        options,
        index=options.index(value),
        format_func=words,
        key=widget_key(key, value),
        help=hint or None,
        label_visibility="collapsed" if headed else "visible",
        on_change=unbroken(lambda: give(widget_value(key))),
    )


def show_problem(problem: str | None) -> None:
    """What is wrong with what stands above, if anything is."""
    if problem is not None:
        st.markdown(f":red[:material/error: {escaped(problem)}]")


def number_typed(value: object) -> str:
    """A value as it stands in its text field."""
    if value is None:
        return ""
    return number_text(value) if isinstance(value, float) else str(value)


def number_meant(typed: str | None, *, whole: bool) -> int | float | str | None:
    """The number that ``typed`` is; the text itself where it is none, ``None`` where it is empty.

    Thousands may be grouped in a ``whole`` number only: elsewhere 0,001 would be taken for 1.
    """
    text = (typed or "").strip()
    if not text:
        return None
    if whole and _GROUPED.fullmatch(text):
        text = re.sub(r"[^\d+-]", "", text)
    # The browser keeps to the length; whoever speaks to the server without one need not.
    if len(text) > _LONGEST or not _NUMBER.fullmatch(text):
        return text
    if whole and _WHOLE.fullmatch(text):
        return int(text)
    number = float(text)
    if not isfinite(number):
        return text
    return int(number) if whole and number.is_integer() else number


def sentence_case(words: str) -> str:
    """``Kernel size`` of ``kernel size``; ``L2 penalty`` stays."""
    return words[:1].upper() + words[1:]
