"""The private parts of Streamlit that are relied on are there, and their absence is said."""

import json
import logging
import re
import threading
from pathlib import Path
from types import SimpleNamespace

import keras
import pytest
import streamlit
from streamlit.proto.Common_pb2 import FileURLsRequest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import RerunData, RerunException, script_runner
from streamlit.runtime.scriptrunner_utils import script_requests
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequests
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext
from streamlit.runtime.state.safe_session_state import SafeSessionState
from streamlit.runtime.state.session_state import SessionState, WStates
from streamlit.runtime.uploaded_file_manager import UploadedFileRec
from streamlit.testing.v1 import AppTest

from cifarviz.ui import state, streamlit_patches
from scripts.app_server import ROOT
from tests.source_tree import Tree


class Strange:
    """A runner of a release that is not known yet."""

    def enqueue(self) -> None:
        """Stand in for the method that a script's context holds."""


@pytest.fixture(autouse=True)
def _not_warned() -> None:
    streamlit_patches._warn.cache_clear()


def test_the_release_is_one_that_the_patches_were_tested_with() -> None:
    assert streamlit.__version__.rsplit(".", 1)[0] in streamlit_patches.TESTED_RELEASES
    requirements = (ROOT / "requirements.txt").read_text()
    lowest, beyond = re.findall(r"^streamlit>=([\d.]+),<([\d.]+)$", requirements, re.M)[0]
    allowed = [f"1.{minor}" for minor in range(_minor(lowest), _minor(beyond))]
    assert allowed == list(streamlit_patches.TESTED_RELEASES)


def test_no_run_of_a_page_clears_the_session_of_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    page.run()
    cleared = []
    monkeypatch.setattr(keras.backend, "clear_session", lambda: cleared.append(True))
    # Streamlit, left to itself, would clear it after this.
    page.run()
    assert not page.exception
    assert not cleared


def test_streamlit_still_clears_it_by_the_name_that_is_replaced() -> None:
    source = Path(script_runner.__file__).read_text("utf-8")
    assert "_log_if_error(_clean_problem_modules)" in source


@pytest.fixture
def runner_with_newer_press(monkeypatch: pytest.MonkeyPatch) -> script_runner.ScriptRunner:
    """A runner at work that has received another request."""
    runner = script_runner.ScriptRunner.__new__(script_runner.ScriptRunner)
    runner._execing = True
    runner._script_thread = threading.current_thread()
    runner._requests = ScriptRequests()
    runner._requests.request_rerun(RerunData())
    context = SimpleNamespace(_enqueue=runner._enqueue_forward_msg)
    monkeypatch.setattr(streamlit_patches, "get_script_run_ctx", lambda: context)
    return runner


def test_a_newer_press_ends_nothing_without_interruption(
    runner_with_newer_press: script_runner.ScriptRunner,
) -> None:
    runner = runner_with_newer_press

    def fails() -> None:
        with streamlit_patches.without_interruption():
            # This is where Streamlit looks for a newer press.
            runner._maybe_handle_execution_control_request()
            raise ValueError("its own error")

    with pytest.raises(ValueError, match="its own error"):
        fails()
    with pytest.raises(RerunException):
        runner._maybe_handle_execution_control_request()


def test_a_request_is_processed_although_a_newer_one_waits(
    monkeypatch: pytest.MonkeyPatch, runner_with_newer_press: script_runner.ScriptRunner
) -> None:
    look = runner_with_newer_press._maybe_handle_execution_control_request
    processed: list[object] = []

    def process(self: SessionState, fresh: object, **_: object) -> None:
        look()
        processed.append(fresh)

    for place, name in (
        (SafeSessionState, "on_script_will_rerun"),
        (SessionState, "_run_callback_and_record_rerun"),
    ):
        # What is patched is put back after the test.
        monkeypatch.setattr(place, name, getattr(place, name))
    monkeypatch.setattr(SessionState, "on_script_will_rerun", process)
    streamlit_patches.finish_callbacks()
    request = WidgetStates()
    SafeSessionState(SessionState(), look).on_script_will_rerun(request)
    assert processed == [request]
    assert runner_with_newer_press._execing


def test_streamlit_still_drops_a_request_for_a_newer_one(
    runner_with_newer_press: script_runner.ScriptRunner,
) -> None:
    # Once it does not, the patch is not needed.
    look = runner_with_newer_press._maybe_handle_execution_control_request
    with pytest.raises(RerunException):
        streamlit_patches._will_rerun(SafeSessionState(SessionState(), look), WidgetStates())


