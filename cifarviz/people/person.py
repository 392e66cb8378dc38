"""Who acts, and what they may do.

A store, a route or a download asks ``current_person`` and refuses; pages only follow. The command
line, scripts and threads that train are the teacher.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Final, Literal, ParamSpec, TypeVar, get_args

from cifarviz.errors import AccessRefused

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
Role = Literal["teacher", "student", "viewer"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)


@dataclass(frozen=True)
class Person:
    """Somebody who may use this home; ``id`` is unique in it."""

    id: str
    name: str
    role: Role

    @property
    def owner(self) -> str | None:
        """What is stored as the owner of what this person makes: None for the teacher."""
        return None if self.role == "teacher" else self.id


TEACHER: Final = Person("teacher", "Teacher", "teacher")
"""The person at this computer, and whoever has signed in with the pass phrase."""

_acting: ContextVar[Person | None] = ContextVar("acting", default=None)
_finders: list[Callable[[], Person | None]] = []


def current_person() -> Person:
    """Return who acts in this thread or task.

    Raises ``AccessRefused`` where a page is drawn for somebody who is not in the class.
    """
    person = _acting.get()
    if person is not None:
        return person
    for find in _finders:
        if (found := find()) is not None:
            return found
    return TEACHER


@contextmanager
def acting_as(person: Person) -> Iterator[None]:
    """Let ``person`` be who acts in this thread or task, for example in a route's."""
    token = _acting.set(person)
    try:
        yield
    finally:
        _acting.reset(token)


def owner_person(owner: str | None) -> Person:
    """Return somebody who owns something as a person who acts, as for a job of theirs."""
    return TEACHER if owner is None else Person(owner, owner, "student")


def find_person_by(find: Callable[[], Person | None]) -> None:
    """Register how to find who acts, such as for whom a page is drawn; None: not known by it."""
    if find not in _finders:
        _finders.append(find)


def for_current_person(work: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Return ``work`` such that whoever acts now acts in it too, also in another thread."""
    person = current_person()

    @wraps(work)
    def acting(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with acting_as(person):
            return work(*args, **kwargs)

    return acting


def may_see(owner: str | None, *, shown: bool) -> bool:
    """Whether the current person sees what belongs to ``owner``, or is ``shown`` to all."""
    person = current_person()
    return shown or person.role == "teacher" or (person.role == "student" and owner == person.id)


def may_change(owner: str | None) -> bool:
    """Whether the current person may change, stop, delete and export what belongs to ``owner``."""
    person = current_person()
    return person.role == "teacher" or (person.role == "student" and owner == person.id)


def may_make() -> bool:
    """Whether the current person may make runs, studies and data sets."""
    return current_person().role != "viewer"


def is_teacher() -> bool:
    """Whether the current person is the teacher."""
    return current_person().role == "teacher"


def require_change(owner: str | None, name: str) -> None:
    """Raise ``AccessRefused`` unless the current person may change ``name``, of ``owner``."""
    if not may_change(owner):
        raise AccessRefused(
            "“{name}” is not yours: only its owner and the teacher can change, stop, delete or "
            "export it.",
            name=name,
        )


def require_maker() -> None:
    """Raise ``AccessRefused`` unless the current person may make something."""
    if not may_make():
        raise AccessRefused(
            "You are here to watch. To train yourself, join with the code that the teacher shows."
        )


def require_teacher(deed: str) -> None:
    """Raise ``AccessRefused`` unless the current person is the teacher.

    ``deed`` says what only the teacher can do, such as “download data sets”.
    """
    if not is_teacher():
        raise AccessRefused("Only the teacher can {deed}. Ask the teacher.", deed=deed)
