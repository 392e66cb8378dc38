"""The store's SQLite file: version, connections, damage.

WAL mode allows any number of readers while a worker writes; ``synchronous=NORMAL`` keeps every
committed row when a process is killed. A file of an earlier version is copied, and then migrated in
one transaction. One in a home that may only be read is read where it is, or from a copy.
"""

import os
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from cifarviz.errors import CifarvizError, IndexDamaged, StorageFull, StoreError, UnknownFormat
from cifarviz.installation import program_name
from cifarviz.runs.schema import INDICES, MIGRATIONS, SCHEMA, SCHEMA_VERSION, TABLES
from cifarviz.storage import atomic_write, storage_errors, storage_full

# The last is of a statement that does not fit the tables: these are not as we made them.
_DAMAGES = frozenset(
    {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_ERROR}
)

# The system refused to write, which it does for a quota, or to make room for the file's index.
_REFUSALS = frozenset({sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE})

# How long one connection waits for another that writes.
_WAIT_SECONDS = 20


class Database:
    """Short-lived connections to one file; safe to use from any thread or process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._copy_lock = threading.Lock()
        self._copy: _Copy | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                "The folder {folder} of CIFARVIZ_HOME cannot be created "
                "({reason}). Set it to a folder you may write to.",
                folder=path.parent,
                reason=error.strerror,
            ) from error
        # Before SQLite, which would fill the page up.
        if is_cut(path):
            raise self._damaged("the file is cut")
        # Where nothing may be written, a file of an earlier version is migrated in its copy.
        with self.connect(write=not (self.is_read_only() and path.exists())) as connection:
            if not self.is_read_only():
                self._prepare(connection)

    def is_read_only(self) -> bool:
        """Whether this process may not write to the file or its folder."""
        folder = self.path.parent
        return not (
            os.access(folder, os.W_OK) and (os.access(self.path, os.W_OK) or not self.path.exists())
        )

    def _prepare(self, connection: sqlite3.Connection) -> None:
        version = _version(connection)
        if version == 0 and not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            # executescript() would commit first and let two processes create the tables at once.
            for statement in SCHEMA.split(";"):
                connection.execute(statement)
            version = SCHEMA_VERSION
        elif version < 1:
            raise self._damaged("its format is missing")
        if version in MIGRATIONS:
            self._back_up()
        while version in MIGRATIONS:
            for statement in MIGRATIONS[version]:
                connection.execute(statement)
            version += 1
        if version != SCHEMA_VERSION:
            raise UnknownFormat(
                "The runs in {path} were written by another version of cifarviz "
                "(format {version}; this one reads formats 1 to {newest}). Use that "
                "version, or set CIFARVIZ_HOME to another folder.",
                path=self.path,
                version=version,
                newest=SCHEMA_VERSION,
            )
        if missing := TABLES - _table_names(connection):
            raise self._damaged(f"it has no table “{min(missing)}”")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        for statement in INDICES:
            connection.execute(statement)

    def _back_up(self) -> None:
        """Copy the file unless an interrupted migration has already left an intact copy.

        Call it within the migrating transaction, which keeps all other writers out. Raises
        ``StoreError`` or ``StorageFull``.
        """
        path = self.path.with_name(f"{self.path.stem}.before-format-{SCHEMA_VERSION}.sqlite3")
        if _is_intact_copy(path):
            return
        try:
            with (
                storage_errors(path.parent),
                atomic_write(path) as temporary,
                closing(sqlite3.connect(self.path)) as source,
                closing(sqlite3.connect(temporary)) as copy,
            ):
                source.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
        except (StorageFull, OSError, sqlite3.Error) as error:
            raise StorageFull(
                "The runs in {path} are of an earlier version, and could not be copied to "
                "“{file_name}” before they are brought up to date ({error}). Nothing was "
                "changed: make room there, or allow writing, and start again.",
                path=self.path,
                file_name=path.name,
                error=error,
            ) from error

    @contextmanager
    def keep_open(self) -> Iterator[None]:
        """Keep the file open, for a process that writes many times per second.

        When the last connection closes, SQLite copies its log to the file and waits for the disk.
        """
        with closing(sqlite3.connect(self.path, check_same_thread=False)) as connection:
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()
            yield

    @contextmanager
    def connect(self, *, write: bool = False) -> Iterator[sqlite3.Connection]:
        """Open a connection for one transaction: committed at the end, rolled back on an error.

        Raises ``IndexDamaged``, ``StorageFull`` and ``StoreError``.
        """
        try:
            with closing(self._open(write=write)) as connection:
                # IMMEDIATE: a transaction that reads, then writes, must not lose a race between.
                connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
                try:
                    yield connection
                except BaseException:
                    # SQLite has already rolled back by itself when the disk is full.
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            explained = self._explain(error)
            if explained is None:
                raise
            raise explained from error

    def _open(self, *, write: bool) -> sqlite3.Connection:
        if not self.is_read_only():
            return _open(self.path)
        if write:
            raise storage_full(self.path.parent, "it may only be read")
        try:
            # Also sees what another process writes, if that may.
            connection = _open(self.path, read_only=True)
        except sqlite3.OperationalError as error:
            # The files beside it that SQLite needs to read it are missing.
            if _code(error) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
        else:
            if _version(connection) == SCHEMA_VERSION:
                return connection
            connection.close()
        return self._copied()._open(write=False)

    def _copied(self) -> "Database":
        """Return a private copy of the file, brought up to date."""
        log = self.path.with_name(f"{self.path.name}-wal")
        with self._copy_lock, storage_errors(Path(tempfile.gettempdir())):
            files = [path for path in (self.path, log) if path.exists()]
            stamp = tuple((path.stat().st_mtime_ns, path.stat().st_size) for path in files)
            if self._copy is None or self._copy.stamp != stamp:
                folder = tempfile.TemporaryDirectory(prefix="cifarviz-index-")
                for path in files:
                    # Without the permissions, which do not let it be changed.
                    shutil.copyfile(path, Path(folder.name) / path.name)
                try:
                    copied = Database(Path(folder.name) / self.path.name)
                except CifarvizError as error:
                    # It is the original that is damaged or of a later version.
                    values = {**error.values, "path": self.path}
                    raise type(error)(error.template, **values) from error
                self._copy = _Copy(stamp, copied, folder)
            return self._copy.database

    def _explain(self, error: sqlite3.DatabaseError) -> StoreError | None:
        """Return what an error of SQLite means to a person; ``None`` for a mistake of ours."""
        if getattr(error, "sqlite_errorcode", None) in _REFUSALS:
            return storage_full(self.path.parent, "nothing more can be written there")
        match _code(error):
            case None | sqlite3.SQLITE_CONSTRAINT | sqlite3.SQLITE_MISUSE:
                return None
            case sqlite3.SQLITE_FULL:
                return storage_full(self.path.parent, "the disk is full")
            case sqlite3.SQLITE_READONLY:
                return storage_full(self.path.parent, "it may only be read")
            case code if code in _DAMAGES:
                return self._damaged(str(error))
        return StoreError(
            "The runs in {path} cannot be read or written just now ({error}). "
            "Check that the folder is there and that you may write to it.",
            path=self.path,
            error=error,
        )

    def _damaged(self, reason: str) -> IndexDamaged:
        return IndexDamaged(
            "{path}, the list of all runs, is damaged ({reason}). Their files are still there: "
            "close the dashboard, then “{program} repair” makes the list anew.",
            path=self.path,
            reason=reason,
            program=program_name(),
        )


def find_index_damage(path: Path) -> str | None:
    """Return what SQLite finds wrong with a file, or ``None``; nothing is written."""
    try:
        with closing(_open(path, read_only=True)) as connection:
            problem: str = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        if _code(error) in _DAMAGES:
            return str(error)
        raise
    if problem == "ok" and is_cut(path):
        return "the file is cut"
    # The first line names the database only.
    return None if problem == "ok" else problem.splitlines()[-1]


def is_cut(path: Path) -> bool:
    """Whether a part of a file's last page is missing, which SQLite reads as zeros."""
    try:
        with path.open("rb") as file:
            header = file.read(18)
            page_size = int.from_bytes(header[16:18])
            is_index = header.startswith(b"SQLite format 3") and page_size >= 512
            return is_index and os.fstat(file.fileno()).st_size % page_size != 0
    except OSError:
        return False


