"""Request a page from a running dashboard like a browser, without drawing it."""

import time

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol


def request_page(server: str, page: str = "", patience: float = 120) -> list[ForwardMsg]:
    """Return all messages of the server until the page's script has finished.

    Raises:
        TimeoutError: it has not finished within ``patience`` seconds.
    """
    deadline = time.monotonic() + patience
    message = BackMsg()
    message.rerun_script.page_name = page
    messages: list[ForwardMsg] = []
    with connect(
        server.replace("http://", "ws://") + "/_stcore/stream",
        origin=Origin(server),
        subprotocols=[Subprotocol("streamlit")],
        proxy=None,
        max_size=None,
        close_timeout=0.5,
    ) as connection:
        connection.send(message.SerializeToString())
        while not (messages and _has_ended(messages[-1])):
            data = connection.recv(timeout=max(deadline - time.monotonic(), 0))
            reply = ForwardMsg()
            reply.ParseFromString(data if isinstance(data, bytes) else data.encode())
            messages.append(reply)
    return messages


def _has_ended(message: ForwardMsg) -> bool:
    # A script that calls st.rerun is followed by another script run.
    return (
        message.HasField("script_finished")
        and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
    )


def headings(messages: list[ForwardMsg]) -> list[str]:
    """Return the texts of the page's headings, in order."""
    elements = [m.delta.new_element for m in messages if m.delta.HasField("new_element")]
    return [element.heading.body for element in elements if element.HasField("heading")]


def exceptions(messages: list[ForwardMsg]) -> list[str]:
    """Return the messages of the exceptions that the page shows."""
    elements = [m.delta.new_element for m in messages if m.delta.HasField("new_element")]
    return [element.exception.message for element in elements if element.HasField("exception")]
