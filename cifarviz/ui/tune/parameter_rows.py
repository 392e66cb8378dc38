"""The parameters of a study as rows of widgets; the address holds them as texts."""

from collections.abc import Sequence
from functools import partial
from typing import Literal

import streamlit as st

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.parameter_text import format_parameter, parse_parameter
from cifarviz.experiment.parameters import Choices, Range, plain_setting
from cifarviz.experiment.tunables import Tunable, find_tunable, setting_title, tunables
from cifarviz.ui.address import escaped, sentence_case
from cifarviz.ui.query import (
    current_query_params,
    fill_query_param,
    update_query_params,
    widget_key,
    widget_value,
)
from cifarviz.ui.train.fields import render_problem

PARAM = "vary"
"""The query parameter with the parameters, as ``parse_parameter`` reads them."""
_BETWEEN = ";"
_USUAL = ("learning_rate",)
_KINDS = {"range": "Range", "log": "Log range", "choices": "Choices"}
_Kind = Literal["range", "log", "choices"]


def render_parameters(base: Experiment, *, is_grid: bool) -> list[Range | Choices]:
    """Show a row for each parameter, and a menu to add one.

    Returns those that can be tried; none if one of them cannot. ``is_grid``: rows of ranges show
    how many values a grid takes.
    """
    every = {tunable.key: tunable for tunable in tunables(base)}
    texts = _texts(base)
    found, problems = [], 0
    for place, text in enumerate(texts):
        key = text.partition("=")[0]
        if key not in every:
            problems += 1
            _render_unknown(place, key)
            continue
        with st.container(border=True, gap="xsmall", key=f"tune-row-{place}"):
            _render_row(every[key], text, place, is_grid=is_grid)
            try:
                _check_ends(text)
                found.append(parse_parameter(base, text))
            except ExperimentInvalid as error:
                problems += 1
                render_problem(str(error))
    _render_adding(every, texts)
    if not texts:
        st.caption("Add at least one value to vary.")
    return [] if problems else found


def _texts(base: Experiment) -> list[str]:
    """Return the parameters of the address, which is given the usual ones at first."""
    usual = (format_parameter(find_tunable(base, key).usual) for key in _USUAL)
    fill_query_param(PARAM, _BETWEEN.join(usual))
    return _stored()


def _replace(place: int, text: str | None, texts: Sequence[str]) -> None:
    """Store another text of a row in the address; ``None`` removes the row."""
    changed = [*texts]
    changed[place : place + 1] = [] if text is None else [text]
    update_query_params(**{PARAM: _BETWEEN.join(changed)})


