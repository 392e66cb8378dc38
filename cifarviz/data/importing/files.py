"""The files of a folder, an archive or a single file, as formats of data sets read them.

No member of an archive becomes a file, links are not followed, and names are never used as paths,
except that of a file inside a folder, which was found by listing it.
"""

import bz2
import gzip
import lzma
import os
import stat
import tarfile
import tempfile
import threading
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Final, cast

from cifarviz.errors import ImportRefused
from cifarviz.storage import storage_errors

MAX_FILE_BYTES: Final = 50_000_000
"""Larger pictures are skipped."""
_MAX_FILES: Final = 500_000
_PART: Final = 1 << 20
_MAX_TOTAL_BYTES: Final = 20_000_000_000
# Pictures hardly get smaller in an archive; one of zeros unpacks to a thousand times its size.
_MAX_GROWTH: Final = 100
_FREE_BYTES: Final = 100_000_000
# Made by operating systems beside a person's files.
_HIDDEN: Final = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
_DAMAGE: Final = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
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

    def __init__(self, title: str, packed_bytes: int | None = None) -> None:
        """``packed_bytes``: the size of an archive, which limits what it may unpack to."""
        self.title = title
        """The name of the folder or file, for messages."""
        self.names: list[str] = []
        self.refused: dict[str, str] = {}
        """Why a file is not among ``names``, by its name."""
        self.resources = ExitStack()
        """What is open."""
        # Members of an archive share one file and its position; several threads read pictures.
        self._reading = threading.Lock()
        self._sizes: dict[str, int] = {}
        self._entries = 0
        self._total = 0
        self._limit = _MAX_TOTAL_BYTES
        if packed_bytes is not None:
            self._limit = min(self._limit, _FREE_BYTES + _MAX_GROWTH * packed_bytes)

    @abstractmethod
    def _open(self, name: str) -> IO[bytes]: ...

    def size(self, name: str) -> int:
        """Return the bytes of a file."""
        return self._sizes[name]

    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        """Return the content of one of ``names``; raises ``FileUnreadable``."""
        if self.size(name) > limit:
            raise FileUnreadable(f"it is larger than {limit / 1e6:,.0f} MB")
        try:
            with self._reading, self._open(name) as file:
                # A little at a time: what an archive says of sizes may be wrong.
                content = bytearray()
                while part := file.read(min(_PART, self.size(name) + 1 - len(content))):
                    content += part
        except _DAMAGE as error:
            raise FileUnreadable(f"it cannot be read ({error})") from error
        if len(content) > self.size(name):
            raise FileUnreadable("it is larger than its archive says")
        return bytes(content)

    def _add(self, name: str, size: int, problem: str = "") -> bool:
        """Note a file; returns whether it can be read."""
        self._entries += 1
        if self._entries > _MAX_FILES:
            raise ImportRefused(
                "“{place}” holds more than {most:,} files. Divide it, or choose a folder in it.",
                place=self.title,
                most=_MAX_FILES,
            )
        parts = PurePosixPath(name).parts
        if any(part.lower() in _HIDDEN or (part[0] == "." and part != "..") for part in parts):
            return False
        if not problem and (".." in parts or name.startswith("/") or "\\" in name or not parts):
            problem = "its path leaves the folder"
        if not problem and name in self._sizes:
            problem = "there are two files of this name"
        if problem:
            self.refused[name] = problem
            return False
        self.names.append(name)
        self._sizes[name] = size
        self._total += size
        self._check_total(self._total)
        return True

    def _check_total(self, size: int) -> None:
        if size > self._limit:
            raise ImportRefused(
                "“{place}” unpacks to more than {most:,.0f} MB. Choose fewer files, or unpack it "
                "and choose the folder.",
                place=self.title,
                most=self._limit / 1e6,
            )


class _Folder(Files):
    def __init__(self, path: Path) -> None:
        super().__init__(path.name or str(path))
        self._path = path

        def refuse(error: OSError) -> None:
            name = Path(str(error.filename)).relative_to(path).as_posix()
            self._add(name, 0, f"it cannot be opened ({error.strerror})")

        for folder, folders, names in os.walk(path, onerror=refuse):
            folders.sort()
            # Links to folders are not followed.
            links = [name for name in folders if (Path(folder) / name).is_symlink()]
            for name in (*links, *sorted(names)):
                file = Path(folder) / name
                relative = file.relative_to(path).as_posix()
                try:
                    status = file.lstat()
                except OSError as error:
                    self._add(relative, 0, f"it cannot be read ({error.strerror})")
                    continue
                regular = stat.S_ISREG(status.st_mode)
                self._add(relative, status.st_size, "" if regular else "it is a link, or no file")

    def _open(self, name: str) -> IO[bytes]:
        # It may have become a link since it was listed.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        return open(os.open(self._path / name, flags), "rb")


