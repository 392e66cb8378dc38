"""All code that uses private parts of Streamlit, but for signing in (``school_sign_in.py``).

=============================  ================================  ==================================
patch                          private part                      without it
=============================  ================================  ==================================
``keep_keras_session``         ``_clean_problem_modules``        training is a fifth slower
``without_interruption``       ``ScriptRunner._execing``         quick presses can be lost
``finish_callbacks``           ``on_script_will_rerun`` etc.     quick presses can be lost
``count_presses``              ``_coalesce_widget_states`` etc.  two presses may count as one
``use_app_navigation``         ``uses_pages_directory``          a first link shows a bare page
``keep_downloads``             ``MediaFileManager``              a download may fail under load
``forget_old_widgets``         ``_remove_stale_widgets`` etc.    memory grows with each press
``held_uploads``               ``file_storage`` of uploads       uploads can take all memory
``explain_uploads``            ``AppSession`` methods            refused uploads show a number
``is_history_navigation``      ``ScriptRunContext`` attribute    Back may need two presses
``current_request``            ``ScriptRunContext`` attribute    quick presses can be lost
``set_query_params_quietly``   ``QueryParams``                   Back may stop once more
=============================  ================================  ==================================

All were tested with the releases in ``TESTED_RELEASES``, which requirements.txt allows. Where a
release has changed a private part, the patch is skipped with a warning in the log, once a process;
``tests/ui/test_streamlit_patches.py`` fails for that release.

``components/page_history`` relies on how Streamlit's page uses the browser's history, which is
private, too; its test is ``tests/browser/test_page_history.py``.
"""

import json
import logging
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, Final
from urllib.parse import urlencode

import streamlit as st
from streamlit import runtime
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import (
    get_script_run_ctx,
    script_runner,
)
from streamlit.runtime.scriptrunner_utils import script_requests
from streamlit.runtime.state import get_session_state
from streamlit.runtime.state.query_params import QueryParams
from streamlit.runtime.state.safe_session_state import SafeSessionState
from streamlit.runtime.state.session_state import KeyIdMapper, SessionState, WStates

from cifarviz.ui import state

_coalesce: Any = getattr(script_requests, "_coalesce_widget_states", None)
_set_widgets: Any = getattr(SessionState, "set_widgets_from_proto", None)
_call_callback: Any = getattr(WStates, "call_callback", None)
_will_rerun: Any = getattr(SafeSessionState, "on_script_will_rerun", None)
_run_callback: Any = getattr(SessionState, "_run_callback_and_record_rerun", None)
_remove_stale: Any = getattr(SessionState, "_remove_stale_widgets", None)
_URL_METHODS = ("_handle_file_urls_request", "_enqueue_forward_msg")
_handle_urls: Any = getattr(AppSession, _URL_METHODS[0], None)
_of_this_run = threading.local()
TESTED_RELEASES = ("1.67",)
log = logging.getLogger(__name__)


class Request:
    """A request of the browser; equal for all script runs that it causes, and only those."""

    def __init__(self, context: Any) -> None:
        # A running script gets the next request in the same context, with other context_info.
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
"""How long a download stays available after the last page that referred to it."""


class _DelayedMediaFiles(MediaFileManager):
    """Checks for unused files every ``KEEP_SECONDS``; removes those unused in two checks."""

    _check_lock = threading.Lock()
    _last_check = 0.0
    _found_before: frozenset[str] = frozenset()

    def remove_orphaned_files(self) -> None:
        with self._check_lock:
            if time.monotonic() - self._last_check < KEEP_SECONDS:
                return
            self._last_check = time.monotonic()
        super().remove_orphaned_files()

    # Streamlit marks files at their first check, but not the functions that make them.
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


def prepare_server() -> None:
    """Make the patches that a server needs before its first page."""
    use_app_navigation()
    count_presses()
    forget_old_widgets()


def prepare_pages() -> None:
    """Make the patches that pages need, unless they are made."""
    keep_keras_session()
    keep_downloads()
    finish_callbacks()


