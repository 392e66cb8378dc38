"""The address of a page, changed by what is pressed there, however fast."""

import time
from math import inf

import streamlit as st

from cifarviz.ui import state
from cifarviz.ui.streamlit_patches import is_history_navigation

# Seconds within which a press may still bring an address that was replaced: the browser of a
# laden machine hears late of the new one. Once it has brought that, an old one is no echo.
_LAG = 10.0
# The same of a widget's value, once the browser knows the address that goes with the new one.
_SHORT_LAG = 0.3
# Seconds after an address has arrived within which the browser makes its widgets anew.
_NEW_WIDGETS = 1.0
# Seconds within which it may still bring what Back has taken from a widget of a page that is not
# followed.
_AFTER_BACK = 2.0


def follow(page: str) -> None:
    """Take over the address the browser sends; call this first on the page of that name.

    A press that comes before the browser has heard of the one before still brings the address of
    before that: it must not take the change back.
    """
    memory = state.address_memory()
    if memory.page != page:
        memory.page = page
        memory.values = st.query_params.to_dict()
        memory.arrived = time.monotonic()
        memory.replaced.clear()
        memory.shown.clear()
        memory.outdated.clear()
    _take_over()
    sent = st.query_params.to_dict()
    if sent != memory.values:
        st.query_params.from_dict(memory.values)
    elif not memory.changed:
        memory.replaced.clear()
    memory.changed = False


def _take_over() -> None:
    memory = state.address_memory()
    sent = st.query_params.to_dict()
    if sent == memory.values or (_replaced_lately(sent) and not is_history_navigation()):
        return
    memory.values = sent
    memory.arrived = time.monotonic()
    memory.replaced.pop(_key(sent), None)


def show(key: str, value: object) -> None:
    """Give the widget ``key`` its value from the address, before it is made."""
    # One that it has already is not sent: in the browser, a press made meanwhile is newer. But
    # when an address arrives, the browser makes all widgets anew and knows nothing of them.
    anew = time.monotonic() - state.address_memory().arrived < _NEW_WIDGETS
    if anew or not state.is_kept(key) or state.get(key) != value:
        state.put(key, value)
    memory = state.address_memory()
    if key in memory.shown and memory.shown[key] != value:
        memory.outdated[key] = (memory.shown[key], time.monotonic())
    memory.shown[key] = value


def wished(key: str) -> bool:
    """Whether a person has changed the widget ``key``, asked in the callback that says so.

    Each look at a run under way, a press elsewhere too, brings all widgets as the browser has
    them. After ``show`` has given one another value, that is the one of before until the browser
    has heard of it, and then the new one: to Streamlit both are changes, and nobody made them.
    """
    memory, value = state.address_memory(), state.get(key)
    # What is not shown was left behind with its page, whose last look at the store still brings it.
    if key not in memory.shown or value == memory.shown[key]:
        return False
    before, when = memory.outdated.get(key, (None, -inf))
    lag = _SHORT_LAG if st.query_params.to_dict() == memory.values else _LAG
    if value == before and time.monotonic() - when < lag:
        return False
    memory.shown[key] = value
    return True


def give_back(key: str, value: object) -> None:
    """Give the widget ``key`` of a page that is not followed its value from the address.

    After the browser's Back it still has another for a moment: ``gone_back_on`` says so.
    """
    # A press has put its value into the address before this.
    if state.is_kept(key) and state.get(key) != value:
        state.address_memory().outdated[key] = (state.get(key), time.monotonic())
    state.put(key, value)


def gone_back_on(key: str) -> bool:
    """Whether the widget's value is the one that Back has just taken from it, and no press.

    Any look at what goes on, the sidebar's too, brings all widgets as the browser has them.
    """
    before, when = state.address_memory().outdated.get(key, (None, -inf))
    return state.get(key) == before and time.monotonic() - when < _AFTER_BACK


def followed(name: str) -> str | None:
    """What the address holds under this name, also in a callback, which runs before the page."""
    return followed_values().get(name)


def followed_values() -> dict[str, str]:
    """All that the address holds, also in a callback, which runs before the page."""
    _take_over()
    return dict(state.address_memory().values)


def change(**values: str | None) -> None:
    """Put these values into the address of the page that is followed, ``None`` takes one out.

    It is one step of the browser's Back, whatever the number of values.
    """
    _take_over()
    memory = state.address_memory()
    before = memory.values
    after = {name: value for name, value in (before | values).items() if value is not None}
    if after == before:
        return
    now = time.monotonic()
    memory.replaced = {old: when for old, when in memory.replaced.items() if now - when < _LAG}
    memory.replaced[_key(before)] = now
    memory.replaced.pop(_key(after), None)
    memory.values = after
    memory.changed = True
    st.query_params.from_dict(after)


def _replaced_lately(sent: dict[str, str]) -> bool:
    when = state.address_memory().replaced.get(_key(sent))
    return when is not None and time.monotonic() - when < _LAG


def _key(values: dict[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset(values.items())
