"""Requests that the server refuses or accepts, and its response headers."""

import asyncio
import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
import streamlit
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Message, Scope
from starlette.websockets import WebSocket
from streamlit.web.server.starlette.starlette_app import create_streamlit_routes

from cifarviz.live import server
from scripts.app_server import ROOT

HOSTS = ["localhost", "127.0.0.1", "::1", "*.example.org"]
ALLOWED_ORIGINS = ["https://portal.example.net"]


@dataclass(frozen=True)
class Reply:
    """What was sent back: the status of an HTTP response, or 101 for a socket that was accepted."""

    status: int
    headers: Mapping[str, str]
    text: str


async def _page(_request: Request) -> Response:
    return PlainTextResponse("a page")


async def _failing(_request: Request) -> Response:
    raise ZeroDivisionError


async def _socket(socket: WebSocket) -> None:
    await socket.accept()
    await socket.close()


async def _denied(socket: WebSocket) -> None:
    await socket.send_denial_response(PlainTextResponse("no such run", 404))


def ask(
    path: str = "/",
    headers: Iterable[tuple[str, str]] = (("host", "localhost:8501"),),
    scheme: str = "http",
    *,
    method: str = "GET",
    base_path: str = "",
    hosts: Iterable[str] = HOSTS,
    origins: Iterable[str] | None = ALLOWED_ORIGINS,
) -> Reply:
    """Send a request, or open a socket if the scheme is ws or wss, and return the reply."""
    prefix = f"/{base_path}" if base_path else ""
    app = Starlette(
        routes=[
            Route("/", _page, methods=["GET", "POST"]),
            Route("/failing", _failing),
            Route(f"{prefix}/_stcore/{{path:path}}", _page, methods=["GET", "POST"]),
            Route(f"{prefix}/live/picture", _page),
            WebSocketRoute(f"{prefix}/live/run", _socket),
            WebSocketRoute("/_stcore/stream", _socket),
            WebSocketRoute("/denied", _denied),
        ],
        middleware=server.middleware(
            base_path, list(hosts), None if origins is None else list(origins), dict
        ),
    )
    is_socket = scheme.startswith("ws")
    scope: Scope = {
        "type": "websocket" if is_socket else "http",
        "scheme": scheme,
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
        "extensions": {"websocket.http.response": {}} if is_socket else {},
    }
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"} if is_socket else {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    try:
        asyncio.run(app(scope, receive, send))
    except ZeroDivisionError:
        assert path == "/failing"
    first = sent[0]
    if first["type"] == "websocket.accept":
        return Reply(101, {}, "")
    if first["type"] == "websocket.close":
        # This is how a server answers a socket that is closed before it was accepted.
        return Reply(403, {}, "")
    assert sum("status" in message for message in sent) == 1
    return Reply(
        first["status"],
        {name.decode(): value.decode() for name, value in first["headers"]},
        b"".join(message.get("body", b"") for message in sent[1:]).decode(),
    )


def both(headers: Iterable[tuple[str, str]]) -> tuple[int, int]:
    """Return the status of a page, and that of Streamlit's socket."""
    return ask("/", headers).status, ask("/_stcore/stream", headers, "ws").status


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8501",
        "LocalHost:8501",
        "localhost.:8501",
        "127.0.0.1:1",
        "127.0.0.1:65535",
        "[::1]:8501",
        "[::1]",
        "lab.example.org",
        "a.b.EXAMPLE.org:80",
    ],
)
def test_an_allowed_host_is_accepted(host: str) -> None:
    assert both([("host", host)]) == (200, 101)


@pytest.mark.parametrize(
    "host",
    [
        "rebound.example.com:8501",
        "example.org",
        "notexample.org",
        "localhost.example.com",
        "127.0.0.1.example.com",
        "127.0.0.2",
        "[::2]:8501",
        "testserver",
    ],
)
def test_a_foreign_host_is_refused(host: str) -> None:
    assert both([("host", host)]) == (403, 403)
    assert "server.allowedHosts" in ask("/", [("host", host)]).text


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("host", "")],
        [("host", ":8501")],
        [("host", "localhost:")],
        [("host", "localhost:0")],
        [("host", "localhost:65536")],
        [("host", "localhost:eighty")],
        [("host", "localhost:٨")],
        [("host", "::1")],
        [("host", "[::1")],
        [("host", "user@localhost")],
        [("host", "localhost/path")],
        [("host", "localhost?x")],
        [("host", "localhost, evil.example")],
        [("host", "local\thost")],
        [("host", "localhost\n")],
        [("host", "löcalhost")],
        [("host", "localhost"), ("host", "evil.example")],
    ],
    ids=str,
)
def test_a_missing_or_malformed_host_is_refused(headers: list[tuple[str, str]]) -> None:
    encodable = [(name, value.encode().decode("latin-1")) for name, value in headers]
    assert both(encodable) == (403, 403)
    assert "localhost:8501" in ask("/", encodable).text


