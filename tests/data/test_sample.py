import json
import shutil

import numpy as np
import pytest

from cifarviz.data import sample
from cifarviz.data.image_set import Dataset, ImageSet
from cifarviz.data.splits import train_validation_split
from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.datasets.fashion_mnist import FASHION_MNIST
from cifarviz.datasets.registry import DATASETS
from cifarviz.errors import DatasetDamaged, DatasetNotFound
from cifarviz.installation import ASSETS

WITH_SAMPLE = [name for name, info in DATASETS.items() if info.has_sample]


@pytest.fixture(scope="module")
def embedded():
    return sample.read(CIFAR10)


@pytest.fixture(scope="module")
def fashion_sample():
    return sample.read(FASHION_MNIST)


@pytest.fixture(params=WITH_SAMPLE)
def any_sample(request, embedded, fashion_sample):
    return {"cifar10": embedded, "fashion-mnist": fashion_sample}[request.param]


def test_the_embedded_sample_is_balanced(any_sample):
    assert np.bincount(any_sample.train.labels).tolist() == [500] * 10
    assert np.bincount(any_sample.test.labels).tolist() == [100] * 10
    assert sample.counts(any_sample.info) == (5_000, 1_000)


def test_it_is_ordered_by_official_index_without_repeats(any_sample):
    info = any_sample.info
    for split, count in (("train", info.train_images), ("test", info.test_images)):
        indices = any_sample.split(split).indices
        assert (np.diff(indices) > 0).all()
        assert indices[0] >= 0
        assert indices[-1] < count


def test_the_sample_has_the_images_of_the_experiments(embedded, fashion_sample):
    for index in np.random.RandomState(777).randint(50_000, size=9):
        assert embedded.train.position_of(int(index)) is not None
    first = int(train_validation_split(60_000, 0.2, 42)[1][0])
    position = fashion_sample.train.position_of(first)
    assert position is not None
    assert FASHION_MNIST.classes[fashion_sample.train.labels[position]] == "Bag"


def test_it_holds_the_first_ten_test_images(any_sample):
    assert any_sample.test.indices[:10].tolist() == list(range(10))


def test_it_holds_the_known_first_test_images(embedded, fashion_sample):
    # A cat, two ships, an airplane, two frogs, an automobile, a frog, a cat, an automobile.
    assert embedded.test.labels[:10].tolist() == [3, 8, 8, 0, 6, 6, 1, 6, 3, 1]
    # Top left pixel of the cat, as in the published binary.
    assert embedded.test.images[0, 0, 0].tolist() == [158, 112, 49]
    # An ankle boot, a pullover, two trousers, a shirt, …
    assert fashion_sample.test.labels[:10].tolist() == [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]
    # The sum of the boot's pixels in the published file.
    assert fashion_sample.test.images[0].sum() == 33_456


def test_the_sample_has_the_statistics_of_its_data_set(embedded, fashion_sample):
    mean = embedded.train.images.mean(axis=(0, 1, 2))
    np.testing.assert_allclose(mean, [125.3, 123.0, 113.9], atol=2.0)
    assert fashion_sample.train.images.shape == (5_000, 28, 28, 1)
    assert fashion_sample.train.images.mean() == pytest.approx(72.94, abs=1.0)
    assert fashion_sample.train.images.std() == pytest.approx(90.02, abs=1.0)


@pytest.mark.parametrize(("name", "most"), [("cifar10", 15_000_000), ("fashion-mnist", 3_000_000)])
def test_the_sample_is_small(name, most):
    folder = ASSETS / name
    assert sum(file.stat().st_size for file in folder.iterdir()) < most


def test_the_sample_of_cifar10_has_not_changed(embedded):
    # Runs were trained on it: were it drawn anew, they could not be resumed or compared.
    facts = json.loads((ASSETS / "cifar10" / "sample.json").read_text())
    assert facts["train"]["images_sha256"].startswith("743459d30173cc79")
    assert facts["test"]["images_sha256"].startswith("ffe8bd2b959971c7")


@pytest.fixture(params=WITH_SAMPLE)
def small(request):
    info = DATASETS[request.param]
    rng = np.random.default_rng(3)

    def images(count):
        pixels = rng.integers(0, 256, (count, *info.image_shape), np.uint8)
        indices = np.sort(rng.permutation(1_000)[:count]).astype(np.int64)
        return ImageSet(pixels, rng.integers(0, 10, count, np.uint8), indices)

    return Dataset(info, "sample", images(130), images(7))


def test_a_written_sample_is_read_without_loss(small, tmp_path):
    sample.write(small, tmp_path)
    read = sample.read(small.info, tmp_path)
    for split in ("train", "test"):
        for part in ("images", "labels", "indices"):
            np.testing.assert_array_equal(
                getattr(read.split(split), part), getattr(small.split(split), part)
            )
    assert sample.counts(small.info, tmp_path) == (130, 7)


def test_the_same_images_give_the_same_bytes(small, tmp_path):
    for folder in ("one", "two"):
        sample.write(small, tmp_path / folder)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_a_sample_of_another_data_set_is_refused(small, tmp_path):
    sample.write(small, tmp_path)
    other = next(info for info in DATASETS.values() if info is not small.info)
    with pytest.raises(DatasetDamaged, match=f"does not describe {other.title}"):
        sample.read(other, tmp_path)


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
        sample.read(small.info, tmp_path)


def test_a_missing_sample_file_is_refused(tmp_path):
    with pytest.raises(DatasetNotFound, match="no embedded sample of CIFAR-10"):
        sample.read(CIFAR10, tmp_path)
    assert sample.counts(CIFAR10, tmp_path) == (0, 0)
