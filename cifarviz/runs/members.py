"""The class of a home: whether it is open, and who is in it."""

import itertools
import sqlite3
import time
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from cifarviz.errors import AccessRefused
from cifarviz.escaping import is_blank, is_invisible
from cifarviz.people.accounts import Account
from cifarviz.people.person import TEACHER, Person, acting_as, require_teacher
from cifarviz.people.secrets import Ticket
from cifarviz.runs.pins import load_preference, save_preference
from cifarviz.runs.store import RunStore, new_run_id

LONGEST_NAME: Final = 40
"""The most characters of a student's name."""
MOST_MEMBERS: Final = 200
SEEN_SECONDS: Final = 20.0
"""Seconds between two writes of when somebody was last here."""

_PREFERENCE = "class"
_VIEWER = "viewer-"
# Seconds that a cookie is valid: students come back next week, whoever else signs in again.
_STUDENT_SECONDS = 90 * 86_400
_OTHER_SECONDS = 12 * 3_600


@dataclass(frozen=True)
class Task:
    """What the class is asked to reach: a validation ``accuracy``, 0 to 1, by a network of at most
    so many ``parameters`` on the data set named ``dataset``; ``run`` is the id of a run to start
    from, which all see."""

    accuracy: float
    parameters: int | None = None
    run: str | None = None
    dataset: str | None = None


@dataclass(frozen=True)
class ClassState:
    """A class: join code and viewers' link follow from its ``id``.

    ``is_open``: whether others may join. ``viewers``: whether its link for viewers is valid.
    ``board``: whether students see how far the others are. ``signed_out``: cookies of the teacher
    from before this time are void, Unix time in ms.
    """

    id: str
    is_open: bool = True
    viewers: bool = False
    board: bool = False
    signed_out: int = 0
    task: Task | None = None


@dataclass(frozen=True)
class Member:
    """A student in the class; ``joined`` and ``seen`` are Unix times in seconds."""

    id: str
    name: str
    joined: float
    seen: float

    @property
    def person(self) -> Person:
        """The student as somebody who acts."""
        return Person(self.id, self.name, "student")


def load_class(store: RunStore) -> ClassState:
    """Return the class of this home; begins one the first time."""
    stored = load_preference(store, _PREFERENCE)
    try:
        task = stored.get("task")
        return ClassState(**{**stored, "task": None if task is None else Task(**task)})
    except (TypeError, AttributeError):
        # Whoever comes first.
        with acting_as(TEACHER):
            return begin_class(store)


def begin_class(store: RunStore) -> ClassState:
    """Begin a class with a new join code; its members stay. Raises as ``save_class`` does."""
    before = load_preference(store, _PREFERENCE)
    signed_out = before.get("signed_out") if isinstance(before, dict) else None
    # Cookies that were void stay so.
    state = ClassState(new_run_id(), signed_out=signed_out if isinstance(signed_out, int) else 0)
    save_class(store, state)
    return state


def save_class(store: RunStore, state: ClassState) -> None:
    """Store another state of the class; raises ``AccessRefused`` for all but the teacher."""
    require_teacher("change the class")
    save_preference(store, _PREFERENCE, asdict(state))


def join_class(store: RunStore, name: str) -> Member:
    """Add a student; raises ``AccessRefused`` for a name that cannot be, or is taken."""
    name = _checked_name(name)
    is_open = load_class(store).is_open
    with store.database.connect(write=True) as connection:
        if name.casefold() in _names(connection):
            raise AccessRefused(
                "Somebody is already called “{name}”. Choose another name; or, if it is you, come "
                "back with your personal code.",
                name=name,
            )
        return _add(connection, new_run_id(), name, is_open=is_open)


def join_with_account(store: RunStore, account: Account) -> Member:
    """Return the student with this account, who is added the first time.

    A name that another one has gets a number. Raises ``AccessRefused`` for who was removed, and for
    newcomers where there is no place.
    """
    is_open = load_class(store).is_open
    with store.database.connect(write=True) as connection:
        row = connection.execute(
            "SELECT * FROM people WHERE id = ?", (account.person_id,)
        ).fetchone()
        if row is not None and row["removed"]:
            raise AccessRefused("You were removed from the class. Ask the teacher.")
        if row is not None:
            return _member(row)
        name, taken = _shown_name(account.name), _names(connection)
        numbered = (f"{name} {number}" for number in itertools.count(2))
        free = next(one for one in itertools.chain([name], numbered) if one.casefold() not in taken)
        # It may have been in the class before: its cookies of then stay void.
        earlier = time.time_ns() // 1_000_000 - 1
        person = account.person_id
        return _add(connection, person, free, is_open=is_open, signed_out=earlier)


