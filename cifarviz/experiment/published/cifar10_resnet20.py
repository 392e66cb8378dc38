"""``cifar10-resnet20``: the residual network of 20 layers by He et al., arXiv 1512.03385."""

from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.choices import Augmentation, Data, SplitValidation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.optimizers import SGD
from cifarviz.experiment.preprocessing import Standardize
from cifarviz.experiment.published.preset import Preset
from cifarviz.experiment.schedules import Milestones
from cifarviz.layers.activation import Activation
from cifarviz.layers.base import Layer
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.pad_channels import PadChannels
from cifarviz.layers.pooling import GlobalAveragePool2D, MaxPool2D
from cifarviz.layers.residual import Residual, residual

_FILTERS = (16, 32, 64)
_BLOCKS = 3


def _blocks() -> list[Residual]:
    blocks: list[Residual] = []
    for stage, filters in enumerate(_FILTERS):
        for block in range(_BLOCKS):
            smaller = stage > 0 and block == 0
            # Option A of the paper: every second pixel, and zeros for the new channels.
            shortcut: tuple[Layer, ...] = (
                MaxPool2D(pool_size=1, strides=2),
                PadChannels(added=filters // 2),
            )
            blocks.append(
                residual(
                    filters,
                    strides=2 if smaller else 1,
                    shortcut=shortcut if smaller else (),
                    momentum=0.9,
                )
            )
    return blocks


CIFAR10_RESNET20 = Preset(
    name="cifar10-resnet20",
    title="Shortcuts: ResNet-20",
    story=(
        "Nine residual blocks with two convolutions each. Every block adds a small change to what "
        "its shortcut carries past it, so that 20 layers with weights can be trained. Watch the "
        "loss fall when the learning rate does, at the milestones."
    ),
    experiment=Experiment(
        preset="cifar10-resnet20",
        data=Data(dataset="cifar10", variant="full"),
        validation=SplitValidation(fraction=0.1),
        preprocessing=Standardize(),
        augmentation=Augmentation(flip=True, shift=4),
        architecture=Architecture(
            input_shape=(32, 32, 3),
            classes=10,
            layers=(
                Conv2D(
                    filters=_FILTERS[0],
                    activation="linear",
                    use_bias=False,
                    initializer="he_normal",
                ),
                BatchNorm(momentum=0.9),
                Activation(activation="relu"),
                *_blocks(),
                GlobalAveragePool2D(),
                Dense(units=10, activation="softmax"),
            ),
        ),
        optimizer=SGD(learning_rate=0.1, momentum=0.9),
        # 32,000 and 48,000 of 64,000 steps, at 352 steps an epoch.
        schedule=Milestones(epochs=(91, 137), factor=0.1),
        batch_size=128,
        epochs=182,
        # A weight decay of 0.0001: the gradient of the penalty is twice its factor.
        l2=5e-5,
        monitor="accuracy",
    ),
    published=None,
    literature=(
        "After He et al., 2015 (arXiv 1512.03385): 0.27 million parameters, 91.25% of the test "
        "images after 64,000 steps."
    ),
    notes=(
        "The authors subtracted the mean image, decayed all weights and filled shifted images with "
        "zeros; here each channel is standardised, only kernels are penalised, and borders are "
        "reflected.",
    ),
)