@pytest.mark.parametrize("hosts", [[], ["*"]])
def test_any_well_formed_host_may_be_allowed(hosts: list[str]) -> None:
    assert ask("/", [("host", "any.example.com")], hosts=hosts).status == 200
    assert ask("/", [("host", "any.example.com:x")], hosts=hosts).status == 403


def test_a_client_without_a_host_is_accepted_if_no_hosts_are_listed() -> None:
    assert ask("/", [], hosts=[]).status == 200
    assert ask("/", [("origin", "http://localhost")], hosts=[]).status == 403
    assert ask("/", [], hosts=["*"]).status == 403


@pytest.mark.parametrize(
    ("origin", "host", "scheme"),
    [
        ("http://localhost:8501", "localhost:8501", "http"),
        ("HTTP://LOCALHOST:8501", "localhost:8501", "http"),
        ("http://localhost:8501", "LOCALHOST:8501", "http"),
        ("http://[::1]:8501", "[::1]:8501", "http"),
        ("http://127.0.0.1", "127.0.0.1", "http"),
        ("http://127.0.0.1", "127.0.0.1:80", "http"),
        ("https://lab.example.org", "lab.example.org", "https"),
        ("https://lab.example.org", "lab.example.org:443", "https"),
        # A proxy has ended TLS.
        ("https://lab.example.org", "lab.example.org", "http"),
        ("https://lab.example.org:8443", "lab.example.org:8443", "http"),
        # server.corsAllowedOrigins
        ("https://portal.example.net", "localhost:8501", "http"),
        ("https://portal.example.net:443", "localhost:8501", "http"),
    ],
)
def test_the_dashboards_own_pages_and_allowed_origins_are_accepted(
    origin: str, host: str, scheme: str
) -> None:
    headers = [("host", host), ("origin", origin), ("sec-fetch-site", "same-origin")]
    socket = scheme.replace("http", "ws")
    assert ask("/", headers, scheme, method="POST").status == 200
    assert ask("/live/run", headers, socket).status == 101
    assert ask("/_stcore/stream", headers, socket).status == 101


@pytest.mark.parametrize(
    ("origin", "host", "scheme"),
    [
        ("http://localhost:9000", "localhost:8501", "http"),
        ("http://localhost", "localhost:8501", "http"),
        ("http://127.0.0.1:8501", "localhost:8501", "http"),
        ("http://evil.example:8501", "localhost:8501", "http"),
        ("http://localhost.evil.example:8501", "localhost:8501", "http"),
        ("http://localhost:8501.evil.example", "localhost:8501", "http"),
        ("http://localhost:8501@evil.example", "localhost:8501", "http"),
        ("http://[::1]:9000", "[::1]:8501", "http"),
        ("https://localhost", "localhost:80", "http"),
        ("http://lab.example.org", "lab.example.org", "https"),
        ("http://portal.example.net", "localhost:8501", "http"),
        ("https://portal.example.net:8443", "localhost:8501", "http"),
        ("ftp://localhost:8501", "localhost:8501", "http"),
        ("file://", "localhost:8501", "http"),
        ("chrome-extension://abcdefghijklmnop", "localhost:8501", "http"),
        ("localhost:8501", "localhost:8501", "http"),
        ("null", "localhost:8501", "http"),
        ("", "localhost:8501", "http"),
        # Rebinding: the name of a stranger leads to this machine.
        ("http://rebound.example.com:8501", "rebound.example.com:8501", "http"),
    ],
)
def test_a_foreign_origin_is_refused(origin: str, host: str, scheme: str) -> None:
    headers = [("host", host), ("origin", origin)]
    for method in ("GET", "POST", "OPTIONS"):
        assert ask("/", headers, scheme, method=method).status == 403
    socket = scheme.replace("http", "ws")
    for path in ("/live/run", "/_stcore/stream"):
        assert ask(path, headers, socket).status == 403


def test_the_refusal_of_an_origin_says_how_to_allow_it() -> None:
    reply = ask("/", [("host", "localhost:8501"), ("origin", "http://localhost:9000")])
    assert "http://localhost:9000" in reply.text
    assert "server.corsAllowedOrigins" in reply.text


def test_two_origins_are_refused() -> None:
    own = ("origin", "http://localhost:8501")
    host = ("host", "localhost:8501")
    assert both([host, own, ("origin", "http://evil.example")]) == (403, 403)


