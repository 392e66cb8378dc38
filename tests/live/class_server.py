"""A class's server without a network, for the tests of its gate."""

import asyncio
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Message, Scope
from starlette.websockets import WebSocket

from cifarviz.live.class_gate import (
    COOKIE,
    ClassGate,
)
from cifarviz.live.class_pages import ClassPages
from cifarviz.people.accounts import SignIn
from cifarviz.people.person import current_person
from cifarviz.people.secrets import ClassSecrets
from cifarviz.runs.members import (
    ClassState,
    load_class,
)
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings

LAN = "192.0.2.7:8501"
LOCAL: Mapping[str, Any] = {"host": "127.0.0.1:8501", "client": "127.0.0.1"}


class Reply(NamedTuple):
    """The status of an answer (101: the socket was opened), its headers and its text."""

    status: int
    headers: Mapping[str, str]
    text: str


async def _whoever(_request: Request) -> Response:
    return PlainTextResponse(current_person().role + " " + current_person().name)


async def _socket(socket: WebSocket) -> None:
    await socket.accept()
    await socket.close()


class Server:
    """A class's server, asked without a network."""

    def __init__(
        self, settings: Settings, sign_in: SignIn | None = None, base_path: str = ""
    ) -> None:
        self.settings = replace(settings, class_open=True)
        self.store = RunStore(self.settings)
        self.secrets = ClassSecrets(self.settings.home)
        pages = ClassPages(base_path, self.settings, sign_in).routes()
        self._app = Starlette(
            routes=[
                Route("/", _whoever),
                Route("/train", _whoever),
                Route("/_stcore/health", _whoever),
                Route("/_stcore/host-config", _whoever),
                Route("/_stcore/upload_file/session/file", _whoever, methods=["PUT", "DELETE"]),
                Route("/media/file.png", _whoever),
                Route("/component/a/b.js", _whoever),
                Route("/static/plotly.js", _whoever),
                Route("/auth/login", _whoever),
                Route("/oauth2callback", _whoever),
                WebSocketRoute("/_stcore/stream", _socket),
                WebSocketRoute("/live/0123abcd", _socket),
                *pages,
            ],
            middleware=[
                Middleware(ClassGate, base_path=base_path, settings=self.settings, sign_in=sign_in)
            ],
        )

    @property
    def state(self) -> ClassState:
        return load_class(self.store)

    def ask(
        self,
        path: str,
        cookie: str | None = None,
        *,
        method: str = "GET",
        form: Mapping[str, str] | None = None,
        host: str = LAN,
        client: str = "192.0.2.9",
        scheme: str = "http",
        **headers: str,
    ) -> Reply:
        """Send a request, or open a socket if the scheme is ws."""
        path, _, query = path.partition("?")
        sent_headers = {"host": host, **{key.replace("_", "-"): it for key, it in headers.items()}}
        if cookie is not None:
            sent_headers["cookie"] = cookie if "=" in cookie else f"{COOKIE}={cookie}"
        is_socket = scheme.startswith("ws")
        scope: Scope = {
            "type": "websocket" if is_socket else "http",
            "scheme": scheme,
            "method": "POST" if form is not None else method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(key.encode(), it.encode()) for key, it in sent_headers.items()],
            "client": (client, 5000),
        }
        body = urlencode(form or {}).encode()
        sent: list[Message] = []

        async def receive() -> Message:
            if is_socket:
                return {"type": "websocket.connect"}
            return {"type": "http.request", "body": body}

        async def send(message: Message) -> None:
            sent.append(message)

        asyncio.run(self._app(scope, receive, send))
        if is_socket:
            return Reply(101 if sent[0]["type"] == "websocket.accept" else 403, {}, "")
        return Reply(
            sent[0]["status"],
            _joined(sent[0]["headers"]),
            b"".join(message.get("body", b"") for message in sent[1:]).decode(),
        )

    def join(self, name: str, **options: Any) -> Reply:
        code = self.secrets.join_code(self.state.id)
        return self.ask("/class/join", form={"name": name, "code": code}, **options)


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by name; of several cookies, each has a line."""
    joined: dict[str, str] = {}
    for name, value in headers:
        before = [joined[name.decode()]] if name.decode() in joined else []
        joined[name.decode()] = "\n".join([*before, value.decode()])
    return joined


def cookie_of(reply: Reply) -> str:
    match = re.search(rf"^{COOKIE}=([^;]+);", reply.headers["set-cookie"], re.MULTILINE)
    assert match is not None
    return match[1]
