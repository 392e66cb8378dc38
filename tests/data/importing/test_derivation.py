"""Data sets made of images of another: classes chosen, merged and renamed, or fewer images."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from cifarviz.data import library
from cifarviz.data.importing.derivation import Derivation, prepare_derived
from cifarviz.data.importing.report import ImportReport
from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.datasets.fashion_mnist import FASHION_MNIST
from cifarviz.datasets.info import DatasetInfo, Variant
from cifarviz.datasets.registry import find_dataset
from cifarviz.errors import FetchCancelled, ImportRefused
from cifarviz.settings import Settings

Classes = Mapping[str, Sequence[str]]
PETS: Classes = {"pet": ["dog", "cat"], "Schiff": ["ship"]}


def derive(
    settings: Settings,
    classes: Classes = PETS,
    info: DatasetInfo | str = CIFAR10,
    name: str = "pets",
    **options: Any,
) -> ImportReport:
    variant: Variant = "sample" if isinstance(info, DatasetInfo) else "full"
    derivation = Derivation(classes, options.pop("images", None), options.pop("seed", 0))
    with prepare_derived(info, variant, derivation, name, settings, **options) as prepared:
        prepared.store(settings)
    return prepared.report


def test_merged_and_renamed_classes_have_the_images_of_their_source(settings: Settings) -> None:
    report = derive(settings, title="Pets")
    assert [(item.name, item.train, item.test) for item in report.classes] == [
        ("pet", 1000, 200),
        ("Schiff", 500, 100),
    ]
    source, new = library.load(CIFAR10, "sample", settings), library.load("pets", "full", settings)
    for split in ("train", "test"):
        old, made = source.split(split), new.split(split)
        chosen = np.isin(old.labels, (3, 5, 8))
        assert np.array_equal(made.images, old.images[chosen])
        assert np.array_equal(made.labels, old.labels[chosen] == 8)
    info = new.info
    assert (info.title, info.derived_from) == ("Pets", "CIFAR-10 (embedded sample)")
    assert (info.citation, info.terms) == (CIFAR10.citation, CIFAR10.terms)
    assert library.status("pets", settings).verified
    facts = json.loads((settings.datasets / "pets/dataset.json").read_text())["derived"]
    assert facts["classes"] == {name: list(parts) for name, parts in PETS.items()}


def test_fewer_images_are_drawn_by_the_seed_for_each_class_alone(settings: Settings) -> None:
    def images(name: str, label: int) -> np.ndarray:
        train = library.load(name, "full", settings).train
        return train.images[train.labels == label]

    derive(settings, {"cat": ["cat"], "dog": ["dog"]}, images=20, name="a", seed=7)
    derive(settings, {"cat": ["cat"], "ship": ["ship"]}, images=20, name="b", seed=7)
    derive(settings, {"cat": ["cat"], "dog": ["dog"]}, images=20, name="c", seed=8)
    assert find_dataset("a").train_images == 40
    assert find_dataset("a").test_images == 200
    assert np.array_equal(images("a", 0), images("b", 0))
    assert not np.array_equal(images("a", 0), images("c", 0))


def test_a_derived_set_is_derived_from_again_and_keeps_its_dark_background(
    settings: Settings,
) -> None:
    first = {"bag": ["Bag"], "boot": ["Ankle boot"], "shirt": ["Shirt", "Pullover"]}
    derive(settings, first, FASHION_MNIST, "first")
    derive(settings, {"bag": ["bag"], "top": ["shirt"]}, "first", "second", images=10)
    second = find_dataset("second")
    assert second.image_shape == (28, 28, 1)
    assert second.dark_background
    assert (second.derived_from, second.terms) == ("first", FASHION_MNIST.terms)


@pytest.mark.parametrize(
    ("classes", "options", "message"),
    [
        ({"cat": ["cat"]}, {}, "needs 2 to 100 classes, and this one would have 1"),
        ({"a": ["cat"], "b": ["cta"]}, {}, "has no class “cta”. Its classes are: airplane"),
        ({"a": ["cat"], "b": ["cat", "dog"]}, {}, "“cat” is chosen twice"),
        ({"a": ["cat", "cat"], "b": ["dog"]}, {}, "“cat” is chosen twice"),
        ({"A": ["cat"], "a": ["dog"]}, {}, "“A” and “a” differ only in capital letters"),
        ({"": ["cat"], "a": ["dog"]}, {}, "“” cannot be the name of a class"),
        ({"a,b": ["cat"], "a": ["dog"]}, {}, "“a,b” cannot be the name of a class"),
        ({"a": [], "b": ["dog"]}, {}, "“a” cannot be the name of a class"),
        (PETS, {"images": 501}, "“Schiff” has 500 training images, fewer than 501"),
        (PETS, {"images": 0}, "at least 1 training image, not 0"),
        (PETS, {"seed": -1}, "The seed must be a whole number"),
        (PETS, {"name": "../x"}, "The name must have 1 to 40 small letters"),
        (PETS, {"name": "cifar10"}, "“cifar10” is a published data set"),
        (PETS, {"title": "x" * 300}, "must be at most 200 characters"),
    ],
)
def test_what_cannot_be_made_is_refused_and_leaves_nothing(
    classes: Classes, options: dict[str, Any], message: str, settings: Settings
) -> None:
    with pytest.raises(ImportRefused, match=message.replace("(", r"\(")):
        derive(settings, classes, **options)
    assert not settings.datasets.exists() or list(settings.datasets.iterdir()) == []


def test_cancelling_leaves_nothing(settings: Settings) -> None:
    with pytest.raises(FetchCancelled):
        derive(settings, cancelled=lambda: True)
    assert list(settings.datasets.iterdir()) == []


def test_the_counts_are_those_of_the_data_set_that_would_be_made(settings: Settings) -> None:
    counts = Derivation(PETS, 30).counts(library.load(CIFAR10, "sample", settings))
    assert [(item.name, item.train, item.test) for item in counts] == [
        ("pet", 30, 200),
        ("Schiff", 30, 100),
    ]
