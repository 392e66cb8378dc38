"""The four arrays that make a data set, and the proof that they are the published ones."""

import hashlib
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from cifarviz.data.datasets import DatasetInfo
from cifarviz.data.progress import Watch
from cifarviz.errors import DatasetDamaged

_HASH_CHUNK = 4 << 20


@dataclass(frozen=True, eq=False)
class Arrays:
    """Decoded images, uint8 (n, height, width, channels), and labels, uint8 (n,)."""

    train_images: npt.NDArray[np.uint8]
    train_labels: npt.NDArray[np.uint8]
    test_images: npt.NDArray[np.uint8]
    test_labels: npt.NDArray[np.uint8]

    def items(self) -> list[tuple[str, npt.NDArray[np.uint8]]]:
        """Give (name, array) of each."""
        return [(field.name, getattr(self, field.name)) for field in fields(self)]


ARRAY_NAMES = tuple(field.name for field in fields(Arrays))


def sha256(array: npt.NDArray[np.uint8], watch: Watch, done: int = 0, total: int = 0) -> str:
    """Give the SHA-256, in hex, of an array's C-order bytes; ``done`` bytes came before it."""
    content = np.ascontiguousarray(array).reshape(-1).data
    digest = hashlib.sha256()
    for start in range(0, len(content), _HASH_CHUNK):
        digest.update(content[start : start + _HASH_CHUNK])
        watch.advance(done + min(start + _HASH_CHUNK, len(content)), total or len(content))
    return digest.hexdigest()


def check_arrays(arrays: Arrays, info: DatasetInfo, where: str, watch: Watch) -> None:
    """Hold shapes, types and fingerprints against the published ones.

    Raises ``DatasetDamaged`` naming the array that differs.
    """
    watch.stage("verifying", info.nbytes)
    done = 0
    for name, array in arrays.items():
        words = name.replace("_", " ").replace("train", "training")
        expected = info.shapes[name]
        if array.dtype != np.uint8 or array.shape != expected:
            raise DatasetDamaged(
                "The {words} in “{place}” are {dtype} {shape}, "
                "where {dataset} has uint8 {expected}.",
                words=words,
                place=where,
                dtype=array.dtype,
                shape=array.shape,
                dataset=info.title,
                expected=expected,
            )
        if sha256(array, watch, done, info.nbytes) != getattr(info.fingerprints, name):
            raise DatasetDamaged(
                "The {words} in “{place}” are not those of the published {dataset}: "
                "their fingerprint differs.",
                words=words,
                place=where,
                dataset=info.title,
            )
        done += array.nbytes
