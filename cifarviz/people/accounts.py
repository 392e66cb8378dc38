"""The accounts of a school, with which people come into a class, and who may."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cifarviz.errors import AccessRefused
from cifarviz.people.person import Role

ANYBODY = "*"
"""In a list of accounts: whomever the school's server signs in."""


@dataclass(frozen=True)
class Account:
    """Who somebody is by an OpenID Connect server.

    ``issuer`` and ``subject`` identify the account for ever; ``email`` is None unless that server
    has verified it.
    """

    issuer: str
    subject: str
    name: str
    email: str | None = None

    @classmethod
    def from_claims(cls, claims: Mapping[str, Any]) -> "Account | None":
        """Return the account of an ID token's claims; None without a subject."""
        issuer, subject = claims.get("iss"), claims.get("sub")
        if not isinstance(issuer, str) or not isinstance(subject, str) or not subject:
            return None
        names = (claims.get(key) for key in ("name", "given_name", "preferred_username"))
        name = next((one for one in names if isinstance(one, str) and one.strip()), "Student")
        email = claims.get("email")
        # Else people could type the address of the teacher into their accounts.
        is_verified = isinstance(email, str) and claims.get("email_verified") is True
        return cls(issuer, subject, name, str(email).lower() if is_verified else None)

    @property
    def person_id(self) -> str:
        """The id of this person in a class: 16 hexadecimal digits that tell nothing of them."""
        text = f"{self.issuer}\0{self.subject}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def is_among(self, accounts: Sequence[str]) -> bool:
        """Whether a list names the account.

        By its e-mail address, the part from “@” on, its subject (after ``sub:`` if that looks like
        an address), or ``ANYBODY``.
        """
        name, at, place = (self.email or "").rpartition("@")
        addresses = {self.email, at + place} if name and place else set()
        subjects = {self.subject, ANYBODY} if "@" not in self.subject else {ANYBODY}
        return any(
            one == f"sub:{self.subject}" or one in subjects or one.lower() in addresses
            for one in accounts
        )


def account_role(account: Account, teachers: Sequence[str], students: Sequence[str]) -> Role:
    """Return as what an account comes in; raises ``AccessRefused`` if neither list names it."""
    if account.is_among(teachers):
        return "teacher"
    if account.is_among(students):
        return "student"
    raise AccessRefused(
        "Your account ({account}) is not among those of this class. Ask the teacher to add it, or "
        "join with the code.",
        account=account.email or account.subject,
    )


class SignIn(Protocol):
    """Signs people in at a school's server; ``cifarviz.ui.school_sign_in`` does it by Streamlit."""

    def address(self) -> str:
        """Return where the browser is sent to sign in; raises ``SettingInvalid``."""

    def account(self, cookies: Mapping[str, str]) -> Account | None:
        """Return who has just signed in, by the cookies of a request; None for nobody."""

    def own_cookies(self, cookies: Mapping[str, str]) -> Sequence[str]:
        """Return the names of the cookies that say so."""
