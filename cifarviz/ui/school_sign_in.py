"""Signing in with an account of a school, by Streamlit's own ``st.login``.

Streamlit's routes talk to the school's OpenID Connect server, and leave a signed cookie for 30
days. It is read once, within minutes; then the cookie of the class takes its place, since that can
be voided, and is never sent along from other sites.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

import streamlit as st
from streamlit.auth_util import (
    get_cookie_with_chunks,
    get_redirect_uri,
    get_secrets_auth_section,
    is_authlib_installed,
    validate_auth_credentials,
)
from streamlit.errors import StreamlitAuthError
from streamlit.user_info import generate_login_redirect_url
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import (
    TOKENS_COOKIE_NAME,
    USER_COOKIE_NAME,
)

from cifarviz.errors import SettingInvalid
from cifarviz.people.accounts import Account

_PROVIDER = "default"
_VALID_MINUTES = 5
_SHORTEST_SECRET: Final = 32
_SECRETS = ".streamlit/secrets.toml"
_OWN = re.compile(rf"({USER_COOKIE_NAME}|{TOKENS_COOKIE_NAME})(_\d+)?")


class StreamlitSignIn:
    """Signs in at the server that the section ``[auth]`` of Streamlit's secrets describes."""

    @classmethod
    def configured(cls) -> "StreamlitSignIn | None":
        """Return how to sign in; None where there is no such section."""
        return cls() if get_secrets_auth_section() else None

    def address(self) -> str:
        """Return where the browser is sent to sign in; raises ``SettingInvalid``."""
        self._check()
        return generate_login_redirect_url(_PROVIDER)

    def account(self, cookies: Mapping[str, str]) -> Account | None:
        """Return who has signed in during the last minutes, by the cookies of a request."""
        self._check()
        secret = str(get_secrets_auth_section()["cookie_secret"])

        def read(name: str) -> bytes | None:
            return decode_signed_value(secret, name, cookies.get(name, ""), _VALID_MINUTES / 1440)

        content = get_cookie_with_chunks(read, USER_COOKIE_NAME)
        return None if content is None else Account.from_claims(json.loads(content))

    def own_cookies(self, cookies: Mapping[str, str]) -> Sequence[str]:
        """Return the names of Streamlit's cookies among those of a request."""
        return [name for name in cookies if _OWN.fullmatch(name)]

    def _check(self) -> None:
        """Raise ``SettingInvalid`` unless the secrets are complete."""
        if not is_authlib_installed():
            raise SettingInvalid(
                "To sign in with a school's accounts, install: pip install 'cifarviz[school]'."
            )
        try:
            validate_auth_credentials(_PROVIDER)
        except StreamlitAuthError as error:
            raise SettingInvalid(
                "{file} is not complete: {why}", file=_SECRETS, why=" ".join(str(error).split())
            ) from error
        section = get_secrets_auth_section()
        if len(str(section["cookie_secret"])) < _SHORTEST_SECRET:
            raise SettingInvalid(
                "cookie_secret in {file} must have {count} characters at least, as from python -c "
                "'import secrets; print(secrets.token_hex(32))'.",
                file=_SECRETS,
                count=_SHORTEST_SECRET,
            )
        base = str(st.get_option("server.baseUrlPath")).strip("/")
        path = "/".join(filter(None, ["", base, "oauth2callback"]))
        redirect = get_redirect_uri(section) or ""
        if not redirect.endswith(f"/{path}"):
            raise SettingInvalid(
                "redirect_uri in {file} must be the address of the dashboard followed by /{path}, "
                "not “{redirect}”.",
                file=_SECRETS,
                path=path,
                redirect=redirect,
            )
