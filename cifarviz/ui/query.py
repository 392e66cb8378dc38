"""The address of a page: the query string that its widgets follow and change.

The session holds the address, the browser a copy of it. Within a page only callbacks change it;
what the browser sends counts when a page is entered, on its Back button, and where this session
never had it. All else is an address that was replaced while the request was under way.

A widget is never written to. Where something else has changed its value it becomes another widget,
with a key of its own: what the browser still sends for the one before is nobody's.
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
from cifarviz.ui.streamlit_patches import uninterruptible

Word = TypeVar("Word", bound=str)


def sync_query_params(page: str | None = None) -> None:
    """Make session and browser agree on the address; call this before anything reads it.

    ``page`` is the name of the page that is shown; without it, the same as before.
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
    """Give the browser the address of a page that was entered; call this at its end."""
    memory = state.query_memory()
    if memory.page is not None and not memory.in_history:
        page_history(memory.page, memory.sent, memory.addresses[-1])
        memory.in_history = True


def current_query_params() -> dict[str, str]:
    """Return the address, also in a callback, which runs before the page."""
    memory = state.query_memory()
    _receive(memory)
    return dict(memory.addresses[-1])


def update_query_params(**values: str | None) -> None:
    """Put these values into the address; ``None`` takes one out.

    The page keeps its one entry in the browser's history.
    """
    before = current_query_params()
    after = {name: value for name, value in (before | values).items() if value is not None}
    if after != before:
        memory = state.query_memory()
        memory.addresses.append(after)
        _send(memory)


def fill_query_param(name: str, usual: str) -> str:
    """Return what the address holds as ``name``; ``usual``, put into it, where it holds nothing."""
    if name not in st.query_params:
        update_query_params(**{name: usual})
    return st.query_params[name]


def open_address(page: str, address: Mapping[str, str]) -> None:
    """Have ``page`` begin with this address the next time that it is shown."""
    state.query_memory().link = (page, dict(address))


def _receive(memory: state.QueryMemory, *, follow: bool = False) -> None:
    """Take in what the browser has sent, once a request.

    ``memory.addresses`` are those that the browser may have now, in the order in which it gets
    them: the last one is the session's. ``follow``: the one sent counts in any case.
    """
    request = streamlit_patches.current_request()
    if request == memory.request:
        return
    # May be broken off here, and nothing has been taken in then.
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
    """Return the key of the widget ``name``, which is to show ``value``.

    It is another one than before where the widget holds what does not match ``value``. Give the
    value to the widget as its default.
    """
    key = _key(name)
    if state.has_widget(key) and not matches(state.get(key), value):
        renew_widget(name)
        key = _key(name)
    return key


def renew_widget(name: str) -> None:
    """Have the widget ``name`` begin again with its default, whatever it holds."""
    versions = state.query_memory().versions
    versions[name] = versions.get(name, 0) + 1


def widget_value(name: str) -> Any:
    """Return the value of the widget ``name``, in a callback.

    Raises ``WidgetGone`` where it is not on the page any more.
    """
    return state.get(_key(name))


def _key(name: str) -> str:
    version = state.query_memory().versions.get(name, 0)
    return f"{name}-v{version}" if version else name


def typed_text(key: str, given: str) -> str:
    """Return what was typed into the text field of this key, in its callback, without spaces.

    Raises ``WidgetGone`` where it holds what it was ``given``: a field that has become another
    one in the middle of a run may tell Streamlit of its first value as if it were typed.
    """
    typed: str = state.get(key).strip()
    if typed == given:
        raise state.WidgetGone(key)
    return typed


def same_text(typed: str, value: str) -> bool:
    """Whether a text field holds ``value``, with spaces around it or without."""
    return typed.strip() == value


def same_items(chosen: Sequence[object], value: Sequence[object]) -> bool:
    """Whether the same was chosen, in whatever order."""
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
    """Show the choices and return the one that the address holds as ``name``, else the usual one.

    That is the first, without ``usual``. ``options`` are the address's words with those shown;
    ``menu`` folds them up. ``problem`` makes a sentence of a word, quoted, that is none of them.
    ``forget`` names what else in the address a change makes void. ``place`` is where the choices
    stand.
    """
    otherwise = next(iter(options)) if usual is None else usual
    wanted = st.query_params.get(name, otherwise)
    found = next((word for word in options if word == wanted), None)
    chosen = otherwise if found is None else found
    show_in = place or st
    show_as = (
        partial(show_in.selectbox, index=list(options).index(chosen))
        if menu
        else partial(show_in.segmented_control, default=chosen, required=True)
    )
    show_as(
        label,
        list(options),
        format_func=options.__getitem__,
        key=widget_key(key, chosen),
        on_change=uninterruptible(_select_choice),
        args=(name, key, forget),
        help=hint,
        label_visibility=label_visibility,
    )
    if found is None:
        st.error(problem(quoted(wanted)), icon=":material/error:")
    return chosen


def _select_choice(name: str, key: str, forget: Sequence[str]) -> None:
    update_query_params(**dict.fromkeys(forget), **{name: widget_value(key)})


def render_number(
    name: str, label: str, usual: int, bounds: tuple[int, int], hint: str, *, key: str
) -> int:
    """Show a field for it and return the whole number that the address holds as ``name``.

    Where that is none, or none within ``bounds``, it is said and ``usual`` is returned.
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
    st.number_input(
        label,
        least,
        most,
        value,
        key=widget_key(key, value),
        help=hint,
        on_change=uninterruptible(_select_number),
        args=(name, key),
    )
    return value


def _select_number(name: str, key: str) -> None:
    update_query_params(**{name: str(widget_value(key))})
