"""The embedded sample of a data set, a folder of `assets`.

==============  ===============================================================================
`train.webp`    all images in a lossless picture, a hundred per row
`train.csv`     the index and the label of each image, in the same order
`test.webp`,    the same of the test images
`test.csv`
`sample.json`   counts, and SHA-256 of the decoded arrays
==============  ===============================================================================
"""

import csv
import io
import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from cifarviz.data.image_set import Dataset, ImageSet, Split
from cifarviz.data.progress import ProgressReporter
from cifarviz.data.verification import sha256
from cifarviz.datasets.arrays import Labels
from cifarviz.datasets.info import DatasetInfo
from cifarviz.errors import DatasetDamaged, DatasetNotFound
from cifarviz.installation import ASSETS

_COLUMNS = 100
_SPLITS: tuple[Split, ...] = ("train", "test")

_READING = threading.Lock()
_CACHE: dict[Path, tuple[str, tuple[object, ...], Dataset]] = {}
"""The samples read in this process by folder: data set name, file stamps, images."""


def read(info: DatasetInfo, folder: Path | None = None) -> Dataset:
    """Read a sample from ``folder``, by default the embedded sample.

    Takes about 0.2 s; cached per process until a file of the folder changes. Raises
    ``DatasetNotFound`` if there is none, ``DatasetDamaged`` if its fingerprints differ.
    """
    folder = folder or ASSETS / info.name
    stamp = _stamp(folder)
    with _READING:
        cached = _CACHE.get(folder)
        if cached is None or cached[:2] != (info.name, stamp):
            cached = _CACHE[folder] = (info.name, stamp, _read(info, folder))
    return cached[2]


def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    try:
        facts = [(path.name, path.stat()) for path in sorted(folder.iterdir())]
    except OSError:
        # Reading it raises the error.
        return ()
    return tuple((name, fact.st_mtime_ns, fact.st_size) for name, fact in facts)


def _read(info: DatasetInfo, folder: Path) -> Dataset:
    facts = _facts(info, folder)
    sets = {}
    for split in _SPLITS:
        try:
            indices, labels = _table(folder / f"{split}.csv", info)
            images = _images(folder / f"{split}.webp", len(labels), info)
            image_set = ImageSet(images, labels, indices)
        except (OSError, ValueError, OverflowError) as error:
            raise DatasetDamaged(
                "The embedded {dataset} sample cannot be read: {error}. Restore “{folder}” from "
                "the repository.",
                dataset=info.title,
                error=error,
                folder=folder,
            ) from error
        if _fingerprint(image_set) != facts.get(split):
            raise DatasetDamaged(
                "The embedded {dataset} sample is damaged: the fingerprint of its {split} images "
                "differs. Restore “{folder}” from the repository.",
                dataset=info.title,
                split=split,
                folder=folder,
            )
        sets[split] = image_set
    return Dataset(info, "sample", sets["train"], sets["test"])


def counts(info: DatasetInfo, folder: Path | None = None) -> tuple[int, int]:
    """Return the numbers of training and test images of the sample; (0, 0) without a sample."""
    try:
        facts = _facts(info, folder or ASSETS / info.name) if info.has_sample else {}
        return int(facts["train"]["images"]), int(facts["test"]["images"])
    except (DatasetNotFound, DatasetDamaged, KeyError, TypeError, ValueError):
        return 0, 0


def write(sample: Dataset, folder: Path) -> None:
    """Write a sample's five files into ``folder``; the same images give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = {}
    for split in _SPLITS:
        image_set = sample.split(split)
        sprite = Image.fromarray(_sprite(image_set.images))
        # "exact" and "lossless" keep every pixel.
        sprite.save(folder / f"{split}.webp", lossless=True, exact=True, quality=75, method=4)
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(("index", "label"))
        writer.writerows(zip(image_set.indices.tolist(), image_set.labels.tolist(), strict=True))
        (folder / f"{split}.csv").write_text(table.getvalue(), encoding="utf-8", newline="\n")
        facts[split] = _fingerprint(image_set)
    text = json.dumps({"dataset": sample.info.name, **facts}, indent=1) + "\n"
    (folder / "sample.json").write_text(text, encoding="utf-8", newline="\n")


def _facts(info: DatasetInfo, folder: Path) -> dict[str, Any]:
    try:
        facts = json.loads((folder / "sample.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DatasetNotFound(
            "There is no embedded sample of {dataset}.", dataset=info.title
        ) from error
    except (OSError, ValueError) as error:
        raise DatasetDamaged(
            "“{path}” cannot be read: {error}.", path=folder / "sample.json", error=error
        ) from error
    if not isinstance(facts, dict) or facts.get("dataset") != info.name:
        raise DatasetDamaged(
            "“{path}” does not describe {dataset}.",
            path=folder / "sample.json",
            dataset=info.title,
        )
    return facts


def _fingerprint(image_set: ImageSet) -> dict[str, object]:
    watch = ProgressReporter()
    return {
        "images": len(image_set),
        "images_sha256": sha256(image_set.images, watch),
        "labels_sha256": sha256(image_set.labels, watch),
    }


def _sprite(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    count, height, width, channels = images.shape
    rows = -(-count // _COLUMNS)
    cells = np.zeros((rows * _COLUMNS, height, width, channels), np.uint8)
    cells[:count] = images
    grid = cells.reshape(rows, _COLUMNS, height, width, channels).transpose(0, 2, 1, 3, 4)
    sprite = np.ascontiguousarray(grid).reshape(rows * height, _COLUMNS * width, channels)
    # WebP only supports colour: grey becomes three equal channels, which take no more space.
    return sprite if channels == 3 else sprite.repeat(3, axis=2)


def _table(path: Path, info: DatasetInfo) -> tuple[npt.NDArray[np.int64], Labels]:
    with path.open(encoding="utf-8", newline="") as file:
        next(file, None)
        rows = [(int(index), int(label)) for index, label in csv.reader(file)]
    indices, labels = zip(*rows, strict=True) if rows else ((), ())
    return np.array(indices, np.int64), np.array(labels, info.label_dtype)


def _images(path: Path, count: int, info: DatasetInfo) -> npt.NDArray[np.uint8]:
    height, width, channels = info.image_shape
    with Image.open(path, formats=["WEBP"]) as picture:
        pixels = np.asarray(picture)[..., :channels]
    grid = pixels.reshape(-1, height, _COLUMNS, width, channels).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(grid).reshape(-1, height, width, channels)[:count]
