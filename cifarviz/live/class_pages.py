"""The pages of a class that need no Streamlit: join, come back, sign in, leave, watch.

Plain forms, so that a phone has them at once, and that the answer can set a cookie which scripts of
a page cannot read.
"""

import asyncio
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qs, quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from cifarviz.errors import AccessRefused, CifarvizError
from cifarviz.escaping import html_text
from cifarviz.installation import ASSETS
from cifarviz.live.class_gate import (
    CLASS_PAGES,
    COOKIE,
    PeopleOfCookies,
    find_sender,
    is_confidential,
    is_encrypted,
    people_of_cookies,
)
from cifarviz.live.guard import path_below
from cifarviz.people.accounts import SignIn, account_role
from cifarviz.people.attempts import Attempts
from cifarviz.people.person import TEACHER
from cifarviz.people.secrets import is_code, normalized_code
from cifarviz.runs.members import (
    LONGEST_NAME,
    class_members,
    join_class,
    join_with_account,
    load_class,
    sign_out,
    viewer_id,
)
from cifarviz.settings import Settings

_LONGEST_FORM = 4096
_COOKIE_SECONDS = 90 * 86_400
_STYLE = ASSETS / "class.css"
# Where the browser wanted to go, while it is at the school's server.
_WANTED = "cifarviz-class-next"
_WANTED_SECONDS = 600
_LONGEST_WANTED = 2000
_TEACHER_IN_CLEAR = (
    "Without encryption (TLS) the teacher signs in on the computer that serves cifarviz only, "
    "since what is sent could be read on the network."
)
_TYPED_CODE = 'autocapitalize="off" autocomplete="off" spellcheck="false" required'
IN_CLEAR: Final = "This page is not encrypted: what you send can be read by others on this network."


