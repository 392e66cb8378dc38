"""The presets are the published experiments, and one of our own."""

import pytest

from cifarviz.experiment.choices import (
    EarlyStopping,
    Loss,
    NoValidation,
    SplitValidation,
    TestValidation,
)
from cifarviz.experiment.optimizers import Adam
from cifarviz.experiment.preprocessing import Divide, Standardize
from cifarviz.experiment.presets import PRESETS, PUBLISHED
from cifarviz.layers.base import Layer
from cifarviz.layers.block import replace_layers
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.pad_channels import PadChannels
from cifarviz.layers.pooling import MaxPool2D
from cifarviz.layers.residual import Residual

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
    "cifar10-dropout": [
        ("conv2d_1", (32, 32, 32), 896),
        ("conv2d_2", (32, 32, 32), 9_248),
        ("max_pooling2d_1", (16, 16, 32), 0),
        ("dropout_1", (16, 16, 32), 0),
        ("conv2d_3", (16, 16, 64), 18_496),
        ("conv2d_4", (16, 16, 64), 36_928),
        ("max_pooling2d_2", (8, 8, 64), 0),
        ("dropout_2", (8, 8, 64), 0),
        ("flatten_1", (4096,), 0),
        ("dense_1", (512,), 2_097_664),
        ("dropout_3", (512,), 0),
        ("dense_2", (10,), 5_130),
    ],
    "cifar10-ensemble": [
        ("conv2d_1", (32, 32, 15), 735),
        ("max_pooling2d_1", (16, 16, 15), 0),
        ("conv2d_2", (16, 16, 30), 7_230),
        ("max_pooling2d_2", (8, 8, 30), 0),
        ("conv2d_3", (8, 8, 30), 14_430),
        ("max_pooling2d_3", (4, 4, 30), 0),
        ("conv2d_4", (4, 4, 30), 14_430),
        ("max_pooling2d_4", (2, 2, 30), 0),
        ("flatten_1", (120,), 0),
        ("dense_1", (200,), 24_200),
        ("dropout_1", (200,), 0),
        ("dense_2", (200,), 40_200),
        ("dropout_2", (200,), 0),
        ("dense_3", (100,), 20_100),
        ("dropout_3", (100,), 0),
        ("dense_4", (100,), 10_100),
        ("dropout_4", (100,), 0),
        ("dense_5", (10,), 1_010),
    ],
    "fashion-mnist-cnn": [
        ("conv2d_1", (28, 28, 32), 320),
        ("max_pooling2d_1", (14, 14, 32), 0),
        ("conv2d_2", (14, 14, 64), 18_496),
        ("max_pooling2d_2", (7, 7, 64), 0),
        ("flatten_1", (3136,), 0),
        ("dense_1", (100,), 313_700),
        ("dropout_1", (100,), 0),
        ("dense_2", (10,), 1_010),
    ],
}

# The third text gives no count: it is that of our reading.
PARAMETERS = {
    "cifar10-starter": (122_570, 122_570),
    "cifar10-vgg": (814_122, 814_122),
    "cifar10-dropout": (2_168_362, None),
    "cifar10-ensemble": (132_435, 132_435),
    "fashion-mnist-cnn": (333_526, 333_526),
}


OWN = ["cifar10-fast", "cifar10-90", "cifar10-94"]


def test_there_are_five_published_presets() -> None:
    assert list(PUBLISHED) == list(LAYERS)
    assert list(PRESETS) == [*LAYERS, *OWN, "cifar10-separable", "cifar10-resnet20"]


def test_resnet20_has_the_parameters_of_the_literature() -> None:
    # Published as 0.27 million; without the moving statistics it is 269,722.
    network = PRESETS["cifar10-resnet20"].experiment.architecture
    assert network.trace().trainable_parameters == 269_722
    # With biases and 1×1 convolutions as shortcuts, those of Keras' example: 274,442 in all.
    like_keras = replace_layers(network.layers, _as_in_keras)
    blocks = [_with_projection(layer) for layer in like_keras]
    other = network.model_copy(update={"layers": tuple(blocks)})
    assert other.parameters == 274_442


def _as_in_keras(layer: Layer) -> Layer | None:
    if isinstance(layer, Conv2D):
        return layer.model_copy(update={"use_bias": True})
    return None if isinstance(layer, PadChannels) else layer


def _with_projection(layer: Layer) -> Layer:
    if not isinstance(layer, Residual) or not layer.shortcut:
        return layer
    first = layer.branch[0]
    assert isinstance(first, Conv2D)
    shortcut = first.model_copy(update={"kernel_size": 1})
    return layer.model_copy(update={"shortcut": (shortcut,)})


def test_the_separable_preset_is_small() -> None:
    assert PRESETS["cifar10-separable"].experiment.architecture.parameters <= 100_000