def index_version(path: Path) -> int | None:
    """Return the format of a file; ``None`` if it cannot be read."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            return _version(connection)
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return None


class _Copy(NamedTuple):
    """A private copy of a file that may only be read, and the stamp of what was copied."""

    stamp: tuple[tuple[int, int], ...]
    database: Database
    folder: tempfile.TemporaryDirectory[str]


def _open(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open a connection without a transaction; raises ``sqlite3.DatabaseError``."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro" if read_only else path,
        uri=read_only,
        timeout=_WAIT_SECONDS,
        isolation_level=None,
    )
    try:
        connection.row_factory = sqlite3.Row
        connection.text_factory = _decode_text
        if read_only:
            _version(connection)
        else:
            _switch_to_wal(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
    except UnicodeDecodeError as error:
        # Of SQLite's message, which quotes a damaged schema.
        connection.close()
        damage = sqlite3.DatabaseError("its schema is malformed")
        damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise damage from error
    except BaseException:
        connection.close()
        raise
    return connection


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Have changes written to a log, which lets others read meanwhile."""
    give_up = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            # Two that change the mode of one file at once: SQLite refuses one without waiting.
            if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return


def _code(error: sqlite3.Error) -> int | None:
    """Return SQLite's primary result code; ``None`` for an error of the module itself."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _table_names(connection: sqlite3.Connection) -> set[str]:
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return {row[0] for row in rows}


def _decode_text(text: bytes) -> str:
    """Decode text; invalid bytes must not keep the other rows from being read."""
    return text.decode(errors="replace")


def _is_intact_copy(path: Path) -> bool:
    """Whether this is a complete, undamaged database of an earlier version."""
    if not path.is_file():
        return False
    try:
        with closing(sqlite3.connect(path)) as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            check = connection.execute("PRAGMA quick_check").fetchone()[0]
    except sqlite3.Error:
        return False
    return version in MIGRATIONS and check == "ok"
