"""The sections of a script or notebook, and helpers that format Python code."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from textwrap import fill

WIDTH = 96


@dataclass(frozen=True)
class Section:
    """One step of a program: title, explanation and Python code.

    ``imports`` are the import statements that the code needs.
    """

    title: str
    text: str
    code: str
    imports: tuple[str, ...] = ()


def call(function: str, arguments: Sequence[str], *, indent: int = 0, end: str = "") -> str:
    """Return ``function(arguments)`` as Python, on one line if it fits, else one per argument."""
    margin = " " * indent
    line = f"{margin}{function}({', '.join(arguments)}){end}"
    if len(line) <= WIDTH and "\n" not in line.strip("\n"):
        return line
    inner = "".join(f"{margin}    {argument},\n" for argument in arguments)
    return f"{margin}{function}(\n{inner}{margin}){end}"


def comment(text: str) -> str:
    """Return a text as comment lines."""
    return fill(text, WIDTH, initial_indent="# ", subsequent_indent="# ")


def blocks(parts: Iterable[str], gap: int = 1) -> str:
    """Join the parts that are not empty, with ``gap`` empty lines between them."""
    return ("\n" * (gap + 1)).join(part.strip("\n") for part in parts if part)
