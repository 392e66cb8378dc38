"""Reading named files from a folder, a tar archive or a .deb, in memory and with size limits.

Nothing is extracted to disk, so names in an archive are never used as paths.
"""

import contextlib
import gzip
import lzma
import shutil
import subprocess
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol

from cifarviz.data.progress import ProgressReporter
from cifarviz.errors import DatasetDamaged, DatasetNotFound

MAGIC = b"!<arch>\n"
_HEADER_BYTES = 60

# A package has three members; more are tolerated.
_MAX_MEMBERS = 20


class Readable(Protocol):
    """A binary stream that can be read."""

    def read(self, size: int = -1, /) -> bytes: ...


class _Part:
    """The next ``size`` bytes of a file."""

    def __init__(self, file: Readable, size: int) -> None:
        self._file, self._left = file, size

    def read(self, size: int = -1, /) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._file.read(wanted)
        self._left -= len(data)
        return data


class _Watched:
    """A file that reports the bytes read from it and stops when cancelled."""

    def __init__(self, file: Readable, total: int, watch: ProgressReporter) -> None:
        self._file, self._total, self._watch = file, total, watch
        self._done = 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._done += len(data)
        self._watch.advance(self._done, self._total)
        return data


class _Capped:
    """A stream that raises after ``limit`` bytes, against archive bombs."""

    def __init__(self, stream: Readable, limit: int) -> None:
        self._stream, self._left = stream, limit

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise tarfile.ReadError("its unpacked files are much larger than the data set")
        return data


def archive_members(
    path: Path, caps: Mapping[str, int], limit: int, watch: ProgressReporter
) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of each file in the archive whose base name is in ``caps``.

    ``caps`` are the most bytes of each file, ``limit`` the most bytes of all unpacked files.
    Raises ``DatasetDamaged`` if it is not a readable .tar, .tar.gz or .deb, or exceeds a limit.
    """
    kind = "a .tar or .tar.gz archive"
    try:
        with path.open("rb") as raw:
            start = raw.read(len(MAGIC))
            raw.seek(0)
            size = path.stat().st_size
            watch.stage("decoding", size)
            watched = _Watched(raw, size, watch)
            opened: contextlib.AbstractContextManager[Readable]
            if start == MAGIC:
                kind = "a Debian package"
                opened = data_tar(path, raw, watched)
            elif start.startswith(b"\x1f\x8b"):
                opened = gzip.GzipFile(fileobj=watched, mode="rb")  # type: ignore[call-overload]
            else:
                opened = contextlib.nullcontext(watched)
            with opened as stream:
                yield from _tar_members(path, _Capped(stream, limit), caps)
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise DatasetDamaged(
            "“{path}” cannot be read as {kind}: {error}.", path=path, kind=kind, error=error
        ) from error


def _tar_members(
    path: Path, stream: Readable, caps: Mapping[str, int]
) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=stream, mode="r|") as tar:  # type: ignore[call-overload]
        for member in tar:
            name = PurePosixPath(member.name).name
            if not member.isreg() or name not in caps:
                continue
            _check_cap(path, name, member.size, caps[name])
            content = tar.extractfile(member)
            if content is not None:
                yield name, content.read()


def folder_members(
    folder: Path, caps: Mapping[str, int], watch: ProgressReporter
) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of each file in the folder whose name is in ``caps``.

    Raises ``DatasetDamaged`` for a file larger than its limit.
    """
    present = [folder / name for name in caps if (folder / name).is_file()]
    sizes = [file.stat().st_size for file in present]
    watch.stage("decoding", sum(sizes))
    done = 0
    for file, size in zip(present, sizes, strict=True):
        _check_cap(folder, file.name, size, caps[file.name])
        yield file.name, file.read_bytes()
        done += size
        watch.advance(done, sum(sizes))


def _check_cap(where: Path, name: str, size: int, cap: int) -> None:
    if size > cap:
        raise DatasetDamaged(
            "“{name}” in “{place}” must have at most {cap:,} bytes, not {size:,}.",
            name=name,
            place=where,
            size=size,
            cap=cap,
        )


@contextlib.contextmanager
def data_tar(path: Path, raw: BinaryIO, watched: Readable) -> Iterator[Readable]:
    """Open the unpacked tar archive with a Debian package's files as a stream.

    ``raw`` is the open file of ``path``, ``watched`` the same file with progress reports. Raises
    ``DatasetDamaged`` if it is not a .deb, ``DatasetNotFound`` if it needs dpkg-deb and that is
    not installed.
    """
    name, size = _find_data(path, raw)
    part = _Part(watched, size)
    if name == "data.tar":
        yield part
    elif name == "data.tar.gz":
        with gzip.GzipFile(fileobj=part, mode="rb") as unzipped:  # type: ignore[call-overload]
            yield unzipped
    elif name == "data.tar.xz":
        with lzma.LZMAFile(part) as unxzed:  # type: ignore[arg-type]
            yield unxzed
    else:
        # Zstandard, which Ubuntu uses and Python 3.11 cannot unpack.
        with _dpkg_deb(path) as stream:
            yield stream


def _find_data(path: Path, raw: BinaryIO) -> tuple[str, int]:
    """Move ``raw`` to the content of the member ``data.tar…``; returns its name and size."""
    raw.seek(len(MAGIC))
    for _ in range(_MAX_MEMBERS):
        header = raw.read(_HEADER_BYTES)
        size = header[48:58].strip()
        if len(header) < _HEADER_BYTES or header[58:] != b"`\n" or not size.isdigit():
            break
        name = header[:16].decode("ascii", "replace").strip().removesuffix("/")
        if name.startswith("data.tar"):
            return name, int(size)
        # Members begin at even offsets.
        raw.seek(int(size) + int(size) % 2, 1)
    raise DatasetDamaged(
        "“{path}” cannot be read as a Debian package: it has no “data.tar”.", path=path
    )


@contextlib.contextmanager
def _dpkg_deb(path: Path) -> Iterator[Readable]:
    program = shutil.which("dpkg-deb")
    if program is None:
        raise DatasetNotFound(
            "Unpacking “{path}” needs the program dpkg-deb, which is not on this machine.",
            path=path,
        )
    process = subprocess.Popen(  # noqa: S603 - a fixed program, no shell
        [program, "--fsys-tarfile", str(path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        yield process.stdout
    finally:
        process.kill()
        process.communicate()
