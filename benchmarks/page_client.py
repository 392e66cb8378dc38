"""A browser session that doesn't draw: it requests a page and receives its live feeds.

Messages are read and discarded, so that only the server's cost is measured. It also runs the timers
of a page, which earlier versions of cifarviz had.
"""

import json
import threading
import time
from collections.abc import Callable, Sequence
from functools import lru_cache, partial

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

_PATIENCE = 60.0
# Many clients get the same message, and a client should cost as little as it can.
_load = lru_cache(maxsize=16)(json.loads)


class PageClient:
    """A session of a page, as a context manager; it runs in background threads.

    ``feeds`` are the names of the live feeds that it opens, ``cookie`` the header that says who
    somebody is in a class.
    """

    def __init__(
        self, server: str, page: str, query: str, feeds: Sequence[str] = (), *, cookie: str = ""
    ) -> None:
        self._root = server.replace("http://", "ws://")
        self._origin = server
        self._headers = {"Cookie": cookie} if cookie else {}
        self._page, self._query, self._feeds = page, query, feeds
        self._timers: dict[str, tuple[float, float]] = {}
        self._ended = self._expects_end = False
        self._error: BaseException | None = None
        self._threads: list[threading.Thread] = []
        self._connections: list[ClientConnection] = []
        self._drawn = threading.Event()
        self._buttons: dict[str, str] = {}
        self.updates = 0
        """The number of timer reruns and feed messages."""
        self.state = ""
        """The state of the run that it watches, as it was last received."""
        self.delays: list[float] = []
        """Seconds from storing new points to receiving them."""
        self.problems: list[str] = []
        """What the page's script raised."""

    def __enter__(self) -> "PageClient":
        self._connection = self._connect("_stcore/stream", "streamlit")
        self._request()
        self._start(self._run_page)
        return self

    def wait(self) -> None:
        """Wait until the page's script has finished, then open its feeds."""
        self._wait_until_drawn()
        for feed in self._feeds:
            connection = self._connect(f"live/{feed}")
            self._start(partial(self._watch, connection))

    def refresh(self) -> None:
        """Draw the page again and wait until its script has finished."""
        self._drawn.clear()
        self._request()
        self._wait_until_drawn()

    def press(self, label: str) -> None:
        """Press the button of this label and wait until the page's script has finished."""
        self._drawn.clear()
        self._request(pressed=self._buttons[label])
        self._wait_until_drawn()

    def _wait_until_drawn(self) -> None:
        if not self._drawn.wait(_PATIENCE):
            raise RuntimeError("a session did not receive its page") from self._error

    def expect_end(self) -> None:
        """Take the end of the server for no error from now on."""
        self._ended = self._expects_end = True

    def __exit__(self, kind: object, *_: object) -> None:
        self._ended = True
        for connection in self._connections:
            connection.close()
        for thread in self._threads:
            thread.join(_PATIENCE)
        if self._expects_end:
            return
        if kind is None and (self._error is not None or not self.updates):
            raise RuntimeError("a session received no updates of its page") from self._error

    def _connect(self, path: str, protocol: str = "") -> ClientConnection:
        connection = connect(
            f"{self._root}/{path}",
            origin=Origin(self._origin),
            subprotocols=[Subprotocol(protocol)] if protocol else None,
            additional_headers=self._headers,
            # Nor does the server compress.
            compression=None,
            max_size=None,
            close_timeout=0.5,
            open_timeout=_PATIENCE,
        )
        self._connections.append(connection)
        return connection

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=self._guarded, args=(work,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except ConnectionClosed as closed:
            if not self._ended:
                self._error = closed
        except Exception as raised:
            # Raised on exit: an error in a thread would only be printed.
            self._error = raised

    def _watch(self, connection: ClientConnection) -> None:
        while not self._ended:
            message = _load(connection.recv())
            now = time.time()
            self.updates += 1
            self.state = message.get("state", self.state)
            progress, points = message.get("progress"), message.get("points")
            if progress is not None and points is not None and points["after"]:
                self.delays.append(now - progress["heartbeat"])

    def _request(self, fragment: str = "", pressed: str = "") -> None:
        message = BackMsg()
        message.rerun_script.page_name = self._page
        message.rerun_script.query_string = self._query
        message.rerun_script.fragment_id = fragment
        message.rerun_script.is_auto_rerun = bool(fragment)
        if pressed:
            message.rerun_script.widget_states.widgets.add(id=pressed, trigger_value=True)
        self._connection.send(message.SerializeToString())

    def _run_page(self) -> None:
        while not self._ended:
            now = time.monotonic()
            for fragment, (interval, due) in list(self._timers.items()):
                if due <= now:
                    self._timers[fragment] = (interval, now + interval)
                    self._request(fragment)
                    self.updates += 1
            due = min((due for _, due in self._timers.values()), default=now + _PATIENCE)
            try:
                self._handle(self._connection.recv(timeout=max(due - time.monotonic(), 0.0)))
            except TimeoutError:
                continue

    def _handle(self, data: str | bytes) -> None:
        message = ForwardMsg()
        message.ParseFromString(data if isinstance(data, bytes) else data.encode())
        match message.WhichOneof("type"):
            case "auto_rerun":
                interval = message.auto_rerun.interval
                due = time.monotonic() + interval
                self._timers[message.auto_rerun.fragment_id] = (interval, due)
            case "delta":
                self._read(message.delta.new_element)
            case "script_finished":
                # Not when it begins anew, as after a press that opens another view.
                if message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    self._drawn.set()

    def _read(self, element: Element) -> None:
        match element.WhichOneof("type"):
            case "button":
                self._buttons[element.button.label] = element.button.id
            case "exception":
                self.problems.append(element.exception.message)