class _Single(Files):
    def __init__(self, path: Path) -> None:
        super().__init__(path.name)
        self._path = path
        self._add(path.name, path.stat().st_size)

    def _open(self, name: str) -> IO[bytes]:
        return self._path.open("rb")


class _Zip(Files):
    def __init__(self, path: Path) -> None:
        super().__init__(path.name, path.stat().st_size)
        self._file = self.resources.enter_context(zipfile.ZipFile(path))
        # Not by name, of which there may be two.
        self._members: dict[str, zipfile.ZipInfo] = {}
        for entry in self._file.infolist():
            # Some programs write the separators of Windows.
            name = entry.filename.replace("\\", "/")
            if name.endswith("/"):
                continue
            problem = "it is a link" if stat.S_ISLNK(entry.external_attr >> 16) else ""
            if self._add(name, entry.file_size, problem):
                self._members[name] = entry

    def _open(self, name: str) -> IO[bytes]:
        return self._file.open(self._members[name])


class _Tar(Files):
    def __init__(self, path: Path, scratch: Path) -> None:
        super().__init__(path.name, path.stat().st_size)
        plain: IO[bytes] = self.resources.enter_context(path.open("rb"))
        magic = plain.read(6)
        plain.seek(0)
        for start, unpack in _PACKED.items():
            if magic.startswith(start):
                # Once, since going back in a packed file means to unpack it from its start.
                with unpack(plain) as stream:
                    plain = self._unpacked(stream, scratch)
        careful = cast(IO[bytes], _Careful(plain))
        archive = tarfile.open(fileobj=careful, mode="r:")  # noqa: SIM115
        self._file = self.resources.enter_context(archive)
        self._members: dict[str, tarfile.TarInfo] = {}
        for member in self._file:
            if member.size < 0:
                raise tarfile.ReadError("a negative size")
            name = member.name.removeprefix("./")
            if member.isdir():
                # Counted, but no file.
                self._entries += 1
                continue
            problem = "" if member.isreg() else "it is a link, or no file"
            if self._add(name, member.size, problem):
                self._members[name] = member

    def _unpacked(self, stream: IO[bytes], scratch: Path) -> IO[bytes]:
        temporary = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115
        file = self.resources.enter_context(temporary)
        done = 0
        while part := stream.read(_PART):
            done += len(part)
            self._check_total(done)
            with storage_errors(scratch):
                file.write(part)
        file.seek(0)
        return file

    def _open(self, name: str) -> IO[bytes]:
        file = self._file.extractfile(self._members[name])
        assert file is not None, "only regular files are members"
        return file


class _Careful:
    """A file that refuses to read much at once, as a header that claims to be huge makes it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= 16 * _PART:
            raise tarfile.ReadError("a header that is too large")
        return self._file.read(size)


_PACKED: Final[Mapping[bytes, Callable[[IO[bytes]], IO[bytes]]]] = {
    b"\x1f\x8b": gzip.open,  # type: ignore[dict-item]
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}


@contextmanager
def open_files(path: Path, scratch: Path) -> Iterator[Files]:
    """Open a folder, a .zip or .tar archive (also compressed), or a single file.

    A compressed .tar is unpacked in ``scratch``. Raises ``ImportRefused`` if there is nothing, or
    if it cannot be read, and ``StorageFull``.
    """
    files = _open_files(path, scratch)
    with files.resources:
        if not files.names and files.refused:
            name, reason = next(iter(files.refused.items()))
            raise ImportRefused(
                "None of the {count:,} files in “{place}” can be read; “{name}”: {reason}.",
                count=len(files.refused),
                place=files.title,
                name=name,
                reason=reason,
            )
        yield files


def _open_files(path: Path, scratch: Path) -> Files:
    try:
        if path.is_dir():
            return _Folder(path)
        if not os.path.exists(path):
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
        if _ends_like_tar(path):
            return _Tar(path, scratch)
        try:
            return _Tar(path, scratch)
        except _DAMAGE:
            if path.suffix.lower() == ".zip":
                raise ImportRefused(
                    "“{path}” is not a .zip archive, or it is damaged. Choose another file, or the "
                    "folder with the pictures.",
                    path=path,
                ) from None
            return _Single(path)
    except _DAMAGE as error:
        raise ImportRefused(
            "“{path}” cannot be read: {reason}. Choose another file, or unpack it and choose the "
            "folder.",
            path=path,
            reason=error,
        ) from error


def _ends_like_tar(path: Path) -> bool:
    return ".tar" in path.suffixes or path.suffix.lower() in (".tgz", ".tbz2", ".txz")


def folders_of(names: Sequence[str]) -> tuple[str, ...]:
    """Return the folders that all ``names`` are in, from the outermost."""
    parents = [PurePosixPath(name).parts[:-1] for name in names]
    common: list[str] = []
    for level in zip(*parents, strict=False):
        if len(set(level)) > 1:
            break
        common.append(level[0])
    return tuple(common)
