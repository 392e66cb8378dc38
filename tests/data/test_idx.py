"""IDX files of Fashion-MNIST, single or in a Debian package."""

import gzip
import lzma
import os
import tarfile

import numpy as np
import pytest

from cifarviz.data.decoding import decode
from cifarviz.data.fetch import fetch
from cifarviz.data.progress import ProgressReporter
from cifarviz.datasets import idx
from cifarviz.datasets.idx import decode_idx
from cifarviz.errors import DatasetDamaged, DatasetNotFound

IMAGES = "train-images-idx3-ubyte"
LABELS = "t10k-labels-idx1-ubyte"


def check(path, toy):
    for name, array in decode(path, toy.info, ProgressReporter()).items():
        np.testing.assert_array_equal(array, toy.arrays[name])


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "below",
    ["", "fashion-mnist", "FashionMNIST/raw", "data/fashion", "usr/share/datasets/fashion-mnist"],
)
def test_a_folder_of_files_and_a_folder_above_it(below, zipped, fashion, tmp_path):
    fashion.idx(tmp_path / below, zipped)
    check(tmp_path, fashion)


def test_any_of_the_four_files_names_its_folder(fashion, tmp_path):
    check(fashion.idx(tmp_path) / f"{LABELS}.gz", fashion)


@pytest.mark.parametrize("mode", ["w:gz", "w"])
def test_a_tar_archive_of_the_files(mode, fashion, tar, tmp_path):
    check(tar(fashion.idx(tmp_path / "made"), tmp_path / "any-name", "x", mode), fashion)


def test_the_keras_cache(fashion, settings):
    fashion.idx(settings.keras_home / "datasets" / "fashion-mnist")
    status = fetch(fashion.info, settings, "keras")
    assert status.full_available
    assert status.notes == ()


def test_files_of_mnist_with_the_same_names_are_skipped(fashion, tmp_path):
    # MNIST's files have the same names.
    fashion.idx(tmp_path / "fashion-mnist")
    np.random.default_rng(1).shuffle(other := fashion.arrays["train_labels"].copy())
    fashion.idx(tmp_path)
    labels = bytes((0, 0, 8, 1, 0, 0, 0, 50)) + other.tobytes()
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    check(tmp_path, fashion)


@pytest.mark.parametrize(
    "name",
    [IMAGES, LABELS, "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte"],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_a_missing_file_is_named_and_nothing_is_stored(name, zipped, fashion, settings, tmp_path):
    file = name + ".gz" * zipped
    (fashion.idx(tmp_path / "mine", zipped) / file).unlink()
    with pytest.raises(DatasetDamaged) as caught:
        fetch(fashion.info, settings, str(tmp_path / "mine"))
    assert str(caught.value).endswith(f"does not hold all of Fashion-MNIST. Missing files: {file}.")
    assert list(settings.datasets.iterdir()) == []


def test_several_missing_files(fashion, tmp_path):
    for name in (IMAGES, LABELS):
        (fashion.idx(tmp_path) / f"{name}.gz").unlink()
    (tmp_path / f"{IMAGES}.gz").unlink()
    with pytest.raises(DatasetDamaged, match=rf"Missing files: {IMAGES}.gz, {LABELS}.gz"):
        decode(tmp_path, fashion.info, ProgressReporter())


def test_a_damaged_file_is_skipped_for_its_other_form(fashion, tmp_path):
    fashion.idx(tmp_path, zipped=True)
    plain = fashion.idx(tmp_path, zipped=False) / IMAGES
    plain.write_bytes(plain.read_bytes()[:-1])
    check(tmp_path, fashion)


def test_other_images_of_the_same_shape_are_refused(fashion, tmp_path):
    file = fashion.idx(tmp_path, zipped=False) / IMAGES
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(DatasetDamaged, match=r"training images.*fingerprint"):
        decode(tmp_path, fashion.info, ProgressReporter())


HEADER = bytes((0, 0, 8, 1, 0, 0, 0, 5))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "not the expected IDX file"),
        (b"\0\0", "not the expected IDX file"),
        (b"<html>please log in</html>", r"must begin with .*, not “3c 68 74 6d”"),
        (b"\0\0\x0d\x01" + HEADER[4:] + b"12345", r"“00 00 08 01”, not “00 00 0d 01”"),
        (b"\0\0\x08\x03" + bytes(12) + b"12345", r"“00 00 08 01”, not “00 00 08 03”"),
        (HEADER[:6], "is truncated: it has 6 bytes of 13"),
        (HEADER, "is truncated: it has 8 bytes"),
        (HEADER + b"1234", "is truncated: it has 12 bytes"),
        (HEADER + b"123456", "has more than the expected 13 bytes"),
        (HEADER[:7] + b"\x06123456", "must hold 5 values, not 6"),
    ],
)
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_a_file_with_other_content_is_refused(content, text, ending):
    data = gzip.compress(content) if ending else content
    with pytest.raises(DatasetDamaged, match=text):
        decode_idx(f"labels{ending}", data, (5,))