class ClassPages:
    """Answers below ``class/``; ``settings`` are those of the server.

    ``sign_in``: how people sign in with accounts of a school, where they can.
    """

    def __init__(self, base_path: str, settings: Settings, sign_in: SignIn | None = None) -> None:
        self._base = path_below(base_path, "")
        self._prefix = path_below(base_path, "class/")
        self._settings = settings
        self._school_sign_in = sign_in
        # Of a class behind one address, a few mistype their code at the same time.
        self._code_attempts = Attempts(30, 60.0)
        self._phrase_attempts = Attempts(5, 60.0)
        # With the code one person could join again and again.
        self._newcomers = Attempts(60, 60.0)

    def routes(self) -> Sequence[BaseRoute]:
        """Return the routes."""
        answers = (
            self._join, self._back, self._sign_in, self._leave, self._watch, self._school,
        )  # fmt: skip
        # What people type who have heard of the page *Class*.
        typed = Route(self._prefix.rstrip("/"), self._to_class_page)
        return [
            typed,
            *(
                Route(f"{self._prefix}{name}", answer, methods=["GET", "POST"])
                for name, answer in zip(CLASS_PAGES, answers, strict=True)
            ),
        ]

    async def _to_class_page(self, _request: Request) -> Response:
        return RedirectResponse(f"{self._base}classroom")

    async def _join(self, request: Request) -> Response:
        if request.method == "GET":
            return self._join_page(request, code=request.query_params.get("code", ""))
        form = await _read_form(request)
        sender = await find_sender(request.scope, self._settings)
        if sender is not None and sender.role == "student":
            return RedirectResponse(self._base, HTTPStatus.SEE_OTHER)

        def join(people: PeopleOfCookies) -> str:
            store = people.store
            if not is_code(form.get("code", ""), people.secrets.join_code(load_class(store).id)):
                raise _WrongCode("This is not the code of the class: it is on the projector.")
            self._newcomers.count(_address(request))
            return join_class(store, form.get("name", "")).id

        try:
            return await self._admit(request, self._code_attempts, join, form.get("next"))
        except CifarvizError as error:
            return self._join_page(request, str(error), **form)

    async def _back(self, request: Request) -> Response:
        form = await _read_form(request)

        def come_back(people: PeopleOfCookies) -> str:
            typed = normalized_code(form.get("personal", ""))
            for member in class_members(people.store):
                if is_code(typed, people.secrets.personal_code(member.id)):
                    return member.id
            raise _WrongCode(
                "Nobody in the class has this personal code. Check it, or ask the teacher."
            )

        try:
            return await self._admit(request, self._code_attempts, come_back, form.get("next"))
        except CifarvizError as error:
            return self._join_page(request, str(error), **form)

    async def _sign_in(self, request: Request) -> Response:
        if not is_confidential(request.scope, self._settings):
            return self._page(
                "Sign in",
                f"<p>{_TEACHER_IN_CLEAR}</p>",
                status=HTTPStatus.FORBIDDEN if request.method == "POST" else HTTPStatus.OK,
            )
        if request.method == "GET":
            return self._sign_in_page()
        form = await _read_form(request)

        def check(people: PeopleOfCookies) -> str:
            if not people.secrets.is_pass_phrase(form.get("phrase", "")):
                raise _WrongCode("This is not the teacher’s pass phrase.")
            return TEACHER.id

        try:
            return await self._admit(request, self._phrase_attempts, check, "")
        except CifarvizError as error:
            return self._sign_in_page(str(error))

    async def _watch(self, request: Request) -> Response:
        code = request.query_params.get("code", "")
        if request.method == "GET":
            # A press, so that nothing which merely looks at a link takes somebody's cookie away.
            return self._page(
                "Watch",
                f'<form method="post" action="?code={html_text(code)}">'
                "<p>You were invited to watch: you see what the teacher shows, and change "
                "nothing.</p><button>Watch</button></form>",
            )

        def check(people: PeopleOfCookies) -> str:
            state = load_class(people.store)
            if not state.viewers or not is_code(code, people.secrets.viewer_code(state.id)):
                raise _WrongCode("This link is no longer valid. Ask the teacher for a new one.")
            return viewer_id(state)

        try:
            return await self._admit(request, self._code_attempts, check, "")
        except CifarvizError as error:
            return self._page("Watch", _problem(str(error)), status=HTTPStatus.FORBIDDEN)

    async def _school(self, request: Request) -> Response:
        """Send the browser to sign in at the school's server, or let in who comes from there."""
        sign_in = self._school_sign_in
        if sign_in is None:
            return self._join_page(request, "This class has no accounts of a school.")
        answer: Response
        try:
            account = sign_in.account(request.cookies)
            if account is None:
                answer = RedirectResponse(sign_in.address(), HTTPStatus.SEE_OTHER)
                self._forget_account(request, answer, sign_in)
                wanted = quote(_local_path(request.query_params.get("next")), safe="/?&=%#")
                if wanted and len(wanted) <= _LONGEST_WANTED:
                    self._set_cookie(request, answer, _WANTED, wanted, _WANTED_SECONDS)
                return answer

            def enter(people: PeopleOfCookies) -> str:
                settings = self._settings
                role = account_role(account, settings.class_teachers, settings.class_students)
                if role == "student":
                    return join_with_account(people.store, account).id
                if not is_confidential(request.scope, settings):
                    raise AccessRefused(_TEACHER_IN_CLEAR)
                return TEACHER.id

            wanted = request.cookies.get(_WANTED, "")
            answer = await self._admit(request, self._code_attempts, enter, wanted)
            # By a page of ours: where another site has led, the browser sends no Strict cookie.
            page = _leading_page(answer.headers["location"])
            page.raw_headers += [one for one in answer.raw_headers if one[0] == b"set-cookie"]
            answer = page
        except CifarvizError as error:
            answer = self._join_page(request, str(error))
        self._forget_account(request, answer, sign_in)
        return answer

    def _forget_account(self, request: Request, answer: Response, sign_in: SignIn) -> None:
        """Delete the cookies of a sign-in: they are valid for weeks, and sent from other sites."""
        answer.delete_cookie(_WANTED, path=self._base)
        for name in sign_in.own_cookies(request.cookies):
            # Streamlit's path has no slash at its end.
            answer.delete_cookie(name, path=self._base.rstrip("/") or "/")

    async def _leave(self, request: Request) -> Response:
        if request.method == "GET":
            return self._page(
                "Leave",
                '<form method="post"><p>You can come back with your personal code.</p>'
                "<button>Leave the class on all devices</button></form>",
            )
        people = await asyncio.to_thread(people_of_cookies, self._settings)
        cookie = request.cookies.get(COOKIE)
        person = await asyncio.to_thread(people.find, cookie)
        if person is not None:
            await asyncio.to_thread(sign_out, people.store, person)
        people.forget(cookie)
        answer = RedirectResponse(f"{self._prefix}join", HTTPStatus.SEE_OTHER)
        answer.delete_cookie(COOKIE, path=self._base)
        return answer

    async def _admit(
        self,
        request: Request,
        attempts: Attempts,
        find: Callable[[PeopleOfCookies], str],
        wanted: str | None,
    ) -> Response:
        """Lead somebody in whom ``find`` gives an id; raises ``AccessRefused``."""

        def sign() -> str:
            people = people_of_cookies(self._settings)
            return people.secrets.sign(find(people))

        with attempts.counted(_address(request)):
            cookie = await asyncio.to_thread(sign)
        answer = RedirectResponse(_local_path(wanted) or self._base, HTTPStatus.SEE_OTHER)
        self._set_cookie(request, answer, COOKIE, cookie, _COOKIE_SECONDS)
        return answer

    def _set_cookie(
        self, request: Request, answer: Response, name: str, value: str, seconds: int
    ) -> None:
        answer.set_cookie(
            name,
            value,
            max_age=seconds,
            path=self._base,
            secure=is_encrypted(request.scope, self._settings),
            httponly=True,
            samesite="strict",
        )

    def _join_page(self, request: Request, problem: str = "", **form: str) -> Response:
        code = html_text(form.get("code", ""))
        wanted = form.get("next", request.query_params.get("next", ""))
        hidden = f'<input type="hidden" name="next" value="{html_text(wanted)}">'
        name, personal = (html_text(form.get(key, "")) for key in ("name", "personal"))
        # Where there is something to type, or to mend.
        first = "personal" if personal else "code" if name else "name"
        focus = {key: " autofocus" * (key == first) for key in ("name", "code", "personal")}
        clear = "" if is_encrypted(request.scope, self._settings) else f"<small>{IN_CLEAR}</small>"
        return self._page(
            "Join the class",
            f"{_problem(problem)}{self._school_link(wanted)}"
            f'<form method="post" action="{self._prefix}join">{hidden}'
            f'<label>Your name<input name="name" value="{name}" maxlength="{LONGEST_NAME}" '
            f'autocomplete="nickname" required{focus["name"]}></label>'
            f'<label>Code of the class<input name="code" value="{code}" maxlength="20" '
            f"{_TYPED_CODE}{focus['code']}></label><button>Join</button></form>"
            f"<details{' open' if 'personal' in form else ''}>"
            "<summary>I have been here before, on another device</summary>"
            f'<form method="post" action="{self._prefix}back">{hidden}'
            f'<label>Your personal code<input name="personal" value="{personal}" maxlength="20" '
            f"{_TYPED_CODE}{focus['personal']}></label><button>Come back</button></form></details>"
            f'{clear}<p><a href="{self._prefix}sign-in">I am the teacher</a></p>',
            status=HTTPStatus.FORBIDDEN if problem else HTTPStatus.OK,
        )

    def _sign_in_page(self, problem: str = "") -> Response:
        return self._page(
            "Sign in as the teacher",
            f'{_problem(problem)}{self._school_link()}<form method="post">'
            '<label>Pass phrase<input name="phrase" type="password" maxlength="100" '
            'autocomplete="current-password" required autofocus></label>'
            "<button>Sign in</button></form>"
            "<p>It was shown when the class was opened. A new one: "
            "<code>cifarviz serve --class --new-pass-phrase</code></p>",
            status=HTTPStatus.FORBIDDEN if problem else HTTPStatus.OK,
        )

    def _school_link(self, wanted: str = "") -> str:
        if self._school_sign_in is None:
            return ""
        address = f"{self._prefix}school?next={quote(wanted, safe='')}"
        return f'<a class="button" href="{address}">Sign in with your school’s account</a>'

    def _page(self, title: str, body: str, status: HTTPStatus = HTTPStatus.OK) -> Response:
        style = _STYLE.read_text(encoding="utf-8")
        return HTMLResponse(
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{title} · cifarviz</title><style>{style}</style></head>"
            f"<body><main><h1>{title}</h1>{body}</main></body></html>",
            status,
            {"cache-control": "no-store"},
        )


class _WrongCode(AccessRefused):
    """A code, link or pass phrase that is not the right one, which counts as a failure."""


def _leading_page(address: str) -> HTMLResponse:
    """Return a page that leads to an address at once."""
    refresh = f'<meta http-equiv="refresh" content="0;url={html_text(address)}">'
    return HTMLResponse(f"<!doctype html>{refresh}<title>…</title>")


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


async def _read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form; none of one that is too long, or no form."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_FORM:
            return {}
    try:
        fields = parse_qs(body.decode(), max_num_fields=10)
    except ValueError:
        return {}
    known = ("name", "code", "personal", "phrase", "next")
    return {name: fields[name][0] for name in known if name in fields}


def _problem(text: str) -> str:
    return f'<p class="problem" role="alert">{html_text(text)}</p>' if text else ""


def _local_path(text: str | None) -> str:
    """Return an address on this server; empty for any other."""
    if not text or not text.isprintable():
        return ""
    return text if text.startswith("/") and not text.startswith(("//", "/\\")) else ""