@pytest.mark.parametrize("name", PUBLISHED)
def test_layer_by_layer_as_published(name: str) -> None:
    rows = PRESETS[name].experiment.architecture.trace().rows
    assert [(row.name, row.output_shape, row.parameters) for row in rows] == LAYERS[name]


@pytest.mark.parametrize("name", PUBLISHED)
def test_totals_as_published(name: str) -> None:
    preset = PRESETS[name]
    counted, published = PARAMETERS[name]
    assert preset.experiment.architecture.parameters == counted
    assert preset.facts["parameters"] == published


def test_training_as_published() -> None:
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
    ensemble = PRESETS["cifar10-ensemble"].experiment
    assert (ensemble.batch_size, ensemble.epochs) == (100, 15)
    assert ensemble.validation == NoValidation()
    assert ensemble.preprocessing == Divide(divisor=225.0)
    assert ensemble.loss == Loss(labels="one_hot")
    assert ensemble.tensorboard
    layers = ensemble.architecture.model_dump()["layers"]
    assert {layer.get("initializer", "glorot_normal") for layer in layers} == {"glorot_normal"}
    assert {layer["rate"] for layer in layers if layer["type"] == "dropout"} == {0.5}
    fashion = PRESETS["fashion-mnist-cnn"].experiment
    assert (fashion.batch_size, fashion.epochs) == (32, 20)
    assert fashion.data.dataset == "fashion-mnist"
    assert fashion.validation == SplitValidation(fraction=0.2, seed=42)
    assert fashion.early_stopping == EarlyStopping(patience=2, restore_best_weights=True)
    assert (fashion.monitor, fashion.best_only) == ("loss", True)


def test_the_ensemble_has_the_published_variant() -> None:
    preset = PRESETS["cifar10-ensemble"]
    assert preset.members == 4
    [variant] = preset.variants
    assert variant.name == "as-published"
    assert variant.experiment.epochs == 60
    assert variant.experiment.test_epochs == (15, 30, 45, 60)
    same = set(type(variant.experiment).model_fields) - {"epochs", "test_epochs"}
    for field in same:
        assert getattr(variant.experiment, field) == getattr(preset.experiment, field)
    assert any("225" in note and "255" in note for note in preset.notes)
    assert any("the same weights" in note for note in preset.notes)
    assert preset.facts["ensemble_accuracy"] == 0.7006
    assert preset.facts["history"] == ((60, 0.6055, 0.8041, 1.1913, 0.6599),)


def test_a_story_states_that_settings_are_our_choice() -> None:
    preset = PRESETS["cifar10-dropout"]
    assert "our choice" in preset.story
    assert preset.facts["history"] == ()


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_has_its_name_and_a_story(name: str) -> None:
    preset = PRESETS[name]
    assert preset.name == preset.experiment.preset == name
    assert preset.experiment.data.variant == "full"
    assert preset.story.count(". ") in (2, 3)
    for sentence in (preset.story, *preset.notes, *(v.text for v in preset.variants)):
        assert sentence.endswith(".")
    assert {variant.experiment.preset for variant in preset.variants} <= {name}


def test_published_vgg_history_is_lowest_at_epoch_9() -> None:
    history = PRESETS["cifar10-vgg"].facts["history"]
    assert [row[0] for row in history] == list(range(1, 31))
    assert min(history, key=lambda row: row[3])[:1] == (9,)
    assert history[-1][4] == 0.7363
    assert max(row[2] for row in history) > 0.98


def test_the_published_fashion_run_stopped_after_epoch_8_for_epoch_6() -> None:
    history = PRESETS["fashion-mnist-cnn"].facts["history"]
    assert [row[0] for row in history] == list(range(1, 9))
    assert min(history, key=lambda row: row[3]) == (6, 0.2181, 0.9207, 0.2157, 0.9202)


def test_a_story_has_the_published_figures_as_pages_write_them() -> None:
    vgg = PRESETS["cifar10-vgg"]
    ninth, *_, last = vgg.facts["history"][8:]
    assert f"{last.val_accuracy:.1%} validation accuracy after 30 epochs" in vgg.story
    assert f"the {ninth.val_accuracy:.1%} of epoch 9" in vgg.story
    assert not [preset.name for preset in PRESETS.values() if " %" in preset.story]


def test_each_block_of_cifar10_94_is_pooled_once() -> None:
    layers = PRESETS["cifar10-94"].experiment.architecture.layers
    convolutions = [layer.filters for layer in layers if isinstance(layer, Conv2D)]
    assert convolutions == [32, 32, 128, 128, 256, 256, 256, 256]
    places = [place for place, layer in enumerate(layers) if isinstance(layer, MaxPool2D)]
    pooled = [layer.filters for place in places if isinstance(layer := layers[place - 1], Conv2D)]
    assert pooled == [32, 128, 256]