def test_images_of_another_size_are_named():
    content = bytes((0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 32, 0, 0, 0, 32)) + bytes(2048)
    with pytest.raises(DatasetDamaged, match="2 × 28 × 28 values, not 2 × 32 × 32"):
        decode_idx("images", content, (2, 28, 28, 1))


@pytest.mark.parametrize("content", [b"", b"not gzip", b"\x1f\x8b"])
def test_an_invalid_gzip_file_is_refused(content):
    with pytest.raises(DatasetDamaged, match=r"“labels\.gz”"):
        decode_idx("labels.gz", content, (5,))


def test_a_cut_off_and_a_changed_gzip_file(fashion):
    labels = fashion.arrays["train_labels"]
    data = gzip.compress(bytes((0, 0, 8, 1, 0, 0, 0, 50)) + labels.tobytes())
    np.testing.assert_array_equal(decode_idx("labels.gz", data, (50,)), labels)
    with pytest.raises(DatasetDamaged, match="no end"):
        decode_idx("labels.gz", data[:-9], (50,))
    with pytest.raises(DatasetDamaged, match="cannot be unpacked"):
        decode_idx("labels.gz", data[:-8] + bytes(8), (50,))


def test_a_gzip_bomb_is_not_unpacked():
    # 100 MB of zeros in 100 kB.
    data = gzip.compress(HEADER[:7] + b"\x05" + bytes(100_000_000), 1)
    with pytest.raises(DatasetDamaged, match="more than the expected 13 bytes"):
        decode_idx("labels.gz", data, (5,))


def test_a_file_over_its_cap_is_not_read(fashion, tmp_path):
    fashion.idx(tmp_path)
    file = tmp_path / f"{IMAGES}.gz"
    os.truncate(file, idx.member_caps(fashion.info)[file.name] + 1)
    with pytest.raises(DatasetDamaged, match=rf"{file.name}.*at most"):
        decode(tmp_path, fashion.info, ProgressReporter())


def test_cifar10_where_fashion_mnist_is_expected(fashion, toy, tar, tmp_path):
    folder = toy.binary(tmp_path / "cifar")
    with pytest.raises(DatasetNotFound, match="does not hold Fashion-MNIST"):
        decode(folder, fashion.info, ProgressReporter())
    with pytest.raises(DatasetNotFound, match="has no Fashion-MNIST files"):
        decode(tar(folder, tmp_path / "a.tar.gz", "x"), fashion.info, ProgressReporter())
    with pytest.raises(DatasetDamaged, match=r"for Fashion-MNIST, not uint8 \(50, 32, 32, 3\)"):
        decode(toy.npy(tmp_path / "npy"), fashion.info, ProgressReporter())


