"""Signing in to a class with an account of a school, in a real browser."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from cifarviz.runs.members import class_members, remove_member
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.app_server import AppServer
from tests.school_server import SchoolServer, school_server

ADA = {"sub": "1", "name": "Ada", "email": "ada@school.example", "email_verified": True}
BEN = {**ADA, "sub": "2", "name": "Ben"}
MS_LEE = {**ADA, "sub": "3", "name": "Lee", "email": "Lee@staff.school.example"}
STRANGER = {**ADA, "sub": "4", "email": "ada@elsewhere.example"}
UNVERIFIED = {**MS_LEE, "sub": "5", "email_verified": False}
BUTTON = "Sign in with your school’s account"


@pytest.fixture(scope="module")
def school() -> Iterator[SchoolServer]:
    with school_server() as server:
        yield server


@pytest.fixture(scope="module")
def opened(
    app_server: Callable[..., AppServer],
    school: SchoolServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> AppServer:
    secrets = tmp_path_factory.mktemp("secrets") / "secrets.toml"

    def write(url: str) -> None:
        secrets.write_text(school.secrets(url))

    return app_server(
        environment={
            "CIFARVIZ_CLASS": "1",
            "CIFARVIZ_CLASS_STUDENTS": "@school.example",
            "CIFARVIZ_CLASS_TEACHERS": "lee@staff.school.example",
            "STREAMLIT_SECRETS_FILES": str(secrets),
        },
        before=write,
    )


def _store(server: AppServer) -> RunStore:
    return RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(server.home)}))


def test_a_student_signs_in_where_the_link_led(
    new_page: Callable[..., Page], opened: AppServer, school: SchoolServer
) -> None:
    school.claims = ADA
    page = new_page()
    page.goto(f"{opened.url}/samples?seed=5")
    page.get_by_role("link", name=BUTTON).click()
    page.wait_for_url("**/samples?seed=5**")
    expect(page.get_by_role("button", name="Ada")).to_be_visible()
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    assert not [name for name in cookies if name.startswith("_streamlit_user")]
    assert cookies["cifarviz-class"]["httpOnly"]
    assert cookies["cifarviz-class"]["sameSite"] == "Strict"
    # On another device it is the same person; another account of this name is not.
    for claims, names in ((ADA, ["Ada"]), ({**BEN, "name": "Ada"}, ["Ada", "Ada 2"])):
        school.claims = claims
        other = new_page()
        other.goto(opened.url)
        other.get_by_role("link", name=BUTTON).click()
        expect(other.get_by_role("button", name=names[-1])).to_be_visible()
        assert [member.name for member in class_members(_store(opened))] == names


def test_the_teacher_is_known_by_the_account(
    new_page: Callable[..., Page], opened: AppServer, school: SchoolServer
) -> None:
    school.claims = MS_LEE
    page = new_page()
    page.goto(opened.url)
    page.get_by_role("link", name=BUTTON).click()
    expect(page.get_by_role("button", name="Teacher")).to_be_visible()


@pytest.mark.parametrize("claims", [STRANGER, UNVERIFIED], ids=["stranger", "unverified"])
def test_other_accounts_are_refused_and_may_try_again(
    new_page: Callable[..., Page], opened: AppServer, school: SchoolServer, claims: dict[str, str]
) -> None:
    school.claims = claims
    page = new_page()
    page.goto(opened.url)
    page.get_by_role("link", name=BUTTON).click()
    expect(page.get_by_role("alert")).to_contain_text("is not among those of this class")
    page.goto(opened.url)
    expect(page.get_by_role("link", name=BUTTON)).to_be_visible()


def test_who_was_removed_stays_out(
    new_page: Callable[..., Page], opened: AppServer, school: SchoolServer
) -> None:
    school.claims = BEN | {"sub": "6", "name": "Cy"}
    page = new_page()
    page.goto(opened.url)
    page.get_by_role("link", name=BUTTON).click()
    expect(page.get_by_role("button", name="Cy")).to_be_visible()
    [cy] = [one for one in class_members(_store(opened)) if one.name == "Cy"]
    remove_member(_store(opened), cy.id)
    other = new_page()
    other.goto(opened.url)
    other.get_by_role("link", name=BUTTON).click()
    expect(other.get_by_role("alert")).to_contain_text("You were removed from the class")
