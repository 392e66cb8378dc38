"""The gate of a class: each role at each route, how one gets in, and how one is out again."""

import asyncio
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from cifarviz.live import class_gate
from cifarviz.live.class_gate import (
    COOKIE,
    OUT_OF_CLASS,
    ClassGate,
    PeopleOfCookies,
    people_of_cookies,
)
from cifarviz.people.person import TEACHER, Person
from cifarviz.runs.members import (
    Member,
    class_members,
    remove_member,
    save_class,
    viewer_id,
)
from cifarviz.settings import Settings
from tests.live.class_server import LOCAL, Server, cookie_of

ROUTES = (
    ("/", "GET"),
    ("/train", "GET"),
    ("/train?run=0123abcd", "GET"),
    ("/_stcore/host-config", "GET"),
    ("/_stcore/upload_file/session/file", "PUT"),
    ("/_stcore/upload_file/session/file", "DELETE"),
    ("/media/file.png", "GET"),
    ("/component/a/b.js", "GET"),
    ("/static/plotly.js", "GET"),
    ("/auth/login", "GET"),
    ("/oauth2callback", "GET"),
    ("/_stcore/stream", "ws"),
    ("/live/0123abcd", "ws"),
)


def _open(server: Server, route: tuple[str, str], cookie: str | None, **options: Any) -> int:
    path, method = route
    if method == "ws":
        return server.ask(path, cookie, scheme="ws", **options).status
    return server.ask(path, cookie, method=method, **options).status


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
@pytest.mark.parametrize("role", ["nobody", "forged", "viewer", "student", "teacher", "removed"])
def test_each_role_at_each_route(
    server: Server, ada: Member, role: str, route: tuple[str, str]
) -> None:
    save_class(server.store, replace(server.state, viewers=True))
    secrets = server.secrets
    cookie = {
        "nobody": None,
        "forged": f"teacher.{2**45}.AAAA",
        "viewer": secrets.sign(viewer_id(server.state)),
        "student": secrets.sign(ada.id),
        "teacher": secrets.sign(TEACHER.id),
        "removed": secrets.sign(ada.id),
    }[role]
    if role == "removed":
        remove_member(server.store, ada.id)
    is_upload = "upload" in route[0]
    allowed = role in ("student", "teacher") or (role == "viewer" and not is_upload)
    opened = 101 if route[1] == "ws" else 200
    # The teacher on this computer; others on the network.
    place = LOCAL if role == "teacher" else {}
    assert _open(server, route, cookie, **place) == (opened if allowed else 403)


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_a_stolen_cookie_of_the_teacher_opens_nothing_over_the_network_in_clear(
    server: Server, route: tuple[str, str]
) -> None:
    cookie = server.secrets.sign(TEACHER.id)
    assert _open(server, route, cookie) == 403
    # As through a proxy on this computer that does not say so in the settings.
    assert _open(server, route, cookie, **LOCAL, x_forwarded_for="192.0.2.9") == 403
    assert _open(server, route, cookie, client="127.0.0.1") == 403


def test_who_is_asked_acts_in_the_answer(server: Server, ada: Member) -> None:
    assert server.ask("/", server.secrets.sign(ada.id)).text == "student Ada"


def test_the_short_address_leads_to_the_page_of_the_class(server: Server, ada: Member) -> None:
    reply = server.ask("/class", server.secrets.sign(ada.id))
    assert (reply.status, reply.headers["location"]) == (307, "/classroom")
    assert server.ask("/class").status == 403


def test_health_is_told_to_anybody_and_nothing_else(server: Server) -> None:
    assert server.ask("/_stcore/health").status == 200
    for near in (
        "/_stcore/health/",
        "/class/",
        "/class/joint",
        "/class/join/../../train",
        "/live/",
    ):
        assert server.ask(near).status == 403


def test_a_page_leads_to_where_one_joins_and_then_back(server: Server) -> None:
    path = "/train?run=0123abcd"
    reply = server.ask(path, sec_fetch_mode="navigate", sec_fetch_site="none")
    assert reply.status == 303
    assert reply.headers["location"] == "/class/join?next=%2Ftrain%3Frun%3D0123abcd"
    form = server.ask(reply.headers["location"])
    assert 'name="next" value="/train?run=0123abcd"' in form.text


def test_a_link_of_another_site_is_repeated_by_a_page_of_ours(server: Server) -> None:
    reply = server.ask("/train", sec_fetch_mode="navigate", sec_fetch_site="cross-site")
    assert (reply.status, "refresh" in reply.text) == (200, True)


