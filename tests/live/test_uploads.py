"""Uploads that the server refuses before it reads them."""

import asyncio
import tomllib
from collections.abc import Iterable

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message, Scope

from cifarviz import free_memory
from cifarviz.live import server, uploads
from cifarviz.live.class_gate import COOKIE
from cifarviz.live.uploads import ALL_BYTES, FREE_BYTES, SESSION_BYTES
from cifarviz.people.person import TEACHER, acting_as
from cifarviz.people.secrets import ClassSecrets
from cifarviz.runs.limit_values import Limits
from cifarviz.runs.limits import save_limits
from cifarviz.runs.members import class_members, join_class
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.ui.upload_sizes import MAX_ARCHIVE_MB, MAX_PICTURE_MB
from scripts.app_server import ROOT

PATH = "/_stcore/upload_file/mine/file"


class Server:
    """Answers uploads when they are released; files of sessions take ``held`` bytes."""

    def __init__(self, held: dict[str, int], base_path: str = "") -> None:
        self.reached = 0
        self.headers: dict[bytes, bytes] = {}
        self.release = asyncio.Event()
        self.release.set()
        methods = ["PUT", "DELETE", "OPTIONS"]
        self._app = Starlette(
            routes=[Route("/{path:path}", self._upload, methods=methods)],
            middleware=server.middleware(base_path, ["localhost"], [], lambda: held),
        )

    async def _upload(self, _request: Request) -> Response:
        self.reached += 1
        await self.release.wait()
        return PlainTextResponse("stored")

    async def ask(
        self, headers: Iterable[tuple[str, str]], path: str = PATH, method: str = "PUT"
    ) -> tuple[int, str]:
        """Return the status and the text of the reply."""
        own = [("host", "localhost"), *headers]
        scope: Scope = {
            "type": "http", "scheme": "http", "method": method, "path": path, "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in own],
            "client": ("127.0.0.1", 50_000),
        }  # fmt: skip
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request"}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        self.headers = dict(sent[0]["headers"])
        assert b"content-security-policy" in self.headers
        return sent[0]["status"], b"".join(part["body"] for part in sent[1:]).decode()


@pytest.fixture(autouse=True)
def _much_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(free_memory, "available_bytes", lambda: None)


def sized(size: int) -> list[tuple[str, str]]:
    return [("content-length", str(size))]


@pytest.mark.parametrize(
    ("held", "size", "status", "expected"),
    [
        ({}, SESSION_BYTES, 200, "stored"),
        ({}, SESSION_BYTES + 1, 413, "files of this tab would take more than 1,100 MB"),
        ({"mine": 1}, SESSION_BYTES, 413, "files of this tab"),
        ({"other": SESSION_BYTES}, SESSION_BYTES, 200, "stored"),
        ({str(n): SESSION_BYTES for n in range(2)}, ALL_BYTES - 2 * SESSION_BYTES, 200, "stored"),
        (
            {str(n): SESSION_BYTES for n in range(2)},
            ALL_BYTES - 2 * SESSION_BYTES + 1,
            413,
            "All uploaded files would take more than 3,000 MB",
        ),
    ],
)
def test_files_of_a_session_and_of_all_are_limited(
    held: dict[str, int], size: int, status: int, expected: str
) -> None:
    async def ask() -> tuple[int, str]:
        return await Server(held).ask(sized(size))

    found, text = asyncio.run(ask())
    assert found == status
    assert expected in text


def test_files_that_arrive_at_the_same_time_count() -> None:
    async def ask() -> tuple[list[int], int]:
        arriving = Server({})
        arriving.release.clear()
        half = SESSION_BYTES // 2
        first = [asyncio.create_task(arriving.ask(sized(half))) for _ in range(2)]
        await asyncio.sleep(0)
        while arriving.reached < 2:
            await asyncio.sleep(0)
        third, _ = await arriving.ask(sized(half))
        arriving.release.set()
        done = [status for status, _ in await asyncio.gather(*first)]
        # These have arrived, and were taken away again.
        last, _ = await arriving.ask(sized(half))
        return [*done, third, last], arriving.reached

    assert asyncio.run(ask()) == ([200, 200, 413, 200], 3)


@pytest.mark.parametrize("headers", [[], [("content-length", "-1")], [("content-length", "٣")]])
def test_an_upload_of_unknown_size_is_refused(headers: list[tuple[str, str]]) -> None:
    async def ask() -> tuple[int, str]:
        return await Server({}).ask([(name, value) for name, value in headers])

    status, text = asyncio.run(ask())
    assert status == 411
    assert "Content-Length" in text


