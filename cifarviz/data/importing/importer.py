"""Importing a data set of one's own: read, examined, and stored as a whole or not at all."""

import hashlib
import itertools
import math
import os
import re
import shutil
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

import filelock
import numpy as np
from numpy.typing import NDArray

from cifarviz.data import cache
from cifarviz.data.decoder_process import PROCESSES, Fitting, fit_in_process
from cifarviz.data.image_set import Split
from cifarviz.data.importing.files import FileUnreadable, open_files
from cifarviz.data.importing.pictures import Content, LabeledPicture
from cifarviz.data.importing.registry import recognize
from cifarviz.data.importing.report import (
    MOST_NAMED,
    ClassCount,
    ImportReport,
    SkippedFile,
    find_pairs,
)
from cifarviz.data.library import fetch_lock
from cifarviz.data.picture_notes import PictureChange
from cifarviz.data.pictures import FitMode, fit_to
from cifarviz.data.progress import FetchProgress, ProgressReporter
from cifarviz.datasets import own
from cifarviz.datasets.info import DatasetInfo, Fingerprints
from cifarviz.datasets.own import NAME_RULE, is_valid_name
from cifarviz.datasets.registry import built_in_datasets, find_dataset, is_registered
from cifarviz.errors import ImageDecoderBusy, ImageUnreadable, ImportRefused
from cifarviz.settings import Settings
from cifarviz.storage import storage_errors

SIDES: Final = range(16, 97)
USUAL_SIDE: Final = 32
MAX_CLASSES: Final = 100
MAX_IMAGES: Final = 200_000
MAX_BYTES: Final = 2_000_000_000
"""Of decoded pixels."""
_LONGEST_TEXT: Final = 200
_LONGEST_CLASS: Final = 60
# Images that are moved to their places at once.
_BLOCK: Final = 4096
_TEMPORARY: Final = ".import-"


@dataclass(frozen=True)
class ImportOptions:
    """How pictures become images of a data set.

    ``side``: pixels of each side, 16 to 96; ``keep_size`` lets arrays of at most 96 pixels keep
    theirs. ``grey``: ``None`` keeps arrays of one channel grey. ``test_share``: of the images of
    each class that become test images, above 0 and at most 0.5, where the source does not say;
    drawn with ``seed``. ``source`` and ``licence`` are sentences that stay with the data set.
    """

    title: str = ""
    side: int = USUAL_SIDE
    keep_size: bool = True
    grey: bool | None = None
    mode: FitMode = "crop"
    test_share: float = 0.2
    seed: int = 0
    source: str = ""
    licence: str = ""

    def check(self) -> None:
        """Raise ``ImportRefused`` for an invalid option."""
        if self.side not in SIDES:
            raise ImportRefused(
                "Images must have {least} to {most} pixels a side, not {side}.",
                least=SIDES[0],
                most=SIDES[-1],
                side=self.side,
            )
        if not 0 < self.test_share <= 0.5:
            raise ImportRefused(
                "The share of test images must be above 0 and at most 0.5, not {share:g}.",
                share=self.test_share,
            )
        if not 0 <= self.seed < 2**32:
            raise ImportRefused(
                "The seed must be a whole number from 0 to 4294967295, not {seed}.", seed=self.seed
            )
        for text in (self.title, self.source, self.licence):
            if len(text) > _LONGEST_TEXT or not text.isprintable():
                raise ImportRefused(
                    "Title, source and licence must be at most {most} characters in one line.",
                    most=_LONGEST_TEXT,
                )


@dataclass
class _Found:
    """What was read so far. ``pixels`` has room for more images than there are."""

    image_shape: tuple[int, int, int]
    pixels: NDArray[np.uint8]
    places: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    splits: list[Split | None] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    sizes: Counter[str] = field(default_factory=Counter)
    turned: int = 0

    def __len__(self) -> int:
        return len(self.places)


class _Skipped:
    """Collects files that are not taken."""

    def __init__(self) -> None:
        self.count = 0
        self.named: list[SkippedFile] = []

    def __call__(self, place: str, reason: str, /) -> None:
        self.count += 1
        if len(self.named) < MOST_NAMED:
            shown = _printable(place, _LONGEST_TEXT), _printable(reason, _LONGEST_TEXT)
            self.named.append(SkippedFile(*shown))


