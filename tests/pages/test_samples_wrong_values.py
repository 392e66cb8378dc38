"""Samples: messages for invalid numbers and addresses."""

import pytest

from tests.pages.app_page import address_of
from tests.pages.samples_page import control, drawn, opened, warnings


@pytest.mark.parametrize(
    ("label", "typed", "sentence"),
    [
        (
            "Number of images",
            "1.5",
            "The number of images must be a whole number from 1 to 400, not “1\\.5”.",
        ),
        ("Number of images", "401", "from 1 to 400, not “401”. 50 is used instead."),
        (
            "Number of images",
            "",
            "The number of images must be a whole number from 1 to 400. 50 is used instead.",
        ),
        ("Seed", "-1", "from 0 to 4,294,967,295, not “\\-1”. 777 is used instead."),
        ("Seed", "lucky", "The seed must be a whole number from 0 to 4,294,967,295, not “lucky”."),
        ("Custom divisor", "0", "The custom divisor must be a number from 0.001"),
    ],
)
def test_an_invalid_number_has_one_message_and_keeps_the_images(
    label: str, typed: str, sentence: str
) -> None:
    app = opened(classes="cat")
    before = drawn(app)
    control(app, label).set_value(typed).run()
    assert len(warnings(app)) == 1
    assert sentence in warnings(app)[0]
    control(app, "Split").set_value("test").run()
    assert control(app, label).value == typed
    assert len(warnings(app)) == 1
    assert address_of(app) == {"dataset": "cifar10"} | {"classes": "cat", "split": "test"}
    assert len(drawn(app)) == len(before)
    control(app, label).set_value("30").run()
    assert warnings(app) == []
    assert "30" in address_of(app).values()
    assert not app.exception


def test_numbers_may_have_thousands_separators() -> None:
    app = opened()
    control(app, "Seed").set_value(" 1,000 ").run()
    assert address_of(app) == {"dataset": "cifar10"} | {"seed": "1000"}
    assert warnings(app) == []
    assert not app.exception


def test_shuffle_replaces_an_invalid_seed() -> None:
    app = opened()
    control(app, "Seed").set_value("lucky").run()
    app.button[0].click().run()
    assert control(app, "Seed").value == address_of(app)["seed"]
    assert warnings(app) == []
    assert not app.exception


def test_invalid_values_are_reported_once_and_the_page_stays_usable() -> None:
    app = opened(seed="-1", count="abc", classes="unicorn", image="99999999", dataset="zzz")
    assert len(warnings(app)) == 1
    for word in ("The seed must be", "“abc”", "“unicorn”", "“99999999”", "“zzz”"):
        assert word in warnings(app)[0]
    assert len(drawn(app)) == 50
    control(app, "Number of images").set_value("9").run()
    assert warnings(app) == []
    assert address_of(app) == {"dataset": "cifar10"} | {"count": "9"}
    assert len(drawn(app)) == 9
    assert not app.exception


def test_a_missing_full_set_is_reported_with_a_download_link() -> None:
    app = opened(variant="full")
    said = warnings(app)[0].replace("\\", "")
    assert "The full CIFAR-10 set is not on this machine yet." in said
    assert "The embedded sample is shown instead." in warnings(app)[0]
    assert control(app, "Sample or full set").value == "sample"
    assert len(drawn(app)) == 50
    assert not app.exception


def test_an_image_outside_the_sample_is_reported() -> None:
    app = opened(image="0")
    assert (
        "Training image 0 is not among the 5,000 images of the embedded sample" in warnings(app)[0]
    )
    assert len(drawn(app)) == 50
    assert not app.exception
