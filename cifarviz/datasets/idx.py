"""Decoding the file format of MNIST and its successors: four IDX files, gzipped or plain.

IDX is two zero bytes, one for the type of the values (8: unsigned bytes), one for the number of
dimensions, each dimension's size as a big-endian 32-bit number, and the values.
"""

import gzip
import io
import math
import zlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from cifarviz.datasets.arrays import Arrays
from cifarviz.datasets.info import DatasetInfo, missing_files_error
from cifarviz.errors import DatasetDamaged, DatasetNotFound

_FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}
_ZIPPED = ".gz"
_UNSIGNED_BYTES = 8


def member_caps(info: DatasetInfo) -> Mapping[str, int]:
    """Return every file name that may hold a part of the data set, with its most bytes."""
    # Incompressible data takes slightly more space when compressed.
    cap = info.nbytes + 1_000_000
    return {name + ending: cap for name in _FILES.values() for ending in ("", _ZIPPED)}


class IdxFiles:
    """Takes the files of a source in any order and returns the arrays of all of them."""

    def __init__(self, info: DatasetInfo) -> None:
        self._info = info
        self._arrays: dict[str, npt.NDArray[np.uint8]] = {}
        self._seen: set[str] = set()
        self._damage: dict[str, DatasetDamaged] = {}

    def add(self, name: str, data: bytes) -> None:
        """Decode a file; raises ``DatasetDamaged`` if it was added before.

        Other damage is raised by ``arrays``, unless the gzipped or plain form of the file is valid.
        """
        if name in self._seen:
            raise DatasetDamaged("There are two files called “{name}”.", name=name)
        self._seen.add(name)
        part = next(part for part, file in _FILES.items() if file == name.removesuffix(_ZIPPED))
        if part in self._arrays:
            return
        try:
            self._arrays[part] = decode_idx(name, data, self._info.shapes[part])
        except DatasetDamaged as error:
            self._damage[part] = error

    def arrays(self, where: str) -> Arrays:
        """Return the decoded arrays.

        Raises ``DatasetNotFound`` without any file, ``DatasetDamaged`` if a file is missing or is
        not what its name says.
        """
        if not self._seen:
            raise DatasetNotFound(
                "“{place}” has no {dataset} files.", place=where, dataset=self._info.title
            )
        for part, damage in self._damage.items():
            if part not in self._arrays:
                raise damage
        ending = _ZIPPED if any(name.endswith(_ZIPPED) for name in self._seen) else ""
        missing = [f"{_FILES[part]}{ending}" for part in _FILES if part not in self._arrays]
        if missing:
            raise missing_files_error(self._info, where, missing)
        return Arrays(**self._arrays)


def decode_idx(name: str, data: bytes, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Decode an IDX file of bytes, gzipped if ``name`` ends with ``.gz``, to uint8 ``shape``.

    A last axis of 1 (grey images) is not in the file. Raises ``DatasetDamaged`` if the file is
    truncated, too large, or has another shape.
    """
    sizes = shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape
    head = 4 + 4 * len(sizes)
    expected = head + int(np.prod(sizes))
    content = _unzip(name, data, expected + 1) if name.endswith(_ZIPPED) else data
    magic = bytes((0, 0, _UNSIGNED_BYTES, len(sizes)))
    if content[:4] != magic:
        raise DatasetDamaged(
            "“{name}” is not the expected IDX file: it must begin with the bytes “{expected}”, not "
            "“{found}”.",
            name=name,
            found=content[:4].hex(" "),
            expected=magic.hex(" "),
        )
    found = tuple(np.frombuffer(content[4:head].ljust(head - 4, b"\0"), ">u4").tolist())
    if len(content) >= head and found != sizes:
        raise DatasetDamaged(
            "“{name}” must hold {expected} values, not {found}.",
            name=name,
            found=_times(found),
            expected=_times(sizes),
        )
    if len(content) < expected:
        raise DatasetDamaged(
            "“{name}” is truncated: it has {size:,} bytes of {expected:,}.",
            name=name,
            size=len(content),
            expected=expected,
        )
    if len(content) > expected:
        raise DatasetDamaged(
            "“{name}” has more than the expected {expected:,} bytes.",
            name=name,
            expected=expected,
        )
    return np.frombuffer(content, np.uint8, offset=head).reshape(shape)


def read_idx(name: str, data: bytes, limit: int) -> npt.NDArray[np.uint8]:
    """Decode an IDX file of bytes with the shape in its header, at most ``limit`` bytes.

    Raises ``DatasetDamaged`` if it is another file, truncated or larger.
    """
    content = _unzip(name, data, limit + 1) if name.endswith(_ZIPPED) else data
    axes = content[3] if content[:3] == bytes((0, 0, _UNSIGNED_BYTES)) and len(content) > 3 else 0
    head = 4 + 4 * axes
    shape = tuple(np.frombuffer(content[4:head].ljust(head - 4, b"\0"), ">u4").tolist())
    expected = head + math.prod(shape)
    if not 1 <= axes <= 4 or 0 in shape or len(content) < head or len(content) != expected:
        raise DatasetDamaged(
            "“{name}” is not an IDX file of bytes, or is truncated: it has {size:,} bytes.",
            name=name,
            size=len(content),
        )
    return np.frombuffer(content, np.uint8, offset=head).reshape(shape)


def _unzip(name: str, data: bytes, limit: int) -> bytes:
    """Unpack at most ``limit`` bytes, against archive bombs."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            return file.read(limit)
    except EOFError as error:
        raise DatasetDamaged(
            "“{name}” is truncated: its compressed data has no end.", name=name
        ) from error
    except (OSError, zlib.error) as error:
        raise DatasetDamaged(
            "“{name}” cannot be unpacked: {error}.", name=name, error=error
        ) from error


def _times(sizes: tuple[int, ...]) -> str:
    return " × ".join(f"{size:,}" for size in sizes)