class PreparedImport:
    """A data set that was read and examined, and can be stored; removed when it is closed."""

    def __init__(
        self,
        folder: Path,
        report: ImportReport,
        info: DatasetInfo,
        found: _Found,
        order: dict[Split, list[int]],
        labels: NDArray[np.uint16],
        options: ImportOptions,
    ) -> None:
        self.report = report
        self._folder = folder
        self._info = info
        self._found = found
        self._order = order
        self._labels = labels
        self._options = options

    def preview(self, count: int) -> tuple[NDArray[np.uint8], list[int]]:
        """Return about ``count`` training images, uint8 (n, h, w, c), and their labels.

        Each class gives as many as the others, if it has them.
        """
        train = np.array(self._order["train"])
        each = max(1, count // len(self._info.classes))
        chosen = [
            position
            for label in range(len(self._info.classes))
            for position in train[self._labels[train] == label][:each].tolist()
        ][: max(count, len(self._info.classes))]
        return np.array(self._found.pixels[chosen]), self._labels[chosen].tolist()

    def store(self, settings: Settings, watch: ProgressReporter | None = None) -> DatasetInfo:
        """Store it under its name; raises ``ImportRefused`` if that is taken by now."""
        watch = watch or ProgressReporter()
        with storage_errors(self._folder):
            fingerprints = self._write_arrays(watch)
            info = replace(self._info, fingerprints=fingerprints)
            facts = {"imported": datetime.now(UTC).isoformat(timespec="seconds")}
            text = own.description(info, **facts, report=self.report.to_dict())
            (self._folder / own.DESCRIPTION).write_text(text, encoding="utf-8")
            cache.write_marker(self._folder, info.name, self._options.source, fingerprints)
            (self._folder / _PIXELS).unlink()
            with fetch_lock(info, settings):
                _check_name(info.name, settings)
                self._folder.rename(settings.datasets / info.name)
            own.forget()
        return info

    def _write_arrays(self, watch: ProgressReporter) -> Fingerprints:
        total = self._info.nbytes
        cache.check_free_space(self._folder, total)
        watch.stage("writing", total)
        done = 0
        digests = {}
        for split, positions in self._order.items():
            digest = hashlib.sha256()
            with (self._folder / f"{split}_images.npy").open("wb") as file:
                header = {
                    "descr": "|u1",
                    "fortran_order": False,
                    "shape": (len(positions), *self._info.image_shape),
                }
                np.lib.format.write_array_header_1_0(file, header)
                for start in range(0, len(positions), _BLOCK):
                    block = self._found.pixels[positions[start : start + _BLOCK]]
                    file.write(block.data)
                    digest.update(block.data)
                    done += block.nbytes
                    watch.advance(done, total)
            labels = self._labels[positions].astype(self._info.label_dtype)
            np.save(self._folder / f"{split}_labels.npy", labels)
            digests[f"{split}_images"] = digest.hexdigest()
            digests[f"{split}_labels"] = hashlib.sha256(labels.tobytes()).hexdigest()
        return Fingerprints(**digests)


_PIXELS: Final = "pixels.npy"


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
    options.check()
    watch = ProgressReporter(on_progress, cancelled)
    with storage_errors(settings.home):
        settings.datasets.mkdir(parents=True, exist_ok=True)
        settings.locks.mkdir(parents=True, exist_ok=True)
    _check_name(name, settings)
    _remove_leftovers(settings)
    with _private_folder(settings) as private, storage_errors(private):
        yield _prepare(path, name, private, options, watch)


@contextmanager
def _private_folder(settings: Settings) -> Iterator[Path]:
    """Yield a new folder beside the data sets, and remove it with what is left in it."""
    folder = settings.datasets / f"{_TEMPORARY}{uuid4().hex}"
    # Held while the folder is there, or another import would take it for a leftover.
    lock = filelock.FileLock(settings.locks / f"{folder.name}.lock")
    try:
        with lock:
            folder.mkdir()
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        Path(lock.lock_file).unlink(missing_ok=True)


def _prepare(
    path: Path, name: str, folder: Path, options: ImportOptions, watch: ProgressReporter
) -> PreparedImport:
    skipped = _Skipped()
    watch.begin(path.name, "looking")
    with open_files(path, folder) as files:
        for refused, reason in files.refused.items():
            skipped(refused, reason)
        form = recognize(files)
        pictures = form.pictures(files, skipped)
        # The file in the folder grows as pictures are read.
        found = _read(
            pictures, len(files.names), folder, options, skipped, watch, form.natural_size
        )
    names, labels = _classes(found.labels)
    notes = []
    order, drawn = _order(found, labels, options)
    if not drawn and options.test_share != ImportOptions.test_share:
        notes.append("The source has test images of its own, so none were drawn.")
    counts = {split: Counter(labels[positions].tolist()) for split, positions in order.items()}
    for label, class_name in enumerate(names):
        if not counts["train"][label]:
            raise ImportRefused(
                "“{class_name}” has no training image. Put some of its pictures among the training "
                "images, or remove the class.",
                class_name=class_name,
            )
    watch.stage("verifying", None)
    report = _report(name, form.title, found, names, counts, order, skipped, options, notes)
    info = DatasetInfo(
        name=name,
        title=options.title.strip() or name,
        classes=names,
        image_shape=found.image_shape,
        train_images=len(order["train"]),
        test_images=len(order["test"]),
        citation=options.source,
        terms=options.licence,
        own=True,
    )
    return PreparedImport(folder, report, info, found, order, labels, options)


def _read(
    pictures: Iterator[LabeledPicture],
    expected: int,
    folder: Path,
    options: ImportOptions,
    skipped: _Skipped,
    watch: ProgressReporter,
    natural_size: bool,
) -> _Found:
    """Decode and fit all pictures, several at a time, and keep their order."""
    first = next(pictures, None)
    if first is None:
        raise _no_pictures(skipped)
    shape = _image_shape(first, options, natural_size)
    found = _Found(shape, _room(folder, shape, 1024))
    fitting = Fitting(shape, options.mode)
    watch.stage("decoding", None)
    with ThreadPoolExecutor(PROCESSES) as pool:
        waiting: list[tuple[LabeledPicture, Future[_Decoded]]] = []
        for picture in itertools.chain([first], pictures, [None]):
            if picture is not None:
                # Read here, in the order of the source; only decoding is done side by side.
                waiting.append((picture, pool.submit(_decode, _content(picture), fitting)))
            while waiting and (picture is None or len(waiting) > 4 * PROCESSES):
                done, future = waiting.pop(0)
                try:
                    _take(found, folder, done, future.result())
                except FileUnreadable as error:
                    skipped(done.place, str(error))
                taken = len(found) + skipped.count
                watch.advance(taken, max(expected, taken + 1) if not natural_size else None)
    if not len(found):
        raise _no_pictures(skipped)
    return found


@dataclass(frozen=True, eq=False)
class _Decoded:
    pixels: NDArray[np.uint8]
    size: str
    turned: bool
    digest: bytes


def _content(picture: LabeledPicture) -> Content | FileUnreadable:
    try:
        return picture.read()
    except FileUnreadable as error:
        return error


def _decode(content: Content | FileUnreadable, fitting: Fitting) -> _Decoded:
    if isinstance(content, FileUnreadable):
        raise content
    if isinstance(content, bytes):
        if not content:
            raise FileUnreadable("it is empty")
        try:
            image = fit_in_process(content, "it", fitting)
        except ImageDecoderBusy:
            # No fault of the picture.
            raise
        except ImageUnreadable as error:
            raise FileUnreadable(_reason(str(error))) from error
        pixels, turned = image.pixels, PictureChange.TURNED in image.notes
        size = f"{image.width} × {image.height}"
    else:
        size, turned = f"{content.shape[1]} × {content.shape[0]}", False
        rgb = content if content.shape[2] == 3 else content.repeat(3, axis=2)
        same = content.shape == fitting.image_shape
        pixels = content if same else fit_to(rgb, fitting.image_shape, fitting.mode)
    digest = hashlib.blake2b(np.ascontiguousarray(pixels).data, digest_size=12).digest()
    return _Decoded(pixels, size, turned, digest)


def _reason(message: str) -> str:
    """The first sentence of an error about a file, without its name."""
    return message.split(". ")[0].rstrip(".").replace("“it”", "it")


def _take(found: _Found, folder: Path, picture: LabeledPicture, decoded: _Decoded) -> None:
    number = len(found)
    if number == MAX_IMAGES or (number + 1) * math.prod(found.image_shape) > MAX_BYTES:
        raise ImportRefused(
            "There are more than {images:,} pictures, or more than {size:,.0f} GB of pixels. "
            "Choose fewer pictures, or fewer pixels a side.",
            images=MAX_IMAGES,
            size=MAX_BYTES / 1e9,
        )
    label = _class_name(picture.label)
    found.names.add(label)
    if len(found.names) > MAX_CLASSES:
        raise ImportRefused(
            "There are more than {most} classes. Choose a part of them, or join some.",
            most=MAX_CLASSES,
        )
    if number == len(found.pixels):
        most = min(MAX_IMAGES, MAX_BYTES // math.prod(found.image_shape))
        found.pixels = _room(folder, found.image_shape, min(2 * number, most))
    found.pixels[number] = decoded.pixels
    found.places.append(_printable(picture.place, _LONGEST_TEXT))
    found.labels.append(label)
    found.splits.append(picture.split)
    found.digests.append(decoded.digest)
    found.sizes[decoded.size] += 1
    found.turned += decoded.turned


def _room(folder: Path, shape: tuple[int, int, int], images: int) -> NDArray[np.uint8]:
    """Return pixels in a file of the folder, made longer if it is there."""
    path = folder / _PIXELS
    size = images * math.prod(shape)
    with path.open("ab") as file:
        present = file.tell()
        cache.check_free_space(folder, size - present)
        # Not a file with holes: writing into one on a full disk would end this process.
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), present, size - present)
        else:
            file.truncate(size)
    return np.memmap(path, np.uint8, "r+", shape=(images, *shape))


