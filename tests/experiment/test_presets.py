"""The presets are the published experiments."""

import pytest

from cifarviz.experiment.choices import SplitValidation, TestValidation
from cifarviz.experiment.optimizers import Adam
from cifarviz.experiment.preprocessing import Divide, Standardize
from cifarviz.experiment.presets import PRESETS

LAYERS = {
    "cifar10-starter": [
        ("conv2d_1", (30, 30, 32), 896),
        ("max_pooling2d_1", (15, 15, 32), 0),
        ("conv2d_2", (13, 13, 64), 18_496),
        ("max_pooling2d_2", (6, 6, 64), 0),
        ("conv2d_3", (4, 4, 64), 36_928),
        ("flatten_1", (1024,), 0),
        ("dense_1", (64,), 65_600),
        ("dense_2", (10,), 650),
    ],
    "cifar10-vgg": [
        ("conv2d_1", (32, 32, 32), 896),
        ("conv2d_2", (32, 32, 32), 9_248),
        ("max_pooling2d_1", (16, 16, 32), 0),
        ("conv2d_3", (16, 16, 64), 18_496),
        ("conv2d_4", (16, 16, 64), 36_928),
        ("max_pooling2d_2", (8, 8, 64), 0),
        ("conv2d_5", (8, 8, 128), 73_856),
        ("conv2d_6", (8, 8, 128), 147_584),
        ("max_pooling2d_3", (4, 4, 128), 0),
        ("flatten_1", (2048,), 0),
        ("dense_1", (256,), 524_544),
        ("dense_2", (10,), 2_570),
    ],
}


@pytest.mark.parametrize("name", PRESETS)
def test_layer_by_layer_as_published(name):
    rows = PRESETS[name].experiment.architecture.trace().rows
    assert [(row.name, row.output_shape, row.parameters) for row in rows] == LAYERS[name]


@pytest.mark.parametrize(
    ("name", "total"), [("cifar10-starter", 122_570), ("cifar10-vgg", 814_122)]
)
def test_totals_as_published(name, total):
    preset = PRESETS[name]
    assert preset.experiment.architecture.parameters == total
    assert preset.published["parameters"] == total


def test_training_as_published():
    starter = PRESETS["cifar10-starter"].experiment
    assert (starter.batch_size, starter.epochs) == (4, 10)
    assert starter.optimizer == Adam(learning_rate=0.001)
    assert starter.validation == TestValidation()
    assert starter.preprocessing == Divide(divisor=255.0)
    vgg = PRESETS["cifar10-vgg"].experiment
    assert (vgg.batch_size, vgg.epochs) == (32, 30)
    assert vgg.optimizer == Adam(learning_rate=1e-4)
    assert vgg.validation == SplitValidation(fraction=0.3, seed=777)
    assert vgg.preprocessing == Standardize()


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_knows_its_name_and_tells_its_story(name):
    preset = PRESETS[name]
    assert preset.name == preset.experiment.preset == name
    assert preset.experiment.data.variant == "full"
    assert preset.story.count(". ") == 2
    assert preset.story.endswith(".")


def test_published_vgg_history_is_lowest_at_epoch_9():
    history = PRESETS["cifar10-vgg"].published["history"]
    assert [row[0] for row in history] == list(range(1, 31))
    assert min(history, key=lambda row: row[3])[:1] == (9,)
    assert history[-1][4] == 0.7363
    assert max(row[2] for row in history) > 0.98
