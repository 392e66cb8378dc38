"""Middleware that refuses requests from foreign pages and sets security headers."""

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# docs/security.md says what needs each source that is more than 'self'.
_STREAMLIT_INLINE_SCRIPT = "'sha256-THxz9J9+wf7rhwR2YkXJoSZ13UCmYyC+3lNDv2+8ugA='"
_POLICY = (
    "default-src 'none'; "
    f"script-src 'self' blob: 'wasm-unsafe-eval' {_STREAMLIT_INLINE_SCRIPT}; "
    "style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; "
    "font-src 'self' data:; "
    "media-src blob:; "
    "connect-src 'self' data:{sockets}; "
    "base-uri 'none'; "
    "form-action 'self'; "
    "frame-ancestors 'self'"
)

# Routes of Streamlit that no page uses: numbers on all sessions, and an interface for programs.
_CLOSED_ROUTES = ("_stcore/metrics", "_stcore/agent/")

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9_][a-z0-9_.-]*)(?::(?P<port>[0-9]{1,5}))?")
LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""The names by which a computer calls itself."""
_PROXY_HEADERS = ("x-forwarded-", "x-real-ip", "forwarded", "via")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class _Host(NamedTuple):
    """A host name in lower case, and its port where one is given."""

    name: str
    port: int | None


class Guard:
    """ASGI middleware that answers only requests from the dashboard's own pages.

    HTTP requests are refused with status 403, sockets before they are accepted.

    Args:
        app: the application that answers allowed requests.
        base_path: Streamlit's ``server.baseUrlPath``.
        allowed_hosts: ``server.allowedHosts``; empty allows any name.
        allowed_origins: ``server.corsAllowedOrigins``; None allows any origin.
    """

    def __init__(
        self,
        app: ASGIApp,
        base_path: str,
        allowed_hosts: Sequence[str],
        allowed_origins: Sequence[str] | None,
    ) -> None:
        self._app = app
        self._own_routes = (own_routes(base_path), path_below(base_path, "class/"))
        self._closed_routes = tuple(path_below(base_path, path) for path in _CLOSED_ROUTES)
        self._allowed_hosts = [host.strip().lower().rstrip(".") for host in allowed_hosts]
        self._allowed_origins = (
            None if allowed_origins is None else set(map(_parse_origin, allowed_origins)) - {None}
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        protection = _security_headers(find_host(Headers(scope=scope)))
        is_started = False

        async def send_protected(message: Message) -> None:
            nonlocal is_started
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                is_started = True
                message.setdefault("headers", [])
                MutableHeaders(scope=message).update(protection)
            await send(message)

        if problem := self._find_problem(scope):
            if scope["type"] == "http":
                await PlainTextResponse(problem, 403)(scope, receive, send_protected)
            else:
                # The server answers the handshake with an empty 403; pages cannot read its body.
                await send({"type": "websocket.close", "code": 1008})
            return
        try:
            await self._app(scope, receive, send_protected)
        except Exception:
            if scope["type"] == "http" and not is_started:
                # Starlette's own error response would lack the headers.
                error = PlainTextResponse("Internal Server Error", 500)
                await error(scope, receive, send_protected)
            raise

    def _find_problem(self, scope: Scope) -> str:
        """Return why the request is refused, as one sentence; empty if it is not."""
        headers = Headers(scope=scope)
        host = find_host(headers)
        sent_hosts = headers.getlist("host")
        if host is None and (sent_hosts or self._allowed_hosts):
            return (
                "Expected one Host header with a name from server.allowedHosts, such as "
                f"localhost:8501, but got {', '.join(map(ascii, sent_hosts)) or 'none'}."
            )
        if host is not None and not self._is_host_allowed(host):
            return (
                f"The host name {host.name} is not allowed: open the dashboard by a name in "
                "server.allowedHosts, or add this one to it."
            )
        if scope["path"].startswith(self._closed_routes):
            return "This address is closed: no page of the dashboard needs it."
        origins = headers.getlist("origin")
        if origins:
            if not self._is_origin_allowed(origins, host, scope.get("scheme", "http")):
                return (
                    f"A page of {', '.join(map(ascii, origins))} may not use this server: open the "
                    "dashboard by its own address, or add that origin to server.corsAllowedOrigins."
                )
        elif scope["path"].startswith(self._own_routes) and _is_foreign_fetch(headers):
            return (
                "A page of another site or port may not use this server: open the dashboard by its "
                "own address, a name in server.allowedHosts."
            )
        return ""

    def _is_host_allowed(self, host: _Host) -> bool:
        """Return whether ``server.allowedHosts`` has the name, by the rules of Streamlit."""
        name = host.name.strip("[]").rstrip(".")
        return not self._allowed_hosts or any(
            pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:]))
            for pattern in self._allowed_hosts
        )

    def _is_origin_allowed(self, origins: list[str], host: _Host | None, scheme: str) -> bool:
        if self._allowed_origins is None:
            return True
        origin = _parse_origin(origins[0])
        if origin is None or len(origins) > 1:
            return False
        if origin in self._allowed_origins:
            return True
        origin_scheme, origin_name, origin_port = origin
        # A proxy may have ended TLS, so a page of https may ask by http, but not the other way.
        if host is None or (origin_scheme == "http" and scheme in ("https", "wss")):
            return False
        port = host.port or _DEFAULT_PORTS[origin_scheme]
        return (origin_name, origin_port) == (host.name, port)


def is_proxied(headers: Iterable[str]) -> bool:
    """Return whether a proxy has passed the request on, by the names of its headers."""
    return any(name.lower().startswith(_PROXY_HEADERS) for name in headers)


def own_routes(base_path: str) -> str:
    """Return the path prefix of cifarviz's own sockets: ``/live/``."""
    return path_below(base_path, "live/")


def path_below(base_path: str, path: str) -> str:
    """Return an absolute path below ``base_path``, Streamlit's ``server.baseUrlPath``."""
    return "/".join(["", *filter(None, base_path.split("/")), path])


def _is_foreign_fetch(headers: Headers) -> bool:
    """Return whether a page of another origin sent the request, other than by a link."""
    is_navigation = (
        headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest", "document") == "document"
    )
    return headers.get("sec-fetch-site") in ("cross-site", "same-site") and not is_navigation


def find_host(headers: Headers) -> _Host | None:
    """Return the host of the request; None without exactly one well-formed Host header."""
    values = headers.getlist("host")
    return _split_host(values[0]) if len(values) == 1 else None


def _split_host(text: str) -> _Host | None:
    match = _HOST.fullmatch(text.lower())
    if match is None:
        return None
    port = match["port"]
    if port is not None and not 0 < int(port) < 65536:
        return None
    return _Host(match["name"], None if port is None else int(port))


def _parse_origin(text: str) -> tuple[str, str, int] | None:
    """Return scheme, host name and port of an origin; None for anything but HTTP and HTTPS."""
    scheme, separator, rest = text.strip().lower().partition("://")
    host = _split_host(rest.removesuffix("/"))
    if not separator or scheme not in _DEFAULT_PORTS or host is None:
        return None
    return scheme, host.name, host.port or _DEFAULT_PORTS[scheme]


def _security_headers(host: _Host | None) -> dict[str, str]:
    # Safari before 15.4 does not count sockets of the same host as 'self'.
    place = "" if host is None else host.name + ("" if host.port is None else f":{host.port}")
    return {
        "content-security-policy": _POLICY.format(
            sockets=f" ws://{place} wss://{place}" if place else ""
        ),
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "x-frame-options": "SAMEORIGIN",
    }