def _image_shape(
    first: LabeledPicture, options: ImportOptions, natural_size: bool
) -> tuple[int, int, int]:
    side = options.side
    channels = 1 if options.grey else 3
    if not natural_size:
        return side, side, channels
    content = first.read()
    assert isinstance(content, np.ndarray)
    height, width, stored = content.shape
    if options.grey is None:
        channels = stored
    keeps = options.keep_size and min(height, width) >= 8 and max(height, width) <= SIDES[-1]
    return (height, width, channels) if keeps else (side, side, channels)


def _class_name(label: str) -> str:
    """Return a label as the name of a class: one line, without a comma."""
    text = unicodedata.normalize("NFC", label).replace(",", " ")
    return _printable(" ".join(text.split()), _LONGEST_CLASS).strip() or "unnamed"


def _printable(text: str, most: int) -> str:
    plain = "".join(character if character.isprintable() else "\ufffd" for character in text)
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


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


def _natural(name: str) -> tuple[object, ...]:
    parts = re.split(r"(\d{1,9})", name.casefold())
    return (*((0, int(part)) if part.isdecimal() else (1, part) for part in parts), (2, name))


def _order(
    found: _Found, labels: NDArray[np.uint16], options: ImportOptions
) -> tuple[dict[Split, list[int]], bool]:
    """Return the positions of training and test images, and whether the latter were drawn.

    Where the source does not say which are test images, each class gives its share, as nearly as
    equal pictures allow: they stay together, so that no test image is also a training image.
    """
    splits: list[Split | None] = list(found.splits)
    drawn = "test" not in splits
    if drawn:
        by_picture: dict[bytes, list[int]] = defaultdict(list)
        for position, digest in enumerate(found.digests):
            by_picture[digest].append(position)
        by_class: dict[int, list[list[int]]] = defaultdict(list)
        for positions in by_picture.values():
            classes = set(labels[positions].tolist())
            # A picture of two classes is a training image.
            if len(classes) == 1:
                by_class[classes.pop()].append(positions)
        random = np.random.default_rng(options.seed)
        for label in sorted(by_class):
            for positions in _drawn(by_class[label], options.test_share, random):
                for position in positions:
                    splits[position] = "test"
    order: dict[Split, list[int]] = {"train": [], "test": []}
    for position, split in enumerate(splits):
        order[split or "train"].append(position)
    if not order["train"] or not order["test"]:
        raise ImportRefused(
            "There are {train:,} training and {test:,} test images, and both are needed. Add "
            "pictures: at least two different ones of some class.",
            train=len(order["train"]),
            test=len(order["test"]),
        )
    return order, drawn