def test_a_student_joins_and_comes_back(server: Server) -> None:
    reply = server.join("Ada", client="192.0.2.20")
    assert (reply.status, reply.headers["location"]) == (303, "/")
    flags = reply.headers["set-cookie"].lower()
    assert "httponly" in flags
    assert "samesite=strict" in flags
    assert "secure" not in flags
    assert server.ask("/", cookie_of(reply)).text == "student Ada"
    [member] = class_members(server.store)
    code = server.secrets.personal_code(member.id)
    back = server.ask("/class/back", form={"personal": code.upper(), "next": "/train?run=1"})
    assert back.headers["location"] == "/train?run=1"
    assert server.ask("/", cookie_of(back)).text == "student Ada"
    assert len(class_members(server.store)) == 1


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "evil", "/a\nb", ""]
)
def test_after_joining_one_is_led_nowhere_else(server: Server, wanted: str) -> None:
    code = server.secrets.join_code(server.state.id)
    reply = server.ask("/class/join", form={"name": "Ada", "code": code, "next": wanted})
    assert reply.headers["location"] == "/"


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"name": "Ada", "code": "wrong"}, "not the code of the class"),
        ({"name": "Ada"}, "not the code of the class"),
        ({}, "not the code of the class"),
        ({"name": " ", "code": "right"}, "1 to 40 visible characters"),
        ({"name": "<script>alert(1)</script>", "code": "wrong"}, "&lt;script&gt;"),
        ({"name": "Ada" * 4000, "code": "right"}, "not the code of the class"),
    ],
)
def test_a_wrong_form_is_answered_in_words(
    server: Server, form: dict[str, str], problem: str
) -> None:
    if form.get("code") == "right":
        form = {**form, "code": server.secrets.join_code(server.state.id)}
    reply = server.ask("/class/join", form=form)
    assert reply.status == 403
    assert problem in reply.text
    assert "<script>alert" not in reply.text
    assert "set-cookie" not in reply.headers
    assert not class_members(server.store)


def test_a_code_cannot_be_guessed_for_ever(server: Server) -> None:
    for number in range(30):
        server.ask("/class/join", form={"name": "Eve", "code": f"guess{number}"})
    reply = server.join("Eve")
    assert "Too many attempts" in reply.text
    assert not class_members(server.store)


def test_nobody_fills_a_class_alone(server: Server) -> None:
    replies = [server.join(f"Eve {number}") for number in range(61)]
    assert [reply.status for reply in replies] == [303] * 60 + [403]
    assert "Too many attempts" in replies[-1].text
    assert server.join("Ada", client="192.0.2.77").status == 303
    # Who is in it already does not join again.
    assert server.ask("/class/join", cookie_of(replies[0]), form={"name": "x"}).status == 303
    assert len(class_members(server.store)) == 61


def test_the_teacher_signs_in_on_this_computer_only_unless_it_is_encrypted(
    server: Server,
) -> None:
    phrase = server.secrets.make_pass_phrase()
    form = {"phrase": phrase}
    far = server.ask("/class/sign-in", form=form)
    assert (far.status, "set-cookie" in far.headers) == (403, False)
    assert "on the computer that serves" in far.text
    near = server.ask("/class/sign-in", form=form, **LOCAL)
    assert near.status == 303
    assert server.ask("/", cookie_of(near), **LOCAL).text == "teacher Teacher"
    tls = server.ask("/class/sign-in", form=form, scheme="https")
    assert "secure" in tls.headers["set-cookie"].lower()
    assert server.ask("/", cookie_of(tls), scheme="https").text == "teacher Teacher"


def test_behind_a_proxy_with_tls_cookies_are_secure(settings: Settings) -> None:
    people_of_cookies.cache_clear()
    server = Server(replace(settings, class_address="https://class.example.org"))
    phrase = server.secrets.make_pass_phrase()
    proxied = {**LOCAL, "host": "class.example.org", "x_forwarded_for": "192.0.2.9"}
    reply = server.ask("/class/sign-in", form={"phrase": phrase}, **proxied)
    assert "secure" in reply.headers["set-cookie"].lower()
    assert server.ask("/", cookie_of(reply), **proxied).text == "teacher Teacher"


def test_behind_a_proxy_without_tls_nobody_is_taken_for_encrypted(settings: Settings) -> None:
    people_of_cookies.cache_clear()
    server = Server(replace(settings, class_address="http://class.example.org"))
    form = {"phrase": server.secrets.make_pass_phrase()}
    # Of this header, sent by a visitor and passed on by the proxy, the server makes the scheme.
    claim = {"scheme": "https", "x_forwarded_proto": "https"}
    proxied: Mapping[str, Any] = {"host": "class.example.org", **claim}
    assert server.ask("/class/sign-in", form=form, **proxied).status == 403
    assert server.ask("/", server.secrets.sign(TEACHER.id), **proxied).status == 403
    assert "This page is not encrypted" in server.ask("/class/join", **proxied).text


