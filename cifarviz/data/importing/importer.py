"""Importing a data set of one's own: read, examined, and stored as a whole or not at all."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cifarviz.data.image_set import Split
from cifarviz.data.importing.files import open_files
from cifarviz.data.importing.options import ImportOptions
from cifarviz.data.importing.origin import Origin
from cifarviz.data.importing.reading import (
    PIXELS_FILE,
    FoundPictures,
    SkippedFiles,
    printable_text,
    read_pictures,
)
from cifarviz.data.importing.registry import recognize
from cifarviz.data.importing.report import (
    MOST_NAMED,
    ClassCount,
    ImportReport,
    find_pairs,
    quote_names,
)
from cifarviz.data.importing.splitting import assign_splits
from cifarviz.data.importing.storing import ChosenImages, write_dataset
from cifarviz.data.library import fetch_lock
from cifarviz.data.placing import find_left_description, placed_folder
from cifarviz.data.progress import FetchProgress, ProgressReporter
from cifarviz.datasets import own
from cifarviz.datasets.info import DatasetInfo
from cifarviz.datasets.own import NAME_RULE, is_valid_name
from cifarviz.datasets.registry import built_in_datasets
from cifarviz.errors import ImportRefused
from cifarviz.settings import Settings
from cifarviz.storage import remove_leftovers, storage_errors, temporary_folder


class PreparedImport:
    """A data set that was read and examined, and can be stored; removed when it is closed."""

    def __init__(
        self,
        folder: Path,
        report: ImportReport,
        info: DatasetInfo,
        found: FoundPictures,
        order: dict[Split, list[int]],
        labels: NDArray[np.uint16],
        options: ImportOptions,
        facts: Mapping[str, Any],
    ) -> None:
        self.report = report
        self._folder = folder
        self.info = info
        self._found = found
        self._order = order
        self._labels = labels
        self._options = options
        self._facts = facts

    def preview(self, count: int) -> tuple[NDArray[np.uint8], list[int]]:
        """Return about ``count`` training images, uint8 (n, h, w, c), and their labels.

        Each class gives as many as the others, if it has them.
        """
        train = np.array(self._order["train"])
        each = max(1, count // len(self.info.classes))
        chosen = [
            position
            for label in range(len(self.info.classes))
            for position in train[self._labels[train] == label][:each].tolist()
        ][: max(count, len(self.info.classes))]
        return np.array(self._found.pixels[chosen]), self._labels[chosen].tolist()

    def store(self, settings: Settings, watch: ProgressReporter | None = None) -> DatasetInfo:
        """Store it under its name; raises ``ImportRefused`` if that is taken by now.

        Where runs have the description of the same images, it gets the name that they use.
        """
        watch = watch or ProgressReporter()
        with storage_errors(self._folder):
            report = self.report
            if self._options.drop_names:
                report = report.without_names()
            facts = {"imported": datetime.now(UTC).isoformat(timespec="seconds"), **self._facts}
            images = {
                split: ChosenImages(self._found.pixels, positions, self._labels[positions])
                for split, positions in self._order.items()
            }
            info = write_dataset(
                self._folder, self.info, images, facts | {"report": report.to_dict()}, watch
            )
            (self._folder / PIXELS_FILE).unlink()
            left = find_left_description(info, settings.datasets)
            if left is not None:
                info = replace(info, name=left.name)
            with fetch_lock(info, settings):
                if left is None:
                    _check_name(info.name, settings)
                with placed_folder(self._folder, info, settings):
                    return info


@contextmanager
def prepare_import(
    path: Path,
    name: str,
    settings: Settings,
    options: ImportOptions | None = None,
    *,
    on_progress: Callable[[FetchProgress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Iterator[PreparedImport]:
    """Read and examine the pictures in ``path``: a folder, an archive, a table or arrays.

    ``name`` identifies the data set from then on. ``cancelled`` is asked between pictures. Raises
    ``ImportRefused``, ``FetchCancelled`` and ``StorageFull``; then nothing is left behind.
    """
    options = options or ImportOptions()
    watch = ProgressReporter(on_progress, cancelled)
    with dataset_folder(name, settings, options) as folder:
        skipped = SkippedFiles()
        watch.begin(path.name, "looking")
        with open_files(path, folder) as files:
            for refused, reason in files.refused.items():
                skipped(refused, reason)
            form = recognize(files)
            pictures = form.pictures(files, skipped)
            origin = form.origin(files)
            # The number of files tells nothing of the pictures in them.
            expected = None if form.natural_size else len(files.names)
            # The file in the folder grows as pictures are read.
            found = read_pictures(
                pictures, expected, folder, options, skipped, watch, form.natural_size
            )
        yield examine(found, name, form.title, folder, options, skipped, watch, origin=origin)


@contextmanager
def dataset_folder(name: str, settings: Settings, options: ImportOptions) -> Iterator[Path]:
    """Give a private folder for the files of a new data set, removed unless it is stored.

    Raises ``ImportRefused`` if ``name`` or an option is invalid, and ``StorageFull``.
    """
    options.check()
    with storage_errors(settings.home):
        settings.datasets.mkdir(parents=True, exist_ok=True)
        settings.locks.mkdir(parents=True, exist_ok=True)
    _check_name(name, settings)
    remove_leftovers(settings.datasets)
    with temporary_folder(settings.datasets) as private, storage_errors(private):
        yield private


def examine(
    found: FoundPictures,
    name: str,
    form: str,
    folder: Path,
    options: ImportOptions,
    skipped: SkippedFiles,
    watch: ProgressReporter,
    *,
    origin: Origin,
    facts: Mapping[str, Any] = MappingProxyType({}),
) -> PreparedImport:
    """Split and report on what was read into ``folder``; raises ``ImportRefused``.

    ``form`` says in words what it was read from. ``origin`` counts where the options say nothing;
    ``facts`` are further JSON values of the description.
    """
    names, labels = _classes(found.labels)
    notes = []
    order, drawn = assign_splits(found, labels, options)
    if not drawn and options.test_share != ImportOptions.test_share:
        notes.append("The source has test images of its own, so none were drawn.")
    if drawn and any(found.groups):
        notes.extend(_group_notes(found, names, labels, order))
    counts = {split: Counter(labels[positions].tolist()) for split, positions in order.items()}
    for label, class_name in enumerate(names):
        if not counts["train"][label]:
            raise ImportRefused(
                "“{class_name}” has no training image. Put some of its pictures among the training "
                "images, or remove the class.",
                class_name=class_name,
            )
    watch.stage("verifying", None)
    title = options.title.strip() or origin.title or name
    report = _report(name, title, form, found, names, counts, order, skipped, notes)
    info = DatasetInfo(
        name=name,
        title=title,
        classes=names,
        image_shape=found.image_shape,
        train_images=len(order["train"]),
        test_images=len(order["test"]),
        citation=options.source or origin.source,
        terms=options.licence or origin.licence,
        derived_from=origin.derived_from,
        dark_background=origin.dark_background,
        own=True,
    )
    return PreparedImport(folder, report, info, found, order, labels, options, facts)


def _classes(labels: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.uint16]]:
    """Return the names of the classes, numbers by their value, and each picture's label."""
    names = sorted(set(labels), key=_natural)
    if len(names) < 2:
        raise ImportRefused(
            "All pictures are of one class, “{class_name}”. A network needs two classes or more to "
            "tell apart: put the pictures of each class into a folder of its own.",
            class_name=names[0],
        )
    numbers = {name: number for number, name in enumerate(names)}
    return tuple(names), np.array([numbers[label] for label in labels], np.uint16)


