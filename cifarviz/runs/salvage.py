"""Copying what SQLite can still read of a damaged index into a new one."""

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from cifarviz.runs.database import Database, index_version
from cifarviz.runs.schema import (
    MIGRATIONS,
    SCHEMA_VERSION,
    TABLES,
    least_version,
    tables_of_version,
)

# The latter of SQLite's message, which quotes a damaged schema.
_UNREADABLE = (sqlite3.DatabaseError, UnicodeDecodeError)

# The header of an SQLite file: https://www.sqlite.org/fileformat2.html#the_database_header
_HEADER_BYTES = 100
_MAGIC = b"SQLite format 3\0"
_PAGE_SIZE, _CHANGES, _PAGES = slice(16, 18), slice(24, 28), slice(28, 32)
_FREE_PAGES, _VALID_FOR = slice(32, 40), slice(92, 96)

# More rows than a table has.
_LAST_ROW = 2**40
# Rows of tables without row numbers are also looked up by these values, beginning with the table's
# first column of its primary key.
_KEYS: Mapping[str, tuple[str, str]] = {
    "epochs": ("run", "SELECT id FROM runs"),
    "series_runs": ("series", "SELECT id FROM series"),
}


@dataclass(frozen=True)
class SalvagedTable:
    """How many rows were copied, and whether there were others that could not be read."""

    rows: int
    complete: bool


def salvage(
    damaged: Path,
    index: Database,
    run_ids: Sequence[str] = (),
    tables: Collection[str] = TABLES,
) -> dict[str, SalvagedTable]:
    """Copy what can be read of ``damaged`` into the empty ``index``; returns what, by table.

    Tables that its version did not have are not among them. ``damaged`` is a copy, whose header is
    changed. Rows may be incomplete, and epochs and series
    may be of runs that are not there. ``run_ids`` are runs whose rows are looked up even where the
    list of runs cannot be read, and ``tables`` those that are copied.
    """
    version = index_version(damaged)
    _mend_header(damaged, index.path)
    found: dict[str, SalvagedTable] = {}
    with (
        closing(sqlite3.connect(damaged, isolation_level=None)) as source,
        # Not ``index.connect``, which refuses epochs without their run.
        closing(sqlite3.connect(index.path)) as target,
        target,
    ):
        source.execute("PRAGMA trusted_schema = OFF")
        # Tables whose description is damaged are left out, instead of none being readable.
        source.execute("PRAGMA writable_schema = ON")
        source.text_factory = target.text_factory = lambda text: text.decode(errors="replace")
        if version is None or not 1 <= version <= SCHEMA_VERSION:
            # It was in the header.
            version = _find_version(source)
        tables = tables_of_version(version).intersection(tables)
        for table in filter(tables.__contains__, _tables(target)):
            wanted = {row[1] for row in target.execute(f"PRAGMA table_info({table})")}
            with suppress(*_UNREADABLE):
                columns = [
                    row[1]
                    for row in source.execute(f"PRAGMA table_info({table})")
                    if row[1] in wanted
                ]
                if columns:
                    found[table] = _copy_table(source, target, table, columns, run_ids)
                    continue
            found[table] = SalvagedTable(0, complete=False)
        for older in range(version, SCHEMA_VERSION):
            # The columns that migrations add are there.
            for statement in MIGRATIONS[older]:
                if statement.startswith("UPDATE"):
                    target.execute(statement)
    return found


def _find_version(source: sqlite3.Connection) -> int:
    """Return the version that a file without a header seems to be of, by the tables it has."""
    with suppress(*_UNREADABLE):
        if "runs" in (tables := _tables(source)):
            return least_version(tables)
    return SCHEMA_VERSION


