"""Middleware that limits how much memory uploaded files take.

Streamlit keeps each file in memory until its session ends or its person removes it, limits the
size of one file only, and takes any number of them from a program that has opened a session.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from cifarviz import free_memory

SESSION_BYTES: Final = 1_100_000_000
"""What the files of one session may take: the largest archive, and some pictures."""
ALL_BYTES: Final = 3_000_000_000
FREE_BYTES: Final = 300_000_000
"""What must be free of this computer's memory after an upload, where that is known."""

HeldBytes = Callable[[], Mapping[str, int]]
"""Returns how many bytes the files of each session take."""


class UploadLimit:
    """ASGI middleware that refuses an upload before any of it is read.

    Args:
        app: the application that answers all other requests.
        prefix: the path of uploads, before the ids of session and file.
        held: returns the bytes of the uploaded files of each session.
    """

    def __init__(self, app: ASGIApp, prefix: str, held: HeldBytes) -> None:
        self._app = app
        self._prefix = prefix
        self._held = held
        self._arriving: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_upload = (
            scope["type"] == "http"
            and scope["method"] not in ("GET", "HEAD", "OPTIONS", "DELETE")
            and scope["path"].startswith(self._prefix)
        )
        if not is_upload:
            await self._app(scope, receive, send)
            return
        session = scope["path"][len(self._prefix) :].partition("/")[0]
        length = Headers(scope=scope).get("content-length", "")
        if not (length.isascii() and length.isdecimal()):
            refusal = PlainTextResponse("An upload must say its size (Content-Length).", 411)
            await refusal(scope, receive, send)
            return
        # The web server reads this many bytes at most.
        size = int(length)
        if problem := self._find_problem(session, size):
            await PlainTextResponse(problem, 413)(scope, receive, send)
            return
        self._arriving[session] += size
        try:
            await self._app(scope, receive, send)
        finally:
            self._arriving[session] -= size
            if not self._arriving[session]:
                del self._arriving[session]

    def _find_problem(self, session: str, size: int) -> str:
        """Return why an upload is refused, as a sentence; empty if it is not."""
        held = self._held()
        if held.get(session, 0) + self._arriving[session] + size > SESSION_BYTES:
            return (
                f"The files of this tab would take more than {SESSION_BYTES // 1_000_000:,} MB. "
                "Remove some, or reload the page."
            )
        arriving = self._arriving.total() + size
        if sum(held.values()) + arriving > ALL_BYTES:
            return (
                f"All uploaded files would take more than {ALL_BYTES // 1_000_000:,} MB of this "
                "server's memory. Try again when others have closed their pages."
            )
        free = free_memory.available_bytes()
        # Streamlit has a file twice while it reads it.
        if free is not None and free - 2 * arriving < FREE_BYTES:
            return "This server has not enough free memory for the file. Try again later."
        return ""
