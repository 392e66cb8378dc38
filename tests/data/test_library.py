import dataclasses
import hashlib
import json
import mmap

import numpy as np
import pytest

from cifarviz.data import library
from cifarviz.data.fetch import fetch
from cifarviz.errors import DatasetDamaged, DatasetNotFound


@pytest.fixture
def full(toy, settings, tmp_path):
    """Keep the toy as a full set; gives its folder."""
    return fetch(toy.info, settings, str(toy.npy(tmp_path / "mine"))).path


def test_the_embedded_sample_is_there_without_any_fetch(settings):
    sample = library.load("cifar10", "sample", settings)
    assert (len(sample.train), len(sample.test)) == (5_000, 1_000)
    assert sample.variant == "sample"
    assert not settings.home.exists()


def test_a_full_set_that_is_not_here_says_how_to_get_it(settings):
    with pytest.raises(DatasetNotFound, match="python -m cifarviz data fetch cifar10"):
        library.load("cifar10", "full", settings)
    status = library.status("cifar10", settings)
    assert not status.full_available
    assert not status.verified
    assert "not on this machine" in (status.problem or "")
    assert (status.sample_train, status.sample_test, status.bytes) == (5_000, 1_000, 0)
    assert status.path == settings.datasets / "cifar10"


def test_an_unknown_data_set(settings):
    with pytest.raises(DatasetNotFound, match="cifar11"):
        library.status("cifar11", settings)


def test_the_full_set_is_read_only_with_official_indices(toy, settings, full):
    dataset = library.load(toy.info, "full", settings)
    assert dataset.variant == "full"
    assert dataset.train.indices.tolist() == list(range(50))
    assert type(dataset.train.images) is np.ndarray
    with pytest.raises(ValueError, match="read-only"):
        dataset.train.images[0] = 0
    np.testing.assert_array_equal(dataset.test.take([3]).images[0], toy.arrays["test_images"][3])


def test_opening_the_full_set_does_not_read_its_images(toy, settings, full, monkeypatch):
    # A set of the true size, sparse on the disk.
    info = dataclasses.replace(toy.info, train_images=50_000, test_images=10_000)
    for name, shape in info.shapes.items():
        np.lib.format.open_memmap(full / f"{name}.npy", "w+", np.uint8, shape).flush()
    mark = json.loads((full / "verified.json").read_text())
    mark["file_bytes"] = {name: (full / f"{name}.npy").stat().st_size for name in info.shapes}
    (full / "verified.json").write_text(json.dumps(mark))

    def hashed(*_: object) -> None:
        raise AssertionError("the arrays were read through")

    monkeypatch.setattr(hashlib, "sha256", hashed)
    images = library.load(info, "full", settings).train.images
    assert len(images) == 50_000
    # Memory-mapped: what nobody looks at stays on the disk.
    owner: object = images
    while isinstance(owner, np.ndarray):
        owner = owner.base
    assert isinstance(owner, mmap.mmap)


def test_a_cut_off_file_is_noticed_at_load(toy, settings, full):
    images = full / "test_images.npy"
    images.write_bytes(images.read_bytes()[:-10])
    assert "damaged" in (library.status(toy.info, settings).problem or "")
    with pytest.raises(DatasetDamaged, match="data fetch cifar10"):
        library.load(toy.info, "full", settings)


def test_files_without_a_marker_are_not_trusted(toy, settings, full):
    (full / "verified.json").unlink()
    assert "is incomplete" in (library.status(toy.info, settings).problem or "")
    with pytest.raises(DatasetNotFound):
        library.load(toy.info, "full", settings)


@pytest.mark.parametrize("mark", ["", "[]", '{"format": 2}', '{"format": 1}'])
def test_a_marker_of_another_kind_is_not_trusted(mark, toy, settings, full):
    (full / "verified.json").write_text(mark)
    assert "another version" in (library.status(toy.info, settings).problem or "")
    with pytest.raises(DatasetDamaged):
        library.load(toy.info, "full", settings)


def test_verify_reads_every_byte_and_withdraws_the_mark(toy, settings, full):
    assert library.verify(toy.info, settings).verified
    images = full / "train_images.npy"
    content = bytearray(images.read_bytes())
    content[5_000] ^= 1
    images.write_bytes(content)
    assert library.status(toy.info, settings).full_available
    status = library.verify(toy.info, settings)
    assert not status.verified
    assert "training images" in status.notes[0]
    with pytest.raises(DatasetNotFound, match="failed its check"):
        library.load(toy.info, "full", settings)


def test_verify_without_a_full_set_says_what_is_missing(settings):
    assert "not on this machine" in (library.verify("cifar10", settings).problem or "")
