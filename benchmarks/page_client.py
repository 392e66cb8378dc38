"""A browser session that doesn't draw: it asks for a page and its timed parts, as a browser does.

What comes back is read and thrown away, so that the cost is the server's own.
"""

import threading
import time

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

_PATIENCE = 20.0


class PageClient:
    """One session of a page, as a context manager; it goes on in a thread of its own."""

    def __init__(self, server: str, page: str, query: str) -> None:
        self._address = server.replace("http://", "ws://") + "/_stcore/stream"
        self._origin = server
        self._page, self._query = page, query
        self._timers: dict[str, tuple[float, float]] = {}
        self._ended = False
        self._error: BaseException | None = None
        self.looks = 0
        """How many timed looks have been answered."""

    def __enter__(self) -> "PageClient":
        self._connection: ClientConnection = connect(
            self._address,
            origin=Origin(self._origin),
            subprotocols=[Subprotocol("streamlit")],
            max_size=None,
            close_timeout=0.5,
        )
        self._ask()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._ended = True
        self._connection.close()
        self._thread.join(_PATIENCE)
        if kind is None and (self._error is not None or not self.looks):
            raise RuntimeError("a session did not look at its page again") from self._error

    def _ask(self, fragment: str = "") -> None:
        message = BackMsg()
        message.rerun_script.page_name = self._page
        message.rerun_script.query_string = self._query
        message.rerun_script.fragment_id = fragment
        message.rerun_script.is_auto_rerun = bool(fragment)
        self._connection.send(message.SerializeToString())

    def _run(self) -> None:
        try:
            self._look()
        except Exception as raised:
            # Said when the session is left: an error in a thread would only be printed.
            self._error = raised

    def _look(self) -> None:
        try:
            while not self._ended:
                now = time.monotonic()
                for fragment, (interval, due) in list(self._timers.items()):
                    if due <= now:
                        self._timers[fragment] = (interval, now + interval)
                        self._ask(fragment)
                        self.looks += 1
                due = min((due for _, due in self._timers.values()), default=now + _PATIENCE)
                try:
                    self._take(self._connection.recv(timeout=max(due - time.monotonic(), 0.0)))
                except TimeoutError:
                    continue
        except ConnectionClosed:
            if not self._ended:
                raise

    def _take(self, data: str | bytes) -> None:
        message = ForwardMsg()
        message.ParseFromString(data if isinstance(data, bytes) else data.encode())
        if message.WhichOneof("type") == "auto_rerun":
            interval = message.auto_rerun.interval
            due = time.monotonic() + interval
            self._timers[message.auto_rerun.fragment_id] = (interval, due)
