"""The only file that accesses Streamlit's session state.

A reload starts a new session, so nothing important is stored only here.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Literal

import streamlit as st

from cifarviz.data.pictures import Crop
from cifarviz.datasets.info import Language
from cifarviz.experiment.draft import Draft


@dataclass
class SetupMemory:
    """The state of Set up between two runs of the page.

    ``drafts_begun`` counts drafts, so that each one's widgets have their own keys; ``address`` is
    the draft's preset and changes in the address; ``open_layer`` the layer with an open form;
    ``rate_search`` the generation of the draft, and the key of the last search for its learning
    rate.
    """

    draft: Draft | None = None
    drafts_begun: int = 0
    address: tuple[str | None, str | None] | None = None
    open_layer: str | None = None
    rate_search: tuple[int, Hashable] | None = None


class WidgetGone(KeyError):
    """The widget is no longer on the page, so its event came too late."""


def get(key: str) -> Any:
    """Return the value of the widget ``key``, in its callback.

    Raises ``WidgetGone``, which ends the callback quietly (``finish_callbacks``).
    """
    try:
        return st.session_state[key]
    except KeyError as error:
        raise WidgetGone(key) from error


def peek(key: str) -> Any:
    """Return the value of the widget ``key`` before it is rendered, ``None`` if it is new."""
    return st.session_state.get(key)


def remember(name: str, value: str) -> None:
    """Store a choice for the other pages of this browser session."""
    st.session_state[f"remembered-{name}"] = value


def recall(name: str) -> str | None:
    """Return what ``remember`` stored under this name."""
    value = st.session_state.get(f"remembered-{name}")
    return value if isinstance(value, str) else None


def setup_memory() -> SetupMemory:
    """Return the state of Set up, to be changed in place."""
    memory = st.session_state.setdefault("setup-memory", SetupMemory())
    assert isinstance(memory, SetupMemory)
    return memory


@dataclass
class QueryMemory:
    """The state of the query parameters.

    ``page`` is the page they belong to, ``addresses`` those the browser may have now, the session's
    last; ``request`` the last request processed, and ``sent`` its address; ``link`` the page and
    address that a link leads to; ``in_history`` whether the browser has an entry for the page;
    ``versions`` how often each widget, by name, was replaced.
    """

    page: str | None = None
    addresses: list[dict[str, str]] = field(default_factory=list)
    request: object = None
    sent: dict[str, str] = field(default_factory=dict)
    link: tuple[str, dict[str, str]] | None = None
    in_history: bool = False
    versions: dict[str, int] = field(default_factory=dict)


def query_memory() -> QueryMemory:
    """Return the state of the query parameters, to be changed in place."""
    memory = st.session_state.setdefault("query-memory", QueryMemory())
    assert isinstance(memory, QueryMemory)
    return memory


@dataclass
class LanguageMemory:
    """The language of class names; ``unknown`` is an unknown language in the address."""

    language: Language = "en"
    unknown: str | None = None


def language_memory() -> LanguageMemory:
    """Return the state of the language, to be changed in place."""
    memory = st.session_state.setdefault("language-memory", LanguageMemory())
    assert isinstance(memory, LanguageMemory)
    return memory


@dataclass
class TickedRuns:
    """The selection in the table of runs: ids separated by commas, as in the address.

    ``linked`` is the last selection that came with the address, not by a click.
    """

    ids: str = ""
    linked: str = ""


def ticked_runs() -> TickedRuns:
    """Return the selected runs of this session, to be changed in place."""
    ticked = st.session_state.setdefault("ticked-runs", TickedRuns())
    assert isinstance(ticked, TickedRuns)
    return ticked


@dataclass
class MarkedPictures:
    """The pictures marked to be deleted, by their numbers; ``dataset`` is what has them."""

    dataset: str = ""
    train: set[int] = field(default_factory=set)
    test: set[int] = field(default_factory=set)


def marked_pictures(dataset: str) -> MarkedPictures:
    """Return the marks in a data set, to be changed in place; none at first."""
    marked = st.session_state.get("marked-pictures")
    if not isinstance(marked, MarkedPictures) or marked.dataset != dataset:
        marked = st.session_state["marked-pictures"] = MarkedPictures(dataset)
    return marked


def forget_marked_pictures() -> None:
    """Take all marks off."""
    st.session_state.pop("marked-pictures", None)


LabelMark = Literal["wrong", "right", "unsure"]
"""What a viewer thinks of a label."""


def label_marks(dataset: str) -> dict[tuple[str, int], LabelMark]:
    """Return the viewer's marks in a data set, by split and index; changed in place."""
    marks = st.session_state.setdefault("label-marks", {}).setdefault(dataset, {})
    assert isinstance(marks, dict)
    return marks


def queued_runs() -> dict[Hashable, tuple[tuple[str, ...], Any]]:
    """Return what this session queued, by its key: run ids and the result; changed in place."""
    queued = st.session_state.setdefault("queued-before", {})
    assert isinstance(queued, dict)
    return queued


@dataclass
class CameraMemory:
    """What this session's browser is told of the pictures it sends, by their ``capture``.

    ``received``: how many parts of them have arrived; ``problem``: why they were refused.
    """

    capture: str = ""
    received: int = 0
    problem: str | None = None


def camera_memory() -> CameraMemory:
    """Return that of this session, to be changed in place."""
    memory = st.session_state.setdefault("camera-memory", CameraMemory())
    assert isinstance(memory, CameraMemory)
    return memory


@dataclass
class PredictMemory:
    """The pictures of this session on Predict, which are nowhere else.

    ``crops`` are the parts chosen, by the picture; ``shot`` is the newest picture from the camera,
    a JPEG file, and ``number`` counts them.
    """

    crops: dict[str, Crop] = field(default_factory=dict)
    shot: bytes | None = None
    number: int = 0


def predict_memory() -> PredictMemory:
    """Return that of this session, to be changed in place."""
    memory = st.session_state.setdefault("predict-memory", PredictMemory())
    assert isinstance(memory, PredictMemory)
    return memory


@dataclass
class CurrentInspection:
    """The network this session inspects, for work that starts a little later."""

    key: Hashable = None


def current_inspection() -> CurrentInspection:
    """Return that of this session, changed in place; other threads may read it."""
    latest = st.session_state.setdefault("latest-look", CurrentInspection())
    assert isinstance(latest, CurrentInspection)
    return latest


def has_widget(key: str) -> bool:
    """Return whether the widget ``key`` has a value; leaving its page removes it."""
    return key in st.session_state
