"""The proof that four arrays are those of the data set they are taken for."""

import hashlib

import numpy as np

from cifarviz.data.progress import Watch
from cifarviz.datasets.arrays import Arrays
from cifarviz.datasets.info import DatasetInfo, Fingerprints
from cifarviz.datasets.registry import all_datasets
from cifarviz.errors import DatasetDamaged

_HASH_CHUNK = 4 << 20


def sha256(array: np.ndarray, watch: Watch, done: int = 0, total: int = 0) -> str:
    """Give the SHA-256, in hex, of an array's C-order bytes; ``done`` bytes came before it."""
    content = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
    digest = hashlib.sha256()
    for start in range(0, len(content), _HASH_CHUNK):
        digest.update(content[start : start + _HASH_CHUNK])
        watch.advance(done + min(start + _HASH_CHUNK, len(content)), total or len(content))
    return digest.hexdigest()


def fingerprints_of(arrays: Arrays) -> Fingerprints:
    """Give the SHA-256 of each array."""
    return Fingerprints(**{name: sha256(array, Watch()) for name, array in arrays.items()})


def check_arrays(
    arrays: Arrays, info: DatasetInfo, where: str, watch: Watch, earlier: Fingerprints | None = None
) -> None:
    """Compare shapes, types, labels and fingerprints with the published ones.

    ``earlier``: the fingerprints the arrays had when they came, for a data set of which none are
    published. Raises ``DatasetDamaged`` naming the array that differs.
    """
    watch.stage("verifying", info.nbytes)
    done = 0
    expected = info.fingerprints or earlier
    if expected is None:
        _refuse_namesake(arrays, info, where)
    for name, array in arrays.items():
        words = name.replace("_", " ").replace("train", "training")
        shape, dtype = info.shapes[name], info.dtype(name)
        if array.dtype != dtype or array.shape != shape:
            raise DatasetDamaged(
                f"The {words} in “{where}” are {array.dtype} {array.shape}, "
                f"where {info.title} has {dtype} {shape}."
            )
        if expected is None:
            watch.advance(done + array.nbytes, info.nbytes)
        elif sha256(array, watch, done, info.nbytes) != getattr(expected, name):
            of = (
                f"those of the published {info.title}"
                if info.fingerprints
                else f"those of {info.title} that were fetched"
            )
            raise DatasetDamaged(
                f"The {words} in “{where}” are not {of}: their fingerprint differs."
            )
        if name.endswith("labels") and array.max() >= len(info.classes):
            raise DatasetDamaged(
                f"The {words} in “{where}” go up to {array.max()}, where the last of the "
                f"{len(info.classes)} classes of {info.title} is {len(info.classes) - 1}."
            )
        done += array.nbytes


def _refuse_namesake(arrays: Arrays, info: DatasetInfo, where: str) -> None:
    """Raise ``DatasetDamaged`` for another data set, whose files may have the same names."""
    found = sha256(arrays.train_images, Watch())
    for other in all_datasets():
        if other.fingerprints is not None and other.fingerprints.train_images == found:
            raise DatasetDamaged(f"“{where}” holds {other.title}, where {info.title} is expected.")
