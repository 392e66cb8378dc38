"""Opening a class from Start: another server of this home, which listens on the network."""

import atexit
import os
import re
import subprocess
import sys
import threading

import streamlit as st

from cifarviz.people.secrets import ClassSecrets
from cifarviz.settings import Settings
from cifarviz.ui import cache
from cifarviz.ui.components.live_items import rerun_on_change
from cifarviz.ui.server_paths import is_local_browser

# Its standard input ends with this process, however that ends; then nobody would stop it.
_PROGRAM = """
import os, signal, sys, threading

def end_with_parent():
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=end_with_parent, daemon=True).start()
from cifarviz.cli.app import main
main(["serve", "--class", "--no-browser"])
"""
# ``cifarviz serve`` prints where it is once it answers.
_ADDRESS = re.compile(r"cifarviz is on (\S+)")
_END_SECONDS = 6.0


class ClassServer:
    """A server of the class in a process of its own, until it is stopped or this one ends."""

    def __init__(self) -> None:
        self.address: str | None = None
        """Where the teacher signs in; None until the server answers."""
        self._process = subprocess.Popen(  # noqa: S603 - a fixed program, no shell
            [sys.executable, "-P", "-c", _PROGRAM],
            # A checkout is found by its folder.
            env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        atexit.register(self.stop)
        threading.Thread(target=self._read, name="cifarviz-class", daemon=True).start()

    @property
    def state(self) -> str:
        """*starting*, *open* or *ended*."""
        if self._process.poll() is not None:
            return "ended"
        return "starting" if self.address is None else "open"

    def stop(self) -> None:
        """Stop the server; does nothing if it has ended."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if found := _ADDRESS.search(line):
                self.address = found[1]


class _Opened:
    """The class's server that this dashboard has started, if any."""

    def __init__(self) -> None:
        self.server: ClassServer | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        with self._lock:
            if self.server is None or self.server.state == "ended":
                self.server = ClassServer()

    def stop(self) -> None:
        with self._lock:
            if self.server is not None:
                self.server.stop()


@st.cache_resource(show_spinner=False, hash_funcs={Settings: repr})
def _opened(settings: Settings) -> _Opened:
    return _Opened()


def render_opening() -> None:
    """Show a button that opens this dashboard to a class, or where the class is.

    Only for a browser on this computer, and not within a class.
    """
    settings = cache.settings()
    if settings.class_open or not is_local_browser():
        return
    opened = _opened(settings)
    server = opened.server
    if server is None or server.state == "ended":
        st.button(
            "Open to a class",
            key="open-class",
            icon=":material/groups:",
            help="Starts a second server on the network, where students join with a code. Nobody "
            "else sees this page.",
            on_click=_open,
            args=(opened, settings),
        )
        return
    with st.container(border=True, key="class-open"):
        if server.state == "starting":
            st.markdown("The class is being opened …")
            rerun_on_change("class-server", lambda: server.state, key="class-server-live")
            return
        st.markdown("**The class is open.** Sign in there with the teacher’s pass phrase.")
        with st.container(horizontal=True):
            st.link_button("Go to the class", str(server.address), icon=":material/login:")
            st.button(
                "Close the class",
                key="close-class",
                icon=":material/stop:",
                help="Stops its server. People, runs and codes stay for the next time.",
                on_click=opened.stop,
            )


def _open(opened: _Opened, settings: Settings) -> None:
    secrets = ClassSecrets(settings.home)
    if not secrets.has_pass_phrase:
        _open_phrase(secrets.make_pass_phrase())
    opened.start()


@st.dialog("The teacher’s pass phrase", width="medium", dismissible=False)
def _open_phrase(phrase: str) -> None:
    """Show the pass phrase until it was written down: neither Escape nor a click closes it."""
    # The key keeps components/live.js from requesting reruns, which would close it.
    with st.container(key="open-dialog"):
        st.markdown("Write it down: it is shown this once.")
        st.code(phrase, language=None)
        st.caption("A new one: cifarviz serve --class --new-pass-phrase")
        if st.button("I have written it down", type="primary", icon=":material/check:"):
            st.rerun()