def _drawn(
    groups: list[list[int]], share: float, random: np.random.Generator
) -> Iterator[list[int]]:
    """Yield groups of a class with about this share of its pictures, at least one of two."""
    count = sum(map(len, groups))
    left = max(round(share * count), 1)
    shuffled = [groups[place] for place in random.permutation(len(groups)).tolist()]
    if min(map(len, groups)) > left:
        # No group fits: the smallest, unless it is most of the class.
        smallest = min(shuffled, key=len)
        if len(smallest) <= count // 2:
            yield smallest
        return
    taken = 0
    for group in shuffled:
        # One group stays for training.
        if len(group) <= left and taken < len(groups) - 1:
            left -= len(group)
            taken += 1
            yield group


def _report(
    name: str,
    form: str,
    found: _Found,
    names: tuple[str, ...],
    counts: dict[Split, Counter[int]],
    order: dict[Split, list[int]],
    skipped: _Skipped,
    options: ImportOptions,
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
        title=options.title.strip() or name,
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


def _no_pictures(skipped: _Skipped) -> ImportRefused:
    if skipped.named:
        example = skipped.named[0]
        return ImportRefused(
            "None of the {count:,} files could be taken; “{file}”: {reason}. Put the pictures of "
            "each class into a folder of its own.",
            count=skipped.count,
            file=example.file,
            reason=example.reason,
        )
    return ImportRefused("There are no pictures in it. Choose another folder or file.")


def _check_name(name: str, settings: Settings) -> None:
    """Raise ``ImportRefused`` unless a data set may be stored under this name."""
    own.use_folder(settings.datasets)
    if not is_valid_name(name):
        raise ImportRefused(
            "The name must have {rule}, and is not “{name}”.",
            rule=NAME_RULE,
            name=_printable(name, 40),
        )
    taken = any(info.name == name for info in built_in_datasets())
    if taken or (settings.datasets / name).exists() or is_registered(name):
        raise ImportRefused(
            "There is a data set called “{name}” already, or runs use one that was deleted. Choose "
            "another name.",
            name=name,
        )


def _remove_leftovers(settings: Settings) -> None:
    """Remove what imports left behind whose process was killed."""
    for folder in settings.datasets.glob(f"{_TEMPORARY}*"):
        lock = filelock.FileLock(settings.locks / f"{folder.name}.lock", timeout=0)
        try:
            with lock:
                shutil.rmtree(folder, ignore_errors=True)
        except filelock.Timeout:
            continue
        Path(lock.lock_file).unlink(missing_ok=True)


def delete_dataset(name: str, settings: Settings, *, used: bool) -> DatasetInfo:
    """Delete an imported data set with all its images; raises ``ImportRefused`` for another.

    While runs use it (``used``), its title, classes and sizes are left, so that they can still be
    shown.
    """
    own.use_folder(settings.datasets)
    info = find_dataset(name)
    if not info.own:
        raise ImportRefused(
            "“{name}” is part of cifarviz: only imported data sets can be deleted.", name=name
        )
    folder = settings.datasets / info.name
    try:
        with (
            storage_errors(settings.datasets),
            fetch_lock(info, settings),
            _private_folder(settings) as private,
        ):
            if not folder.is_dir():
                raise ImportRefused("“{name}” was deleted by somebody else.", name=name)
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
