"""Synthetic data sets with other image sizes and numbers of classes, for tests."""

from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from cifarviz.data.fetch import fetch
from cifarviz.datasets import idx, registry
from cifarviz.datasets.info import DatasetInfo, FileFormat
from cifarviz.settings import Settings


def _made_up(
    name: str, title: str, classes: tuple[str, ...], shape: tuple[int, int, int], images: int
) -> DatasetInfo:
    return DatasetInfo(
        name=name,
        title=title,
        classes=classes,
        image_shape=shape,
        train_images=images,
        test_images=images // 2,
        file_format=FileFormat(caps=lambda _: {}, collector=idx.IdxFiles),
        citation="Made up for a test.",
        terms="Free to use.",
        page="https://example.org/",
    )


WIDE = _made_up("three-fruits", "Three Fruits", ("apple", "pear", "plum"), (48, 64, 3), 90)
MANY = _made_up(
    "hundred-marks", "Hundred Marks", tuple(f"mark {n}" for n in range(100)), (16, 16, 1), 400
)
BOTH = (WIDE, MANY)


def register(monkeypatch: pytest.MonkeyPatch, *infos: DatasetInfo) -> None:
    """Register data sets for the duration of a test."""
    known = {**registry.DATASETS, **{info.name: info for info in infos}}
    monkeypatch.setattr(registry, "DATASETS", MappingProxyType(known))


def write(info: DatasetInfo, folder: Path) -> Path:
    """Write the four arrays: random pixels, lighter for higher labels."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(3)
    for split, count in (("train", info.train_images), ("test", info.test_images)):
        labels = (np.arange(count) % len(info.classes)).astype(info.label_dtype)
        light = (labels * (155 / len(info.classes))).astype(np.uint8)[:, None, None, None]
        images = light + random.integers(0, 100, (count, *info.image_shape), np.uint8)
        np.save(folder / f"{split}_images.npy", images)
        np.save(folder / f"{split}_labels.npy", labels)
    return folder


def fetch_into(settings: Settings, info: DatasetInfo, folder: Path) -> None:
    """Fetch the full set of a synthetic data set into a home."""
    fetch(info, settings, str(write(info, folder / info.name)))
