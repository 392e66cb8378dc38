"""Decoding the published file formats of CIFAR-10.

==========  ===================================================================================
binary      ``data_batch_1.bin`` … ``test_batch.bin``: records of one label byte and the red,
            green and blue planes, row by row
python      ``data_batch_1`` … ``test_batch``: pickles of the same planes and a list of labels
png         ``data_batch_1.png`` … ``test_batch.png``: an image per row, and the labels in
            ``train_lables.json`` and ``test_lables.json`` (spelt so)
==========  ===================================================================================
"""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from cifarviz.datasets.arrays import Arrays
from cifarviz.datasets.info import DatasetInfo, missing_files_error
from cifarviz.datasets.unpickling import load_arrays
from cifarviz.errors import DatasetDamaged, DatasetNotFound
from cifarviz.image_structure import StructureError, read_structure

_Pixels = npt.NDArray[np.uint8]
_Decoded = tuple[_Pixels, npt.NDArray[np.uint8] | None]


@dataclass(frozen=True)
class _Layout:
    train: tuple[str, ...]
    test: str
    decode: Callable[[str, bytes, DatasetInfo], _Decoded]
    # Files with the labels of all batches of a split, if the batches have no labels.
    train_labels: str | None = None
    test_labels: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        labels = tuple(name for name in (self.train_labels, self.test_labels) if name)
        return (*self.train, self.test, *labels)


def _from_planes(planes: _Pixels, info: DatasetInfo) -> _Pixels:
    height, width, channels = info.image_shape
    return planes.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)


def _decode_binary(name: str, data: bytes, info: DatasetInfo) -> _Decoded:
    record = 1 + int(np.prod(info.image_shape))
    if len(data) % record:
        raise DatasetDamaged(
            "“{name}” is truncated or not the published file: its {size:,} bytes are not "
            "a multiple of the {record:,} bytes of a record.",
            name=name,
            size=len(data),
            record=record,
        )
    records = np.frombuffer(data, np.uint8).reshape(-1, record)
    return _from_planes(records[:, 1:], info), records[:, 0]


def _decode_python(name: str, data: bytes, info: DatasetInfo) -> _Decoded:
    batch = load_arrays(data, name)
    fields = batch if isinstance(batch, dict) else {}
    planes = fields.get(b"data", fields.get("data"))
    labels = fields.get(b"labels", fields.get("labels"))
    pixels = int(np.prod(info.image_shape))
    if (
        not isinstance(planes, np.ndarray)
        or planes.dtype != np.uint8
        or planes.shape[1:] != (pixels,)
        or not isinstance(labels, list)
    ):
        raise DatasetDamaged(
            "“{name}” is not a published batch: it must hold “data”, uint8 rows of {pixels:,} "
            "pixels, and “labels”, a list.",
            name=name,
            pixels=pixels,
        )
    return _from_planes(planes, info), _labels(name, labels)


def _decode_png(name: str, data: bytes, info: DatasetInfo) -> _Decoded:
    height, width, _ = info.image_shape
    try:
        # Without the chunks that do not affect pixels; a file may have any number of them.
        file = read_structure(data)
        content = file.data if file is not None else data
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            if image.mode != "RGB" or image.width != height * width:
                raise DatasetDamaged(
                    "“{name}” is not a published batch: it must be {expected_width} pixels wide in "
                    "mode RGB, not {width} pixels in mode {mode}.",
                    name=name,
                    width=image.width,
                    mode=image.mode,
                    expected_width=height * width,
                )
            if image.height > info.train_images:
                raise DatasetDamaged(
                    "“{name}” has {height:,} rows, more than the data set has images.",
                    name=name,
                    height=image.height,
                )
            pixels = np.asarray(image)
    except StructureError as error:
        raise DatasetDamaged("“{name}” {error}", name=name, error=error) from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DatasetDamaged(
            "“{name}” cannot be read as a PNG image: {error}.", name=name, error=error
        ) from error
    return pixels.reshape(-1, *info.image_shape), None


def _labels(name: str, values: object) -> npt.NDArray[np.uint8]:
    if not isinstance(values, list) or not all(
        isinstance(value, int) and 0 <= value <= 255 for value in values
    ):
        raise DatasetDamaged(
            "The labels in “{name}” must be a list of whole numbers from 0 to 255.", name=name
        )
    return np.array(values, dtype=np.uint8)


def _labels_from_json(name: str, data: bytes) -> npt.NDArray[np.uint8]:
    try:
        values = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DatasetDamaged(
            "“{name}” cannot be read as a JSON list of labels.", name=name
        ) from error
    return _labels(name, values)


_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))
_LAYOUTS = (
    _Layout(tuple(f"{name}.bin" for name in _BATCHES), "test_batch.bin", _decode_binary),
    _Layout(_BATCHES, "test_batch", _decode_python),
    _Layout(
        tuple(f"{name}.png" for name in _BATCHES),
        "test_batch.png",
        _decode_png,
        "train_lables.json",
        "test_lables.json",
    ),
)


def member_caps(info: DatasetInfo) -> Mapping[str, int]:
    """Return every file name that may hold a part of the data set, with its most bytes."""
    # Compressed images never need much more space than pixels, and a pickle also lists names.
    cap = info.nbytes + 1_000_000
    return {name: cap for layout in _LAYOUTS for name in layout.names}


class Batches:
    """Takes the files of a source in any order and returns the arrays of all of them."""

    def __init__(self, info: DatasetInfo) -> None:
        self._info = info
        self._seen: set[str] = set()
        self._arrays = {name: np.empty(shape, np.uint8) for name, shape in info.shapes.items()}

    def add(self, name: str, data: bytes) -> None:
        """Decode a file; raises ``DatasetDamaged`` if it is not what its name says."""
        if name in self._seen:
            raise DatasetDamaged("There are two files called “{name}”.", name=name)
        self._seen.add(name)
        layout = next(layout for layout in _LAYOUTS if name in layout.names)
        if name == layout.train_labels:
            self._put("train_labels", 0, 1, name, _labels_from_json(name, data))
        elif name == layout.test_labels:
            self._put("test_labels", 0, 1, name, _labels_from_json(name, data))
        else:
            images, labels = layout.decode(name, data, self._info)
            split, part, parts = (
                ("test", 0, 1)
                if name == layout.test
                else ("train", layout.train.index(name), len(layout.train))
            )
            self._put(f"{split}_images", part, parts, name, images)
            if labels is not None:
                self._put(f"{split}_labels", part, parts, name, labels)

    def _put(self, array: str, part: int, parts: int, name: str, values: np.ndarray) -> None:
        target = self._arrays[array]
        count = len(target) // parts
        if len(values) != count:
            raise DatasetDamaged(
                "“{name}” must hold {count:,} images or labels, not {found:,}.",
                name=name,
                found=len(values),
                count=count,
            )
        target[part * count : (part + 1) * count] = values

    def arrays(self, where: str) -> Arrays:
        """Return the decoded arrays.

        Raises ``DatasetNotFound`` without any file, ``DatasetDamaged`` if some are missing.
        """
        if not self._seen:
            raise DatasetNotFound(
                "“{place}” has no {dataset} batches.", place=where, dataset=self._info.title
            )
        # A folder may also hold parts of another layout; any complete layout is enough.
        missing = min(
            ([name for name in layout.names if name not in self._seen] for layout in _LAYOUTS),
            key=len,
        )
        if missing:
            raise missing_files_error(self._info, where, missing)
        return Arrays(**self._arrays)
