"""Middleware of a class: everything but its own pages is for people in it only.

The cookie is signed. Whoever it stands for acts while the request is answered, so that the store
refuses what this person may not do.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cifarviz.live.guard import LOCAL_NAMES, find_host, is_proxied, path_below
from cifarviz.people.accounts import SignIn
from cifarviz.people.person import Person, acting_as
from cifarviz.people.secrets import ClassSecrets
from cifarviz.runs.members import SEEN_SECONDS, note_seen, person_of
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings

COOKIE: Final = "cifarviz-class"
"""The name of the cookie that says who somebody is."""

OUT_OF_CLASS: Final = 4403
"""The code with which a socket is closed whose person is no longer in the class."""

CLASS_PAGES: Final = ("join", "back", "sign-in", "leave", "watch", "school")
"""What somebody without a cookie may open, below ``class/``."""

# Streamlit's, which talk to the school's server.
_SIGN_IN_ROUTES = ("auth/login", "oauth2callback")
# Seconds until a cookie is looked up again, as its person may have been removed.
_KEPT_SECONDS = 2.0
_MOST_KEPT = 1000
# Seconds between two checks whether whoever opened a socket is still in the class.
_CHECK_SECONDS = 2.0
# Acts while somebody without a cookie is answered.
_NOBODY = Person("", "", "viewer")


class PeopleOfCookies:
    """Finds who a cookie stands for in a home; safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        self.store = RunStore(settings)
        self.secrets = ClassSecrets(settings.home)
        self._kept: dict[str, tuple[float, Person | None]] = {}
        self._noted: dict[str, float] = {}

    def find(self, cookie: str | None) -> Person | None:
        """Return who the cookie stands for; None for a missing, forged or void one."""
        if not cookie:
            return None
        now = time.monotonic()
        until, person = self._kept.get(cookie, (0.0, None))
        if now < until:
            return person
        ticket = self.secrets.read(cookie)
        person = None if ticket is None else person_of(self.store, ticket)
        if ticket is not None:
            # Forged ones are cheap to refuse, and would fill the memory.
            self._keep(cookie, now + _KEPT_SECONDS, person)
        if person is not None and now >= self._noted.get(person.id, -SEEN_SECONDS) + SEEN_SECONDS:
            self._noted[person.id] = now
            note_seen(self.store, person)
        return person

    def forget(self, cookie: str | None) -> None:
        """Look this cookie up anew the next time, as after a sign-out."""
        self._kept.pop(cookie or "", None)

    def _keep(self, cookie: str, until: float, person: Person | None) -> None:
        while len(self._kept) >= _MOST_KEPT:
            self._kept.pop(next(iter(self._kept)), None)
        self._kept.pop(cookie, None)
        self._kept[cookie] = (until, person)


@lru_cache(maxsize=4)
def people_of_cookies(settings: Settings) -> PeopleOfCookies:
    """Return that of a home, one for the whole process."""
    return PeopleOfCookies(settings)


def is_confidential(scope: Scope, settings: Settings) -> bool:
    """Whether nobody on the network can read the request: by TLS, or from this computer."""
    return is_encrypted(scope, settings) or _is_local(scope)


def is_encrypted(scope: Scope, settings: Settings) -> bool:
    """Whether the browser sent the request by TLS, to this server or to the proxy before it."""
    if settings.class_address and not _is_local(scope):
        # The scheme of the request may be a visitor's own words, which the proxy has passed on.
        return settings.class_address.startswith("https://")
    return scope.get("scheme") in ("https", "wss")


def _is_local(scope: Scope) -> bool:
    client = scope.get("client")
    headers = Headers(scope=scope)
    host = find_host(headers)
    return (
        client is not None
        and client[0] in LOCAL_NAMES
        and host is not None
        and host.name.strip("[]") in LOCAL_NAMES
        and not is_proxied(headers)
    )


async def find_sender(scope: Scope, settings: Settings) -> Person | None:
    """Return who sent a request; None for nobody of the class."""
    cookie = HTTPConnection(scope).cookies.get(COOKIE)
    if cookie is None:
        return None
    people = await asyncio.to_thread(people_of_cookies, settings)
    person = await asyncio.to_thread(people.find, cookie)
    is_teacher = person is not None and person.role == "teacher"
    # A cookie of the teacher was never sent over the network in clear, unless it was stolen.
    return None if is_teacher and not is_confidential(scope, settings) else person