def keep_keras_session() -> None:
    """Keep Streamlit from clearing the session of Keras after each run of a page.

    Streamlit clears it for the whole process, because models cached in TensorFlow 1 broke
    (streamlit/streamlit issue 939). An active run loses its prepared kernels, and other threads
    their scopes. There is no setting for it.
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
    """Run the code inside to its end, even if a newer press has come.

    For a newer press Streamlit ends the script wherever it accesses the session state or the query
    parameters. The flag disables this; the newer press stays queued.
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
    """Return the runner of this script if it may be interrupted, else ``None``."""
    context = get_script_run_ctx()
    if context is None:
        # A plain script is never interrupted.
        return None
    runner: Any = getattr(getattr(context, "_enqueue", None), "__self__", None)
    if not hasattr(runner, "_execing"):
        part = "ScriptRunContext._enqueue" if runner is None else "ScriptRunner._execing"
        _warn(part, "A press may be lost if the next one follows quickly.")
        return None
    return runner if runner._execing else None


def finish_callbacks() -> None:
    """Run all callbacks of a press to their end, even if a newer press has come.

    Back and Forward, which press nothing, can be interrupted.
    For a newer press Streamlit drops a request whose callbacks have not begun, with the presses in
    it, and ends a callback wherever it accesses the session state (streamlit/streamlit pull request
    16763 describes what is lost).

    A callback that raises ``WidgetGone`` does nothing: a player's step may arrive after another
    page or view has been opened.
    """
    if not (
        hasattr(SafeSessionState, "on_script_will_rerun")
        and hasattr(SessionState, "_run_callback_and_record_rerun")
    ):
        _warn("SessionState as it was", "A press may be lost if the next one follows quickly.")
    else:
        SafeSessionState.on_script_will_rerun = _will_rerun_uninterrupted  # type: ignore[method-assign]
        SessionState._run_callback_and_record_rerun = (  # type: ignore[method-assign]
            _run_callback_of_widget
        )


def _will_rerun_uninterrupted(self: Any, *args: Any, **kwargs: Any) -> None:
    if kwargs.get("is_history_navigation"):
        # No press: whole, it would put another address in place of those that Forward leads to.
        _will_rerun(self, *args, **kwargs)
        return
    with without_interruption():
        _will_rerun(self, *args, **kwargs)


def _run_callback_of_widget(self: Any, *args: Any, **kwargs: Any) -> None:
    with suppress(state.WidgetGone):
        _run_callback(self, *args, **kwargs)


def use_app_navigation() -> None:
    """Make the server run ``app.py`` for the first page, too; call this at its start.

    Until ``st.navigation`` has been called, Streamlit treats the folder ``pages/`` as its older
    kind of multipage app: a first visitor of /train would get that file alone, without menu,
    layout and error handling, and so would all later visitors.
    """
    if hasattr(PagesManager, "uses_pages_directory"):
        PagesManager.uses_pages_directory = False
    else:
        _warn("PagesManager.uses_pages_directory", "The first link into the app may open oddly.")


