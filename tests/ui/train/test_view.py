"""Published results of each preset, in a sentence."""

import pytest

from cifarviz.experiment.presets import PRESETS
from cifarviz.ui.train.view import format_published


@pytest.mark.parametrize(
    ("preset", "words"),
    [
        (
            "cifar10-starter",
            "Published in 2022: 122,570 parameters, batches of 4, a loss of 1.058 and 66.2% "
            "accuracy on the test images after epoch 10, 45 to 58 s per epoch on the authors’ "
            "machine.",
        ),
        ("cifar10-vgg", "lowest validation loss 0.796 after epoch 9 of 30"),
        ("cifar10-dropout", "Published in 2019, without results to compare"),
        (
            "cifar10-ensemble",
            "a loss of 1.191 and 66.0% accuracy on the test images after epoch 60, 70.1% for the "
            "ensemble.",
        ),
        ("fashion-mnist-cnn", "Published: 333,526 parameters, batches of 32, lowest validation"),
    ],
)
def test_published_results_name_metric_and_images(preset: str, words: str) -> None:
    assert words in format_published(PRESETS[preset])
