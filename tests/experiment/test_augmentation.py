"""Augmentation in stored experiments, as a text, and for other data sets."""

import json

import pytest

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.address import pack_changes, preset_draft, unpack_changes
from cifarviz.experiment.augmentation_text import format_augmentation, parse_augmentation
from cifarviz.experiment.changes import changes
from cifarviz.experiment.choices import Augmentation
from cifarviz.experiment.dataset_fitting import fit_draft, fit_experiment
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.experiment.tunables import tunables
from tests.experiment.small_experiment import experiment

VGG = PRESETS["cifar10-vgg"].experiment
COLORFUL = Augmentation(flip=True, rotation=15, saturation=0.5, hue=20)


def test_experiments_without_the_later_changes_read_as_they_were() -> None:
    made = experiment(augmentation=Augmentation(flip=True, shift=4))
    written = json.loads(made.to_json())
    written["augmentation"] = {"flip": True, "shift": 4}
    read = Experiment.from_json(json.dumps(written))
    assert read == made
    assert read.to_json() == made.to_json()
    off = {name: value for name, value in read.augmentation if name not in ("flip", "shift")}
    assert set(off.values()) == {0}


def test_an_address_of_an_earlier_version_opens() -> None:
    """Written when there were flip and shift only."""
    draft = preset_draft("cifar10-vgg").with_value("augmentation", {"flip": True, "shift": 2})
    opened = unpack_changes("cifar10-vgg", pack_changes(draft) or "")
    assert opened.section("augmentation") == dict(Augmentation(flip=True, shift=2))


def test_one_flip_replaces_the_other() -> None:
    alternating = Augmentation(alternating_flip=True, shift=2)
    assert parse_augmentation(["flip=on"], alternating) == Augmentation(flip=True, shift=2)
    assert parse_augmentation(["flip=on", "alternating_flip=on"]) == Augmentation(
        alternating_flip=True
    )
    for off in ("off", "false", "No", "0"):
        assert parse_augmentation([f"flip={off}"], alternating) == alternating


def test_every_change_survives_the_address_and_is_listed() -> None:
    everything = Augmentation(
        flip=True, shift=2, rotation=15, zoom=0.2, brightness=0.1, contrast=0.4, saturation=0.5,
        hue=20, cutout=8, mixup=0.2, cutmix=1,
    )  # fmt: skip
    base = preset_draft("cifar10-vgg")
    draft = base.with_value("augmentation", everything.model_dump(mode="json"))
    opened = unpack_changes("cifar10-vgg", pack_changes(draft) or "")
    assert opened.section("augmentation") == draft.section("augmentation")
    texts = [change.text for change in changes(base, opened)]
    assert len(texts) == 11
    assert {"rotation 0 → 15", "CutMix 0 → 1", "mixup 0 → 0.2"} <= set(texts)


@pytest.mark.parametrize(
    ("augmentation", "text"),
    [
        (Augmentation(), "none"),
        (Augmentation(flip=True), "flip=on"),
        (Augmentation(shift=3, zoom=0.25, mixup=1), "shift=3,zoom=0.25,mixup=1"),
    ],
)
def test_an_augmentation_is_written_and_read(augmentation: Augmentation, text: str) -> None:
    assert format_augmentation(augmentation) == text
    assert parse_augmentation(text.split(","), COLORFUL if text == "none" else None) == augmentation


def test_changes_that_are_not_named_stay() -> None:
    changed = parse_augmentation(["flip=off", "rotation = 30"], COLORFUL)
    assert changed == COLORFUL.model_copy(update={"flip": False, "rotation": 30})


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (
            "rotate=3",
            r"^There is no augmentation “rotate=3”\. .* there are: flip, .*, shift, ",
        ),
        ("flip", r"^There is no augmentation “flip”\."),
        ("rotation=x", r"^The rotation must be a number from 0 to 180, not “x”\.$"),
        ("zoom=2", r"^The zoom must be a number from 0 to 0\.9, not “2”\.$"),
        ("shift=1.5", r"^The shift must be a whole number from 0 to 8"),
        ("mixup=nan", r"^The mixup "),
    ],
)
def test_an_unknown_change_is_refused(item: str, message: str) -> None:
    with pytest.raises(ExperimentInvalid, match=message):
        parse_augmentation([item])


def test_grey_images_lose_changes_of_colour_and_nothing_else() -> None:
    colorful = VGG.model_copy(update={"augmentation": COLORFUL})
    expected = Augmentation(flip=True, rotation=15)
    assert fit_experiment(colorful, "fashion-mnist").augmentation == expected
    draft = preset_draft("cifar10-vgg")
    typed = {**draft.section("augmentation"), "hue": "x", "zoom": "much"}
    fitted = fit_draft(draft.with_value("augmentation", typed), "fashion-mnist")
    assert fitted.section("augmentation") == {**typed, "hue": 0.0}
    with pytest.raises(ExperimentInvalid, match=r"^Grey images have no colour to change"):
        Experiment.make(**{**dict(fit_experiment(VGG, "fashion-mnist")), "augmentation": COLORFUL})


def test_a_study_varies_colours_of_colour_images_only() -> None:
    keys = {tunable.key for tunable in tunables(VGG)}
    grey = {tunable.key for tunable in tunables(fit_experiment(VGG, "fashion-mnist"))}
    assert {"rotation", "mixup", "cutmix", "hue", "saturation"} <= keys
    assert {"rotation", "mixup", "cutmix"} <= grey
    assert not {"hue", "saturation"} & grey
