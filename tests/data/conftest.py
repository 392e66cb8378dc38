"""Toys of the data sets, 60 random images each, in every form the published ones come in."""

import gzip
import hashlib
import io
import json
import lzma
import os
import pickle
import struct
import sys
import tarfile
import textwrap
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PIL import Image

from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.datasets.fashion_mnist import FASHION_MNIST
from cifarviz.datasets.info import DatasetInfo, Fingerprints
from cifarviz.settings import Settings

IDX_FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}


@dataclass(frozen=True, eq=False)
class Toy:
    info: DatasetInfo
    arrays: dict[str, np.ndarray]

    def batches(self):
        """Give (name, images, labels) of the five training batches and the test batch."""
        for number in range(5):
            part = slice(number * 10, (number + 1) * 10)
            yield (
                f"data_batch_{number + 1}",
                self.arrays["train_images"][part],
                self.arrays["train_labels"][part],
            )
        yield "test_batch", self.arrays["test_images"], self.arrays["test_labels"]

    def binary(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, images, labels in self.batches():
            rows = np.concatenate([labels[:, None], planes(images)], axis=1)
            (folder / f"{name}.bin").write_bytes(rows.tobytes())
        return folder

    def python(self, folder: Path, write=None) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, images, labels in self.batches():
            (folder / name).write_bytes((write or python2_pickle)(planes(images), labels.tolist()))
        return folder

    def png(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, images, _ in self.batches():
            Image.fromarray(images.reshape(len(images), 1024, 3)).save(folder / f"{name}.png")
        for split in ("train", "test"):
            labels = self.arrays[f"{split}_labels"].tolist()
            (folder / f"{split}_lables.json").write_text(json.dumps(labels))
        return folder

    def npy(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, array in self.arrays.items():
            np.save(folder / f"{name}.npy", array)
        return folder


@dataclass(frozen=True, eq=False)
class FashionToy:
    info: DatasetInfo
    arrays: dict[str, np.ndarray]

    def idx(self, folder: Path, zipped: bool = True) -> Path:
        """Write the four IDX files as they are published."""
        folder.mkdir(parents=True, exist_ok=True)
        for part, name in IDX_FILES.items():
            content = idx_file(self.arrays[part])
            file = folder / (f"{name}.gz" if zipped else name)
            file.write_bytes(gzip.compress(content, 1) if zipped else content)
        return folder

    def deb(self, path: Path, ending: str = ".xz", files: Path | None = None) -> Path:
        """Write a Debian package that would install the folder ``files``."""
        unpacked = io.BytesIO()
        with tarfile.open(fileobj=unpacked, mode="w") as tar:
            for file in sorted((files or self.idx(path.parent / "packed")).iterdir()):
                tar.add(file, f"./usr/share/datasets/fashion-mnist/{file.name}")
        data = unpacked.getvalue()
        if ending == ".gz":
            data = gzip.compress(data)
        elif ending == ".xz":
            data = lzma.compress(data)
        path.write_bytes(
            b"!<arch>\n"
            + ar_member("debian-binary", b"2.0\n")
            # An odd length, after which a byte is filled in.
            + ar_member("control.tar.xz", b"control")
            + ar_member(f"data.tar{ending}", data)
        )
        return path


def idx_file(values: np.ndarray) -> bytes:
    """Make an IDX file of bytes; a last axis of 1 is left out, as in the published files."""
    sizes = values.shape[:-1] if values.ndim == 4 else values.shape
    return bytes((0, 0, 8, len(sizes))) + np.array(sizes, ">u4").tobytes() + values.tobytes()


def ar_member(name: str, content: bytes) -> bytes:
    header = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}".encode() + b"`\n"
    return header + content + b"\n" * (len(content) % 2)


def planes(images: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)).reshape(len(images), 3072)


def python2_pickle(data: np.ndarray, labels: list[int]) -> bytes:
    """Write a batch byte for byte as Python 2 did, whose strings Python 3 cannot write."""

    def text(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value

    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
        + b"(K\x01(K"
        + bytes([len(data)])
        + b"M\x00\x0ctcnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01|NNN"
        + b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        + b"\x89T"
        + struct.pack("<i", data.nbytes)
        + data.tobytes()
        + b"tb"
    )
    numbers = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    fields = text(b"labels") + numbers + text(b"data") + array
    return b"\x80\x02}(" + text(b"batch_label") + text(b"batch 1") + fields + b"u."


def python3_pickle(data: np.ndarray, labels: list[int]) -> bytes:
    return pickle.dumps({b"data": data, b"labels": labels}, protocol=5)


def make_tar(folder: Path, archive: Path, prefix: str, mode: Literal["w:gz", "w"] = "w:gz") -> Path:
    with tarfile.open(archive, mode) as tar:
        for file in sorted(folder.iterdir()):
            tar.add(file, f"{prefix}/{file.name}")
    return archive


def add_member(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def random_toy(info: DatasetInfo) -> tuple[DatasetInfo, dict[str, np.ndarray]]:
    """Give a data set like ``info`` of 50 training and 10 test images that has no sources."""
    rng = np.random.default_rng(7)
    arrays = {
        "train_images": rng.integers(0, 256, (50, *info.image_shape), np.uint8),
        "train_labels": rng.integers(0, 10, 50, np.uint8),
        "test_images": rng.integers(0, 256, (10, *info.image_shape), np.uint8),
        "test_labels": rng.integers(0, 10, 10, np.uint8),
    }
    prints = {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in arrays.items()}
    small = replace(
        info,
        train_images=50,
        test_images=10,
        fingerprints=Fingerprints(**prints),
        official=(),
        npm=None,
        debian=None,
    )
    return small, arrays


def stored_names(settings: Settings) -> list[str]:
    """Name everything below the folder for data."""
    return (
        sorted(path.name for path in settings.datasets.rglob("*")) if settings.home.exists() else []
    )


@pytest.fixture(scope="session")
def toy() -> Toy:
    return Toy(*random_toy(CIFAR10))


@pytest.fixture(scope="session")
def fashion() -> FashionToy:
    return FashionToy(*random_toy(FASHION_MNIST))


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Put a Python script of ours in a program's place: ``program(name, script)``."""
    folder = tmp_path / "bin"

    def install(name, script):
        folder.mkdir(exist_ok=True)
        file = folder / name
        file.write_text(f"#!{sys.executable}\n{textwrap.dedent(script)}")
        file.chmod(0o755)
        if not os.environ["PATH"].startswith(str(folder)):
            monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    return install


@pytest.fixture
def tar():
    return make_tar


@pytest.fixture
def member():
    return add_member


@pytest.fixture
def python3():
    return python3_pickle


@pytest.fixture
def stored():
    return stored_names
