"""Reading the files of a Debian package (.deb) as a stream, without dpkg where that can be.

A .deb is an ``ar`` archive: eight bytes, then for each member a header of 60 bytes and its
content. The member ``data.tar``, compressed in one of several ways, holds the package's files.
"""

import contextlib
import gzip
import lzma
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from cifarviz.errors import DatasetDamaged, DatasetNotFound

MAGIC = b"!<arch>\n"
_HEADER_BYTES = 60
# A package has three members; some more are allowed for.
_MOST_MEMBERS = 20


class Readable(Protocol):
    """Something that gives bytes when read."""

    def read(self, size: int = -1, /) -> bytes: ...


class _Part:
    """So many bytes of a file from where it stands."""

    def __init__(self, file: Readable, size: int) -> None:
        self._file, self._left = file, size

    def read(self, size: int = -1, /) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._file.read(wanted)
        self._left -= len(data)
        return data


@contextlib.contextmanager
def data_tar(path: Path, raw: BinaryIO, watched: Readable) -> Iterator[Readable]:
    """Give the unpacked stream of the tar archive with a package's files.

    ``raw`` is the open file of ``path``, ``watched`` the same for reading on. Raises
    ``DatasetDamaged`` for what is not a .deb, ``DatasetNotFound`` when unpacking it takes
    dpkg-deb and that is not here.
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
        # Zstandard, which Ubuntu packs with and this Python has no unpacker for.
        with _dpkg_deb(path) as stream:
            yield stream


def _find_data(path: Path, raw: BinaryIO) -> tuple[str, int]:
    """Leave ``raw`` at the content of the member ``data.tar…``; give its name and size."""
    raw.seek(len(MAGIC))
    for _ in range(_MOST_MEMBERS):
        header = raw.read(_HEADER_BYTES)
        size = header[48:58].strip()
        if len(header) < _HEADER_BYTES or header[58:] != b"`\n" or not size.isdigit():
            break
        name = header[:16].decode("ascii", "replace").strip().removesuffix("/")
        if name.startswith("data.tar"):
            return name, int(size)
        # Members begin at even places.
        raw.seek(int(size) + int(size) % 2, 1)
    raise DatasetDamaged(
        "“{path}” cannot be read as a Debian package: it has no “data.tar”.", path=path
    )


@contextlib.contextmanager
def _dpkg_deb(path: Path) -> Iterator[Readable]:
    program = shutil.which("dpkg-deb")
    if program is None:
        raise DatasetNotFound(
            "“{path}” is packed in a way that takes dpkg-deb to unpack, which is not on this "
            "machine.",
            path=path,
        )
    process = subprocess.Popen(
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
