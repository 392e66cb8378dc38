"""Where words go: results to standard output, everything else to standard error.

No other file of this package prints. All is printed letter by letter: what people chose, such as
names, may look like Rich's markup, and may hold characters that move the cursor.
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
    bool, typer.Option("--json", help="Print one JSON value on standard output, nothing else.")
]

# Rich's own reading of texts is off wherever they are printed.
_console = partial(Console, markup=False, emoji=False, highlight=False)
_ERRORS: Final = _console(stderr=True)
# Columns of a table that no terminal limits.
_WIDEST = 10_000


def say(text: str) -> None:
    """One line for the person, on standard error."""
    _ERRORS.print(printable(text), soft_wrap=True)


def print_line(text: str) -> None:
    """Text of our own on standard output, at once."""
    typer.echo(text)
    sys.stdout.flush()


def print_help(text: str) -> None:
    """Lines of our own for the person, on standard error."""
    for line in text.splitlines():
        say(line)


def print_json(value: Any) -> None:
    """One JSON value on standard output."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        # A file name that is not UTF-8, or a terminal that is not: JSON has escapes for both.
        text = json.dumps(value, allow_nan=False)
    typer.echo(text)


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table on standard output; nothing is ``–``, numbers with a point get four digits.

    A terminal gets long cells in several lines; a file or a pipe gets each row on one.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(Text(heading), overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(_cell(value))) for value in row))
    console = _console()
    if not console.is_terminal:
        console.width = max(console.width, console.measure(table, options=_wide(console)).maximum)
    console.print(table)


def progress_bar(*, download: bool = False) -> Progress:
    """A bar on standard error with a description, and with the rate of a task or of a download.

    Tasks of a bar that is no download have the field ``rate``, a text.
    """
    columns: list[ProgressColumn] = [_Literal("{task.description}"), BarColumn()]
    if download:
        columns += [DownloadColumn(), TimeRemainingColumn()]
    else:
        columns.append(_Literal("{task.fields[rate]}"))
    # To a file it would say nothing but an empty line.
    hidden = not _ERRORS.is_terminal
    return Progress(*columns, console=_ERRORS, transient=True, disable=hidden)


class _Literal(TextColumn):
    """A column of text without Rich's markup."""

    def render(self, task: Task) -> Text:
        return Text(printable(self.text_format.format(task=task)))


def _wide(console: Console) -> Any:
    return console.options.update(max_width=_WIDEST)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)
