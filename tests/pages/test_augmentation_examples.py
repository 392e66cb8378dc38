"""Examples of augmentation on Train and Samples, through their pages."""

import re
from collections.abc import Mapping

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.experiment.address import unpack_changes
from cifarviz.experiment.choices import Augmentation
from cifarviz.experiment.dataset_fitting import fit_draft
from cifarviz.experiment.draft import Draft
from cifarviz.runs.store import RunStore
from tests.components import component_keys, image_grid
from tests.pages import samples_page
from tests.pages.app_page import address_of, elements, widget
from tests.pages.train_page import VGG, current_draft, labels, linked, page_text

GRID = "augmentation-examples"
MIXTURE = re.compile(r"(\d+)% \w+, (\d+)% \w+|\w+|100% \w+( \(two of them\))?")


def augmented(choices: Mapping[str, object], draft: Draft = VGG) -> Draft:
    fields = {**Augmentation().model_dump(mode="json"), **choices}
    return draft.with_value("augmentation", fields)


def has_grid(app: AppTest) -> bool:
    return GRID in component_keys(app)


def test_train_shows_examples_of_the_draft_when_asked(store: RunStore) -> None:
    app = linked(augmented({"rotation": 30, "cutmix": 1.0}), part="data")
    assert not has_grid(app)
    assert "Draw again" not in labels(app)
    widget(app, "toggle", "augmentation-examples-on").set_value(True).run()
    assert address_of(app)["examples"] == "0"
    first = image_grid(app, GRID)
    assert first["count"] == 12 * 4
    originals = [text for text in first["tooltips"] if text.endswith(", unchanged")]
    # Each class once, and two of them twice.
    assert len(originals) == 12
    assert len(set(originals)) == 10
    mixtures = [text for text in first["tooltips"] if text not in originals]
    assert all(MIXTURE.fullmatch(text) for text in mixtures)
    shares = [[int(n) for n in re.findall(r"(\d+)%", text)] for text in mixtures]
    assert {sum(two) for two in shares if len(two) == 2} == {100}
    next(one for one in app.button if one.label == "Draw again").click().run()
    assert address_of(app)["examples"] == "1"
    assert image_grid(app, GRID)["sprite"] != first["sprite"]
    widget(app, "text_input", "1-augmentation--hue").set_value("50").run()
    assert "rotation 30, hue 50, CutMix 1" in page_text(app)
    widget(app, "toggle", "augmentation-examples-on").set_value(False).run()
    assert "examples" not in address_of(app)
    assert not has_grid(app)


def test_every_field_reaches_the_draft(store: RunStore) -> None:
    app = linked(VGG, part="data")
    values = {
        "rotation": 15.0, "zoom": 0.2, "brightness": 0.1, "contrast": 0.3, "saturation": 0.5,
        "hue": 20.0, "cutout": 8, "mixup": 0.4, "cutmix": 1.0,
    }  # fmt: skip
    for name, value in values.items():
        widget(app, "text_input", f"1-augmentation--{name}").set_value(str(value)).run()
    section = current_draft(app).section("augmentation")
    assert {name: section[name] for name in values} == values
    assert not app.error


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"rotation": "much"}, "Correct the augmentation to see examples."),
        ({"cutout": 32}, "A cutout of 32 pixels could cover a whole image of 32 pixels."),
        (
            {"flip": True, "alternating_flip": True},
            "Flip and alternating flip both mirror images: switch one of them off.",
        ),
        ({"zoom": 2}, "The zoom must be a number from 0 to 0.9, not 2."),
    ],
)
def test_what_cannot_be_drawn_is_said(
    store: RunStore, choices: dict[str, object], message: str
) -> None:
    app = linked(augmented(choices), part="data", examples="0")
    assert message in page_text(app)
    assert not has_grid(app)


def test_a_wrong_number_of_a_drawing_is_reported(store: RunStore) -> None:
    app = linked(VGG, part="data", examples="x")
    assert "Examples have a number from 0 to 9,999, not “x”." in page_text(app)
    assert has_grid(app)
    assert "Nothing is changed yet: choose an augmentation." in page_text(app)


def test_train_has_one_of_both_flips_on(store: RunStore) -> None:
    app = linked(augmented({"flip": True, "shift": 2}), part="data")
    widget(app, "toggle", "1-augmentation--alternating_flip").set_value(True).run()
    section = current_draft(app).section("augmentation")
    assert (section["flip"], section["alternating_flip"], section["shift"]) == (False, True, 2)
    assert not app.error


def test_samples_has_one_of_both_flips_on(store: RunStore) -> None:
    app = samples_page.opened(augment="flip=on,shift=2")
    next(one for one in app.toggle if one.label == "Alternating flip").set_value(True).run()
    assert address_of(app)["augment"] == "alternating_flip=on,shift=2"
    assert has_grid(app)
    next(one for one in app.toggle if one.label == "Flip").set_value(True).run()
    assert address_of(app)["augment"] == "flip=on,shift=2"


