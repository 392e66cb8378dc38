"""The routes beside the pages, and what stands before every answer of the server."""

from collections.abc import Sequence

from starlette.middleware import Middleware
from starlette.routing import BaseRoute, WebSocketRoute

from cifarviz.live.guard import Guard, own_routes
from cifarviz.live.socket import live_socket


def routes(base_path: str) -> Sequence[BaseRoute]:
    """Return the routes that are served beside Streamlit's own.

    ``base_path`` is Streamlit's ``server.baseUrlPath``, which its own routes begin with, too.
    """
    return [WebSocketRoute(f"{own_routes(base_path)}{{name}}", live_socket)]


def middleware(
    base_path: str, allowed_hosts: Sequence[str], allowed_origins: Sequence[str] | None
) -> Sequence[Middleware]:
    """Return what every request passes through, sockets too, the outermost first.

    ``allowed_hosts`` is Streamlit's ``server.allowedHosts``, ``allowed_origins`` its
    ``server.corsAllowedOrigins``, or None where ``server.enableCORS`` is off.
    """
    return [
        Middleware(
            Guard,
            base_path=base_path,
            allowed_hosts=allowed_hosts,
            allowed_origins=allowed_origins,
        )
    ]
