"""Ask a running dashboard for a page as a browser does, without drawing it."""

import time

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol


def request_page(server: str, page: str = "", patience: float = 120) -> list[ForwardMsg]:
    """Return all that the server at this address sends until the page has run to its end.

    Raises:
        TimeoutError: it has not within ``patience`` seconds.
    """
    deadline = time.monotonic() + patience
    message = BackMsg()
    message.rerun_script.page_name = page
    found: list[ForwardMsg] = []
    with connect(
        server.replace("http://", "ws://") + "/_stcore/stream",
        origin=Origin(server),
        subprotocols=[Subprotocol("streamlit")],
        proxy=None,
        max_size=None,
        close_timeout=0.5,
    ) as connection:
        connection.send(message.SerializeToString())
        while not (found and _has_ended(found[-1])):
            data = connection.recv(timeout=max(deadline - time.monotonic(), 0))
            part = ForwardMsg()
            part.ParseFromString(data if isinstance(data, bytes) else data.encode())
            found.append(part)
    return found


def _has_ended(message: ForwardMsg) -> bool:
    # A run that the page itself starts anew is followed by another.
    return (
        message.HasField("script_finished")
        and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
    )


def headings(messages: list[ForwardMsg]) -> list[str]:
    """Return the text of the page's headings, in the order they came."""
    elements = [m.delta.new_element for m in messages if m.delta.HasField("new_element")]
    return [element.heading.body for element in elements if element.HasField("heading")]


def exceptions(messages: list[ForwardMsg]) -> list[str]:
    """Return the messages of the exceptions that the page shows."""
    elements = [m.delta.new_element for m in messages if m.delta.HasField("new_element")]
    return [element.exception.message for element in elements if element.HasField("exception")]
