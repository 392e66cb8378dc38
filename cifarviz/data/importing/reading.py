"""Reading the pictures of a source: decoded and fitted several at a time, in their order."""

import hashlib
import itertools
import math
import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cifarviz.data import cache
from cifarviz.data.decoder_process import PROCESSES, Fitting, fit_in_process
from cifarviz.data.image_set import Split
from cifarviz.data.importing import options as limits
from cifarviz.data.importing.files import FileUnreadable
from cifarviz.data.importing.options import LONGEST_TEXT, MAX_CLASSES, SIDES, ImportOptions
from cifarviz.data.importing.pictures import Content, LabeledPicture
from cifarviz.data.importing.report import MOST_NAMED, SkippedFile
from cifarviz.data.picture_notes import PictureChange
from cifarviz.data.pictures import fit_to
from cifarviz.data.progress import ProgressReporter
from cifarviz.errors import ImageDecoderBusy, ImageUnreadable, ImportRefused

PIXELS_FILE: Final = "pixels.npy"
LONGEST_CLASS: Final = 60


@dataclass
class FoundPictures:
    """What was read so far. ``pixels`` has room for more images than there are."""

    image_shape: tuple[int, int, int]
    pixels: NDArray[np.uint8]
    places: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    splits: list[Split | None] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    sizes: Counter[str] = field(default_factory=Counter)
    turned: int = 0

    def __len__(self) -> int:
        return len(self.places)


class SkippedFiles:
    """Collects files that are not taken."""

    def __init__(self) -> None:
        self.count = 0
        self.named: list[SkippedFile] = []

    def __call__(self, place: str, reason: str, /) -> None:
        self.count += 1
        if len(self.named) < MOST_NAMED:
            shown = printable_text(place, LONGEST_TEXT), printable_text(reason, LONGEST_TEXT)
            self.named.append(SkippedFile(*shown))


def read_pictures(
    pictures: Iterator[LabeledPicture],
    expected: int | None,
    folder: Path,
    options: ImportOptions,
    skipped: SkippedFiles,
    watch: ProgressReporter,
    natural_size: bool,
) -> FoundPictures:
    """Decode and fit all pictures, several at a time, and keep their order.

    ``expected``: about how many there are, if that is known.
    """
    first = next(pictures, None)
    if first is None:
        raise no_pictures_error(skipped)
    shape = _image_shape(first, options, natural_size)
    found = FoundPictures(shape, _grow_pixels(folder, shape, 1024))
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
                watch.advance(taken, None if expected is None else max(expected, taken + 1))
    if not len(found):
        raise no_pictures_error(skipped)
    return found


def no_pictures_error(skipped: SkippedFiles) -> ImportRefused:
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


def _take(found: FoundPictures, folder: Path, picture: LabeledPicture, decoded: _Decoded) -> None:
    number = len(found)
    if (
        number == limits.MAX_IMAGES
        or (number + 1) * math.prod(found.image_shape) > limits.MAX_BYTES
    ):
        raise ImportRefused(
            "There are more than {images:,} pictures, or more than {size:,.0f} GB of pixels. "
            "Choose fewer pictures, or fewer pixels a side.",
            images=limits.MAX_IMAGES,
            size=limits.MAX_BYTES / 1e9,
        )
    label = clean_class_name(picture.label)
    found.names.add(label)
    if len(found.names) > MAX_CLASSES:
        raise ImportRefused(
            "There are more than {most} classes. Choose a part of them, or join some.",
            most=MAX_CLASSES,
        )
    if number == len(found.pixels):
        most = min(limits.MAX_IMAGES, limits.MAX_BYTES // math.prod(found.image_shape))
        found.pixels = _grow_pixels(folder, found.image_shape, min(2 * number, most))
    found.pixels[number] = decoded.pixels
    found.places.append(printable_text(picture.place, LONGEST_TEXT))
    found.labels.append(label)
    found.splits.append(picture.split)
    found.groups.append(picture.group)
    found.digests.append(decoded.digest)
    found.sizes[decoded.size] += 1
    found.turned += decoded.turned


def _grow_pixels(folder: Path, shape: tuple[int, int, int], images: int) -> NDArray[np.uint8]:
    """Return pixels in a file of the folder, made longer if it is there."""
    path = folder / PIXELS_FILE
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


def clean_class_name(label: str) -> str:
    """Return a label as the name of a class: one line, without a comma."""
    text = unicodedata.normalize("NFC", label).replace(",", " ")
    return printable_text(" ".join(text.split()), LONGEST_CLASS).strip() or "unnamed"


def printable_text(text: str, most: int) -> str:
    plain = "".join(character if character.isprintable() else "\ufffd" for character in text)
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"
