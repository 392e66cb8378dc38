"""Codes, cookies and the pass phrase: what opens, what does not, and what is left on the disk."""

import stat
import sys
from pathlib import Path

import pytest

from cifarviz.errors import AttemptsExceeded, StoreError
from cifarviz.people.attempts import Attempts
from cifarviz.people.secrets import ClassSecrets, Ticket, is_code
from cifarviz.settings import Settings


def test_codes_are_the_same_after_a_restart_and_others_in_another_home(
    settings: Settings, tmp_path: Path
) -> None:
    one, again, other = (ClassSecrets(home) for home in (settings.home, settings.home, tmp_path))
    assert one.join_code("1") == again.join_code("1") != other.join_code("1")
    assert one.personal_code("a") == again.personal_code("a") != other.personal_code("a")
    assert one.join_code("1") != one.join_code("2")
    assert is_code(
        f" {one.join_code('1')[:3]}-{one.join_code('1')[3:].upper()} ", one.join_code("1")
    )
    assert not is_code("", one.join_code("1"))


def test_a_cookie_is_read_as_it_was_signed_and_no_other_is(
    settings: Settings, tmp_path: Path
) -> None:
    secrets = ClassSecrets(settings.home)
    cookie = secrets.sign("ada", 1_700_000_000_000)
    assert secrets.read(cookie) == Ticket("ada", 1_700_000_000_000)
    content, _, mark = cookie.rpartition(".")
    for forged in (
        "",
        ".",
        "..",
        content,
        f"{content}.",
        f"teacher.1700000000000.{mark}",
        f"{content}.{mark[:-1]}",
        cookie + "A",
        cookie.replace("ada", "åda"),
        ClassSecrets(tmp_path).sign("ada", 1_700_000_000_000),
    ):
        assert secrets.read(forged) is None


def test_the_pass_phrase_is_stored_as_a_hash_only(settings: Settings) -> None:
    secrets = ClassSecrets(settings.home)
    assert not secrets.has_pass_phrase
    assert not secrets.is_pass_phrase("")
    phrase = secrets.make_pass_phrase()
    assert secrets.is_pass_phrase(f" {phrase.upper()}\n")
    for wrong in ("", phrase[:-1], phrase + "a"):
        assert not secrets.is_pass_phrase(wrong)
    files = [path for path in (settings.home / "class").iterdir() if path.is_file()]
    assert len(files) == 2
    for path in files:
        assert phrase.encode() not in path.read_bytes()
    assert secrets.make_pass_phrase() != phrase
    assert not secrets.is_pass_phrase(phrase)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions.")
def test_only_the_owner_of_the_home_can_read_the_secrets(settings: Settings) -> None:
    ClassSecrets(settings.home).make_pass_phrase()
    folder = settings.home / "class"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_a_damaged_key_is_refused_in_words(settings: Settings) -> None:
    ClassSecrets(settings.home)
    (settings.home / "class" / "key").write_bytes(b"short")
    with pytest.raises(StoreError, match="delete it"):
        ClassSecrets(settings.home)


def test_wrong_codes_are_limited_from_one_address_and_from_all() -> None:
    attempts = Attempts(3, 60.0)
    for _ in range(3):
        _fail(attempts, "one")
    with pytest.raises(AttemptsExceeded, match="Try again in"), attempts.counted("one"):
        pass
    with attempts.counted("another"):
        pass
    for number in range(27):
        _fail(attempts, f"address {number}")
    with pytest.raises(AttemptsExceeded), attempts.counted("a new one"):
        pass


def test_what_is_tried_at_once_counts_from_its_beginning() -> None:
    attempts = Attempts(2, 60.0)
    with (
        attempts.counted("one"),
        attempts.counted("one"),
        pytest.raises(AttemptsExceeded),
        attempts.counted("one"),
    ):
        pass
    # The first two succeeded.
    with attempts.counted("one"):
        pass


def _fail(attempts: Attempts, address: str) -> None:
    with pytest.raises(ValueError, match="wrong"), attempts.counted(address):
        raise ValueError("wrong")


def test_attempts_are_forgotten_after_a_while() -> None:
    attempts = Attempts(1, 0.0)
    _fail(attempts, "one")
    with attempts.counted("one"):
        pass