def test_grey_images_have_no_changes_of_colour(store: RunStore) -> None:
    grey = fit_draft(augmented({"hue": 20.0, "rotation": 10.0}), "fashion-mnist")
    app = linked(grey, part="data", examples="0")
    assert has_grid(app)
    disabled = {one.label for one in app.text_input if one.disabled}
    assert {"Saturation", "Hue"} <= disabled
    typed = linked(augmented({"hue": 20.0}, grey), part="data", examples="0")
    assert "Grey images have no colour to change" in page_text(typed)
    assert not {"Hue"} & {one.label for one in typed.text_input if one.disabled}


def test_samples_shows_its_first_images_changed(store: RunStore) -> None:
    app = samples_page.opened(classes="cat,dog", count="20")
    next(one for one in app.toggle if one.label == "Augmentation").set_value(True).run()
    assert address_of(app)["augment"] == "flip=on,shift=4,rotation=15"
    first = image_grid(app, GRID)
    assert first["count"] == 12 * 5
    next(one for one in app.number_input if one.label == "Mixup").set_value(0.4).run()
    assert address_of(app)["augment"] == "flip=on,shift=4,rotation=15,mixup=0.4"
    mixed = image_grid(app, GRID)["tooltips"]
    assert any(re.fullmatch(r"\d+% (cat|dog), \d+% (cat|dog)", text) for text in mixed)
    next(one for one in app.button if one.label == "Draw again").click().run()
    assert address_of(app)["draw"] == "1"
    link = next(one for one in elements(app, "page_link") if one.proto.label.startswith("Set up"))
    query = dict(part.split("=", 1) for part in link.proto.query_string.lstrip("?").split("&"))
    draft = unpack_changes(query["preset"], query["changes"])
    expected = Augmentation(flip=True, shift=4, rotation=15, mixup=0.4)
    assert draft.section("augmentation") == expected.model_dump(mode="json")
    next(one for one in app.toggle if one.label == "Augmentation").set_value(False).run()
    assert not {"augment", "draw"} & address_of(app).keys()
    assert samples_page.drawn(app)


@pytest.mark.parametrize(("count", "shown"), [("1", 1), ("5", 5), ("12", 12), ("30", 12)])
def test_few_images_stand_above_their_versions_too(store: RunStore, count: str, shown: int) -> None:
    app = samples_page.opened(augment="flip=on", count=count)
    texts = image_grid(app, GRID)["tooltips"]
    assert [text.endswith("unchanged") for text in texts] == [True] * shown + [False] * 4 * shown


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ({"augment": "magic=3"}, "There is no augmentation “magic=3”."),
        ({"augment": "rotation=999"}, "The rotation must be a number from 0 to 180"),
        ({"augment": "flip=on", "draw": "-1"}, "The number of the drawing must be a whole number"),
    ],
)
def test_a_wrong_augmentation_in_the_address_is_reported(
    store: RunStore, address: dict[str, str], message: str
) -> None:
    app = samples_page.opened(**address)
    # A backslash only keeps Markdown from reading a sign as its own.
    assert any(message in one.replace("\\", "") for one in samples_page.warnings(app))
    assert has_grid(app)


def test_colours_of_a_grey_data_set_are_refused_in_words(store: RunStore) -> None:
    app = samples_page.opened(dataset="fashion-mnist", augment="hue=20")
    assert any("Grey images have no colour" in one for one in samples_page.warnings(app))
    number = next(one for one in app.number_input if one.label == "Hue")
    number.set_value(0.0).run()
    assert has_grid(app)


def test_examples_are_what_the_training_step_makes() -> None:
    import tensorflow as tf

    from cifarviz.training.augmentation import AlternatingFlip, augment, mix
    from cifarviz.training.augmentation_examples import make_examples

    images = np.random.default_rng(4).integers(0, 256, (5, 8, 6, 3), np.uint8)
    choices = Augmentation(alternating_flip=True, shift=1, contrast=0.2, mixup=1)
    made = make_examples(images, choices, None, seed=3, times=4)
    assert made.images.shape == (4, 5, 8, 6, 3)
    rng = np.random.default_rng(3)
    order = np.concatenate([rng.permutation(5) for _ in range(4)])
    seed = tf.constant([3, 2], tf.int32)
    # Each version is another epoch.
    mirrored = AlternatingFlip(3, 5)(order, np.repeat(np.arange(4), 5))
    changed = augment(tf.constant(images[order]), choices, seed, None, mirrored)
    batch = mix(changed, choices, seed)
    for place, image in enumerate(order):
        version = place // 5
        np.testing.assert_allclose(
            made.images[version, image], batch.images[place], atol=0.51, err_msg=str(place)
        )
        assert made.shares[version, image] == batch.shares[place]
        assert made.partners[version, image] == order[place - 1]
    again = make_examples(images, choices, None, seed=3, times=4)
    np.testing.assert_array_equal(made.images, again.images)
    assert (make_examples(images, choices, None, seed=4, times=4).images != made.images).any()
    plain = make_examples(images, Augmentation(), None, seed=3, times=2)
    np.testing.assert_array_equal(plain.images, np.stack([images, images]))
    assert (plain.shares == 1).all()
