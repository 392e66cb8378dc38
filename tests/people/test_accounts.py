"""Accounts of a school: whom the lists of a class name, and what claims are believed."""

from typing import Any

import pytest

from cifarviz.errors import AccessRefused
from cifarviz.people.accounts import Account, account_role

CLAIMS = {"iss": "https://school.example", "sub": "Ab1", "name": "Ada"}
EMAIL = {"email": "Ada@School.example", "email_verified": True}


def _account(**more: Any) -> Account:
    account = Account.from_claims({**CLAIMS, **more})
    assert account is not None
    return account


@pytest.mark.parametrize(
    ("more", "listed", "is_named"),
    [
        (EMAIL, "ada@school.example", True),
        (EMAIL, "ADA@SCHOOL.EXAMPLE", True),
        (EMAIL, "@school.example", True),
        (EMAIL, "school.example", False),
        (EMAIL, "@example", False),
        (EMAIL, "@notschool.example", False),
        (EMAIL | {"email_verified": False}, "ada@school.example", False),
        (EMAIL | {"email_verified": "true"}, "ada@school.example", False),
        ({"email": EMAIL["email"]}, "@school.example", False),
        ({"email": "@school.example", "email_verified": True}, "@school.example", False),
        ({"email": "no address", "email_verified": True}, "no address", False),
        # A subject is no address, whatever it looks like.
        ({"sub": "ada@school.example"}, "ada@school.example", False),
        ({"sub": "ada@school.example"}, "sub:ada@school.example", True),
        ({"sub": "ada@school.example"}, "sub:ADA@school.example", False),
        ({}, "Ab1", True),
        ({}, "ab1", False),
        ({}, "*", True),
        ({}, "", False),
    ],
)
def test_whom_a_list_names(more: dict[str, Any], listed: str, is_named: bool) -> None:
    assert _account(**more).is_among(listed.split()) is is_named


def test_a_teacher_is_also_where_students_are_named() -> None:
    account = _account(**EMAIL)
    assert account_role(account, ["ada@school.example"], ["@school.example"]) == "teacher"
    assert account_role(account, [], ["@school.example"]) == "student"
    with pytest.raises(AccessRefused, match=r"\(ada@school.example\) is not among those"):
        account_role(account, [], [])
    with pytest.raises(AccessRefused, match=r"\(Ab1\) is not among those"):
        account_role(_account(), [], ["@school.example"])


def test_a_person_is_the_account_of_one_server() -> None:
    first = _account().person_id
    assert first == _account(name="Other", **EMAIL).person_id
    assert first != _account(sub="Ab2").person_id
    assert first != _account(iss="https://elsewhere.example").person_id


@pytest.mark.parametrize("claims", [{}, {"sub": "1"}, {**CLAIMS, "sub": ""}, {**CLAIMS, "sub": 1}])
def test_claims_without_a_subject_are_nobody(claims: dict[str, Any]) -> None:
    assert Account.from_claims(claims) is None


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        (CLAIMS, "Ada"),
        ({**CLAIMS, "name": " ", "preferred_username": "ada1"}, "ada1"),
        ({**CLAIMS, "name": 7}, "Student"),
    ],
)
def test_the_name_of_an_account(claims: dict[str, Any], name: str) -> None:
    account = Account.from_claims(claims)
    assert account is not None
    assert account.name == name
