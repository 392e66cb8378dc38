"""Sources of pictures for tests of imports: written into a folder, archive or file."""

import csv
import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

FRUITS = {"apple": (200, 40, 40), "pear": (60, 180, 60), "plum": (90, 40, 150)}
SHAPE = (40, 60)
"""Height and width of the pictures."""


def picture(number: int, color: tuple[int, int, int], ending: str = "png") -> bytes:
    """Return an image file: blots around a colour; the same number gives the same pixels."""
    random = np.random.default_rng(number)
    blots = np.clip(random.normal(0, 40, (6, 9, 3)) + color, 0, 255).astype(np.uint8)
    image = Image.fromarray(blots).resize(SHAPE[::-1], Image.Resampling.BICUBIC)
    file = io.BytesIO()
    image.save(file, {"png": "PNG", "jpg": "JPEG"}[ending])
    return file.getvalue()


def fruits(count: int = 6) -> dict[str, bytes]:
    """Return files of a folder for each class, ``count`` in each."""
    return {
        f"{fruit}/{number:03}.{'jpg' if number % 2 else 'png'}": picture(
            1000 * place + number, color, "jpg" if number % 2 else "png"
        )
        for place, (fruit, color) in enumerate(FRUITS.items())
        for number in range(count)
    }


def write_folder(files: Mapping[str, bytes], folder: Path) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def write_zip(files: Mapping[str, bytes], path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def write_tar(files: Mapping[str, bytes], path: Path) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def table(rows: Sequence[tuple[str, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def idx(array: np.ndarray, *, zipped: bool = True) -> bytes:
    """Return uint8 values as an IDX file."""
    head = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    content = head + array.astype(np.uint8).tobytes()
    return gzip.compress(content) if zipped else content


def mnist(train: int = 40, test: int = 20, prefix: str = "") -> dict[str, bytes]:
    """Return the four files of MNIST, with ten classes."""
    random = np.random.default_rng(1)
    files = {}
    for split, count in (("train", train), ("t10k", test)):
        images = random.integers(0, 256, (count, 28, 28), np.uint8)
        labels = np.arange(count) % 10
        files[f"{prefix}{split}-images-idx3-ubyte.gz"] = idx(images)
        files[f"{prefix}{split}-labels-idx1-ubyte.gz"] = idx(labels)
    return files


def cifar100(train: int = 200, test: int = 100) -> dict[str, bytes]:
    """Return the binary files of CIFAR-100: a coarse and a fine label, and three planes."""
    random = np.random.default_rng(2)
    files = {}
    for split, count in (("train", train), ("test", test)):
        records = np.empty((count, 2 + 3072), np.uint8)
        records[:, 1] = np.arange(count) % 100
        records[:, 0] = records[:, 1] // 5
        records[:, 2:] = random.integers(0, 256, (count, 3072), np.uint8)
        files[f"cifar-100-binary/{split}.bin"] = records.tobytes()
    names = "\n".join(f"thing {number}" for number in range(100))
    return {**files, "cifar-100-binary/fine_label_names.txt": names.encode()}
