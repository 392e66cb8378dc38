"""The only file that touches Streamlit's session state.

Nothing that matters lives here alone: a reload starts a new session.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from cifarviz.datasets.info import Language
from cifarviz.experiment.draft import Draft


@dataclass
class SetupMemory:
    """What Setup knows of this browser session between two runs of the page.

    ``drafts_begun`` counts, so that each draft's widgets have keys of their own; ``address`` is
    the preset and the changes that the draft has in the address; ``open_layer`` is the layer whose
    form is open.
    """

    draft: Draft | None = None
    drafts_begun: int = 0
    address: tuple[str | None, str | None] | None = None
    open_layer: str | None = None


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
class QueryMemory:
    """What this session knows of the address.

    ``page``: whose it is. ``addresses``: those that the browser may have now, the session's last.
    ``request``: the last one that was looked at, and ``sent``, the address that came with it.
    ``link``: page and address that a link leads to. ``in_history``: whether the browser has made
    the page's entry in its history. ``versions``: how often a widget, by its name, has become
    another.
    """

    page: str | None = None
    addresses: list[dict[str, str]] = field(default_factory=list)
    request: object = None
    sent: dict[str, str] = field(default_factory=dict)
    link: tuple[str, dict[str, str]] | None = None
    in_history: bool = False
    versions: dict[str, int] = field(default_factory=dict)


def query_memory() -> QueryMemory:
    """The memory of the address, to be changed in place."""
    memory = st.session_state.setdefault("query-memory", QueryMemory())
    assert isinstance(memory, QueryMemory)
    return memory


@dataclass
class LanguageMemory:
    """The language that class names are shown in; ``unknown`` is what the address calls one in
    vain.
    """

    language: Language = "en"
    unknown: str | None = None


def language_memory() -> LanguageMemory:
    """The memory of the language, to be changed in place."""
    memory = st.session_state.setdefault("language-memory", LanguageMemory())
    assert isinstance(memory, LanguageMemory)
    return memory


@dataclass
class TickedRuns:
    """What is ticked in the table of runs: ids with commas between them, as in the address.

    ``linked`` is the last that came with the address, not by a click.
    """

    ids: str = ""
    linked: str = ""


def ticked_runs() -> TickedRuns:
    """The ticks of this browser session, to be changed in place."""
    ticked = st.session_state.setdefault("ticked-runs", TickedRuns())
    assert isinstance(ticked, TickedRuns)
    return ticked


def queued_runs() -> dict[Hashable, tuple[tuple[str, ...], Any]]:
    """What this browser session has queued, to be changed in place: ids of runs and what came of
    queueing them, by what was wanted.
    """
    queued = st.session_state.setdefault("queued-before", {})
    assert isinstance(queued, dict)
    return queued


@dataclass
class CurrentInspection:
    """Which network this browser session looks into, for work that begins a little later."""

    key: Hashable = None


def current_inspection() -> CurrentInspection:
    """The one of this browser session, to be changed in place; other threads may read it."""
    latest = st.session_state.setdefault("latest-look", CurrentInspection())
    assert isinstance(latest, CurrentInspection)
    return latest


def has_widget(key: str) -> bool:
    """Whether the widget ``key`` was on the page a moment ago: leaving a page forgets it."""
    return key in st.session_state