class ClassGate:
    """ASGI middleware that lets in people of the class.

    Without a valid cookie a page leads to where one joins; all else is refused with status 403.
    ``sign_in``: how people sign in with accounts of a school, where they can.
    Sockets of somebody who has left or was removed are closed within some four seconds.
    """

    def __init__(
        self, app: ASGIApp, base_path: str, settings: Settings, sign_in: SignIn | None = None
    ) -> None:
        self._app = app
        self._settings = settings
        self._join = path_below(base_path, "class/join")
        # The first two say nothing but that the server is there.
        names = ("_stcore/health", "favicon.ico", *(f"class/{name}" for name in CLASS_PAGES))
        if sign_in is not None:
            names = (*names, *_SIGN_IN_ROUTES)
        self._public = frozenset(path_below(base_path, name) for name in names)
        self._first_page = path_below(base_path, "")
        self._school = path_below(base_path, "class/school")
        self._sign_in = sign_in
        self._uploads = path_below(base_path, "_stcore/upload_file/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        person = await find_sender(scope, self._settings)
        if self._has_signed_in(scope):
            # Whoever they were before; it takes those cookies away.
            await RedirectResponse(self._school, 303)(scope, receive, send)
            return
        if person is None and path not in self._public:
            await self._refuse(scope, receive, send)
            return
        is_upload = path.startswith(self._uploads) and scope["type"] == "http"
        if person is not None and person.role == "viewer" and is_upload:
            refusal = PlainTextResponse("You are here to watch.", HTTPStatus.FORBIDDEN)
            await refusal(scope, receive, send)
            return
        with acting_as(person or _NOBODY):
            if scope["type"] == "websocket":
                await self._serve_socket(scope, receive, send)
            else:
                await self._app(scope, receive, send)

    async def _serve_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        removal = asyncio.create_task(self._wait_for_removal(scope))

        async def receive_until_removed() -> Message:
            incoming = asyncio.ensure_future(receive())
            try:
                await asyncio.wait({incoming, removal}, return_when=asyncio.FIRST_COMPLETED)
                if incoming.done():
                    return incoming.result()
            finally:
                incoming.cancel()
            await send({"type": "websocket.close", "code": OUT_OF_CLASS})
            return {"type": "websocket.disconnect", "code": OUT_OF_CLASS}

        async def send_until_removed(message: Message) -> None:
            # What comes after the close would be an error of the server.
            if not removal.done():
                await send(message)

        try:
            await self._app(scope, receive_until_removed, send_until_removed)
        finally:
            removal.cancel()

    async def _wait_for_removal(self, scope: Scope) -> None:
        is_admitted = True
        while is_admitted:
            await asyncio.sleep(_CHECK_SECONDS)
            # Where the store is locked or the disk full for a moment, nobody is put out.
            with suppress(Exception):
                is_admitted = await find_sender(scope, self._settings) is not None

    def _has_signed_in(self, scope: Scope) -> bool:
        """Whether the browser comes from the school's server, from which it is sent here."""
        if self._sign_in is None or scope["type"] != "http" or scope["path"] != self._first_page:
            return False
        # By its own page, as the class's cookies are not sent along from other sites.
        is_own = Headers(scope=scope).get("sec-fetch-site") != "cross-site"
        return is_own and bool(self._sign_in.own_cookies(HTTPConnection(scope).cookies))

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = Headers(scope=scope)
        answer: Response = PlainTextResponse(
            f"Join the class first: open {self._join} in a browser.", HTTPStatus.FORBIDDEN
        )
        if scope["method"] == "GET" and _is_page(headers):
            # By a link of another site the browser sends no cookie that is SameSite=Strict; by a
            # page of ours it does.
            is_first = headers.get("sec-fetch-site") == "cross-site"
            answer = _REPEAT if is_first else RedirectResponse(self._join_address(scope), 303)
        await answer(scope, receive, send)

    def _join_address(self, scope: Scope) -> str:
        query = scope.get("query_string", b"").decode("latin-1")
        wanted = scope["path"] + (f"?{query}" if query else "")
        return self._join if scope["path"] == "/" else f"{self._join}?next={quote(wanted, safe='')}"


_REPEAT = HTMLResponse('<!doctype html><meta http-equiv="refresh" content="0"><title>…</title>')


def _is_page(headers: Mapping[str, str]) -> bool:
    mode = headers.get("sec-fetch-mode")
    return mode == "navigate" or (mode is None and "text/html" in headers.get("accept", ""))