def test_any_origin_is_accepted_without_cross_origin_protection() -> None:
    headers = [("host", "localhost:8501"), ("origin", "null")]
    assert ask("/", headers, origins=None).status == 200
    assert ask("/", headers, origins=[]).status == 403


@pytest.mark.parametrize("base_path", ["", "cifarviz/demo"])
@pytest.mark.parametrize(
    ("fetch", "status"),
    [
        ({"site": "same-origin", "mode": "no-cors", "dest": "image"}, 200),
        ({"site": "none", "mode": "navigate", "dest": "document"}, 200),
        ({"site": "cross-site", "mode": "navigate", "dest": "document"}, 200),
        ({"site": "cross-site", "mode": "no-cors", "dest": "image"}, 403),
        ({"site": "same-site", "mode": "no-cors", "dest": "script"}, 403),
        ({"site": "cross-site", "mode": "navigate", "dest": "iframe"}, 403),
    ],
)
def test_a_page_of_another_origin_cannot_embed_responses(
    base_path: str, fetch: dict[str, str], status: int
) -> None:
    headers = [("host", "localhost"), *((f"sec-fetch-{k}", v) for k, v in fetch.items())]
    path = f"/{base_path}/live/picture" if base_path else "/live/picture"
    assert ask(path, headers, base_path=base_path).status == status
    # Streamlit's own pages and files: the browser keeps their content from others.
    assert ask("/", headers, base_path=base_path).status == 200


@pytest.mark.parametrize("base_path", ["", "cifarviz/demo"])
def test_routes_that_no_page_uses_are_closed(base_path: str) -> None:
    prefix = f"/{base_path}" if base_path else ""
    for path in ("metrics", "metrics/", "agent/interact", "agent/mcp", "agent/openapi.json"):
        reply = ask(f"{prefix}/_stcore/{path}", method="POST", base_path=base_path)
        assert (reply.status, "is closed" in reply.text) == (403, True)
    assert ask(f"{prefix}/_stcore/health", base_path=base_path).status == 200


def test_every_route_of_the_server_is_in_the_documents_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # With those of a class.
    monkeypatch.setenv("CIFARVIZ_CLASS", "1")
    parts = ("uploaded_file_mgr", "component_registry", "bidi_component_registry", "stats_mgr")
    runtime = SimpleNamespace(
        media_file_mgr=SimpleNamespace(_storage=None),
        _main_script_path=str(ROOT / "app.py"),
        **dict.fromkeys(parts),
    )
    paths = {
        getattr(route, "path", None) or "/"
        for route in (*create_streamlit_routes(runtime), *server.routes(""))  # type: ignore[arg-type]
    }
    table = (
        (ROOT / "docs" / "security.md").read_text("utf-8").split("| route |")[1].split("\n\n")[0]
    )
    listed = [re.findall(r"`(/[^`]*)`", line.split("|")[1]) for line in table.splitlines()[2:]]
    assert paths == {path for group in listed for path in group}


@pytest.mark.parametrize(
    ("path", "headers", "scheme", "status"),
    [
        ("/", [("host", "localhost:8501")], "http", 200),
        ("/nothing", [("host", "localhost:8501")], "http", 404),
        ("/failing", [("host", "localhost:8501")], "http", 500),
        ("/", [("host", "evil.example")], "http", 403),
        ("/", [], "http", 403),
        # A route may answer a socket with a page.
        ("/denied", [("host", "localhost:8501")], "ws", 404),
    ],
)
def test_every_response_has_the_security_headers(
    path: str, headers: list[tuple[str, str]], scheme: str, status: int
) -> None:
    reply = ask(path, headers, scheme)
    assert reply.status == status
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["x-frame-options"] == "SAMEORIGIN"
    assert reply.headers["referrer-policy"] == "same-origin"
    assert reply.headers["cross-origin-resource-policy"] == "same-origin"
    policy = _policy(reply)
    assert policy["default-src"] == ["'none'"]
    assert policy["frame-ancestors"] == ["'self'"]
    assert policy["base-uri"] == ["'none'"]
    assert not {"'unsafe-inline'", "'unsafe-eval'", "*"} & set(policy["script-src"])


def test_sockets_of_the_same_host_are_allowed_by_name() -> None:
    policy = _policy(ask("/", [("host", "LAB.example.org:8501")]))
    assert {"ws://lab.example.org:8501", "wss://lab.example.org:8501"} < {*policy["connect-src"]}


def test_the_inline_script_of_streamlits_page_is_allowed() -> None:
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text("utf-8")
    allowed = _policy(ask())["script-src"]
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert scripts
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in allowed


def _policy(reply: Reply) -> dict[str, list[str]]:
    directives = reply.headers["content-security-policy"].split(";")
    return {name: sources for name, *sources in map(str.split, directives)}