def _mend_header(damaged: Path, sound: Path) -> None:
    """Give a file the header of a sound one if it has none, and have SQLite count its pages."""
    size = damaged.stat().st_size
    with damaged.open("r+b") as file:
        header = bytearray(file.read(_HEADER_BYTES))
        if len(header) < _HEADER_BYTES:
            return
        own = sound.read_bytes()[:_HEADER_BYTES]
        if not header.startswith(_MAGIC) or header[_PAGE_SIZE] != own[_PAGE_SIZE]:
            header[:] = own
            header[_FREE_PAGES] = bytes(8)
        page_size = int.from_bytes(header[_PAGE_SIZE])
        pages = size // page_size
        # The rest of a page that was cut would be read as zeros.
        file.truncate(pages * page_size)
        header[_PAGES] = pages.to_bytes(4)
        # The number of pages counts only if both are the same.
        header[_VALID_FOR] = header[_CHANGES]
        file.seek(0)
        file.write(header)


def _tables(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid")
    return [row[0] for row in rows]


def _copy_table(
    source: sqlite3.Connection,
    target: sqlite3.Connection,
    table: str,
    columns: Sequence[str],
    run_ids: Sequence[str],
) -> SalvagedTable:
    # A row may be found twice, and one that the schema does not allow is left out.
    insert = (
        f"INSERT OR IGNORE INTO {table}({', '.join(columns)}) "  # noqa: S608 - constants only
        f"VALUES ({', '.join('?' * len(columns))})"
    )
    rows = _Rows(source, table, columns)
    before = target.total_changes
    for row in rows.scan(descending=False):
        target.execute(insert, row)
    if not rows.complete:
        for row in rows.scan(descending=True):
            target.execute(insert, row)
        if table in _KEYS:
            column, query = _KEYS[table]
            keys = {row[0] for row in target.execute(query)} | set(run_ids)
            for row in rows.by_key(column, sorted(keys, key=str)):
                target.execute(insert, row)
    return SalvagedTable(target.total_changes - before, rows.complete)


class _Rows:
    """The rows of one table that can be read; ``complete`` until one cannot."""

    def __init__(self, source: sqlite3.Connection, table: str, columns: Sequence[str]) -> None:
        self._source, self._table = source, table
        self._select = ", ".join(columns)
        self.complete = True
        self._ended = False
        self._highest = 0
        try:
            source.execute(f"SELECT rowid FROM {table} LIMIT 0")  # noqa: S608 - constants only
            self._has_row_numbers = True
        except _UNREADABLE:
            self._has_row_numbers = False

    def scan(self, *, descending: bool) -> Iterator[Sequence[object]]:
        """Yield rows from one end of the table, over gaps if they have numbers.

        A gap is stepped over by ever larger steps; what these leave out is found from its other
        end, from the last row of a scan before.
        """
        if not self._has_row_numbers:
            key = self._source.execute(
                f"SELECT name FROM pragma_table_info('{self._table}') WHERE pk > 0 ORDER BY pk"  # noqa: S608 - constants only
            )
            order = ", ".join(f"{row[0]} {'DESC' if descending else 'ASC'}" for row in key)
            yield from self._read(f"ORDER BY {order}")
            return
        comparison, order, sign = ("<", "DESC", -1) if descending else (">", "ASC", 1)
        number = self._highest + 1 if descending else 0
        gap = 1
        while 0 <= number <= _LAST_ROW:
            rest = f"WHERE rowid {comparison} ? ORDER BY rowid {order}"
            for row in self._read(rest, number, numbered=True):
                number, gap = int(str(row[0])), 1
                self._highest = max(self._highest, number)
                yield row[1:]
            if self._ended:
                return
            number += sign * gap
            gap *= 2

    def by_key(self, column: str, values: Sequence[object]) -> Iterator[Sequence[object]]:
        """Yield the rows that have one of these values in the column."""
        for value in values:
            yield from self._read(f"WHERE {column} = ?", value)

    def _read(
        self, rest: str, *values: object, numbered: bool = False
    ) -> Iterator[Sequence[object]]:
        select = f"rowid, {self._select}" if numbered else self._select
        self._ended = False
        try:
            yield from self._source.execute(f"SELECT {select} FROM {self._table} {rest}", values)  # noqa: S608 - constants only
            self._ended = True
        except _UNREADABLE:
            self.complete = False
