import dataclasses

import numpy as np
import pytest

from cifarviz.data.image_set import Dataset, ImageSet
from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.datasets.fashion_mnist import FASHION_MNIST
from cifarviz.datasets.info import LANGUAGES
from cifarviz.datasets.registry import DATASETS, find_dataset
from cifarviz.errors import DatasetNotFound


def image_set(count=6):
    images = np.arange(count, dtype=np.uint8).repeat(12).reshape(count, 2, 2, 3)
    return ImageSet(images, np.arange(count, dtype=np.uint8), np.arange(count) * 10)


def test_cifar10_is_as_published():
    assert DATASETS["cifar10"] is CIFAR10
    assert CIFAR10.classes[0] == "airplane"
    assert CIFAR10.classes[9] == "truck"
    assert len(CIFAR10.classes) == 10
    assert CIFAR10.shapes["train_images"] == (50_000, 32, 32, 3)
    assert CIFAR10.nbytes == 60_000 * 3073


def test_fashion_mnist_is_as_published():
    assert DATASETS["fashion-mnist"] is FASHION_MNIST
    assert FASHION_MNIST.classes[0] == "T-shirt/top"
    assert FASHION_MNIST.classes[9] == "Ankle boot"
    assert FASHION_MNIST.shapes["train_images"] == (60_000, 28, 28, 1)
    assert FASHION_MNIST.nbytes == 70_000 * 785
    assert "Zalando SE" in FASHION_MNIST.terms


@pytest.mark.parametrize("info", DATASETS.values(), ids=DATASETS)
def test_classes_have_a_name_of_their_own_in_each_language(info):
    for language in LANGUAGES:
        names = info.class_names(language)
        assert len(set(names)) == len(info.classes) >= 2
        assert all(name and name == name.strip() for name in names)
    assert info.class_names() == info.class_names("en") == info.classes


def test_korean_names_stand_in_the_order_of_the_labels():
    assert FASHION_MNIST.class_names("ko")[:3] == ("티셔츠", "바지", "스웨터")
    assert FASHION_MNIST.class_names("ko")[5] == "샌들"
    assert FASHION_MNIST.class_names("ko")[9] == "앵클 부츠"
    assert CIFAR10.class_names("ko")[3] == "고양이"


def test_each_data_set_knows_its_sources():
    assert CIFAR10.sources == ("keras", "official", "npm")
    assert FASHION_MNIST.sources == ("keras", "official", "debian")
    assert [archive.file_name for archive in FASHION_MNIST.official] == [
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
        "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz",
    ]


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        DATASETS["other"] = CIFAR10  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        CIFAR10.name = "other"  # type: ignore[misc]


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(DatasetNotFound, match=r"“cifar11”.*cifar10"):
        find_dataset("cifar11")


def test_take_keeps_order_labels_and_official_indices():
    taken = image_set().take([4, 1])
    assert len(taken) == 2
    assert taken.labels.tolist() == [4, 1]
    assert taken.indices.tolist() == [40, 10]
    assert taken.images[0, 0, 0, 0] == 4


def test_position_of_an_official_index():
    assert image_set().position_of(30) == 3
    assert image_set().take([5, 2]).position_of(20) == 1
    assert image_set().position_of(31) is None


def test_arrays_are_read_only_and_the_callers_own_stay_writable():
    images = np.zeros((2, 2, 2, 3), np.uint8)
    made = ImageSet(images, np.zeros(2, np.uint8), np.arange(2))
    with pytest.raises(ValueError, match="read-only"):
        made.images[0] = 1
    images[0] = 1


@pytest.mark.parametrize(
    ("images", "labels", "indices"),
    [
        (np.zeros((2, 2, 2, 3)), np.zeros(2, np.uint8), np.arange(2)),
        (np.zeros((2, 2, 2), np.uint8), np.zeros(2, np.uint8), np.arange(2)),
        (np.zeros((2, 2, 2, 3), np.uint8), np.zeros((2, 1), np.uint8), np.arange(2)),
        (np.zeros((2, 2, 2, 3), np.uint8), np.zeros(2, np.uint8), np.arange(3)),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(images, labels, indices):
    with pytest.raises(ValueError, match="must be"):
        ImageSet(images, labels, indices)


def test_split_gives_the_part_of_that_name():
    train, test = image_set(4), image_set(2)
    dataset = Dataset(CIFAR10, "sample", train, test)
    assert dataset.split("train") is train
    assert dataset.split("test") is test
