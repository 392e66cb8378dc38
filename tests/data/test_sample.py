import shutil

import numpy as np
import pytest

from cifarviz.data import sample
from cifarviz.data.datasets import CIFAR10, Dataset, ImageSet
from cifarviz.errors import DatasetDamaged, DatasetNotFound


@pytest.fixture(scope="module")
def embedded():
    return sample.read(CIFAR10)


def test_the_embedded_sample_is_balanced(embedded):
    assert np.bincount(embedded.train.labels).tolist() == [500] * 10
    assert np.bincount(embedded.test.labels).tolist() == [100] * 10


def test_it_is_ordered_by_official_index_without_repeats(embedded):
    for split, count in (("train", 50_000), ("test", 10_000)):
        indices = embedded.split(split).indices
        assert (np.diff(indices) > 0).all()
        assert indices[0] >= 0
        assert indices[-1] < count


def test_it_holds_the_images_the_experiments_show(embedded):
    for index in np.random.RandomState(777).randint(50_000, size=9):
        assert embedded.train.position_of(int(index)) is not None
    assert embedded.test.indices[:10].tolist() == list(range(10))


def test_it_holds_the_known_first_test_images(embedded):
    # A cat, two ships, an airplane, two frogs, an automobile, a frog, a cat, an automobile.
    assert embedded.test.labels[:10].tolist() == [3, 8, 8, 0, 6, 6, 1, 6, 3, 1]
    # Top left pixel of the cat, as in the published binary.
    assert embedded.test.images[0, 0, 0].tolist() == [158, 112, 49]


def test_it_looks_like_cifar10(embedded):
    mean = embedded.train.images.mean(axis=(0, 1, 2))
    np.testing.assert_allclose(mean, [125.3, 123.0, 113.9], atol=2.0)


def test_it_stays_small():
    folder = sample.ASSETS / "cifar10"
    assert sum(file.stat().st_size for file in folder.iterdir()) < 15_000_000


@pytest.fixture
def small():
    rng = np.random.default_rng(3)

    def images(count):
        pixels = rng.integers(0, 256, (count, 32, 32, 3), np.uint8)
        indices = np.sort(rng.permutation(1_000)[:count]).astype(np.int64)
        return ImageSet(pixels, rng.integers(0, 10, count, np.uint8), indices)

    return Dataset(CIFAR10, "sample", images(130), images(7))


def test_what_is_written_is_read_without_loss(small, tmp_path):
    sample.write(small, tmp_path)
    read = sample.read(CIFAR10, tmp_path)
    for split in ("train", "test"):
        for part in ("images", "labels", "indices"):
            np.testing.assert_array_equal(
                getattr(read.split(split), part), getattr(small.split(split), part)
            )
    assert sample.counts(CIFAR10, tmp_path) == (130, 7)


def test_the_same_images_give_the_same_bytes(small, tmp_path):
    for folder in ("one", "two"):
        sample.write(small, tmp_path / folder)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


@pytest.mark.parametrize(
    "damage", ["train.webp", "test.csv", "fewer rows", "another picture", "sample.json"]
)
def test_a_damaged_sample_is_noticed(damage, small, tmp_path):
    sample.write(small, tmp_path)
    if damage == "fewer rows":
        lines = (tmp_path / "train.csv").read_text().splitlines()
        (tmp_path / "train.csv").write_text("\n".join(lines[:-1]))
    elif damage == "another picture":
        shutil.copy(tmp_path / "train.webp", tmp_path / "test.webp")
    else:
        (tmp_path / damage).write_text("not this")
    with pytest.raises(DatasetDamaged, match=r"sample"):
        sample.read(CIFAR10, tmp_path)


def test_no_sample_at_all(tmp_path):
    with pytest.raises(DatasetNotFound, match="no embedded sample of CIFAR-10"):
        sample.read(CIFAR10, tmp_path)
    assert sample.counts(CIFAR10, tmp_path) == (0, 0)
