"""The address of a page, changed by what is pressed there, however fast."""

import time
from math import inf

import streamlit as st

from cifarviz.ui import state

# Seconds within which a press may still bring an address that was replaced: the browser of a
# laden machine hears late of the new one. Once it has brought that, an old one is no echo.
_LAG = 10.0
# The same where nothing was pressed that changes the address: it may well be the Back button.
_SHORT_LAG = 0.3
# Seconds after an address has arrived within which the browser makes its widgets anew.
_NEW_WIDGETS = 1.0


def follow(page: str) -> None:
    """Take over the address the browser sends; call this first on the page of that name.

    A press that comes before the browser has heard of the one before still brings the address of
    before that: it must not take the change back.
    """
    _take_over(page, _SHORT_LAG)
    state.address_memory().changed = False


def _take_over(page: str, lag: float) -> None:
    memory = state.address_memory()
    sent = st.query_params.to_dict()
    if memory.page != page:
        memory.page = page
        memory.replaced.clear()
        memory.shown.clear()
        memory.outdated.clear()
    elif sent == memory.values:
        if not memory.changed:
            memory.replaced.clear()
        return
    elif _lags(sent, lag):
        st.query_params.from_dict(memory.values)
        memory.changed = True
        return
    memory.values = sent
    memory.arrived = time.monotonic()


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
    if key in memory.shown and value == memory.shown[key]:
        return False
    before, when = memory.outdated.get(key, (None, -inf))
    lag = _SHORT_LAG if st.query_params.to_dict() == memory.values else _LAG
    if value == before and time.monotonic() - when < lag:
        return False
    memory.shown[key] = value
    return True


def followed(name: str) -> str | None:
    """What the address holds under this name, also in a callback, which runs before the page."""
    return followed_values().get(name)


def followed_values() -> dict[str, str]:
    """All that the address holds, also in a callback, which runs before the page."""
    memory = state.address_memory()
    _take_over(memory.page, _LAG)
    return dict(memory.values)


def change(**values: str | None) -> None:
    """Put these values into the address of the page that is followed, ``None`` takes one out.

    It is one step of the browser's Back, whatever the number of values.
    """
    memory = state.address_memory()
    _take_over(memory.page, _LAG)
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


def _lags(sent: dict[str, str], lag: float) -> bool:
    when = state.address_memory().replaced.get(_key(sent))
    return when is not None and time.monotonic() - when < lag


def _key(values: dict[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset(values.items())
