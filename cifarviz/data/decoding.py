"""Finding and decoding the published files of a data set in a file or folder."""

import fnmatch
from collections.abc import Iterator
from pathlib import Path

from cifarviz.data import cache
from cifarviz.data.archives import archive_members, folder_members
from cifarviz.data.progress import ProgressReporter
from cifarviz.data.verification import check_arrays
from cifarviz.datasets.arrays import ARRAY_NAMES, Arrays
from cifarviz.datasets.info import DatasetInfo
from cifarviz.errors import DatasetDamaged, DatasetNotFound


def decode(path: Path, info: DatasetInfo, watch: ProgressReporter) -> Arrays:
    """Decode and verify the data set in a file or folder.

    A folder may hold the published files or decoded .npy files, directly or in a usual subfolder,
    or a published archive. A file is such an archive, or any of the published files, which stands
    for its folder. Raises ``DatasetNotFound`` if there is none, ``DatasetDamaged`` if it is not
    the published data set.
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
        raise DatasetNotFound(
            "“{path}” cannot be read: {reason}.", path=path, reason=error.strerror or error
        ) from error
    if damage is not None:
        raise damage
    raise DatasetNotFound("“{path}” does not hold {dataset}.", path=path, dataset=info.title)


def _candidates(path: Path, info: DatasetInfo) -> Iterator[Path]:
    form = info.file_format
    assert form is not None, "imported data sets have no published files"
    names = {*form.caps(info), *(f"{name}.npy" for name in ARRAY_NAMES)}
    if path.is_file():
        yield path.parent if path.name in names else path
        return
    if not path.is_dir():
        raise DatasetNotFound("There is no file or folder “{path}”.", path=path)
    for below in ("", *form.folders, info.name, f"data/{info.name}"):
        folder = path / below
        if any((folder / name).is_file() for name in names):
            yield folder
    files = sorted(file for file in path.iterdir() if file.is_file())
    for pattern in form.archives:
        yield from (file for file in files if fnmatch.fnmatchcase(file.name, pattern))


def _read(path: Path, info: DatasetInfo, watch: ProgressReporter) -> Arrays:
    if path.is_dir() and (path / f"{ARRAY_NAMES[0]}.npy").is_file():
        return cache.read_arrays(path)
    form = info.file_format
    assert form is not None, "imported data sets have no published files"
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
