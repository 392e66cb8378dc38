"""A new data set of images of another one: classes chosen, merged or renamed, or fewer images."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cifarviz.data import library
from cifarviz.data.image_set import Dataset, Split
from cifarviz.data.importing.importer import PreparedImport, dataset_folder, examine
from cifarviz.data.importing.options import MAX_CLASSES, ImportOptions
from cifarviz.data.importing.origin import Origin
from cifarviz.data.importing.pictures import LabeledPicture
from cifarviz.data.importing.reading import SkippedFiles, clean_class_name, read_pictures
from cifarviz.data.importing.report import ClassCount
from cifarviz.data.progress import FetchProgress, ProgressReporter
from cifarviz.datasets.info import DatasetInfo, Variant
from cifarviz.errors import ImportRefused
from cifarviz.settings import Settings

_SPLIT_WORDS: Mapping[Split, str] = {"train": "training", "test": "test"}


@dataclass(frozen=True)
class Derivation:
    """The images of a data set that make a new one.

    ``classes``: the new classes, each with the names of the classes that are merged into it.
    ``images``: so many training images of each new class, drawn with ``seed``; ``None`` for all.
    All test images of the classes stay test images.
    """

    classes: Mapping[str, Sequence[str]]
    images: int | None = None
    seed: int = 0

    def labels(self, info: DatasetInfo) -> dict[str, list[int]]:
        """Return the labels in ``info`` of each new class; raises ``ImportRefused``."""
        self._check_names()
        numbers = {name: label for label, name in enumerate(info.classes)}
        labels = {}
        taken = Counter(name for names in self.classes.values() for name in names)
        for new, names in self.classes.items():
            unknown = [name for name in names if name not in numbers]
            if unknown:
                raise ImportRefused(
                    "{dataset} has no class “{class_name}”. Its classes are: {classes}.",
                    dataset=info.title,
                    class_name=unknown[0],
                    classes=", ".join(info.classes),
                )
            twice = next((name for name in names if taken[name] > 1), None)
            if twice is not None:
                raise ImportRefused(
                    "“{class_name}” is chosen twice. An image can have one class only.",
                    class_name=twice,
                )
            labels[new] = [numbers[name] for name in names]
        return labels

    def _check_names(self) -> None:
        if not 2 <= len(self.classes) <= MAX_CLASSES:
            raise ImportRefused(
                "A data set needs 2 to {most} classes, and this one would have {count}. Choose "
                "{advice} classes.",
                most=MAX_CLASSES,
                count=len(self.classes),
                advice="more" if len(self.classes) < 2 else "fewer",
            )
        by_case: dict[str, str] = {}
        for new, names in self.classes.items():
            if not names or clean_class_name(new) != new:
                raise ImportRefused(
                    "“{class_name}” cannot be the name of a class. Type 1 to 60 characters in one "
                    "line, without commas.",
                    class_name=new,
                )
            other = by_case.setdefault(new.casefold(), new)
            if other != new:
                raise ImportRefused(
                    "“{first}” and “{second}” differ only in capital letters. Give them the same "
                    "name to merge them, or two names.",
                    first=other,
                    second=new,
                )
        if self.images is not None and self.images < 1:
            raise ImportRefused(
                "Each class needs at least 1 training image, not {count}.", count=self.images
            )
        if not 0 <= self.seed < 2**32:
            raise ImportRefused(
                "The seed must be a whole number from 0 to 4294967295, not {seed}.", seed=self.seed
            )

    def positions(self, dataset: Dataset) -> dict[Split, dict[int, str]]:
        """Return the chosen positions of each split, ascending, each with its new class.

        Raises ``ImportRefused``.
        """
        chosen: dict[Split, dict[int, str]] = {}
        labels = self.labels(dataset.info)
        for split in _SPLIT_WORDS:
            found: dict[int, str] = {}
            for new, numbers in labels.items():
                positions = np.flatnonzero(np.isin(dataset.split(split).labels, numbers))
                if split == "train" and self.images is not None:
                    positions = self._draw(new, positions, numbers)
                found |= dict.fromkeys(positions.tolist(), new)
            chosen[split] = dict(sorted(found.items()))
        return chosen

    def _draw(
        self, new: str, positions: NDArray[np.int64], numbers: Sequence[int]
    ) -> NDArray[np.int64]:
        assert self.images is not None
        if self.images > len(positions):
            raise ImportRefused(
                "“{class_name}” has {count:,} training images, fewer than {images:,}. Choose fewer "
                "images of each class.",
                class_name=new,
                count=len(positions),
                images=self.images,
            )
        # A stream for each class, so that other classes do not change its images.
        generator = np.random.default_rng([self.seed, min(numbers)])
        return generator.choice(positions, self.images, replace=False)

    def counts(self, dataset: Dataset) -> tuple[ClassCount, ...]:
        """Return the images of each new class; raises ``ImportRefused``."""
        positions = self.positions(dataset)
        train, test = (Counter(positions[split].values()) for split in _SPLIT_WORDS)
        return tuple(ClassCount(new, train[new], test[new]) for new in self.classes)


@contextmanager
def prepare_derived(
    dataset: DatasetInfo | str,
    variant: Variant,
    derivation: Derivation,
    name: str,
    settings: Settings,
    *,
    title: str = "",
    on_progress: Callable[[FetchProgress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Iterator[PreparedImport]:
    """Read the chosen images of a data set, as ``prepare_import`` reads files.

    Source and licence are those of the data set. Raises ``ImportRefused``, ``DatasetNotFound``,
    ``DatasetDamaged``, ``FetchCancelled`` and ``StorageFull``; then nothing is left behind.
    """
    source = library.load(dataset, variant, settings)
    info = source.info
    positions = derivation.positions(source)
    place = f"{info.title} (embedded sample)" if variant == "sample" else info.title
    origin = replace(Origin.of(info), title="", derived_from=place)
    options = ImportOptions(title=title, seed=derivation.seed)
    watch = ProgressReporter(on_progress, cancelled)
    with dataset_folder(name, settings, options) as folder:
        watch.begin(info.title, "looking")
        skipped = SkippedFiles()
        pictures = _pictures(source, positions)
        count = sum(map(len, positions.values()))
        found = read_pictures(pictures, count, folder, options, skipped, watch, natural_size=True)
        facts: dict[str, Any] = {
            "dataset": info.name,
            "variant": variant,
            "fingerprint": info.fingerprint,
            "classes": {new: list(names) for new, names in derivation.classes.items()},
            "images": derivation.images,
            "seed": derivation.seed,
        }
        yield examine(
            found,
            name,
            f"images of {place}",
            folder,
            options,
            skipped,
            watch,
            origin=origin,
            facts={"derived": facts},
        )


def _pictures(
    source: Dataset, positions: Mapping[Split, Mapping[int, str]]
) -> Iterator[LabeledPicture]:
    for split, chosen in positions.items():
        images = source.split(split)
        for position, label in chosen.items():
            place = f"{_SPLIT_WORDS[split]} image {images.indices[position]}"
            pixels = images.images[position]
            yield LabeledPicture(place, label, split, lambda pixels=pixels: pixels)  # type: ignore[misc]