def _render_unknown(place: int, key: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.error(
            f"“{escaped(key[:40])}” cannot be varied in these settings: remove it, or change the "
            "base.",
            icon=":material/error:",
        )
        st.button(
            "Remove",
            key=f"tune-unknown-{place}",
            on_click=_remove,
            args=(place,),
        )


def _render_row(tunable: Tunable, text: str, place: int, *, is_grid: bool) -> None:
    key = f"tune-{tunable.key}"
    with st.container(horizontal=True, vertical_alignment="center"):
        now = escaped(setting_title(tunable.key, tunable.current))
        st.markdown(
            f"**{escaped(sentence_case(tunable.label))}** :gray[now {now}]",
            help=tunable.hint or None,
            width="stretch",
        )
        if tunable.choices is None:
            _render_kind(tunable, text, place, f"{key}-kind")
        st.button(
            "Remove",
            key=f"{key}-remove",
            icon=":material/close:",
            type="tertiary",
            on_click=_remove,
            args=(place,),
        )
    if tunable.choices is not None:
        _render_menu(tunable, text, place, f"{key}-menu")
    elif _kind(text) == "choices":
        _render_list(tunable, text, place, f"{key}-list")
    else:
        _render_ends(tunable, text, place, key, is_grid=is_grid)


def _check_ends(text: str) -> None:
    """Raise ``ExperimentInvalid`` for ends that are no numbers."""
    if _kind(text) == "choices":
        return
    for typed in text.partition("=")[2].split(":")[1:]:
        try:
            float(typed)
        except ValueError as error:
            shown = f"“{typed[:20]}” is no number" if typed else "one is empty"
            raise ExperimentInvalid(
                "Type the lowest and the highest value as numbers, such as 0.001: {shown}.",
                shown=shown,
            ) from error


def _kind(text: str) -> _Kind:
    tried = text.partition("=")[2]
    if tried.startswith("log:"):
        return "log"
    return "range" if tried.startswith(("range:", "int:")) else "choices"


def _render_kind(tunable: Tunable, text: str, place: int, key: str) -> None:
    kind = _kind(text)
    st.segmented_control(
        f"What to try of {tunable.label}",
        list(_KINDS),
        default=kind,
        required=True,
        format_func=_KINDS.__getitem__,
        key=widget_key(key, kind),
        label_visibility="collapsed",
        help="A range tries all values between its ends. A log range tries as many between 0.001 "
        "and 0.01 as between 0.01 and 0.1. Choices are only the values named.",
        on_change=lambda: _replace_current(place, _converted(tunable, text, widget_value(key))),
    )


def _converted(tunable: Tunable, text: str, kind: _Kind) -> str:
    """Return the text of a row with another kind, with the ends that it had, as far as it can."""
    low, high = _ends(tunable, text)
    if kind == "choices":
        usual = tunable.usual
        values = usual.values if isinstance(usual, Choices) else usual.grid()
        return f"{tunable.key}={','.join(map(plain_setting, values))}"
    if kind == "log" and low == "0":
        low = "1" if tunable.whole else "0.001"
    return f"{tunable.key}={kind}:{low}:{high}"


def _ends(tunable: Tunable, text: str) -> tuple[str, str]:
    """Return what is typed as the ends of a range."""
    if _kind(text) != "choices":
        _, low, high, *_ = (*text.partition("=")[2].split(":"), "", "")
        return low, high
    values = text.partition("=")[2].removeprefix("choices:").split(",")
    try:
        numbers = sorted(map(float, values))
    except ValueError:
        numbers = []
    if len(numbers) > 1:
        return plain_setting(numbers[0]), plain_setting(numbers[-1])
    usual = tunable.usual
    grid = usual.grid()
    return plain_setting(grid[0]), plain_setting(grid[-1])


def _render_ends(tunable: Tunable, text: str, place: int, key: str, *, is_grid: bool) -> None:
    parts = text.partition("=")[2].split(":")
    shown = [("From", 1), ("To", 2), *([("Values", 3)] if is_grid else [])]
    for column, (label, part) in zip(st.columns(len(shown)), shown, strict=True):
        usual = str(Range.model_fields["points"].default) if label == "Values" else ""
        value = parts[part] if part < len(parts) else usual
        name = f"{key}-{label.lower()}"
        with column:
            st.text_input(
                label,
                value=value,
                key=widget_key(name, value),
                max_chars=20,
                autocomplete="off",
                on_change=partial(_part_typed, place, part, name),
            )


def _part_typed(place: int, part: int, widget: str) -> None:
    """Put what was typed into its part of the text of a row, as ``log:FROM:TO:VALUES``."""
    typed = str(widget_value(widget)).strip().replace(":", "").replace(_BETWEEN, "")
    text = _current(place)
    if text is None:
        return
    key, _, tried = text.partition("=")
    parts = tried.split(":")
    parts += [""] * (part + 1 - len(parts))
    parts[part] = typed
    _replace_current(place, f"{key}={':'.join(parts)}")


def _render_list(tunable: Tunable, text: str, place: int, key: str) -> None:
    values = text.partition("=")[2].removeprefix("choices:")
    shown = ", ".join(value.strip() for value in values.split(","))
    st.text_input(
        "Values, separated by commas",
        value=shown,
        key=widget_key(key, shown),
        max_chars=300,
        autocomplete="off",
        on_change=lambda: _replace_current(
            place, f"{tunable.key}={_typed_list(str(widget_value(key)))}"
        ),
    )


def _typed_list(typed: str) -> str:
    values = (value.strip() for value in typed.replace(_BETWEEN, ",").split(","))
    return ",".join(value for value in values if value)


def _render_menu(tunable: Tunable, text: str, place: int, key: str) -> None:
    assert tunable.choices is not None
    names = {plain_setting(choice): choice for choice in tunable.choices}
    wanted = text.partition("=")[2].removeprefix("choices:").split(",")
    chosen = [name for name in names if name in wanted]
    st.pills(
        f"Values of {tunable.label}",
        list(names),
        selection_mode="multi",
        default=chosen,
        format_func=lambda name: setting_title(tunable.key, names[name]),
        key=widget_key(key, chosen, lambda one, other: set(one) == set(other)),
        label_visibility="collapsed",
        on_change=lambda: _replace_current(place, f"{tunable.key}={','.join(widget_value(key))}"),
    )


def _render_adding(every: dict[str, Tunable], texts: Sequence[str]) -> None:
    taken = {text.partition("=")[0] for text in texts}
    options = [key for key in every if key not in taken]
    st.selectbox(
        "Vary something else",
        options,
        index=None,
        format_func=lambda key: f"{every[key].group}: {sentence_case(every[key].label)}",
        # Empty again once a row was added.
        key=f"tune-add-{len(texts)}-{len(options)}",
        placeholder="Add a value to vary …",
        label_visibility="collapsed",
        on_change=_added,
        args=(f"tune-add-{len(texts)}-{len(options)}", every, tuple(texts)),
    )


def _added(widget: str, every: dict[str, Tunable], texts: Sequence[str]) -> None:
    key = widget_value(widget)
    if key is not None:
        added = format_parameter(every[key].usual)
        update_query_params(**{PARAM: _BETWEEN.join([*texts, added])})


def _remove(place: int) -> None:
    texts = _stored()
    if place < len(texts):
        _replace(place, None, texts)


def _stored() -> list[str]:
    return [text for text in current_query_params().get(PARAM, "").split(_BETWEEN) if text]


def _current(place: int) -> str | None:
    texts = _stored()
    return texts[place] if place < len(texts) else None


def _replace_current(place: int, text: str) -> None:
    """Replace the text of a row, as the address has them now."""
    texts = _stored()
    if place < len(texts):
        _replace(place, text, texts)