def class_members(store: RunStore) -> list[Member]:
    """Return the students in the class, in the order in which they joined."""
    with store.database.connect() as connection:
        return [_member(row) for row in _rows(connection)]


def remove_member(store: RunStore, person_id: str) -> None:
    """Remove a student from the class, who is signed out everywhere.

    What is queued or trains is stopped; the runs stay. Raises ``AccessRefused`` for all but the
    teacher.
    """
    require_teacher("remove somebody from the class")
    store.stop_all([run.id for run in store.active() if run.owner == person_id])
    with store.database.connect(write=True) as connection:
        connection.execute("UPDATE people SET removed = 1 WHERE id = ?", (person_id,))


def sign_out(store: RunStore, person: Person) -> None:
    """Void all cookies that this person has had until now."""
    now = time.time_ns() // 1_000_000
    if person.role == "teacher":
        save_class(store, replace(load_class(store), signed_out=now))
    elif person.role == "student":
        with store.database.connect(write=True) as connection:
            connection.execute("UPDATE people SET signed_out = ? WHERE id = ?", (now, person.id))


def viewer_id(state: ClassState) -> str:
    """Return the id of all who came by the link for viewers."""
    return _VIEWER + state.id


def person_of(store: RunStore, ticket: Ticket) -> Person | None:
    """Return who a signed cookie stands for now; None if it is no longer valid."""
    now = time.time_ns() // 1_000_000
    age = (now - ticket.issued) / 1000
    if ticket.person == TEACHER.id:
        is_valid = age < _OTHER_SECONDS and ticket.issued > load_class(store).signed_out
        return TEACHER if is_valid else None
    if ticket.person.startswith(_VIEWER):
        state = load_class(store)
        is_valid = age < _OTHER_SECONDS and state.viewers and ticket.person == viewer_id(state)
        return Person(ticket.person, "Viewer", "viewer") if is_valid else None
    with store.database.connect() as connection:
        row = connection.execute(
            "SELECT * FROM people WHERE id = ? AND removed = 0 AND signed_out < ?",
            (ticket.person, ticket.issued),
        ).fetchone()
    return None if row is None or age > _STUDENT_SECONDS else _member(row).person


def note_seen(store: RunStore, person: Person) -> None:
    """Store that a student is here; writes at most every 20 s."""
    if person.role != "student":
        return
    now = time.time()
    query = "SELECT 1 FROM people WHERE id = ? AND seen < ?"
    values = (person.id, now - SEEN_SECONDS)
    with store.database.connect() as connection:
        if connection.execute(query, values).fetchone() is None:
            return
    with store.database.connect(write=True) as connection:
        connection.execute("UPDATE people SET seen = ? WHERE id = ?", (now, person.id))


def _add(
    connection: sqlite3.Connection,
    person_id: str,
    name: str,
    *,
    is_open: bool,
    signed_out: int = 0,
) -> Member:
    if not is_open:
        raise AccessRefused("The class is closed to newcomers. Ask the teacher to open it.")
    if len(_rows(connection)) >= MOST_MEMBERS:
        raise AccessRefused(
            "The class is full ({most} people). Ask the teacher to remove some.",
            most=MOST_MEMBERS,
        )
    now = time.time()
    connection.execute(
        "INSERT INTO people(id, name, joined, seen, signed_out) VALUES (?, ?, ?, ?, ?)",
        (person_id, name, now, now, signed_out),
    )
    return Member(person_id, name, joined=now, seen=now)


def _names(connection: sqlite3.Connection) -> set[str]:
    return {row["name"].casefold() for row in _rows(connection)}


def _rows(connection: sqlite3.Connection) -> list[sqlite3.Row]:
    return connection.execute(
        "SELECT * FROM people WHERE removed = 0 ORDER BY joined, id"
    ).fetchall()


def _member(row: Any) -> Member:
    return Member(row["id"], row["name"], row["joined"], row["seen"])


def _shown_name(name: str) -> str:
    """Return the name of an account as a name that a student can have."""
    visible = "".join(letter for letter in name if letter == " " or not is_invisible(letter))
    # Room for a number.
    name = " ".join(visible.split())[: LONGEST_NAME - 4].strip()
    return "Student" if is_blank(name) else name


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= LONGEST_NAME or is_blank(name) or any(map(is_invisible, name)):
        raise AccessRefused(
            "A name has 1 to {most} visible characters: type yours.", most=LONGEST_NAME
        )
    return name
