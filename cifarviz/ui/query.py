"""Synchronises widgets with the query parameters of a page.

The session holds the query parameters, and the browser a copy of them. Within a page only callbacks
change them. The browser's copy is used when a page is opened, after its Back button, and where this
session never had it; otherwise it is out of date, replaced while the request was under way.

The value of a widget is never set. A widget whose value was changed by something else is replaced
by a new one with another key, so that values the browser still sends for the old key are ignored.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import eq
from typing import Any, Literal, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cifarviz.ui import state, streamlit_patches
from cifarviz.ui.address import quoted, whole_number
from cifarviz.ui.components.page_history import page_history

Word = TypeVar("Word", bound=str)


def sync_query_params(page: str | None = None) -> None:
    """Synchronise session and browser; call this before anything reads the address.

    ``page`` is the URL path of the page; without it, the page is the same as before.
    """
    memory = state.query_memory()
    if page is not None and page != memory.page:
        memory.page, memory.in_history = page, False
        memory.request = streamlit_patches.current_request()
        memory.sent = st.query_params.to_dict()
        memory.addresses.append(memory.sent)
    else:
        _receive(memory, follow=not streamlit_patches.has_browser())
    if memory.link is not None and memory.link[0] == memory.page:
        memory.addresses.append(memory.link[1])
    memory.link = None
    if st.query_params.to_dict() != memory.addresses[-1]:
        _send(memory)


def finish_page() -> None:
    """Send the address of a newly opened page to the browser; call this at the page's end."""
    memory = state.query_memory()
    if memory.page is not None and not memory.in_history:
        page_history(memory.page, memory.sent, memory.addresses[-1])
        memory.in_history = True


def current_query_params() -> dict[str, str]:
    """Return the query parameters; also valid in callbacks, which run before the page."""
    memory = state.query_memory()
    _receive(memory)
    return dict(memory.addresses[-1])


def update_query_params(**values: str | None) -> None:
    """Set query parameters; ``None`` removes one.

    The page keeps its single entry in the browser's history.
    """
    before = current_query_params()
    after = {name: value for name, value in (before | values).items() if value is not None}
    if after != before:
        memory = state.query_memory()
        memory.addresses.append(after)
        _send(memory)


def fill_query_param(name: str, usual: str) -> str:
    """Return the query parameter ``name``, set to ``usual`` if it is missing."""
    if name not in st.query_params:
        update_query_params(**{name: usual})
    return st.query_params[name]


def open_address(page: str, address: Mapping[str, str]) -> None:
    """Give ``page`` these query parameters the next time it is shown."""
    state.query_memory().link = (page, dict(address))


def _receive(memory: state.QueryMemory, *, follow: bool = False) -> None:
    """Process the address sent by the browser, once per request.

    ``memory.addresses`` are those the browser may have now, in the order it receives them; the last
    is the session's. ``follow`` accepts the sent address in any case.
    """
    request = streamlit_patches.current_request()
    if request == memory.request:
        return
    # If the script is interrupted here, nothing has been changed.
    sent = st.query_params.to_dict()
    memory.request, memory.sent = request, sent
    if streamlit_patches.is_history_navigation():
        memory.addresses.append(sent)
    elif sent in memory.addresses and not follow:
        del memory.addresses[: memory.addresses.index(sent)]
    else:
        memory.addresses = [sent]
        # A link within the page: Streamlit leaves it to the script to show its address.
        _send(memory)


def _send(memory: state.QueryMemory) -> None:
    if memory.in_history:
        st.query_params.from_dict(memory.addresses[-1])
    else:
        streamlit_patches.set_query_params_quietly(memory.addresses[-1])


# ---- Widgets ---------------------------------------------------------------------------------


def widget_key(name: str, value: object, matches: Callable[[Any, Any], bool] = eq) -> str:
    """Return the key of the widget ``name`` with the default ``value``.

    The key is new if the widget holds something that does not match ``value``.
    """
    key = _key(name)
    if state.has_widget(key) and not matches(state.get(key), value):
        renew_widget(name)
        key = _key(name)
    return key