def test_an_upload_needs_free_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(size: int) -> tuple[int, str]:
        return await Server({}).ask(sized(size))

    monkeypatch.setattr(free_memory, "available_bytes", lambda: FREE_BYTES + 2_000)
    assert asyncio.run(ask(1_000))[0] == 200
    status, text = asyncio.run(ask(1_001))
    assert status == 413
    assert "not enough free memory" in text


@pytest.mark.parametrize(
    ("path", "method", "base_path", "status"),
    [
        (PATH, "DELETE", "", 200),
        (PATH, "OPTIONS", "", 200),
        ("/other", "PUT", "", 200),
        (PATH, "PUT", "cifarviz", 200),
        (f"/cifarviz{PATH}", "PUT", "cifarviz", 411),
        (f"/cifarviz{PATH}", "POST", "/cifarviz/", 411),
    ],
)
def test_only_uploads_are_limited_also_below_a_base_path(
    path: str, method: str, base_path: str, status: int
) -> None:
    async def ask() -> tuple[int, str]:
        return await Server({}, base_path).ask([], path, method)

    assert asyncio.run(ask())[0] == status


def test_the_server_takes_the_largest_file_that_pages_offer() -> None:
    config = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())
    largest = config["server"]["maxUploadSize"]
    assert MAX_PICTURE_MB < MAX_ARCHIVE_MB <= largest
    assert largest * 2**20 < SESSION_BYTES


class Clock:
    now = 1000.0

    @classmethod
    def monotonic(cls) -> float:
        return cls.now


@pytest.fixture
def cookies(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The cookies of two students and the teacher of a class with small limits."""
    monkeypatch.setenv("CIFARVIZ_CLASS", "1")
    monkeypatch.setattr(uploads, "time", Clock)
    store, secrets = RunStore(settings), ClassSecrets(settings.home)
    save_limits(store, Limits(uploads=3, upload_megabytes=10))
    people = [join_class(store, name).person for name in ("Ada", "Ben")]
    return {person.name: secrets.sign(person.id) for person in (*people, TEACHER)}


def _upload(server: Server, cookie: str, size: int) -> tuple[int, str]:
    named = [("cookie", f"{COOKIE}={cookie}"), *sized(size)]
    return asyncio.run(server.ask(named))


@pytest.mark.parametrize(
    ("size", "most"), [(1, 3), (4_000_000, 2), (9_000_000, 1), (50_000_000, 1)]
)
def test_a_student_uploads_so_much_in_a_minute(
    cookies: dict[str, str], monkeypatch: pytest.MonkeyPatch, size: int, most: int
) -> None:
    server = Server({})
    for second in range(most):
        monkeypatch.setattr(Clock, "now", 1000.0 + second)
        assert _upload(server, cookies["Ada"], size)[0] == 200
    monkeypatch.setattr(Clock, "now", 1010.0)
    status, text = _upload(server, cookies["Ada"], size)
    assert status == 429
    assert text == "You can upload 3 files with 10 MB a minute in this class. Try again in 50 s."
    assert server.headers[b"retry-after"] == b"50"
    assert server.reached == most
    # What was refused does not count, and what others do neither.
    assert _upload(server, cookies["Ben"], size)[0] == 200
    monkeypatch.setattr(Clock, "now", 1060.0)
    assert _upload(server, cookies["Ada"], size)[0] == 200


def test_the_teacher_uploads_as_much_as_fits(cookies: dict[str, str]) -> None:
    server = Server({})
    assert {_upload(server, cookies[TEACHER.name], 20_000_000)[0] for _ in range(5)} == {200}


def test_nobody_is_counted_without_a_class(settings: Settings) -> None:
    server = Server({})
    assert {_upload(server, "", 1)[0] for _ in range(Limits().uploads + 1)} == {200}


def test_who_chooses_too_many_files_learns_when_to_try_again(
    settings: Settings, cookies: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Clock, "now", 2000.0)
    ada = next(one for one in class_members(RunStore(settings)) if one.name == "Ada").person
    with acting_as(ada):
        assert server.find_upload_problem(3) == ""
        assert (
            "3 files a minute in this class, and chose 4. Choose fewer."
            in server.find_upload_problem(4)
        )
        _upload(Server({}), cookies["Ada"], 1)
        assert server.find_upload_problem(2) == ""
        assert server.find_upload_problem(3).endswith("Try again in 60 s.")
    assert server.find_upload_problem(1000) == ""
