"""A .npz file with arrays named as in ``keras.datasets``: x_train, y_train, x_test, y_test."""

import io
import zipfile
import zlib
from collections.abc import Collection, Iterator
from functools import partial
from typing import Any

import numpy as np

from cifarviz.data.image_set import Split
from cifarviz.data.importing.class_folders import is_picture
from cifarviz.data.importing.files import Files, FileUnreadable
from cifarviz.data.importing.options import LONGEST_TEXT
from cifarviz.data.importing.origin import Origin
from cifarviz.data.importing.pictures import Content, LabeledPicture, PictureFormat, Skip
from cifarviz.data.importing.reading import printable_text
from cifarviz.errors import ImportRefused

_MAX_BYTES = 4_000_000_000
_NAMES: dict[Split, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "train": (
        ("x_train", "train_images", "images", "x"),
        ("y_train", "train_labels", "labels", "y"),
    ),
    "test": (("x_test", "test_images"), ("y_test", "test_labels")),
}
# RuntimeError: a member with a password.
_DAMAGE = (
    OSError,
    ValueError,
    EOFError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
    MemoryError,
)
_TEXTS = ("title", "source", "licence", "derived_from")
_ORIGIN = (*_TEXTS, "dark_background")
_CLASSES = ("class_names", "classes", "label_names")


def _recognizes(files: Files) -> bool:
    # Beside pictures, it holds something else.
    return any(name.lower().endswith(".npz") for name in files.names) and not any(
        map(is_picture, files.names)
    )


def _pictures(files: Files, skip: Skip) -> Iterator[LabeledPicture]:
    file = _name(files)
    arrays = _load(files, file)
    named = next((name for name in _CLASSES if name in arrays), "")
    classes = [str(name) for name in np.ravel(arrays.get(named, ()))]
    has_test = bool({"x_test", "test_images"} & arrays.keys())
    found = False
    for split, (image_names, label_names) in _NAMES.items():
        images = next((name for name in image_names if name in arrays), None)
        labels = next((name for name in label_names if name in arrays), None)
        if images is None or labels is None:
            continue
        found = True
        texts = _labels(labels, arrays[labels], classes)
        yield from _split(images, arrays[images], texts, split if has_test else None)
    if not found:
        raise ImportRefused(
            "“{file}” needs arrays called x_train and y_train (and x_test and y_test, if it has "
            "test images), and holds {names}.",
            file=file,
            names=", ".join(sorted(arrays)) or "none",
        )


def _split(
    name: str, images: np.ndarray, labels: list[str], split: Split | None
) -> Iterator[LabeledPicture]:
    pixels = _pixels(name, images)
    if len(pixels) != len(labels):
        raise ImportRefused(
            "{name} holds {images:,} images, but there are {labels:,} labels.",
            name=name,
            images=len(pixels),
            labels=len(labels),
        )
    for number, label in enumerate(labels):
        yield LabeledPicture(f"{name}[{number}]", label, split, partial(_read, pixels, number))


def _read(pixels: np.ndarray, number: int) -> Content:
    picture: np.ndarray = pixels[number]
    if picture.dtype != np.uint8:
        # From 0 to 1, checked by _pixels.
        picture = np.rint(255 * picture.astype(np.float32)).astype(np.uint8)
    return picture


def _pixels(name: str, images: np.ndarray) -> np.ndarray:
    """Return images (n, h, w, 1 or 3), uint8 or from 0 to 1; raises ``ImportRefused``."""
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim == 4 and images.shape[1] in (1, 3) and images.shape[3] not in (1, 3):
        images = images.transpose(0, 2, 3, 1)
    if images.ndim != 4 or images.shape[3] not in (1, 3) or not images.size:
        raise ImportRefused(
            "{name} must be images of shape (images, height, width) or (images, height, width, 1 "
            "or 3), not {shape}.",
            name=name,
            shape=images.shape,
        )
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind not in "fiu":
        raise ImportRefused("{name} must hold numbers, not {dtype}.", name=name, dtype=images.dtype)
    lowest, highest = float(images.min()), float(images.max())
    if images.dtype.kind in "iu" and lowest >= 0 and highest <= 255:
        return images.astype(np.uint8)
    if images.dtype.kind == "f" and lowest >= 0 and highest <= 1:
        return images
    if images.dtype.kind == "f" and lowest >= 0 and highest <= 255:
        return np.rint(images).astype(np.uint8)
    raise ImportRefused(
        "Pixels in {name} must be from 0 to 255, or from 0 to 1, and are from {lowest:g} to "
        "{highest:g}.",
        name=name,
        lowest=lowest,
        highest=highest,
    )


def _labels(name: str, values: np.ndarray, classes: list[str]) -> list[str]:
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 2 and values.dtype.kind in "iufb" and (values.sum(1) == 1).all():  # one-hot
        values = values.argmax(1)
    if values.ndim != 1 or values.dtype.kind not in "iuUSfb":
        raise ImportRefused(
            "{name} must hold a label for each image, not {dtype} {shape}.",
            name=name,
            dtype=values.dtype,
            shape=values.shape,
        )
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    if values.dtype.kind in "fb":
        values = values.astype(np.int64)
    if (
        values.dtype.kind in "iu"
        and classes
        and values.size
        and 0 <= values.min() <= values.max() < len(classes)
    ):
        return [classes[value] for value in values.tolist()]
    return [str(value) for value in values.tolist()]


def _origin(files: Files) -> Origin:
    """Return what ``data export`` wrote beside the arrays; empty in files of others."""
    arrays = _load(files, _name(files), only=_ORIGIN)
    texts = {
        name: printable_text(" ".join(str(values).split()), LONGEST_TEXT)
        for name, values in arrays.items()
        if values.ndim == 0 and values.dtype.kind == "U"
    }
    dark = arrays.get("dark_background")
    is_dark = dark is not None and dark.ndim == 0 and dark.dtype.kind == "b" and bool(dark)
    return Origin(**{name: texts.get(name, "") for name in _TEXTS}, dark_background=is_dark)


def _name(files: Files) -> str:
    """Return the only .npz file; raises ``ImportRefused`` where there are several."""
    names = [name for name in files.names if name.lower().endswith(".npz")]
    if len(names) > 1:
        raise ImportRefused(
            "“{place}” holds {count} .npz files. Choose one of them.",
            place=files.title,
            count=len(names),
        )
    return names[0]


def _load(files: Files, name: str, only: Collection[str] | None = None) -> dict[str, Any]:
    """Return the arrays of a file by their names in small letters, or only some of them."""
    try:
        content = files.read(name, _MAX_BYTES)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > _MAX_BYTES:
            raise ImportRefused(
                "“{file}” unpacks to {size:,.1f} GB, and the limit is {most:,.0f} GB.",
                file=name,
                size=unpacked / 1e9,
                most=_MAX_BYTES / 1e9,
            )
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            loaded = {
                key.lower(): arrays[key]
                for key in arrays.files
                if only is None or key.lower() in only
            }
            # A member that is no array comes as bytes.
            return {key: value for key, value in loaded.items() if isinstance(value, np.ndarray)}
    except ImportRefused:
        raise
    except (
        FileUnreadable,
        OSError,
        ValueError,
        EOFError,
        zipfile.BadZipFile,
        MemoryError,
    ) as error:
        raise ImportRefused(
            "“{file}” cannot be read as a .npz file of numbers: {reason}.", file=name, reason=error
        ) from error


KERAS_ARRAYS = PictureFormat(
    "a .npz file with x_train and y_train",
    _recognizes,
    _pictures,
    natural_size=True,
    origin=_origin,
)
