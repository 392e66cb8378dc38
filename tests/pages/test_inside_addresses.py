"""Inside: messages for unknown values in the address."""

import pytest

from cifarviz.data import library
from cifarviz.runs.records import Run
from cifarviz.settings import Settings
from tests.pages.app_page import address_of, widget
from tests.pages.inside_page import MAPS, errors, grids, opened


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ({"image": "abc"}, "Test images of CIFAR-10 have the numbers 0 to 9,999; got “abc”"),
        ({"image": "99999999"}, "Test images of CIFAR-10 have the numbers 0 to 9,999"),
        ({"image": "-1"}, "Test images of CIFAR-10 have the numbers 0 to 9,999"),
        ({"image": "1" * 5000}, "Test images of CIFAR-10 have the numbers 0 to 9,999"),
        ({"split": "train", "image": "50000"}, "Training images of CIFAR-10 have the numbers 0 to"),
        ({"dataset": "imagenet"}, "There is no data set called “imagenet”"),
    ],
)
def test_an_unknown_image_has_one_message(run: Run, address: dict[str, str], sentence: str) -> None:
    app = opened(**address)
    assert len(app.error) == 1
    assert errors(app)[0].startswith(sentence)
    assert grids(app) == []
    assert not app.exception


def test_a_click_replaces_an_unknown_image(run: Run) -> None:
    app = opened(image="abc")
    app.button(key="inside-random").click().run()
    assert not app.error
    assert grids(app) == MAPS
    assert not app.exception


def test_the_message_for_an_image_outside_the_sample_names_the_nearest(
    run: Run, settings: Settings
) -> None:
    indices = library.load("cifar10", "sample", settings).test.indices.tolist()
    missing = next(number for number in range(10, 10_000) if number not in indices)
    app = opened(image=str(missing))
    assert f"Test image {missing} is not among the 1,000 of the embedded sample" in errors(app)[0]
    assert f"{max(one for one in indices if one < missing):,}" in errors(app)[0]
    assert not app.exception


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ({"layer": "nope"}, "This network has no layer “nope”"),
        ({"layer": "nope", "channel": "2"}, "This network has no layer “nope”"),
        ({"layer": "conv2d_1", "channel": "6"}, "“conv2d_1” has channels 0 to 5"),
        ({"layer": "conv2d_1", "channel": "x"}, "“conv2d_1” has channels 0 to 5"),
        ({"layer": "dense_1", "channel": "1"}, "“dense_1” has no channels"),
        ({"channel": "1"}, "The address has channel “1”, but no layer."),
    ],
)
def test_an_unknown_channel_has_one_message_above_all_layers(
    run: Run, address: dict[str, str], sentence: str
) -> None:
    app = opened(**address)
    assert len(app.error) == 1
    assert errors(app)[0].replace("\\", "").startswith(sentence)
    assert grids(app) == MAPS
    assert not app.exception


def test_all_unknown_query_values_are_reported(run: Run) -> None:
    app = opened(image="abc", layer="nope", channel="x")
    image, layer, channel = errors(app)
    assert "got “abc”" in image
    assert "no layer “nope”" in layer
    assert "“x” is not a number" in channel
    assert not app.exception


def test_unknown_images_and_weights_are_reported_and_replaced(run: Run) -> None:
    app = opened(split="nope", checkpoint="nope")
    warnings = [one.value for one in app.warning]
    assert any("There is no split “nope”" in one for one in warnings)
    assert any("This run has no weights called “nope”" in one for one in warnings)
    assert grids(app) == MAPS
    assert not app.exception


def test_an_unknown_run_has_one_message_and_another_can_be_selected(run: Run) -> None:
    app = opened(run="zzz")
    assert errors(app) == ["There is no run “zzz” here."]
    assert grids(app) == []
    widget(app, "selectbox", "pick-run").select(run.id).run()
    assert not app.error
    assert grids(app) == MAPS
    assert address_of(app)["run"] == run.id
    assert not app.exception