def test_a_pass_phrase_cannot_be_guessed_for_ever(server: Server) -> None:
    phrase = server.secrets.make_pass_phrase()
    for number in range(5):
        server.ask("/class/sign-in", form={"phrase": f"guess {number}"}, **LOCAL)
    reply = server.ask("/class/sign-in", form={"phrase": phrase}, **LOCAL)
    assert "Too many attempts" in reply.text


def test_who_leaves_is_out_on_all_devices(server: Server, ada: Member) -> None:
    here, there = server.secrets.sign(ada.id), server.secrets.sign(ada.id)
    assert server.ask("/class/leave", here, form={}).status == 303
    assert [server.ask("/", cookie).status for cookie in (here, there)] == [403, 403]
    assert server.ask("/", server.secrets.sign(ada.id)).status == 200


@pytest.mark.parametrize(
    ("person", "hours", "valid"),
    [
        ("teacher", 11, True),
        ("teacher", 13, False),
        ("student", 24 * 80, True),
        ("student", 24 * 91, False),
        ("viewer", 11, True),
        ("viewer", 13, False),
    ],
)
def test_sessions_end(server: Server, ada: Member, person: str, hours: int, valid: bool) -> None:
    save_class(server.store, replace(server.state, viewers=True))
    names = {"teacher": TEACHER.id, "student": ada.id, "viewer": viewer_id(server.state)}
    issued = time.time_ns() // 1_000_000 - hours * 3_600_000
    cookie = server.secrets.sign(names[person], issued)
    status = server.ask("/", cookie, **LOCAL).status
    assert (status == 200) is valid


def test_a_socket_that_is_open_ends_with_its_person(
    server: Server, ada: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(class_gate, "_CHECK_SECONDS", 0.02)
    looks: list[str] = []
    find = PeopleOfCookies.find

    def sometimes_fail(people: PeopleOfCookies, cookie: str | None) -> Person | None:
        looks.append(cookie or "")
        if len(looks) == 2:
            raise sqlite3.OperationalError("database is locked")
        return find(people, cookie)

    monkeypatch.setattr(PeopleOfCookies, "find", sometimes_fail)

    async def page(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        assert (await receive())["type"] == "websocket.disconnect"
        # Such as a page that was being drawn.
        await send({"type": "websocket.send", "text": "late"})

    async def watch() -> list[Message]:
        incoming: asyncio.Queue[Message] = asyncio.Queue()
        incoming.put_nowait({"type": "websocket.connect"})
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        cookie = f"{COOKIE}={server.secrets.sign(ada.id)}".encode()
        scope = {
            "type": "websocket",
            "path": "/_stcore/stream",
            "headers": [(b"cookie", cookie)],
            "client": ("192.0.2.9", 1),
        }
        gate = ClassGate(page, "", server.settings)
        watching = asyncio.create_task(gate(scope, incoming.get, send))
        while len(looks) < 4:
            await asyncio.sleep(0.01)
        assert sent == [{"type": "websocket.accept"}]
        await asyncio.to_thread(remove_member, server.store, ada.id)
        await asyncio.wait_for(watching, 10)
        return sent

    assert asyncio.run(watch())[1:] == [{"type": "websocket.close", "code": OUT_OF_CLASS}]


def test_viewers_come_by_a_link_while_it_is_allowed(server: Server) -> None:
    path = f"/class/watch?code={server.secrets.viewer_code(server.state.id)}"
    assert server.ask(path).status == 200
    assert server.ask(path, form={}).status == 403
    save_class(server.store, replace(server.state, viewers=True))
    reply = server.ask(path, form={})
    cookie = cookie_of(reply)
    assert server.ask("/", cookie).text == "viewer Viewer"
    assert server.ask("/class/watch?code=wrong", form={}).status == 403
    save_class(server.store, replace(server.state, viewers=False))
    assert server.ask("/", cookie).status == 403


def test_a_closed_class_takes_nobody_new(server: Server, ada: Member) -> None:
    save_class(server.store, replace(server.state, is_open=False))
    assert "closed to newcomers" in server.join("Ben").text
    code = server.secrets.personal_code(ada.id)
    assert server.ask("/class/back", form={"personal": code}).status == 303
