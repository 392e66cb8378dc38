"""Middleware that limits how much memory uploaded files take, and what a student uploads.

Streamlit keeps each file in memory until its session ends or its person removes it, limits the
size of one file only, and takes any number of them from a program that has opened a session.
"""

import asyncio
import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from cifarviz import free_memory
from cifarviz.people.person import current_person
from cifarviz.runs.limit_values import Limits

SESSION_BYTES: Final = 1_100_000_000
"""What the files of one session may take: the largest archive, and some pictures."""
ALL_BYTES: Final = 3_000_000_000
FREE_BYTES: Final = 300_000_000
"""What must be free of this computer's memory after an upload, where that is known."""

RATE_SECONDS: Final = 60.0
"""The time within which uploads of a student count together."""

HeldBytes = Callable[[], Mapping[str, int]]
"""Returns how many bytes the files of each session take."""


class UploadRates:
    """Counts what each student has uploaded in the last minute; safe to use from several threads.

    Those who have uploaded nothing since are forgotten.
    """

    def __init__(self) -> None:
        self._counted: dict[str, deque[tuple[float, int]]] = {}
        self._lock = threading.Lock()

    def count(self, person: str, size: int, limits: Limits) -> int:
        """Count an upload of ``size`` bytes; returns 0, or after how many seconds to try again.

        Then it is not counted. A file that is larger than the limit may come alone.
        """
        with self._lock:
            wait = self._wait(person, size, 1, limits)
            if not wait:
                self._counted.setdefault(person, deque()).append((time.monotonic(), size))
            return wait

    def find_problem(self, person: str, files: int, limits: Limits) -> str:
        """Return why so many files cannot be uploaded now, as a sentence; empty if they can."""
        if files > limits.uploads:
            return (
                f"You can upload {limits.uploads} files a minute in this class, and chose {files}. "
                "Choose fewer."
            )
        with self._lock:
            wait = self._wait(person, 0, files, limits)
        return describe_wait(limits, wait) if wait else ""

    def _wait(self, person: str, size: int, files: int, limits: Limits) -> int:
        """Return the seconds until ``files`` of ``size`` bytes together are within the limits."""
        now = time.monotonic()
        for counted in self._counted.values():
            while counted and counted[0][0] <= now - RATE_SECONDS:
                counted.popleft()
        self._counted = {one: counted for one, counted in self._counted.items() if counted}
        total, until = size, 0.0
        # From the newest on, as many as there is room for; the next one must be older.
        for moment, earlier in reversed(self._counted.get(person, ())):
            files, total = files + 1, total + earlier
            if files > limits.uploads or total > limits.upload_megabytes * 1_000_000:
                until = moment + RATE_SECONDS
                break
        return max(1, math.ceil(until - now)) if until else 0


UPLOAD_RATES: Final = UploadRates()
"""Of all students of this server."""


def describe_wait(limits: Limits, seconds: int) -> str:
    """Return what a student may upload, and when it is possible again."""
    return (
        f"You can upload {limits.uploads} files with {limits.upload_megabytes:,} MB a minute in "
        f"this class. Try again in {seconds} s."
    )


class UploadLimit:
    """ASGI middleware that refuses an upload before any of it is read.

    Args:
        app: the application that answers all other requests.
        prefix: the path of uploads, before the ids of session and file.
        held: returns the bytes of the uploaded files of each session.
        limits: returns the limits of the class; None without one.
    """

    def __init__(
        self, app: ASGIApp, prefix: str, held: HeldBytes, limits: Callable[[], Limits] | None
    ) -> None:
        self._app = app
        self._limits = limits
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
        person = current_person()
        limits = None
        if self._limits is not None and person.role == "student":
            limits = await asyncio.to_thread(self._limits)
        if problem := self._find_problem(session, size):
            await PlainTextResponse(problem, 413)(scope, receive, send)
            return
        if limits is not None and (wait := UPLOAD_RATES.count(person.id, size, limits)):
            refusal = PlainTextResponse(
                describe_wait(limits, wait),
                HTTPStatus.TOO_MANY_REQUESTS,
                {"Retry-After": str(wait)},
            )
            await refusal(scope, receive, send)
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