def count_presses() -> None:
    """Call the callback of a button as often as it was pressed, and all callbacks of a component.

    Presses while callbacks run are queued. Streamlit merges two presses of the same button, and
    keeps of a component only what it sent last. Here all stay in the queued states.
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
        for widget_id, events in _component_events(old).items():
            newer = _component_events(new).get(widget_id)
            if newer is not None:
                held[widget_id].json_trigger_value = json.dumps(events + newer)
    return merged


def _component_events(widget_states: Any) -> dict[str, list[Any]]:
    """Return the events that components sent, in their order, by component."""
    sent = {state.id: state.json_trigger_value for state in widget_states.widgets}
    read = {widget_id: json.loads(text) for widget_id, text in sent.items() if text}
    return {
        widget_id: events if isinstance(events, list) else [events]
        for widget_id, events in read.items()
    }


def _set_widgets_counting(self: Any, widget_states: Any) -> None:
    # This and _call_callback_counting run in the same thread, one after the other.
    _of_this_run.presses = _presses(widget_states)
    _set_widgets(self, widget_states)


def _call_callback_counting(self: Any, widget_id: str) -> None:
    for _ in range(getattr(_of_this_run, "presses", {}).pop(widget_id, 1)):
        _call_callback(self, widget_id)


def _presses(widget_states: Any) -> Counter[str]:
    return Counter(state.id for state in widget_states.widgets if state.trigger_value)


MOST_OLD_WIDGETS: Final = 500
"""Of how many widgets that are no longer drawn a session knows the callbacks, for late presses."""


def forget_old_widgets() -> None:
    """Make a session forget widgets that were drawn long ago.

    Streamlit keeps the callbacks, with all that these refer to, of each widget that a session has
    ever drawn. A form that is filled anew has new widgets: on Train some 80 kB each time. There is
    no setting for it.
    """
    if all(
        hasattr(part, name)
        for part, name in (
            (SessionState, "_remove_stale_widgets"),
            (SessionState, "_new_widget_state"),
            (SessionState, "_old_state"),
            (SessionState, "_key_id_mapper"),
            (KeyIdMapper, "_key_id_mapping"),
            (KeyIdMapper, "_id_key_mapping"),
        )
    ):
        SessionState._remove_stale_widgets = _remove_stale_and_old  # type: ignore[method-assign]
    else:
        _warn("SessionState as it was", "Memory grows as long as a page is used.")


def _remove_stale_and_old(self: Any, active_widget_ids: frozenset[str]) -> None:
    _remove_stale(self, active_widget_ids)
    metadata, keys = self._new_widget_state.widget_metadata, self._key_id_mapper
    # Those drawn last are at the end.
    for widget_id in active_widget_ids & metadata.keys():
        metadata[widget_id] = metadata.pop(widget_id)
    drawn = len(active_widget_ids)
    for widget_id in list(metadata)[: max(0, len(metadata) - drawn - MOST_OLD_WIDGETS)]:
        # Not those of fragments that did not run.
        if widget_id in self._new_widget_state.states or widget_id in self._old_state:
            continue
        del metadata[widget_id]
        key = keys._id_key_mapping.pop(widget_id, None)
        if keys._key_id_mapping.get(key) == widget_id:
            del keys._key_id_mapping[key]


def is_page_run() -> bool:
    """Return whether this code runs for a page, rather than being imported by the server."""
    return get_script_run_ctx(suppress_warning=True) is not None


def is_history_navigation() -> bool:
    """Return whether this script run was caused by the browser's Back or Forward button."""
    context = get_script_run_ctx()
    if context is None:
        return False
    if not hasattr(context, "is_history_navigation"):
        _warn("ScriptRunContext.is_history_navigation", "The browser's Back may need two presses.")
        return False
    return bool(context.is_history_navigation)


def current_request() -> Request:
    """Return the request that caused this script run or callback."""
    context = get_script_run_ctx()
    if context is not None and not hasattr(context, "context_info"):
        _warn("ScriptRunContext.context_info", "A press may be lost if the next follows quickly.")
    return Request(context)


def has_browser() -> bool:
    """Return whether the script runs for a browser, rather than for AppTest."""
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
    """Keep the files of download buttons long enough for slow browsers to fetch them.

    After each script run, in any session, Streamlit removes files that no page refers to: deferred
    downloads of the previous run at once, the file made by a press after the second run. A browser
    that is a second late gets 404 and cancels the download. There is no setting for it.
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


def held_uploads() -> dict[str, int]:
    """Return how many bytes the uploaded files of each session take in memory."""
    manager = runtime.get_instance().uploaded_file_mgr if runtime.exists() else None
    stored: Any = getattr(manager, "file_storage", None)
    if stored is None:
        _warn("MemoryUploadedFileManager.file_storage", "Uploads can take all memory.")
        return {}
    # Other threads add and remove files; the copies are made in one step.
    return {
        session: sum(len(file.data) for file in list(files.values()))
        for session, files in list(stored.items())
    }


def explain_uploads(find_problem: Callable[[int], str]) -> None:
    """Show why so many files are not taken now, where they were chosen.

    Of an upload that the server refuses, Streamlit's page shows the status only. It asks for an
    address for each file first, and shows a sentence that comes in place of them.
    ``find_problem`` is called with the number of files, as the person whose session it is.
    """
    if not all(hasattr(AppSession, name) for name in _URL_METHODS):
        _warn("AppSession as it was", "Refused uploads show a number only.")
        return
    addresses = _handle_urls

    def handle(session: Any, request: Any) -> None:
        problem = ""
        # Where the store cannot be read, the middleware still refuses what is too much.
        with suppress(Exception):
            problem = find_problem(len(request.file_names))
        if not problem:
            addresses(session, request)
            return
        message = ForwardMsg()
        message.file_urls_response.response_id = request.request_id
        message.file_urls_response.error_msg = problem
        session._enqueue_forward_msg(message)

    AppSession._handle_file_urls_request = handle  # type: ignore[assignment,method-assign]


@cache
def _warn(part: str, consequence: str) -> None:
    """Log once a process that a patch could not be applied."""
    log.warning(
        "Streamlit %s has no %s any more (cifarviz was tested with %s). %s",
        st.__version__,
        part,
        ", ".join(TESTED_RELEASES),
        consequence,
    )