def renew_widget(name: str) -> None:
    """Reset the widget ``name`` to its default."""
    versions = state.query_memory().versions
    versions[name] = versions.get(name, 0) + 1


def widget_value(name: str) -> Any:
    """Return the value of the widget ``name``, in a callback.

    Raises ``WidgetGone`` if it is no longer on the page.
    """
    return state.get(_key(name))


def _key(name: str) -> str:
    version = state.query_memory().versions.get(name, 0)
    return f"{name}-v{version}" if version else name


def typed_text(key: str, given: str) -> str:
    """Return the stripped text of the field with this key, in its callback.

    Raises ``WidgetGone`` if it equals the default ``given``: a field that was replaced during a run
    may report its default as if it had been typed.
    """
    typed: str = state.get(key).strip()
    if typed == given:
        raise state.WidgetGone(key)
    return typed


def same_text(typed: str, value: str) -> bool:
    """Return whether a text field holds ``value``, apart from surrounding spaces."""
    return typed.strip() == value


def same_items(chosen: Sequence[object], value: Sequence[object]) -> bool:
    """Return whether both hold the same items in any order."""
    return set(chosen) == set(value)


def render_choice(
    name: str,
    label: str,
    options: Mapping[Word, str],
    *,
    key: str,
    hint: str | None,
    problem: Callable[[str], str],
    forget: Sequence[str] = (),
    usual: Word | None = None,
    menu: bool = False,
    label_visibility: Literal["visible", "collapsed"] = "visible",
    place: DeltaGenerator | None = None,
) -> Word:
    """Show a choice and return the query parameter ``name``, else ``usual`` or the first option.

    ``options`` are labels by query value; ``menu`` shows them as a menu instead of buttons.
    ``problem`` makes the error message for an unknown value, which it gets quoted. ``forget`` are
    query parameters that a change removes. ``place`` is the container to draw in.
    """
    default = next(iter(options)) if usual is None else usual
    requested = st.query_params.get(name, default)
    known = next((value for value in options if value == requested), None)
    chosen = default if known is None else known
    container = place or st
    widget = (
        partial(container.selectbox, index=list(options).index(chosen))
        if menu
        else partial(container.segmented_control, default=chosen, required=True)
    )
    shown_key = widget_key(key, chosen)
    widget(
        label,
        list(options),
        format_func=options.__getitem__,
        key=shown_key,
        on_change=_select_choice,
        args=(name, shown_key, forget, chosen),
        help=hint,
        label_visibility=label_visibility,
    )
    if known is None:
        st.error(problem(quoted(requested)), icon=":material/error:")
    return chosen


def _select_choice(name: str, key: str, forget: Sequence[str], given: str) -> None:
    # Of this widget: by now another may have taken its place, with another default.
    value = state.get(key)
    # A widget that was replaced during a run may report its default as if it had been chosen.
    if value != given or current_query_params().get(name, given) != given:
        update_query_params(**dict.fromkeys(forget), **{name: value})


def render_number(
    name: str, label: str, usual: int, bounds: tuple[int, int], hint: str, *, key: str
) -> int:
    """Show a number field and return the query parameter ``name`` as an integer.

    Shows an error and returns ``usual`` if it is no integer within ``bounds``.
    """
    least, most = bounds
    text = st.query_params.get(name, str(usual))
    value = whole_number(text)
    if value is None or not least <= value <= most:
        st.error(
            f"{label}: expected a whole number from {least:,} to {most:,}, got {quoted(text)}; "
            f"{usual:,} is used.",
            icon=":material/error:",
        )
        value = usual
    shown_key = widget_key(key, value)
    st.number_input(
        label,
        least,
        most,
        value,
        key=shown_key,
        help=hint,
        on_change=_select_number,
        args=(name, shown_key, value),
    )
    return value


def _select_number(name: str, key: str, given: int) -> None:
    # As in _select_choice.
    number = state.get(key)
    if number != given or current_query_params().get(name, str(given)) != str(given):
        update_query_params(**{name: str(number)})
