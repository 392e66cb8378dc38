"""Everything here that touches private parts of Streamlit.

=============================  ================================  ==================================
patch                          private part                      without it
=============================  ================================  ==================================
``keep_keras_session``         ``_clean_problem_modules``        training is a fifth slower
``uninterruptible``            ``ScriptRunner._execing``         quick presses can be lost
``count_presses``              ``_coalesce_widget_states`` etc.  two presses may count as one
``use_app_navigation``         ``uses_pages_directory``          a first link shows a bare page
``keep_downloads``             ``MediaFileManager``              a download may fail under load
``is_history_navigation``      ``ScriptRunContext`` attribute    Back may need two presses
``current_request``            ``ScriptRunContext`` attribute    quick presses can be lost
``set_query_params_quietly``   ``QueryParams``                   Back may stop once more
=============================  ================================  ==================================

All were tested with the releases in ``TESTED_RELEASES``, which are those that requirements.txt
allows. Where a release has changed a private part, the patch is left out and the log says so, once
a process; ``tests/ui/test_streamlit_patches.py`` fails for that release.

``components/page_history`` relies on how Streamlit's page uses the browser's history, which is as
private; its test is ``tests/browser/test_page_history.py``.
"""

import logging
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache, wraps
from typing import Any, Final
from urllib.parse import urlencode

import streamlit as st
from streamlit import runtime
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import (
    get_script_run_ctx,
    script_runner,
)
from streamlit.runtime.scriptrunner_utils import script_requests
from streamlit.runtime.state import get_session_state
from streamlit.runtime.state.query_params import QueryParams
from streamlit.runtime.state.session_state import SessionState, WStates

from cifarviz.ui import state

_coalesce: Any = getattr(script_requests, "_coalesce_widget_states", None)
_set_widgets: Any = getattr(SessionState, "set_widgets_from_proto", None)
_call_callback: Any = getattr(WStates, "call_callback", None)
_of_this_run = threading.local()
TESTED_RELEASES = ("1.67",)
log = logging.getLogger(__name__)


class Request:
    """A request of the browser, equal to itself alone, however many runs of the script it takes."""

    def __init__(self, context: Any) -> None:
        # A running script takes the next request in the same context; each brings its own facts.
        self._context = None if context is None else weakref.ref(context)
        self._facts = getattr(context, "context_info", None)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Request) or self._facts is not other._facts:
            return False
        if self._context is None or other._context is None:
            return self._context is other._context
        return self._context() is other._context()

    __hash__ = None  # type: ignore[assignment]


KEEP_SECONDS: Final = 60.0
"""What a download button offers stays for so long after the last page that referred to it."""


class _DelayedMediaFiles(MediaFileManager):
    """Looks for what can be removed once in ``KEEP_SECONDS``, and removes it at the second look."""

    _looking = threading.Lock()
    _looked = 0.0
    _found_before: frozenset[str] = frozenset()

    def remove_orphaned_files(self) -> None:
        with self._looking:
            if time.monotonic() - self._looked < KEEP_SECONDS:
                return
            self._looked = time.monotonic()
        super().remove_orphaned_files()

    # Files have a mark of their own for the second look; what makes them has none.
    def _remove_orphaned_deferred_callables(self) -> None:
        referred = {
            file_id
            for file_ids in self._files_by_session_and_coord.values()
            for file_id in file_ids.values()
        }
        found = frozenset(self._deferred_callables) - referred
        for file_id in found & self._found_before:
            self._drop_deferred_id(file_id)
        self._found_before = found


_MEDIA_METHODS = (
    "remove_orphaned_files", "_remove_orphaned_deferred_callables", "_drop_deferred_id",
)  # fmt: skip
_MEDIA_VALUES = ("_files_by_session_and_coord", "_deferred_callables")


def keep_keras_session() -> None:
    """Keep Streamlit from clearing the session of Keras after each run of a page.

    Streamlit does so in the whole process, because models that were cached in TensorFlow 1 broke
    (streamlit/streamlit issue 939): the kernels that TensorFlow has prepared for a run under way
    are thrown away, and scopes that another thread is in are lost. There is no setting for it.
    """
    if hasattr(script_runner, "_clean_problem_modules"):
        # Resolved by name after each run, so that replacing it in its module is enough.
        script_runner._clean_problem_modules = _do_nothing
    else:
        _warn("script_runner._clean_problem_modules", "Training may be slower with pages open.")


def _do_nothing() -> None:
    """Stand in for Streamlit's own clean-up."""


@contextmanager
def without_interruption() -> Iterator[None]:
    """Let the callback inside act to its end, though a newer press has come.

    Streamlit ends a run of the script for a newer press wherever the script touches the session
    state or the address, inside a callback too (streamlit/streamlit pull request 16763 describes
    what is lost). The flag says whether such an end may come; the newer press stays in its queue
    and is looked for as soon as the callbacks have run.
    """
    runner = _current_runner()
    if runner is None:
        yield
        return
    runner._execing = False
    try:
        yield
    finally:
        runner._execing = True


def _current_runner() -> Any:
    """The runner of this script where it may be interrupted, else ``None``."""
    context = get_script_run_ctx()
    if context is None:
        # A plain script, which nothing interrupts.
        return None
    runner: Any = getattr(getattr(context, "_enqueue", None), "__self__", None)
    if not hasattr(runner, "_execing"):
        part = "ScriptRunContext._enqueue" if runner is None else "ScriptRunner._execing"
        _warn(part, "A press may be lost if the next one follows quickly.")
        return None
    return runner if runner._execing else None


