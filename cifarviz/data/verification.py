"""Verifying the arrays of a data set by their fingerprints."""

import hashlib

import numpy as np

from cifarviz.data.progress import ProgressReporter
from cifarviz.datasets.arrays import Arrays
from cifarviz.datasets.info import DatasetInfo, Fingerprints
from cifarviz.datasets.registry import built_in_datasets
from cifarviz.errors import DatasetDamaged

_HASH_CHUNK = 4 << 20


def sha256(array: np.ndarray, watch: ProgressReporter, done: int = 0, total: int = 0) -> str:
    """Return the SHA-256, in hex, of an array's C-order bytes.

    ``done`` of ``total`` bytes were reported before.
    """
    content = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
    digest = hashlib.sha256()
    for start in range(0, len(content), _HASH_CHUNK):
        digest.update(content[start : start + _HASH_CHUNK])
        watch.advance(done + min(start + _HASH_CHUNK, len(content)), total or len(content))
    return digest.hexdigest()


def compute_fingerprints(arrays: Arrays) -> Fingerprints:
    """Return the SHA-256 of each array."""
    return Fingerprints(
        **{name: sha256(array, ProgressReporter()) for name, array in arrays.items()}
    )


def check_arrays(
    arrays: Arrays,
    info: DatasetInfo,
    where: str,
    watch: ProgressReporter,
    earlier: Fingerprints | None = None,
) -> None:
    """Compare shapes, types, labels and fingerprints with the published ones.

    ``earlier``: the fingerprints of the arrays when they were fetched, used for data sets without
    published fingerprints. Raises ``DatasetDamaged`` naming the array that differs.
    """
    watch.stage("verifying", info.nbytes)
    done = 0
    expected = info.fingerprints or earlier
    if expected is None:
        _refuse_namesake(arrays, info, where)
    for name, array in arrays.items():
        label = name.replace("_", " ").replace("train", "training")
        shape, dtype = info.shapes[name], info.dtype(name)
        if array.dtype != dtype or array.shape != shape:
            raise DatasetDamaged(
                "The {array} in “{place}” must be {expected_dtype} {expected_shape} for "
                "{dataset}, not {dtype} {shape}.",
                expected_dtype=dtype,
                expected_shape=shape,
                dtype=array.dtype,
                shape=array.shape,
                array=label,
                place=where,
                dataset=info.title,
            )
        if expected is None:
            watch.advance(done + array.nbytes, info.nbytes)
        elif sha256(array, watch, done, info.nbytes) != getattr(expected, name):
            raise DatasetDamaged(
                "The {array} in “{place}” are not those of the published {dataset}: their "
                "fingerprint differs."
                if info.fingerprints
                else "The {array} in “{place}” are not those of the fetched {dataset}: their "
                "fingerprint differs.",
                array=label,
                place=where,
                dataset=info.title,
            )
        if name.endswith("labels") and array.max() >= len(info.classes):
            raise DatasetDamaged(
                "The {array} in “{place}” must be from 0 to {largest} for the {classes} classes of "
                "{dataset}, and the largest is {found}.",
                largest=len(info.classes) - 1,
                classes=len(info.classes),
                found=array.max(),
                array=label,
                place=where,
                dataset=info.title,
            )
        done += array.nbytes


def _refuse_namesake(arrays: Arrays, info: DatasetInfo, where: str) -> None:
    """Raise ``DatasetDamaged`` for a known data set whose files have the same names."""
    digest = sha256(arrays.train_images, ProgressReporter())
    for other in built_in_datasets():
        if other.fingerprints is not None and other.fingerprints.train_images == digest:
            raise DatasetDamaged(
                "“{place}” holds {other}, not {dataset}.",
                place=where,
                other=other.title,
                dataset=info.title,
            )
