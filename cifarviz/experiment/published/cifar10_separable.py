"""``cifar10-separable``: separable convolutions, with fewer than 100,000 parameters."""

from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.choices import Augmentation, Data, SplitValidation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.optimizers import Adam
from cifarviz.experiment.preprocessing import Standardize
from cifarviz.experiment.published.preset import Preset
from cifarviz.experiment.schedules import OneCycle
from cifarviz.layers.activation import Activation
from cifarviz.layers.base import Layer
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.pooling import GlobalAveragePool2D, MaxPool2D
from cifarviz.layers.separable_conv2d import SeparableConv2D


def _separable(filters: int, *, pooled: bool = False) -> list[Layer]:
    return [
        SeparableConv2D(
            filters=filters, activation="linear", use_bias=False, initializer="he_normal"
        ),
        *([MaxPool2D()] if pooled else []),
        BatchNorm(momentum=0.9),
        Activation(activation="relu"),
    ]


CIFAR10_SEPARABLE = Preset(
    name="cifar10-separable",
    title="Small and good: separable convolutions",
    story=(
        "Each convolution is split in two: one small filter for each channel, then a mixture of "
        "the channels. So a network of fewer than 100,000 parameters is more accurate on the "
        "test images than cifar10-vgg, which was published with eight times as many. Compare "
        "their parameters on Train."
    ),
    experiment=Experiment(
        preset="cifar10-separable",
        data=Data(dataset="cifar10", variant="full"),
        validation=SplitValidation(fraction=0.1),
        preprocessing=Standardize(),
        augmentation=Augmentation(flip=True, shift=2),
        architecture=Architecture(
            input_shape=(32, 32, 3),
            classes=10,
            layers=(
                Conv2D(filters=32, activation="linear", use_bias=False, initializer="he_normal"),
                BatchNorm(momentum=0.9),
                Activation(activation="relu"),
                *_separable(64, pooled=True),
                *_separable(128),
                *_separable(128, pooled=True),
                *_separable(192),
                *_separable(192),
                GlobalAveragePool2D(),
                Dense(units=10, activation="softmax"),
            ),
        ),
        optimizer=Adam(learning_rate=0.01),
        schedule=OneCycle(warmup_fraction=0.3, start_fraction=0.1, final_fraction=0.01),
        batch_size=128,
        epochs=8,
    ),
    published=None,
    literature="A recipe of cifarviz, with the separable convolutions of Chollet, 2016 (Xception).",
)