def test_a_callback_of_a_widget_that_left_the_page_ends_quietly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streamlit_patches, "_run_callback", lambda _, __, run: run())
    run = streamlit_patches._run_callback_of_widget
    run(None, None, lambda: state.get("left-the-page"))
    with pytest.raises(KeyError, match="nothing"):
        run(None, None, lambda: dict[str, None]()["nothing"])


def test_what_streamlit_has_no_more_is_said_in_the_log_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(script_runner, "_clean_problem_modules")
    monkeypatch.delattr(PagesManager, "uses_pages_directory")
    contexts = [SimpleNamespace(_enqueue=Strange().enqueue), SimpleNamespace()]
    with caplog.at_level(logging.WARNING):
        for strange in 2 * contexts:
            monkeypatch.setattr(streamlit_patches, "get_script_run_ctx", lambda one=strange: one)
            streamlit_patches.keep_keras_session()
            streamlit_patches.use_app_navigation()
            assert not streamlit_patches.is_history_navigation()
            with streamlit_patches.without_interruption():
                pass
    said = [record.getMessage() for record in caplog.records]
    for part in (
        "_clean_problem_modules",
        "uses_pages_directory",
        "is_history_navigation",
        "_execing",
        "_enqueue",
    ):
        assert len([line for line in said if part in line]) == 1
    assert not hasattr(script_runner, "_clean_problem_modules")


def test_the_memory_of_uploads_is_known_by_session(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    manager = MemoryUploadedFileManager("/upload")
    for session, name, size in (("a", "1", 5), ("a", "2", 6), ("b", "3", 7)):
        manager.add_file(session, UploadedFileRec(name, "x.png", "image/png", bytes(size)))
    current = SimpleNamespace(uploaded_file_mgr=manager)
    monkeypatch.setattr(streamlit.runtime, "exists", lambda: True)
    monkeypatch.setattr(streamlit.runtime, "get_instance", lambda: current)
    assert streamlit_patches.held_uploads() == {"a": 11, "b": 7}
    current.uploaded_file_mgr = Strange()
    assert streamlit_patches.held_uploads() == {}
    assert "no MemoryUploadedFileManager.file_storage any more" in caplog.text


def test_who_may_not_upload_so_many_files_learns_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        AppSession, "_handle_file_urls_request", AppSession._handle_file_urls_request
    )
    sent: list[ForwardMsg] = []
    session = SimpleNamespace(
        id="mine",
        _uploaded_file_mgr=MemoryUploadedFileManager("/upload"),
        _enqueue_forward_msg=sent.append,
    )
    streamlit_patches.explain_uploads(lambda files: "Choose fewer." if files > 1 else "")
    for names in (["a.png"], ["a.png", "b.png"]):
        request = FileURLsRequest(request_id=names[-1], file_names=names)
        AppSession._handle_file_urls_request(session, request)  # type: ignore[arg-type]
    first, second = (message.file_urls_response for message in sent)
    assert (first.response_id, first.error_msg, len(first.file_urls)) == ("a.png", "", 1)
    assert (second.response_id, second.error_msg) == ("b.png", "Choose fewer.")
    assert not second.file_urls


def test_a_context_tells_whether_it_is_for_the_browsers_back() -> None:
    assert ScriptRunContext.__dataclass_fields__["is_history_navigation"].default is False


def test_presses_of_a_button_that_wait_together_all_count(monkeypatch: pytest.MonkeyPatch) -> None:
    for place, name in (
        (script_requests, "_coalesce_widget_states"),
        (SessionState, "set_widgets_from_proto"),
        (WStates, "call_callback"),
    ):
        # What is patched is put back after the test.
        monkeypatch.setattr(place, name, getattr(place, name))
    streamlit_patches.count_presses()
    streamlit_patches.count_presses()
    pressed: list[str] = []
    monkeypatch.setattr(streamlit_patches, "_call_callback", lambda _, name: pressed.append(name))
    state = SessionState()

    def states(*names: str) -> WidgetStates:
        found = WidgetStates()
        for name in names:
            found.widgets.add(id=name, trigger_value=True)
        return found

    requests = ScriptRequests()
    for names in (("next",), ("next",), ("stop",), ("next",), ()):
        assert requests.request_rerun(RerunData(widget_states=states(*names)))
    waiting = requests.on_scriptrunner_ready().rerun_data.widget_states
    assert waiting is not None
    state.set_widgets_from_proto(waiting)
    for name in ("next", "stop"):
        state._new_widget_state.call_callback(name)
    assert sorted(pressed) == ["next", "next", "next", "stop"]
    # And the next press is one.
    state.set_widgets_from_proto(states("next"))
    state._new_widget_state.call_callback("next")
    assert len(pressed) == 5