def use_app_navigation() -> None:
    """Make a server draw ``app.py`` for whatever page is asked for first; call it at its start.

    Until ``st.navigation`` has been called once, Streamlit takes the folder ``pages/`` for its
    older kind of multipage app: who follows a link to /train as the first visitor would get that
    file alone, without menu, layout and error handling, and so would all who come after.
    """
    if hasattr(PagesManager, "uses_pages_directory"):
        PagesManager.uses_pages_directory = False
    else:
        _warn("PagesManager.uses_pages_directory", "The first link into the app may open oddly.")


def count_presses() -> None:
    """Have the callback of a button called as often as the button was pressed.

    Presses that come while a run of the script cannot be interrupted wait together, and Streamlit
    makes one of two presses of the same button. Here each stays in the states that wait.
    """
    if not (
        hasattr(script_requests, "_coalesce_widget_states")
        and hasattr(SessionState, "set_widgets_from_proto")
        and hasattr(WStates, "call_callback")
    ):
        _warn("ScriptRequests as they were", "Of two quick presses of a button one may be lost.")
    elif script_requests._coalesce_widget_states is not _coalesce_counting:
        script_requests._coalesce_widget_states = _coalesce_counting  # type: ignore[assignment]
        SessionState.set_widgets_from_proto = _set_widgets_counting  # type: ignore[method-assign]
        WStates.call_callback = _call_callback_counting  # type: ignore[method-assign]


def _coalesce_counting(old: Any, new: Any) -> Any:
    merged = _coalesce(old, new)
    if old and new:
        presses = _presses(old) + _presses(new)
        held = {state.id: state for state in merged.widgets}
        for widget_id, count in presses.items():
            merged.widgets.extend([held[widget_id]] * (count - 1))
    return merged


def _set_widgets_counting(self: Any, widget_states: Any) -> None:
    # Both are called in the thread of this run of the script, one after the other.
    _of_this_run.presses = _presses(widget_states)
    _set_widgets(self, widget_states)


def _call_callback_counting(self: Any, widget_id: str) -> None:
    for _ in range(getattr(_of_this_run, "presses", {}).pop(widget_id, 1)):
        _call_callback(self, widget_id)


def _presses(widget_states: Any) -> Counter[str]:
    return Counter(state.id for state in widget_states.widgets if state.trigger_value)


def is_page_run() -> bool:
    """Whether this code is run for a page, and not imported by the server."""
    return get_script_run_ctx(suppress_warning=True) is not None


def is_history_navigation() -> bool:
    """Whether this run of the page is for the browser's Back or Forward button."""
    context = get_script_run_ctx()
    if context is None:
        return False
    if not hasattr(context, "is_history_navigation"):
        _warn("ScriptRunContext.is_history_navigation", "The browser's Back may need two presses.")
        return False
    return bool(context.is_history_navigation)


def current_request() -> Request:
    """The request that this run of the script, or of a callback, is for."""
    context = get_script_run_ctx()
    if context is not None and not hasattr(context, "context_info"):
        _warn("ScriptRunContext.context_info", "A press may be lost if the next follows quickly.")
    return Request(context)


def has_browser() -> bool:
    """Whether the script runs for a browser, which may be behind, and not for a test of a page."""
    return getattr(get_script_run_ctx(), "context_info", None) is not None


def set_query_params_quietly(values: Mapping[str, str]) -> None:
    """Set ``st.query_params`` without telling the browser.

    Streamlit would add an entry to the browser's history.
    """
    context = get_script_run_ctx()
    if context is None or not hasattr(QueryParams, "set_with_no_forward_msg"):
        _warn("QueryParams.set_with_no_forward_msg", "Back may stop at a page once more.")
        st.query_params.from_dict(values)
        return
    with get_session_state().query_params() as params:
        params.clear_with_no_forward_msg(preserve_embed=True)
        for name, value in values.items():
            params.set_with_no_forward_msg(name, value)
    context.query_string = urlencode(values)


def keep_downloads() -> None:
    """Keep what download buttons offer until a browser has had the time to fetch it.

    After each run of a page or of a part of it, in any session, Streamlit removes what no page
    refers to: at once what a button of the run before would have made, and after a second run the
    file that a press has made, which no page refers to at all. A browser that is a second late is
    then answered 404 and cancels the download. Streamlit has no setting for it.
    """
    if not runtime.exists():
        return
    manager = runtime.get_instance().media_file_mgr
    if all(hasattr(MediaFileManager, name) for name in _MEDIA_METHODS) and all(
        hasattr(manager, name) for name in _MEDIA_VALUES
    ):
        manager.__class__ = _DelayedMediaFiles
    else:
        _warn("MediaFileManager as it was", "A download may fail on a busy machine.")


@cache
def _warn(part: str, consequence: str) -> None:
    """Say once a process that a patch could not be applied."""
    log.warning(
        "Streamlit %s has no %s any more (cifarviz was tested with %s). %s",
        st.__version__,
        part,
        ", ".join(TESTED_RELEASES),
        consequence,
    )


def uninterruptible(callback: Callable[..., None]) -> Callable[..., None]:
    """Give the callback as one that a newer press cannot break off; give widgets this one.

    Streamlit ends a run of the script for a newer press wherever the script touches the session
    state or the address, in a callback too: what the callback had yet to do would be lost.
    One whose widget has left the page before its press arrives does nothing: a player's step may
    come when another page, or another view of this one, is there already.
    """

    @wraps(callback)
    def whole(*args: Any, **kwargs: Any) -> None:
        with without_interruption(), suppress(state.WidgetGone):
            callback(*args, **kwargs)

    return whole
