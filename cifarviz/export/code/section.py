"""The parts that a script and a notebook are made of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from textwrap import fill

_WIDTH = 96


@dataclass(frozen=True)
class Section:
    """One step of a training: a title, what it is for in a few sentences, and its Python.

    ``imports`` are the import statements that its code needs.
    """

    title: str
    text: str
    code: str
    imports: tuple[str, ...] = ()


def call(function: str, arguments: Sequence[str], *, indent: int = 0, end: str = "") -> str:
    """``function(arguments)`` as Python: on one line if there is room, else one a line."""
    margin = " " * indent
    line = f"{margin}{function}({', '.join(arguments)}){end}"
    if len(line) <= _WIDTH and "\n" not in line.strip("\n"):
        return line
    inner = "".join(f"{margin}    {argument},\n" for argument in arguments)
    return f"{margin}{function}(\n{inner}{margin}){end}"


def comment(text: str, *, indent: int = 0) -> str:
    """A text as lines of comment."""
    start = " " * indent + "# "
    return fill(text, _WIDTH, initial_indent=start, subsequent_indent=start)


def blocks(parts: Iterable[str], gap: int = 1) -> str:
    """What there is of ``parts``, with so many empty lines between them."""
    return ("\n" * (gap + 1)).join(part.strip("\n") for part in parts if part)
