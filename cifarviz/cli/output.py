"""Where words go: results to standard output, everything else to standard error."""

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON value on standard output, nothing else.")
]

errors = Console(stderr=True)


def say(text: str) -> None:
    """One line for the person, on standard error."""
    errors.print(text, markup=False, highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """One JSON value on standard output."""
    typer.echo(json.dumps(value, ensure_ascii=False, allow_nan=False))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table on standard output; nothing is ``–``, numbers with a point get four digits."""
    table = Table(*headings, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*map(_cell, row))
    Console().print(table)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)
