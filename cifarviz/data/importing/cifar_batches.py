"""The binary files of CIFAR-10 and CIFAR-100: records of labels and three planes of pixels."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cifarviz.data.image_set import Split
from cifarviz.data.importing.files import Files, FileUnreadable
from cifarviz.data.importing.pictures import Content, LabeledPicture, PictureFormat, Skip
from cifarviz.errors import ImportRefused

_SIDE: Final = 32
_PIXELS: Final = 3 * _SIDE**2
_MAX_BYTES: Final = 1_000_000_000
_TEN = re.compile(r"(data_batch_\d+|test_batch)\.bin")
_HUNDRED = re.compile(r"(train|test)\.bin")


def _recognizes(files: Files) -> bool:
    return any(
        _TEN.fullmatch(name) or _HUNDRED.fullmatch(name)
        for name in (PurePosixPath(path).name for path in files.names)
    )


def _pictures(files: Files, skip: Skip) -> Iterator[LabeledPicture]:
    by_name = {PurePosixPath(path).name: path for path in files.names}
    ten = [name for name in by_name if _TEN.fullmatch(name)]
    # A coarse label comes before the fine one in CIFAR-100.
    batches, labels, meta = (
        (ten, 1, "batches.meta.txt")
        if ten
        else ([name for name in by_name if _HUNDRED.fullmatch(name)], 2, "fine_label_names.txt")
    )
    classes = _classes(files, by_name.get(meta))
    for name in sorted(batches):
        records = _records(files, by_name[name], labels)
        split: Split = "test" if name.startswith("test") else "train"
        for number, record in enumerate(records):
            label = int(record[labels - 1])
            text = classes[label] if label < len(classes) else str(label)
            yield LabeledPicture(f"{name}, image {number}", text, split, _Planes(record[labels:]))


class _Planes:
    """Returns one picture; a class, since a closure in a loop would see the last one."""

    def __init__(self, planes: NDArray[np.uint8]) -> None:
        self._planes = planes

    def __call__(self) -> Content:
        return np.ascontiguousarray(self._planes.reshape(3, _SIDE, _SIDE).transpose(1, 2, 0))


def _records(files: Files, name: str, labels: int) -> NDArray[np.uint8]:
    record = labels + _PIXELS
    try:
        content = files.read(name, _MAX_BYTES)
    except FileUnreadable as error:
        raise ImportRefused("“{file}”: {reason}.", file=name, reason=error) from error
    if not content or len(content) % record:
        raise ImportRefused(
            "“{file}” is truncated, or not of CIFAR: its {size:,} bytes are not a multiple of the "
            "{record:,} bytes of a record.",
            file=name,
            size=len(content),
            record=record,
        )
    return np.frombuffer(content, np.uint8).reshape(-1, record)


def _classes(files: Files, name: str | None) -> list[str]:
    if name is None:
        return []
    try:
        lines = files.read(name).decode("utf-8").splitlines()
    except (FileUnreadable, UnicodeDecodeError):
        return []
    return [line.strip() for line in lines if line.strip()]


CIFAR_BATCHES = PictureFormat("binary files of CIFAR", _recognizes, _pictures, natural_size=True)