@pytest.mark.parametrize("ending", ["", ".gz", ".xz"])
def test_a_debian_package_without_dpkg(ending, fashion, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    check(fashion.deb(tmp_path / "any-name.deb", ending), fashion)


def test_a_folder_with_the_debian_package_in_it(fashion, tmp_path):
    (tmp_path / "downloads").mkdir()
    fashion.deb(tmp_path / "downloads" / "dataset-fashion-mnist_0.0_all.deb", files=None)
    for file in (tmp_path / "downloads" / "packed").iterdir():
        file.unlink()
    check(tmp_path / "downloads", fashion)


def test_a_zstandard_package_is_unpacked_by_dpkg(fashion, program, tar, tmp_path):
    package = fashion.deb(tmp_path / "toy.deb", ".zst")
    tar(tmp_path / "packed", tmp_path / "inside.tar", "./usr/share", "w")
    program(
        "dpkg-deb",
        f"""
        import pathlib, sys
        assert sys.argv[1:] == ["--fsys-tarfile", {str(package)!r}]
        sys.stdout.buffer.write(pathlib.Path({str(tmp_path / "inside.tar")!r}).read_bytes())
        """,
    )
    check(package, fashion)
    program("dpkg-deb", "import sys; sys.exit(2)")
    with pytest.raises(DatasetDamaged, match="Debian package"):
        decode(package, fashion.info, ProgressReporter())


def test_a_zstandard_package_needs_dpkg(fashion, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DatasetNotFound, match="dpkg-deb"):
        decode(fashion.deb(tmp_path / "toy.deb", ".zst"), fashion.info, ProgressReporter())


@pytest.mark.parametrize(
    "keep", [8, 40, 100, 140, 300, -100], ids=lambda keep: f"the first {keep} bytes"
)
def test_a_cut_off_debian_package(keep, fashion, tmp_path):
    package = fashion.deb(tmp_path / "toy.deb")
    package.write_bytes(package.read_bytes()[:keep])
    with pytest.raises(DatasetDamaged, match=r"toy\.deb"):
        decode(package, fashion.info, ProgressReporter())


def test_an_invalid_content_of_a_debian_package_is_refused(fashion, tmp_path):
    package = fashion.deb(tmp_path / "toy.deb", ".xz")
    content = package.read_bytes()
    package.write_bytes(content.replace(lzma.compress(b"")[:6], b"nothing"[:6]))
    with pytest.raises(DatasetDamaged, match="cannot be read as a Debian package"):
        decode(package, fashion.info, ProgressReporter())


def test_a_debian_package_of_something_else(fashion, tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "README").write_text("hello")
    package = fashion.deb(tmp_path / "toy.deb", files=tmp_path / "docs")
    with pytest.raises(DatasetNotFound, match="has no Fashion-MNIST files"):
        decode(package, fashion.info, ProgressReporter())


def test_a_debian_package_bomb_is_not_unpacked(fashion, tmp_path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "endless").write_bytes(b"")
    os.truncate(tmp_path / "files" / "endless", 30_000_000)
    package = fashion.deb(tmp_path / "toy.deb", ".gz", tmp_path / "files")
    with pytest.raises(DatasetDamaged, match="much larger than the data set"):
        decode(package, fashion.info, ProgressReporter())


def test_nothing_of_a_debian_package_is_extracted_and_no_link_followed(fashion, tmp_path):
    files = fashion.idx(tmp_path / "files")
    (files / f"{LABELS}.gz").unlink()
    (files / f"{LABELS}.gz").symlink_to("/etc/passwd")
    package = fashion.deb(tmp_path / "toy.deb", files=files)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DatasetDamaged, match=rf"Missing files: {LABELS}.gz"):
        decode(package, fashion.info, ProgressReporter())
    assert sorted(tmp_path.rglob("*")) == before


def test_the_same_file_twice_in_an_archive_is_refused(fashion, member, tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for folder in ("one", "two"):
            member(archive, f"{folder}/{LABELS}", bytes(18))
    with pytest.raises(DatasetDamaged, match="two files called"):
        decode(tmp_path / "a.tar", fashion.info, ProgressReporter())
