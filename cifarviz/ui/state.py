"""The only file that touches Streamlit's session state.

Nothing that matters lives here alone: a reload starts a new session.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from math import inf
from typing import Any

import streamlit as st

from cifarviz.data.datasets import Language
from cifarviz.experiment.draft import Draft


@dataclass
class SetupMemory:
    """What Setup knows of this browser session between two runs of the page.

    ``drafts_begun`` counts, so that each draft's widgets have keys of their own; ``address`` is
    the preset and the changes that were last put into the address, and ``replaced`` has when
    (monotonic seconds) others were replaced there; ``open_layer`` is the layer whose form is open.
    """

    draft: Draft | None = None
    drafts_begun: int = 0
    address: tuple[str | None, str | None] | None = None
    replaced: dict[tuple[str | None, str | None], float] = field(default_factory=dict)
    open_layer: str | None = None


def put(key: str, value: object) -> None:
    """Give the widget ``key`` its value, before it is made: so it follows the address."""
    st.session_state[key] = value


class WidgetGone(KeyError):
    """The widget is on the page no more: what was pressed in it came too late."""


def get(key: str) -> Any:
    """The value of the widget ``key``; for its callback, which runs before it is made again.

    Raises ``WidgetGone``, which ``unbroken`` callbacks need not catch.
    """
    try:
        return st.session_state[key]
    except KeyError as error:
        raise WidgetGone(key) from error


def take(key: str) -> Any:
    """The value under ``key``, which is gone afterwards; ``None`` if there is none."""
    return st.session_state.pop(key, None)


def remember(name: str, value: str) -> None:
    """Keep a choice for the other pages of this browser session, as a convenience."""
    st.session_state[f"remembered-{name}"] = value


def recall(name: str) -> str | None:
    """What ``remember`` kept under this name."""
    value = st.session_state.get(f"remembered-{name}")
    return value if isinstance(value, str) else None


def setup_memory() -> SetupMemory:
    """The memory of Setup, to be changed in place."""
    memory = st.session_state.setdefault("setup-memory", SetupMemory())
    assert isinstance(memory, SetupMemory)
    return memory


@dataclass
class AddressMemory:
    """The address of a page as this session last had it. Monotonic seconds: ``arrived``, when the
    browser came with it (a link, its Back button), and of ``replaced`` ones that it may not know
    of yet, when they were. ``changed``: by this run of the script, before it came to the page.
    ``shown`` are the values that widgets got from the address, by their keys; ``outdated`` those
    they had before, and when they were replaced.
    """

    page: str = ""
    values: dict[str, str] = field(default_factory=dict)
    arrived: float = 0.0
    replaced: dict[frozenset[tuple[str, str]], float] = field(default_factory=dict)
    changed: bool = False
    shown: dict[str, object] = field(default_factory=dict)
    outdated: dict[str, tuple[object, float]] = field(default_factory=dict)


def address_memory() -> AddressMemory:
    """The memory of the address, to be changed in place."""
    memory = st.session_state.setdefault("address-memory", AddressMemory())
    assert isinstance(memory, AddressMemory)
    return memory


@dataclass
class LanguageMemory:
    """The language that class names are shown in. ``given`` is what the address was last seen to
    hold of it, ``unknown`` that if it is no language; ``chosen`` (monotonic seconds): when it was.
    """

    language: Language = "en"
    given: str | None = None
    unknown: str | None = None
    chosen: float = -inf


def language_memory() -> LanguageMemory:
    """The memory of the language, to be changed in place."""
    memory = st.session_state.setdefault("language-memory", LanguageMemory())
    assert isinstance(memory, LanguageMemory)
    return memory


@dataclass
class TickedRuns:
    """What is ticked in the table of runs: ids with commas between them, as in the address."""

    ids: str = ""
    linked: str = ""  # the last that came with the address, not by a click
    clicked: float = 0.0  # when the last click came, Unix time
    table: str = "runs"  # the key of the table that was shown last


def ticked_runs() -> TickedRuns:
    """The ticks of this browser session, to be changed in place."""
    ticked = st.session_state.setdefault("ticked-runs", TickedRuns())
    assert isinstance(ticked, TickedRuns)
    return ticked


def queued_before() -> dict[Hashable, tuple[tuple[str, ...], Any]]:
    """What this browser session has queued, to be changed in place: ids of runs and what came of
    queueing them, by what was wanted.
    """
    queued = st.session_state.setdefault("queued-before", {})
    assert isinstance(queued, dict)
    return queued


@dataclass
class LatestLook:
    """Which network this browser session looks into, for work that begins a little later."""

    key: Hashable = None


def latest_look() -> LatestLook:
    """The one of this browser session, to be changed in place; other threads may read it."""
    latest = st.session_state.setdefault("latest-look", LatestLook())
    assert isinstance(latest, LatestLook)
    return latest


def is_kept(key: str) -> bool:
    """Whether the widget ``key`` was on the page a moment ago: leaving a page forgets it."""
    return key in st.session_state
