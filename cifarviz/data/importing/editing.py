"""Changing a data set of one's own: its texts, and deleting it or some of its pictures."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cifarviz.data import library
from cifarviz.data.image_set import Dataset, ImageSet, Split
from cifarviz.data.importing.options import ImportOptions
from cifarviz.data.importing.storing import ChosenImages, write_dataset
from cifarviz.data.library import fetch_lock
from cifarviz.data.progress import ProgressReporter
from cifarviz.datasets import own
from cifarviz.datasets.info import DatasetInfo
from cifarviz.datasets.registry import find_dataset
from cifarviz.errors import ImportRefused
from cifarviz.people.person import require_change, require_teacher
from cifarviz.settings import Settings
from cifarviz.storage import atomic_write, remove_leftovers, storage_errors, temporary_folder

_SPLITS: Final[tuple[Split, ...]] = ("train", "test")
_SPLIT_WORDS: Final[Mapping[Split, str]] = {"train": "training", "test": "test"}


@dataclass(frozen=True)
class PictureSelection:
    """Pictures of a data set: by their numbers in each split, and all of some classes."""

    train: frozenset[int] = frozenset()
    test: frozenset[int] = frozenset()
    classes: frozenset[str] = frozenset()

    def split(self, name: Split) -> frozenset[int]:
        """Return the numbers of one split."""
        return self.train if name == "train" else self.test

    def is_selected(self, images: ImageSet, split: Split, info: DatasetInfo) -> NDArray[np.bool_]:
        """Return whether each image of a split is selected; raises ``ImportRefused``."""
        unknown = sorted(self.classes - set(info.classes))
        if unknown:
            raise ImportRefused(
                "{dataset} has no class “{class_name}”. Its classes are: {classes}.",
                dataset=info.title,
                class_name=unknown[0],
                classes=", ".join(info.classes),
            )
        numbers = sorted(self.split(split))
        if numbers and not 0 <= numbers[0] <= numbers[-1] < len(images):
            raise ImportRefused(
                "{dataset} has the {split} images 0 to {highest:,}, and no {split} image "
                "{number:,}.",
                dataset=info.title,
                split=_SPLIT_WORDS[split],
                highest=len(images) - 1,
                number=numbers[0] if numbers[0] < 0 else numbers[-1],
            )
        labels = [label for label, name in enumerate(info.classes) if name in self.classes]
        selected = np.isin(images.labels, labels)
        selected[numbers] = True
        return selected


@dataclass(frozen=True, eq=False)
class PicturesDeleted:
    """What a deletion did: the data set as it is now, and the numbers of what was deleted."""

    info: DatasetInfo
    train: NDArray[np.int64]
    test: NDArray[np.int64]


def edit_texts(
    name: str,
    settings: Settings,
    *,
    title: str | None = None,
    source: str | None = None,
    licence: str | None = None,
) -> DatasetInfo:
    """Change the texts of an imported data set that are not ``None``.

    Raises ``ImportRefused`` and ``StorageFull``.
    """
    info = find_own_dataset(name, settings)
    new = replace(
        info,
        title=info.title if title is None else title.strip(),
        citation=info.citation if source is None else source.strip(),
        terms=info.terms if licence is None else licence.strip(),
    )
    ImportOptions(title=new.title, source=new.citation, licence=new.terms).check()
    if not new.title:
        raise ImportRefused("The data set needs a title. Type one.")
    folder = library.full_folder(info, settings)
    with storage_errors(folder), _changing(info, settings):
        text = own.description(new, **_facts(folder))
        with atomic_write(folder / own.DESCRIPTION) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return new


def delete_pictures(
    name: str,
    selection: PictureSelection,
    settings: Settings,
    *,
    used: bool,
    before_swap: Callable[[PicturesDeleted], None] = lambda deleted: None,
    watch: ProgressReporter | None = None,
) -> PicturesDeleted:
    """Delete pictures of an imported data set, as a whole or not at all.

    The images left keep their order and are numbered anew. A class without any image left goes,
    too; while runs use the data set (``used``), its name stays, since they know it. The names of
    files in the report of the import go with the report. ``before_swap`` is called once the new
    arrays are complete. Raises ``ImportRefused``, ``DatasetDamaged`` and ``StorageFull``.
    """
    info = find_own_dataset(name, settings)
    folder = library.full_folder(info, settings)
    with (
        storage_errors(settings.datasets),
        _changing(info, settings),
        temporary_folder(settings.datasets) as private,
    ):
        remove_leftovers(settings.datasets)
        dataset = library.load(info, "full", settings)
        kept = {
            split: ~selection.is_selected(dataset.split(split), split, info) for split in _SPLITS
        }
        if all(mask.all() for mask in kept.values()):
            raise ImportRefused("No picture was chosen. Choose what to delete.")
        left = _classes_left(dataset, kept, selection)
        classes = info.classes if used else tuple(info.classes[label] for label in left)
        numbers = np.zeros(len(info.classes), np.uint16)
        numbers[left] = left if used else np.arange(len(left))
        images = {
            split: ChosenImages(
                dataset.split(split).images,
                np.flatnonzero(mask),
                numbers[dataset.split(split).labels[mask]],
            )
            for split, mask in kept.items()
        }
        new = replace(
            info,
            classes=classes,
            train_images=int(kept["train"].sum()),
            test_images=int(kept["test"].sum()),
            fingerprints=None,
        )
        facts = _facts(folder) | {"changed": datetime.now(UTC).isoformat(timespec="seconds")}
        facts.pop("report", None)
        ready = private / "new"
        ready.mkdir()
        stored = write_dataset(ready, new, images, facts, watch or ProgressReporter())
        deleted = PicturesDeleted(
            stored, np.flatnonzero(~kept["train"]), np.flatnonzero(~kept["test"])
        )
        before_swap(deleted)
        _swap(folder, ready)
    own.forget()
    return deleted


def _classes_left(
    dataset: Dataset, kept: Mapping[Split, NDArray[np.bool_]], selection: PictureSelection
) -> list[int]:
    """Return the labels that still have training images; raises ``ImportRefused``."""
    info = dataset.info
    before = np.unique(dataset.train.labels)
    after = np.unique(dataset.train.labels[kept["train"]])
    for label in sorted(set(before.tolist()) - set(after.tolist())):
        if info.classes[label] not in selection.classes:
            raise ImportRefused(
                "“{class_name}” would have no training image left. Delete the whole class instead.",
                class_name=info.classes[label],
            )
    if len(after) < 2 or not kept["test"].any():
        raise ImportRefused(
            "{dataset} needs two classes with training images, and a test image; too little would "
            "be left. Delete the whole data set instead.",
            dataset=info.title,
        )
    return [int(label) for label in after]


def delete_dataset(name: str, settings: Settings, *, used: bool) -> DatasetInfo:
    """Delete an imported data set with all its images; raises ``ImportRefused`` for another.

    While runs use it (``used``), its title, classes and sizes are left, so that they can still be
    shown.
    """
    info = find_own_dataset(name, settings)
    folder = library.full_folder(info, settings)
    try:
        with (
            storage_errors(settings.datasets),
            _changing(info, settings),
            temporary_folder(settings.datasets) as private,
        ):
            if used:
                left = private / "left"
                left.mkdir()
                (left / own.DESCRIPTION).write_text(own.description(info), encoding="utf-8")
            # Renamed first, so that nobody finds a part of it.
            folder.rename(private / "deleted")
            if used:
                left.rename(folder)
    finally:
        own.forget()
    return info


def find_own_dataset(name: str, settings: Settings) -> DatasetInfo:
    """Return an imported data set that the person may change.

    Raises ``DatasetNotFound``, ``ImportRefused`` for a published one, and ``AccessRefused`` for
    another person's.
    """
    own.use_folder(settings.datasets)
    info = find_dataset(name)
    if not info.own:
        raise ImportRefused(
            "“{name}” is part of cifarviz: only imported data sets can be changed, deleted or "
            "exported.",
            name=name,
        )
    require_change(info.owner, info.title)
    return info


def show_dataset(name: str, settings: Settings, *, shown: bool) -> None:
    """Show an imported data set to the whole class, or no longer; for the teacher."""
    require_teacher("show a data set to the class")
    info = find_own_dataset(name, settings)
    folder = library.full_folder(info, settings)
    with storage_errors(folder), _changing(info, settings):
        text = own.description(replace(info, shown=shown), **_facts(folder))
        with atomic_write(folder / own.DESCRIPTION) as temporary:
            temporary.write_text(text, encoding="utf-8")


def derived_titles(info: DatasetInfo, settings: Settings) -> list[str]:
    """Return the titles of the data sets that have copies of a data set's images.

    Those made of it, and those made of these.
    """
    sources = {info.name}
    titles: list[str] = []
    others = [other for other in own.own_datasets() if other.name != info.name]
    # A data set is made of one that was there before, so each round finds the next generation.
    for _ in others:
        for other in others:
            derived = _facts(library.full_folder(other, settings)).get("derived")
            if (
                other.name not in sources
                and isinstance(derived, dict)
                and derived.get("dataset") in sources
            ):
                sources.add(other.name)
                titles.append(other.title)
    return titles


def _facts(folder: Path) -> dict[str, object]:
    """Return the values of a description that ``DatasetInfo`` does not have."""
    try:
        content = own.read_description(folder)
    except (OSError, ValueError):
        return {}
    return {
        name: content[name]
        for name in ("imported", "changed", "derived", "report")
        if name in content
    }


@contextmanager
def _changing(info: DatasetInfo, settings: Settings) -> Iterator[None]:
    """Hold the lock of a data set, which must still be there."""
    settings.locks.mkdir(parents=True, exist_ok=True)
    with fetch_lock(info, settings):
        if not library.full_folder(info, settings).is_dir():
            raise ImportRefused("“{name}” was deleted by somebody else.", name=info.name)
        yield


def _swap(folder: Path, new: Path) -> None:
    """Put ``new`` in the place of ``folder``, which is removed."""
    old = own.replaced_folder(folder)
    folder.rename(old)
    try:
        new.rename(folder)
    except BaseException:
        old.rename(folder)
        raise
    shutil.rmtree(old)