def _group_notes(
    found: FoundPictures,
    names: tuple[str, ...],
    labels: NDArray[np.uint16],
    order: dict[Split, list[int]],
) -> Iterator[str]:
    """Yield what must be known of pictures that were taken one after another."""
    trained = {found.groups[position] for position in order["train"]} - {""}
    divided = sorted(
        {int(labels[position]) for position in order["test"] if found.groups[position] in trained}
    )
    if len(divided) < len(names):
        yield (
            "Pictures taken in one go look alike, so they become all training or all test images: "
            "the number of test images may differ from the share you chose."
        )
    if divided:
        yield (
            f"Taken in one go: {quote_names([names[label] for label in divided])}. Here the last "
            "pictures are the test images. They look like the others, so accuracy will be better "
            "than on new pictures: take more, with the thing or the camera moved."
        )


def _natural(name: str) -> tuple[object, ...]:
    parts = re.split(r"(\d{1,9})", name.casefold())
    return (*((0, int(part)) if part.isdecimal() else (1, part) for part in parts), (2, name))


def _report(
    name: str,
    title: str,
    form: str,
    found: FoundPictures,
    names: tuple[str, ...],
    counts: dict[Split, Counter[int]],
    order: dict[Split, list[int]],
    skipped: SkippedFiles,
    notes: list[str],
) -> ImportReport:
    equal, near = find_pairs(found.pixels, found.digests)
    tested = set(order["test"])
    leaks = [pair for pair in equal + near if len(tested.intersection(pair)) == 1]
    by_case = Counter(class_name.casefold() for class_name in names)
    if any(count > 1 for count in by_case.values()):
        notes.append("Some classes differ only in capital letters.")

    def places(pairs: list[tuple[int, int]]) -> tuple[tuple[str, str], ...]:
        return tuple((found.places[a], found.places[b]) for a, b in pairs[:MOST_NAMED])

    return ImportReport(
        name=name,
        title=title,
        format=form,
        image_shape=found.image_shape,
        classes=tuple(
            ClassCount(class_name, counts["train"][label], counts["test"][label])
            for label, class_name in enumerate(names)
        ),
        sizes=tuple(found.sizes.most_common(10)),
        turned=found.turned,
        skipped=tuple(skipped.named),
        duplicates=places(equal),
        near_duplicates=places(near),
        leaks=places(leaks),
        counts={
            "skipped": skipped.count,
            "duplicates": len(equal),
            "near_duplicates": len(near),
            "leaks": len(leaks),
        },
        notes=tuple(notes),
    )


def _check_name(name: str, settings: Settings) -> None:
    """Raise ``ImportRefused`` unless a data set may be stored under this name."""
    own.use_folder(settings.datasets)
    if not is_valid_name(name):
        raise ImportRefused(
            "The name must have {rule}, and is not “{name}”.",
            rule=NAME_RULE,
            name=printable_text(name, 40),
        )
    if any(info.name == name for info in built_in_datasets()):
        raise ImportRefused("“{name}” is a published data set. Choose another name.", name=name)
    if (settings.datasets / name).exists():
        raise ImportRefused(
            "There is a data set called “{name}” already, or runs use one whose images are "
            "missing. Choose another name: if the pictures are the same, its runs will find them.",
            name=name,
        )
