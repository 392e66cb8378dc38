"""IDX files, as MNIST, Fashion-MNIST, KMNIST and EMNIST are published: images and labels."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cifarviz.data.image_set import Split
from cifarviz.data.importing.files import Files, FileUnreadable
from cifarviz.data.importing.pictures import Content, LabeledPicture, PictureFormat, Skip
from cifarviz.datasets.idx import read_idx
from cifarviz.errors import DatasetDamaged, ImportRefused

_MAX_BYTES: Final = 2_000_000_000
_IMAGES = re.compile(r"(?P<set>.*?)(?P<split>train|test|t10k)-images[-.]idx3-ubyte(\.gz)?", re.I)


def _recognizes(files: Files) -> bool:
    return any(_IMAGES.fullmatch(PurePosixPath(name).name) for name in files.names)


def _pictures(files: Files, skip: Skip) -> Iterator[LabeledPicture]:
    sets: dict[str, dict[Split, str]] = defaultdict(dict)
    for name in files.names:
        if match := _IMAGES.fullmatch(PurePosixPath(name).name):
            prefix = str(PurePosixPath(name).parent / match["set"])
            split: Split = "train" if match["split"].lower() == "train" else "test"
            # The same file may be there both as it is and gzipped.
            sets[prefix].setdefault(split, name)
    if len(sets) > 1:
        names = (PurePosixPath(prefix).name.strip("-") or "unnamed" for prefix in sets)
        raise ImportRefused(
            "“{place}” holds several data sets: {names}. Choose a folder with the files of one.",
            place=files.title,
            names=", ".join(sorted(names)),
        )
    (prefix, parts) = next(iter(sets.items()))
    letters = _mapping(files, prefix)
    # The images of EMNIST are stored with rows and columns exchanged.
    turned = PurePosixPath(prefix).name.lower().startswith("emnist")
    for split, name in parts.items():
        images = _read(files, name)
        labels_name = re.sub("images([-.])idx3", r"labels\1idx1", name, flags=re.I)
        other = labels_name.removesuffix(".gz") if name.endswith(".gz") else f"{labels_name}.gz"
        present = next((found for found in (labels_name, other) if found in files.names), None)
        if present is None:
            raise ImportRefused(
                "“{file}” is missing in “{place}”: images need their labels.",
                file=labels_name,
                place=files.title,
            )
        labels = _read(files, present)
        if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
            raise ImportRefused(
                "“{file}” must hold images, and “{labels}” as many labels.",
                file=name,
                labels=present,
            )
        for number, label in enumerate(labels.tolist()):
            picture = images[number].T if turned else images[number]
            text = letters.get(label, str(label))
            yield LabeledPicture(
                f"{PurePosixPath(name).name}, image {number}", text, split, _Pixels(picture)
            )


class _Pixels:
    """Returns one picture; a class, since a closure in a loop would see the last one."""

    def __init__(self, picture: NDArray[np.uint8]) -> None:
        self._picture = picture

    def __call__(self) -> Content:
        return np.ascontiguousarray(self._picture)[..., None]


def _read(files: Files, name: str) -> NDArray[np.uint8]:
    try:
        return read_idx(name, files.read(name, _MAX_BYTES), _MAX_BYTES)
    except FileUnreadable as error:
        raise ImportRefused("“{file}”: {reason}.", file=name, reason=error) from error
    except DatasetDamaged as error:
        raise ImportRefused("{reason}", reason=error) from error


def _mapping(files: Files, prefix: str) -> Mapping[int, str]:
    """Return the characters of EMNIST's labels: lines of a label and its ASCII codes."""
    name = f"{prefix}mapping.txt"
    if name not in files.names:
        return {}
    try:
        rows = [line.split() for line in files.read(name).decode("ascii").splitlines()]
        return {int(label): "".join(map(chr, map(int, codes))) for label, *codes in rows}
    except (FileUnreadable, ValueError, OverflowError):
        return {}


IDX_PAIRS = PictureFormat("IDX files", _recognizes, _pictures, natural_size=True)
