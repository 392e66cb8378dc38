"""The address of Samples restores its view, with a message for each invalid value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.ui.samples.view import LARGEST_DIVISOR, SMALLEST_DIVISOR, SamplesView, read_address

VIEWS = st.builds(
    SamplesView,
    variant=st.sampled_from(["sample", "full"]),
    split=st.sampled_from(["train", "test"]),
    view=st.sampled_from(["random", "published"]),
    count=st.integers(1, 400),
    classes=st.sets(st.sampled_from(CIFAR10.classes)).map(
        lambda chosen: tuple(name for name in CIFAR10.classes if name in chosen)
    ),
    seed=st.integers(0, 2**32 - 1),
    image=st.none() | st.integers(0, 9_999),
    divisor=st.floats(SMALLEST_DIVISOR, LARGEST_DIVISOR).map(lambda value: round(value, 6)),
)


@given(VIEWS)
def test_a_link_restores_the_view(view: SamplesView) -> None:
    assert read_address(view.address()) == (view, ())


def test_the_default_view_has_an_empty_address() -> None:
    assert SamplesView().address() == {}
    assert read_address({}) == (SamplesView(), ())


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("dataset", "zzz", "not a known data set"),
        ("variant", "half", "neither “sample” nor “full”"),
        ("split", "validation", "neither “train” nor “test”"),
        ("view", "upside down", "neither “random” nor “published”"),
        ("count", "0", "from 1 to 400, not “0”. 50 is used"),
        ("count", "401", "whole number"),
        ("count", "abc", "whole number"),
        ("count", "", "whole number"),
        ("count", "9" * 5000, "whole number"),
        ("seed", "-1", "from 0 to 4,294,967,295, not “\\-1”. 777 is used"),
        ("seed", "4294967296", "from 0 to"),
        ("seed", "1.5", "whole number"),
        ("seed", "１２", "whole number"),
        ("divisor", "0", "from 0.001 to 1,000,000, not “0”. 128 is used"),
        ("divisor", "nan", "a number"),
        ("classes", "cat,unicorn", "no class “unicorn”"),
        ("image", "99999999", "image numbers are 0 to 49,999"),
        ("image", "50000", "no training image"),
        ("image", "-1", "no training image"),
        ("image", "abc", "no training image “abc”"),
    ],
)
def test_an_invalid_value_has_one_message_and_is_replaced_by_the_default(
    name: str, value: str, word: str
) -> None:
    view, problems = read_address({name: value})
    assert len(problems) == 1
    assert word in problems[0]
    assert len(problems[0]) < 250
    assert view == (SamplesView(classes=("cat",)) if name == "classes" else SamplesView())


def test_each_invalid_value_is_reported_and_valid_values_are_used() -> None:
    view, problems = read_address({"seed": "-1", "count": "9", "image": "x", "split": "test"})
    assert len(problems) == 2
    assert view == SamplesView(count=9, split="test")


def test_test_images_have_their_own_range() -> None:
    _, problems = read_address({"split": "test", "image": "10000"})
    assert "no test image “10000”: image numbers are 0 to 9,999" in problems[0]


def test_the_published_images_are_training_images_whatever_the_split() -> None:
    view, problems = read_address({"view": "published", "split": "test", "image": "47919"})
    assert (view.shown_split, view.image, problems) == ("train", 47919, ())


def test_markdown_in_a_link_is_escaped() -> None:
    _, problems = read_address({"split": "![x](https://example.org/x.png)"})
    assert "![x](" not in problems[0]
