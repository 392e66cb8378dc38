"""Accounts of a school at the gate of a class: whom they let in, and what is left of them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from cifarviz.live.class_gate import (
    COOKIE,
)
from cifarviz.people.accounts import Account
from cifarviz.runs.clearing import clear_class
from cifarviz.runs.members import (
    Member,
    class_members,
    save_class,
)
from tests.live.class_server import LOCAL, Server, cookie_of


class School:
    """Signs in whoever has a cookie with the name of the account."""

    def address(self) -> str:
        return "/auth/login?provider=token"

    def account(self, cookies: Mapping[str, str]) -> Account | None:
        name = cookies.get("signed-in")
        return None if name is None else Account("school", f"sub-{name}", name)

    def own_cookies(self, cookies: Mapping[str, str]) -> Sequence[str]:
        return [name for name in cookies if name == "signed-in"]


@pytest.fixture
def school(server: Server) -> Server:
    settings = replace(server.settings, class_students=("sub-Ada",), class_teachers=("sub-Lee",))
    return Server(settings, School())


def test_without_accounts_of_a_school_nothing_of_it_is_open(server: Server) -> None:
    assert "account" not in server.ask("/class/join").text
    assert "no accounts of a school" in server.ask("/class/school", "signed-in=Ada").text
    assert server.ask("/", "signed-in=Ada").status == 403


def test_an_account_is_exchanged_for_the_cookie_of_the_class(school: Server) -> None:
    assert "/class/school?next=%2Ftrain" in school.ask("/class/join?next=/train").text
    away = school.ask("/class/school?next=%2Ftrain")
    assert away.headers["location"] == "/auth/login?provider=token"
    assert "cifarviz-class-next=" in away.headers["set-cookie"]
    for path in ("/auth/login", "/oauth2callback"):
        assert school.ask(path).text.strip() == "viewer"
    # Back from there, first by a page of ours, as the browser holds some cookies back until then.
    arrived = school.ask(
        "/", "signed-in=Ada", sec_fetch_mode="navigate", sec_fetch_site="cross-site"
    )
    assert "refresh" in arrived.text
    assert school.ask("/", "signed-in=Ada").headers["location"] == "/class/school"
    come_in = school.ask("/class/school", "signed-in=Ada; cifarviz-class-next=/train")
    assert 'content="0;url=/train"' in come_in.text
    assert school.ask("/", cookie_of(come_in)).text == "student Ada"
    assert [member.name for member in class_members(school.store)] == ["Ada"]


def test_a_new_account_takes_the_place_of_who_somebody_was(school: Server, ada: Member) -> None:
    cookies = f"{COOKIE}={school.secrets.sign(ada.id)}; signed-in=Lee"
    assert school.ask("/", cookies, **LOCAL).headers["location"] == "/class/school"
    reply = school.ask("/class/school", cookies, **LOCAL)
    assert school.ask("/", cookie_of(reply), **LOCAL).text == "teacher Teacher"


def test_the_teacher_signs_in_with_an_account_only_unread(school: Server) -> None:
    refused = school.ask("/class/school", "signed-in=Lee")
    assert (refused.status, "on the computer that serves" in refused.text) == (403, True)
    assert f"{COOKIE}=" not in refused.headers["set-cookie"]


def test_cookies_from_before_the_class_was_cleared_stay_void(school: Server) -> None:
    before = cookie_of(school.ask("/class/school", "signed-in=Ada"))
    assert school.ask("/", before).text == "student Ada"
    clear_class(school.store)
    assert school.ask("/", before).status == 403
    after = cookie_of(school.ask("/class/school", "signed-in=Ada"))
    assert school.ask("/", after).text == "student Ada"
    assert school.ask("/", before).status == 403


def test_a_sign_in_that_is_too_old_is_forgotten(
    school: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(School, "account", lambda *_: None)
    reply = school.ask("/class/school?next=/%E2%82%AC", "signed-in=Ada")
    assert reply.headers["location"].startswith("/auth/login")
    assert 'signed-in=""' in reply.headers["set-cookie"]
    assert 'cifarviz-class-next="/%E2%82%AC"' in reply.headers["set-cookie"]


def test_cookies_of_a_sign_in_are_deleted_below_a_base_path(school: Server) -> None:
    below = Server(school.settings, School(), "lab")
    reply = below.ask("/lab/class/school", "signed-in=Ada")
    assert 'content="0;url=/lab/"' in reply.text
    # As Streamlit has set it.
    assert re.search('^signed-in="".*Path=/lab;', reply.headers["set-cookie"], re.MULTILINE)
    assert below.ask("/lab/", "signed-in=Ada").headers["location"] == "/lab/class/school"


def test_an_account_that_no_list_names_is_refused(school: Server) -> None:
    reply = school.ask("/class/school", "signed-in=Eve", **LOCAL)
    assert (reply.status, "(sub-Eve) is not among those" in reply.text) == (403, True)
    assert not class_members(school.store)


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example"])
def test_an_account_leads_nowhere_else(school: Server, wanted: str) -> None:
    reply = school.ask("/class/school", f"signed-in=Ada; cifarviz-class-next={wanted}")
    assert 'content="0;url=/"' in reply.text


def test_newcomers_with_accounts_need_an_open_class(school: Server) -> None:
    save_class(school.store, replace(school.state, is_open=False))
    assert "closed to newcomers" in school.ask("/class/school", "signed-in=Ada").text
