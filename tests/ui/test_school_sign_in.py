"""What is missing from Streamlit's secrets is said, and its cookie is valid for minutes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit import config
from streamlit.runtime.secrets import secrets_singleton
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

from cifarviz.errors import SettingInvalid
from cifarviz.ui import school_sign_in
from cifarviz.ui.school_sign_in import StreamlitSignIn

SECRET = "0123456789abcdef" * 2
COMPLETE = {
    "redirect_uri": "https://class.school.example/oauth2callback",
    "cookie_secret": SECRET,
    "client_id": "cifarviz",
    "client_secret": "secret",
    "server_metadata_url": "https://login.school.example/.well-known/openid-configuration",
}


@pytest.fixture
def secrets(tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "secrets.toml"
    before = config.get_option("secrets.files")
    config.set_option("secrets.files", [str(file)])
    yield file
    config.set_option("secrets.files", before)
    secrets_singleton._reset()


def _write(file: Path, section: dict[str, str]) -> None:
    lines = (f"{name} = {json.dumps(value)}" for name, value in section.items())
    file.write_text("\n".join(["[auth]", *lines]) + "\n")
    secrets_singleton._reset()


def test_without_a_section_there_is_no_such_way_in(secrets: Path) -> None:
    assert StreamlitSignIn.configured() is None
    secrets.write_text('[other]\nx = "1"\n')
    secrets_singleton._reset()
    assert StreamlitSignIn.configured() is None


@pytest.mark.parametrize("missing", COMPLETE)
def test_what_is_missing_is_named(secrets: Path, missing: str) -> None:
    _write(secrets, {name: value for name, value in COMPLETE.items() if name != missing})
    sign_in = StreamlitSignIn.configured()
    assert sign_in is not None
    with pytest.raises(SettingInvalid, match=missing):
        sign_in.address()
    with pytest.raises(SettingInvalid, match=missing):
        sign_in.account({})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cookie_secret", "short"),
        ("redirect_uri", "https://class.school.example/"),
        ("redirect_uri", "https://class.school.example/a/oauth2callback/"),
    ],
)
def test_what_cannot_work_is_refused(secrets: Path, name: str, value: str) -> None:
    _write(secrets, COMPLETE | {name: value})
    sign_in = StreamlitSignIn.configured()
    assert sign_in is not None
    with pytest.raises(SettingInvalid, match=name):
        sign_in.address()


def _cookie(claims: dict[str, object], secret: str = SECRET) -> dict[str, str]:
    value = create_signed_value(secret, "_streamlit_user", json.dumps(claims))
    return {"_streamlit_user": value.decode(), "other": "x"}


def test_the_cookie_is_read_for_minutes_and_only_if_it_was_signed_here(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(secrets, COMPLETE)
    sign_in = StreamlitSignIn()
    assert sign_in.address().startswith("/auth/login?provider=")
    cookies = _cookie({"iss": "school", "sub": "1", "name": "Ada"})
    account = sign_in.account(cookies)
    assert account is not None
    assert (account.name, account.subject) == ("Ada", "1")
    assert sign_in.own_cookies({**cookies, "_streamlit_user_tokens_1": "x"}) == [
        "_streamlit_user",
        "_streamlit_user_tokens_1",
    ]
    assert sign_in.account({}) is None
    assert sign_in.account({"_streamlit_user": "forged"}) is None
    assert sign_in.account(_cookie({"iss": "school", "sub": "1"}, "another secret" * 3)) is None
    monkeypatch.setattr(school_sign_in, "_VALID_MINUTES", -1.0)
    assert sign_in.account(cookies) is None
