"""The files of a folder, an archive or a single file, as formats of data sets read them.

Nothing is extracted to disk, links are not followed, and names are never used as paths, except
that of a file inside a folder, which was found by listing it.
"""

import os
import stat
import tarfile
import threading
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import Final

from cifarviz.errors import ImportRefused

MAX_FILE_BYTES: Final = 50_000_000
"""Larger pictures are skipped."""
_MAX_FILES: Final = 500_000
_MAX_TOTAL_BYTES: Final = 20_000_000_000
# Made by operating systems beside a person's files.
_HIDDEN: Final = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
_DAMAGE: Final = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    LZMAError,
    EOFError,
    OSError,
    NotImplementedError,  # a compression that Python lacks
    RuntimeError,  # a zip entry with a password
    ValueError,
)


class FileUnreadable(Exception):
    """A file that cannot be read; the message says why, in a few words."""


class Files(ABC):
    """Files by their names, with ``/`` between folders; in an order that is quick to read."""

    def __init__(self, title: str) -> None:
        self.title = title
        """The name of the folder or file, for messages."""
        self.names: list[str] = []
        self.refused: dict[str, str] = {}
        """Why a file is not among ``names``, by its name."""
        self.resources = ExitStack()
        """What is open."""
        self._sizes: dict[str, int] = {}
        self._total = 0

    @abstractmethod
    def _load(self, name: str) -> bytes: ...

    def size(self, name: str) -> int:
        """Return the bytes of a file."""
        return self._sizes[name]

    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        """Return the content of one of ``names``; raises ``FileUnreadable``."""
        if self.size(name) > limit:
            raise FileUnreadable(f"it is larger than {limit / 1e6:,.0f} MB")
        try:
            content = self._load(name)
        except _DAMAGE as error:
            raise FileUnreadable(f"it cannot be read ({error})") from error
        if len(content) > limit:
            raise FileUnreadable("it is larger than its archive says")
        return content

    def _add(self, name: str, size: int, problem: str = "") -> None:
        parts = PurePosixPath(name).parts
        if any(part.lower() in _HIDDEN or (part[0] == "." and part != "..") for part in parts):
            return
        if not problem and (".." in parts or name.startswith("/") or "\\" in name):
            problem = "its path leaves the folder"
        if not problem and name in self._sizes:
            problem = "there are two files of this name"
        if problem:
            self.refused[name] = problem
            return
        self.names.append(name)
        self._sizes[name] = size
        self._total += size
        if len(self.names) > _MAX_FILES:
            raise ImportRefused(
                "“{place}” holds more than {most:,} files. Divide it, or choose a folder in it.",
                place=self.title,
                most=_MAX_FILES,
            )
        if self._total > _MAX_TOTAL_BYTES:
            raise _too_large(self.title)


class _Folder(Files):
    def __init__(self, path: Path) -> None:
        super().__init__(path.name or str(path))
        self._path = path
        for folder, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                file = Path(folder) / name
                relative = file.relative_to(path).as_posix()
                try:
                    status = file.lstat()
                except OSError as error:
                    self._add(relative, 0, f"it cannot be read ({error.strerror})")
                    continue
                regular = stat.S_ISREG(status.st_mode)
                self._add(relative, status.st_size, "" if regular else "it is a link, or no file")

    def _load(self, name: str) -> bytes:
        return (self._path / name).read_bytes()


class _Single(Files):
    def __init__(self, path: Path) -> None:
        super().__init__(path.name)
        self._path = path
        self._add(path.name, path.stat().st_size)

    def _load(self, name: str) -> bytes:
        return self._path.read_bytes()


class _Zip(Files):
    def __init__(self, path: Path) -> None:
        super().__init__(path.name)
        self._file = self.resources.enter_context(zipfile.ZipFile(path))
        for entry in self._file.infolist():
            if not entry.is_dir():
                is_link = stat.S_ISLNK(entry.external_attr >> 16)
                self._add(entry.filename, entry.file_size, "it is a link" if is_link else "")

    def _load(self, name: str) -> bytes:
        return self._file.read(name)


class _Tar(Files):
    def __init__(self, path: Path) -> None:
        super().__init__(path.name)
        archive = tarfile.open(path, "r:*")  # noqa: SIM115
        self._file = self.resources.enter_context(archive)
        self._members: dict[str, tarfile.TarInfo] = {}
        # Members share one file and its position; pictures are read by several threads.
        self._lock = threading.Lock()
        for member in self._file:
            # To list a compressed archive, all of it is unpacked.
            if member.offset_data + member.size > _MAX_TOTAL_BYTES:
                raise _too_large(self.title)
            if member.isdir():
                continue
            name = member.name.removeprefix("./")
            self._add(name, member.size, "" if member.isreg() else "it is a link, or no file")
            self._members.setdefault(name, member)

    def _load(self, name: str) -> bytes:
        with self._lock:
            file = self._file.extractfile(self._members[name])
            return b"" if file is None else file.read()


@contextmanager
def open_files(path: Path) -> Iterator[Files]:
    """Open a folder, a .zip or .tar archive (also compressed), or a single file.

    Raises ``ImportRefused`` if there is nothing, or if it cannot be read.
    """
    files = _open(path)
    with files.resources:
        yield files


def _open(path: Path) -> Files:
    try:
        if path.is_dir():
            return _Folder(path)
        if not path.exists():
            raise ImportRefused(
                "There is no file or folder “{path}”. Choose a folder, a .zip or .tar archive, or "
                "a .npz or .csv file.",
                path=path,
            )
        # A table belongs to the pictures beside it; .npz files are zip archives, too.
        if path.suffix.lower() == ".csv":
            return _Folder(path.parent)
        if path.suffix.lower() == ".npz":
            return _Single(path)
        if zipfile.is_zipfile(path):
            return _Zip(path)
        if tarfile.is_tarfile(path):
            return _Tar(path)
        return _Single(path)
    except _DAMAGE as error:
        raise ImportRefused(
            "“{path}” cannot be read: {reason}. Choose another file, or unpack it and choose the "
            "folder.",
            path=path,
            reason=error,
        ) from error


def _too_large(title: str) -> ImportRefused:
    return ImportRefused(
        "“{place}” unpacks to more than {most:,.0f} GB. Choose fewer files.",
        place=title,
        most=_MAX_TOTAL_BYTES / 1e9,
    )


def folders_of(names: Sequence[str]) -> tuple[str, ...]:
    """Return the folders that all ``names`` are in, from the outermost."""
    parents = [PurePosixPath(name).parts[:-1] for name in names]
    common: list[str] = []
    for level in zip(*parents, strict=False):
        if len(set(level)) > 1:
            break
        common.append(level[0])
    return tuple(common)
