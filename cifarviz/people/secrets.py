"""The secrets of a class: a key, from which codes and cookies follow, and the pass phrase's hash.

Both are files in ``class/`` of the home that only the owner of the home can read. Codes are not
stored: they are computed from the key, so that a copy of the rest of the home opens nothing.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple
from uuid import uuid4

from cifarviz.errors import StoreError
from cifarviz.storage import storage_errors

FOLDER: Final = "class"
"""The folder of secrets in the home; it belongs in no backup."""
JOIN_CODE_LETTERS: Final = 6
PERSONAL_CODE_LETTERS: Final = 9

# Without letters and digits that look or sound alike.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"
# Eight pairs of 70: 49 bits.
_PAIRS = 8
_SCRYPT = {"n": 2**14, "r": 8, "p": 1, "dklen": 32, "maxmem": 64 * 2**20}


class Ticket(NamedTuple):
    """What a signed cookie says: whose it is, and when it was issued, Unix time in milliseconds."""

    person: str
    issued: int


class ClassSecrets:
    """The secrets of a home; made when they are first used.

    Raises ``StorageFull`` where they cannot be written.
    """

    def __init__(self, home: Path) -> None:
        self._folder = home / FOLDER
        self._key = self._load_key()

    def join_code(self, class_id: str) -> str:
        """Return the code with which students join, the same for all."""
        return self._code("join", class_id, JOIN_CODE_LETTERS)

    def personal_code(self, person_id: str) -> str:
        """Return the code with which a student comes back on another device."""
        return self._code("person", person_id, PERSONAL_CODE_LETTERS)

    def viewer_code(self, class_id: str) -> str:
        """Return the last part of the link for viewers."""
        return self._code("viewer", class_id, 20)

    def sign(self, person_id: str, issued: int | None = None) -> str:
        """Return the value of a cookie for this person; ``issued``: as in ``Ticket``, or now."""
        issued = time.time_ns() // 1_000_000 if issued is None else issued
        content = f"{person_id}.{issued}"
        return f"{content}.{self._mark('cookie', content)}"

    def read(self, cookie: str) -> Ticket | None:
        """Return what a cookie says; None unless it was signed here."""
        content, _, mark = cookie.rpartition(".")
        if not _same(mark, self._mark("cookie", content)):
            return None
        person, _, issued = content.rpartition(".")
        return Ticket(person, int(issued))

    def make_pass_phrase(self) -> str:
        """Make a new pass phrase for the teacher, store its hash, and return it."""
        pairs = [secrets.choice(_CONSONANTS) + secrets.choice(_VOWELS) for _ in range(_PAIRS)]
        phrase = "-".join(map("".join, zip(pairs[::2], pairs[1::2], strict=True)))
        self.set_pass_phrase(phrase)
        return phrase

    def set_pass_phrase(self, phrase: str) -> None:
        """Store the hash of a pass phrase; what was signed for the teacher stays valid."""
        salt = secrets.token_bytes(16)
        content = {"salt": salt.hex(), "hash": _hash(phrase, salt).hex()}
        self._write("pass-phrase.json", json.dumps(content).encode())

    @property
    def has_pass_phrase(self) -> bool:
        """Whether a pass phrase was ever made."""
        return (self._folder / "pass-phrase.json").is_file()

    def is_pass_phrase(self, phrase: str) -> bool:
        """Whether this is the pass phrase; takes about 50 ms, whatever was typed."""
        try:
            stored = json.loads((self._folder / "pass-phrase.json").read_bytes())
            salt, expected = bytes.fromhex(stored["salt"]), bytes.fromhex(stored["hash"])
        except (OSError, ValueError, KeyError, TypeError):
            salt, expected = b"none", b""
        return _same_bytes(_hash(phrase.strip().lower(), salt), expected)

    def _code(self, purpose: str, text: str, letters: int) -> str:
        digest = self._digest(purpose, text)
        return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:letters])

    def _mark(self, purpose: str, text: str) -> str:
        return base64.urlsafe_b64encode(self._digest(purpose, text)).decode().rstrip("=")

    def _digest(self, purpose: str, text: str) -> bytes:
        return hmac.digest(self._key, f"{purpose}\0{text}".encode(), "sha256")

    def _load_key(self) -> bytes:
        path = self._folder / "key"
        try:
            key = path.read_bytes()
        except FileNotFoundError:
            self._write("key", secrets.token_bytes(32), replace=False)
            key = path.read_bytes()
        if len(key) != 32:
            raise StoreError(
                "“{path}” is damaged: delete it. All in the class then have to join again.",
                path=path,
            )
        return key

    def _write(self, name: str, content: bytes, *, replace: bool = True) -> None:
        """Write a file that only its owner can read, as a whole."""
        path = self._folder / name
        part = path.with_name(f".{name}.{uuid4().hex}")
        with storage_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                if replace:
                    os.replace(part, path)
                else:
                    # Of two programs that start at once, both use what the first one writes.
                    with suppress(FileExistsError):
                        os.link(part, path)
            finally:
                part.unlink(missing_ok=True)


def normalized_code(text: str) -> str:
    """Return what was typed as a code, without what people add: spaces, hyphens, capitals."""
    return "".join(letter for letter in text.lower() if letter.isalnum())


def is_code(typed: str, code: str) -> bool:
    """Whether ``typed`` is this code, compared in constant time."""
    return _same(normalized_code(typed), code)


def _same(one: str, other: str) -> bool:
    return _same_bytes(one.encode(), other.encode())


def _same_bytes(one: bytes, other: bytes) -> bool:
    return hmac.compare_digest(one, other)


def _hash(phrase: str, salt: bytes) -> bytes:
    return hashlib.scrypt(phrase.encode(), salt=salt, **_SCRYPT)
