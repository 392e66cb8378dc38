"""The routes of cifarviz beside Streamlit's, and the middleware of the server."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from starlette.middleware import Middleware
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from cifarviz.errors import CifarvizError
from cifarviz.live.class_gate import ClassGate, people_of_cookies
from cifarviz.live.class_pages import ClassPages
from cifarviz.live.guard import Guard, own_routes, path_below
from cifarviz.live.hub import hub
from cifarviz.live.uploads import UPLOAD_RATES, HeldBytes, UploadLimit
from cifarviz.people.accounts import SignIn
from cifarviz.people.person import current_person
from cifarviz.runs.limit_values import Limits
from cifarviz.runs.limits import load_limits
from cifarviz.settings import Settings

_LOG = logging.getLogger(__name__)

# Close codes of sockets (RFC 6455; codes from 4000 are application-defined).
POLICY_VIOLATION: Final = 1008
TRY_AGAIN_LATER: Final = 1013
GONE: Final = 4404
_LONGEST_POSITION = 100


def routes(base_path: str, sign_in: SignIn | None = None) -> Sequence[BaseRoute]:
    """Return the routes served beside Streamlit's own.

    ``base_path`` is Streamlit's ``server.baseUrlPath``, the prefix of all routes. ``sign_in``: how
    people of a class sign in with accounts of a school, where they can.
    """
    settings = Settings.from_environment()
    live = WebSocketRoute(f"{own_routes(base_path)}{{name}}", live_socket)
    pages = ClassPages(base_path, settings, sign_in).routes() if settings.class_open else ()
    return [live, *pages]


def middleware(
    base_path: str,
    allowed_hosts: Sequence[str],
    allowed_origins: Sequence[str] | None,
    held_uploads: HeldBytes,
    sign_in: SignIn | None = None,
) -> Sequence[Middleware]:
    """Return the middleware of all requests and sockets, outermost first.

    ``allowed_hosts`` is Streamlit's ``server.allowedHosts``, ``allowed_origins`` its
    ``server.corsAllowedOrigins``, or None where ``server.enableCORS`` is off. ``held_uploads``
    returns the bytes of the uploaded files of each session. ``sign_in`` is as for ``routes``.
    """
    settings = Settings.from_environment()
    guard = Middleware(
        Guard,
        base_path=base_path,
        allowed_hosts=allowed_hosts,
        allowed_origins=allowed_origins,
    )
    gate = Middleware(ClassGate, base_path=base_path, settings=settings, sign_in=sign_in)
    uploads = Middleware(
        UploadLimit,
        prefix=path_below(base_path, "_stcore/upload_file/"),
        held=held_uploads,
        limits=partial(_limits, settings) if settings.class_open else None,
    )
    return [guard, *([gate] if settings.class_open else []), uploads]


def find_upload_problem(files: int) -> str:
    """Return why the current person cannot upload so many files now; empty if that is possible."""
    settings, person = Settings.from_environment(), current_person()
    if not settings.class_open or person.role != "student":
        return ""
    return UPLOAD_RATES.find_problem(person.id, files, _limits(settings))


def _limits(settings: Settings) -> Limits:
    return load_limits(people_of_cookies(settings).store)


async def live_socket(socket: WebSocket) -> None:
    """Stream the feed in the path, from ``?after=<position>`` on.

    A socket that receives a message from the browser is closed.
    """
    await socket.accept()
    if hub().is_full:
        await socket.close(TRY_AGAIN_LATER, "Too many connections: try again later.")
        return
    sending = asyncio.create_task(_send(socket))
    receiving = asyncio.create_task(_receive(socket))
    _done, pending = await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _send(socket: WebSocket) -> None:
    query = socket.query_params
    stream = hub().stream(
        socket.path_params["name"],
        position=query.get("after", "")[:_LONGEST_POSITION],
        published=query.get("published") == "1",
    )
    code, reason = GONE, "This feed no longer exists."
    try:
        async for text in stream:
            await socket.send_text(text)
    except WebSocketDisconnect:
        return
    except CifarvizError as error:
        # RFC 6455 leaves 123 bytes for the reason.
        reason = str(error).encode()[:123].decode(errors="ignore")
    except Exception:
        _LOG.exception("a live socket failed")
        code, reason = 1011, "The server failed."
    finally:
        await stream.aclose()
    with suppress(RuntimeError):
        await socket.close(code, reason)


async def _receive(socket: WebSocket) -> None:
    message = await socket.receive()
    if message["type"] != "websocket.disconnect":
        with suppress(RuntimeError):
            await socket.close(POLICY_VIOLATION, "This socket accepts no messages.")
