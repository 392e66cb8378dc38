"""Printing: results to standard output, everything else to standard error.

No other file of this package prints. All text is printed literally: names may look like Rich's
markup, or contain characters that move the cursor.
"""

import json
import sys
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from cifarviz.escaping import printable

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON value on standard output and nothing else.")
]

# Rich's markup, emoji codes and highlighting are off.
_console = partial(Console, markup=False, emoji=False, highlight=False)
_ERRORS: Final = _console(stderr=True)
# Width in columns for tables that go to a file or a pipe.
_FILE_WIDTH = 10_000


def print_message(text: str) -> None:
    """Print one line on standard error."""
    _ERRORS.print(printable(text), soft_wrap=True)


def print_line(text: str) -> None:
    """Print text on standard output and flush it."""
    typer.echo(text)
    sys.stdout.flush()


def print_help(text: str) -> None:
    """Print the lines of a text on standard error."""
    for line in text.splitlines():
        print_message(line)


def print_json(value: Any) -> None:
    """Print one JSON value on standard output."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        # The text or the terminal is not UTF-8: use JSON's ASCII escapes.
        text = json.dumps(value, allow_nan=False)
    typer.echo(text)


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table on standard output; ``None`` becomes ``–``, floats get four decimals.

    On a terminal long cells are wrapped; in a file or a pipe each row is one line.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(Text(heading), overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(_cell(value))) for value in row))
    console = _console()
    if not console.is_terminal:
        options = console.options.update(max_width=_FILE_WIDTH)
        console.width = max(console.width, console.measure(table, options=options).maximum)
    console.print(table)


def progress_bar(*, download: bool = False) -> Progress:
    """Return a progress bar on standard error that shows a description and a rate.

    A task must have the field ``rate``, a text, unless it is a download.
    """
    columns: list[ProgressColumn] = [_Literal("{task.description}"), BarColumn()]
    if download:
        columns += [DownloadColumn(), TimeRemainingColumn()]
    else:
        columns.append(_Literal("{task.fields[rate]}"))
    # In a file it would be an empty line.
    hidden = not _ERRORS.is_terminal
    return Progress(*columns, console=_ERRORS, transient=True, disable=hidden)


class _Literal(TextColumn):
    """A column that prints its text literally, without Rich's markup."""

    def render(self, task: Task) -> Text:
        return Text(printable(self.text_format.format(task=task)))


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)