def test_events_of_a_component_that_wait_together_all_count() -> None:
    def sent(*events: str, as_list: bool = True) -> WidgetStates:
        found = WidgetStates()
        made = [{"event": name, "value": 1} for name in events]
        value = json.dumps(made if as_list else made[0])
        found.widgets.add(id="bar", json_trigger_value=value)
        return found

    waiting = streamlit_patches._coalesce_counting(
        sent("go", "notes"), sent("leave", as_list=False)
    )
    waiting = streamlit_patches._coalesce_counting(waiting, WidgetStates())
    events = json.loads(waiting.widgets[0].json_trigger_value)
    assert [event["event"] for event in events] == ["go", "notes", "leave"]


def _form_with_new_widgets(size: int, pressed: list[str]) -> None:
    import streamlit as st

    count = st.session_state.setdefault("count", 0)
    st.session_state["count"] += 1
    st.text_input("Name", key="name")
    for number in range(size):
        key = f"{count}-{number}"
        st.button("Remove", key=key, on_click=pressed.append, args=(key,))


@pytest.fixture
def _without_patch_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    original = streamlit_patches._remove_stale
    monkeypatch.setattr(SessionState, "_remove_stale_widgets", original)


@pytest.mark.usefixtures("_without_patch_afterwards")
def test_a_session_forgets_widgets_that_were_drawn_long_ago() -> None:
    size = streamlit_patches.MOST_OLD_WIDGETS // 4
    streamlit_patches.forget_old_widgets()
    page = AppTest.from_function(_form_with_new_widgets, args=(size, []))
    for _ in range(8):
        page.run()
    page.text_input[0].set_value("mine").run()
    session: SessionState = page._session_state._state
    known = session._new_widget_state.widget_metadata
    most = streamlit_patches.MOST_OLD_WIDGETS + size + 1
    assert len(known) == most
    assert session._key_id_mapper._key_id_mapping.keys() >= {"name", "8-0", "4-0"}
    assert len(session._key_id_mapper._key_id_mapping) == most
    assert len(session._key_id_mapper._id_key_mapping) == most
    assert page.text_input[0].value == "mine"


@pytest.mark.usefixtures("_without_patch_afterwards")
def test_a_press_of_a_button_that_has_just_left_the_page_counts() -> None:
    size, pressed = streamlit_patches.MOST_OLD_WIDGETS // 4, list[str]()
    streamlit_patches.forget_old_widgets()
    page = AppTest.from_function(_form_with_new_widgets, args=(size, pressed)).run()
    buttons = []
    for _ in range(7):
        buttons.append(page.button[0])
        page.run()
    recent, old = buttons[-1], buttons[0]
    for button in (recent, old):
        states = WidgetStates()
        states.widgets.add(id=button.id, trigger_value=True)
        page._run(states)
        assert not page.exception
    assert pressed == [recent.key]


@pytest.mark.usefixtures("_without_patch_afterwards")
def test_streamlit_still_keeps_all_widgets_that_it_ever_drew() -> None:
    # Once it does not, the patch is not needed.
    size = streamlit_patches.MOST_OLD_WIDGETS // 4
    page = AppTest.from_function(_form_with_new_widgets, args=(size, []))
    for _ in range(8):
        page.run()
    session: SessionState = page._session_state._state
    assert len(session._new_widget_state.widget_metadata) == 8 * size + 1


def test_private_parts_of_streamlit_are_touched_nowhere_else() -> None:
    allowed = ("cifarviz/ui/streamlit_patches.py", "cifarviz/ui/school_sign_in.py")
    # Types that public functions give and take; they have no other name.
    public = {
        "streamlit.delta_generator",
        "streamlit.navigation.page",
        "streamlit.runtime.uploaded_file_manager",
    }
    for source in Tree(ROOT).sources:
        if source.path in allowed:
            continue
        private = [
            name
            for name in re.findall(r"^\s*(?:from|import) (streamlit[\w.]*)", source.text, re.M)
            if name != "streamlit" and name not in public
        ]
        assert not private, (source.path, private)


def _minor(version: str) -> int:
    return int(version.split(".")[1])
