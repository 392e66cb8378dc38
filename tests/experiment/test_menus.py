"""Every choice has a title, an explanation, a help text and limits."""

import pytest

from cifarviz.experiment.choices import VALIDATIONS, Augmentation, Data, EarlyStopping, Loss
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.optimizers import OPTIMIZERS, Adam
from cifarviz.experiment.preprocessing import PREPROCESSINGS
from cifarviz.experiment.schedules import SCHEDULES, Constant
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.registry import LAYER_TYPES

MENUS = (LAYER_TYPES, OPTIMIZERS, SCHEDULES, PREPROCESSINGS, VALIDATIONS)


@pytest.mark.parametrize("made", [kind for menu in MENUS for kind in menu.values()])
def test_every_kind_has_a_title_and_an_explanation(made):
    assert made.title
    assert made.explanation.endswith(".")


@pytest.mark.parametrize(
    "made",
    [
        *(kind for menu in MENUS for kind in menu.values()),
        Experiment,
        Data,
        Augmentation,
        Loss,
        EarlyStopping,
    ],
)
def test_every_field_has_a_help_text(made):
    for field in set(made.model_fields) - {"type", "kind", "format"}:
        assert made.help_text(field).endswith("."), field
        assert made.label(field)


def test_menus_use_the_kinds_of_their_classes():
    for menu in MENUS:
        for name, made in menu.items():
            field = "type" if "type" in made.model_fields else "kind"
            assert made.model_fields[field].default == name


def test_limits_are_the_fields_own():
    assert Conv2D.limits("filters") == (1, 4096)
    assert Adam.limits("learning_rate") == (0, 100)
    assert Constant.model_fields.keys() == {"kind"}
