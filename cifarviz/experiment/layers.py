"""The layers a network can be made of, each a frozen value, and their words for people."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from cifarviz.experiment.layer_choices import (
    ActivationChoice,
    BiasChoice,
    InitializerChoice,
    PaddingChoice,
    StridesChoice,
)
from cifarviz.experiment.value import Value


class Layer(Value):
    """What all layer specs share."""

    keras_name: ClassVar[str]
    """The name Keras gives such a layer, which a number is added to."""


class Conv2D(Layer):
    """A 2-D convolution with square kernels."""

    title: ClassVar[str] = "Convolution"
    explanation: ClassVar[str] = (
        "Slides small learned filters over the map; each filter answers where it finds its "
        "pattern and makes one output channel."
    )
    keras_name: ClassVar[str] = "conv2d"

    type: Literal["conv2d"] = "conv2d"
    filters: int = Field(
        default=32,
        ge=1,
        le=4096,
        title="number of filters",
        description="How many patterns this layer learns to find; each makes one output channel "
        "(a channel is one map of values, as red is one of a picture's three).",
    )
    kernel_size: int = Field(
        default=3,
        ge=1,
        le=32,
        title="kernel size",
        description="Height and width of the window, in pixels, that each filter looks through.",
    )
    strides: StridesChoice = 1
    padding: PaddingChoice = "same"
    activation: ActivationChoice = "relu"
    initializer: InitializerChoice = "glorot_uniform"
    use_bias: BiasChoice = True


class Whitening(Layer):
    """A convolution that is worked out from the training images and never trained.

    Its filters are the principal components of their patches, each divided by its standard
    deviation, and the negatives of these (after Jordan, arXiv 2404.00498). Without padding or bias.
    """

    title: ClassVar[str] = "Whitening"
    explanation: ClassVar[str] = (
        "A convolution that is not learned: its filters take apart what neighbouring pixels have "
        "in common, so that the layers after it learn faster. Only for the first layer."
    )
    keras_name: ClassVar[str] = "whitening"

    type: Literal["whitening"] = "whitening"
    filters: int = Field(
        default=24,
        ge=2,
        le=4096,
        multiple_of=2,
        title="number of filters",
        description="An even number: half of them are the strongest patterns of the patches, the "
        "other half their negatives.",
    )
    kernel_size: int = Field(
        default=2,
        ge=1,
        le=8,
        title="kernel size",
        description="Height and width, in pixels, of the patches that are taken apart.",
    )
    strides: StridesChoice = 1
    activation: ActivationChoice = "relu"


class Pool2D(Layer):
    """What max and average pooling share."""

    pool_size: int = Field(
        default=2,
        ge=1,
        le=32,
        title="pool size",
        description="Height and width of the window, in pixels, that becomes one value.",
    )
    strides: StridesChoice = 2
    padding: PaddingChoice = "valid"


class MaxPool2D(Pool2D):
    """Max pooling with a square window."""

    title: ClassVar[str] = "Max pooling"
    explanation: ClassVar[str] = (
        "Pooling makes the map smaller: of each small window only the largest value is kept."
    )
    keras_name: ClassVar[str] = "max_pooling2d"

    type: Literal["max_pool2d"] = "max_pool2d"


class AveragePool2D(Pool2D):
    """Average pooling with a square window."""

    title: ClassVar[str] = "Average pooling"
    explanation: ClassVar[str] = (
        "Pooling makes the map smaller: each small window becomes the mean of its values."
    )
    keras_name: ClassVar[str] = "average_pooling2d"

    type: Literal["average_pool2d"] = "average_pool2d"


class BatchNorm(Layer):
    """Batch normalization over the last axis, with learned scale and offset."""

    title: ClassVar[str] = "Batch normalisation"
    explanation: ClassVar[str] = (
        "Centres and scales each channel over the batch, which makes training steadier and faster."
    )
    keras_name: ClassVar[str] = "batch_normalization"

    type: Literal["batch_norm"] = "batch_norm"
    momentum: float = Field(
        default=0.99,
        ge=0,
        lt=1,
        title="momentum",
        description="How slowly the remembered mean and variance follow those of the batches; "
        "nearer to 1 is slower.",
    )
    epsilon: float = Field(
        default=1e-3,
        gt=0,
        le=1,
        title="epsilon",
        description="A small number added to the variance so that nothing is divided by zero.",
    )


class Activation(Layer):
    """An activation function as a layer of its own."""

    title: ClassVar[str] = "Activation"
    explanation: ClassVar[str] = (
        "Applies a function to each value, such as ReLU: positive values stay, negative become 0."
    )
    keras_name: ClassVar[str] = "activation"

    type: Literal["activation"] = "activation"
    activation: ActivationChoice = "relu"


class Dropout(Layer):
    """Dropout of single values, during training only."""

    title: ClassVar[str] = "Dropout"
    explanation: ClassVar[str] = (
        "During training, sets a random share of the values to zero, so that the network cannot "
        "rely on any one of them; this slows overfitting."
    )
    keras_name: ClassVar[str] = "dropout"

    type: Literal["dropout"] = "dropout"
    rate: float = Field(
        default=0.5,
        ge=0,
        lt=1,
        title="dropout rate",
        description="The share of values that dropout sets to zero in each training step.",
    )


class Flatten(Layer):
    """A map laid out as one vector."""

    title: ClassVar[str] = "Flatten"
    explanation: ClassVar[str] = (
        "Lays the values of all channels out in one long row, as dense layers want them."
    )
    keras_name: ClassVar[str] = "flatten"

    type: Literal["flatten"] = "flatten"


class GlobalAveragePool2D(Layer):
    """The mean of each channel."""

    title: ClassVar[str] = "Global average pooling"
    explanation: ClassVar[str] = "Pooling of the whole map: of each channel only the mean is kept."
    keras_name: ClassVar[str] = "global_average_pooling2d"

    type: Literal["global_average_pool2d"] = "global_average_pool2d"


class GlobalMaxPool2D(Layer):
    """The largest value of each channel."""

    title: ClassVar[str] = "Global max pooling"
    explanation: ClassVar[str] = (
        "Pooling of the whole map: of each channel only the largest value is kept."
    )
    keras_name: ClassVar[str] = "global_max_pooling2d"

    type: Literal["global_max_pool2d"] = "global_max_pool2d"


class Dense(Layer):
    """A fully connected layer."""

    title: ClassVar[str] = "Dense"
    explanation: ClassVar[str] = (
        "Each unit weighs all incoming values and adds them up; the last dense layer has one unit "
        "a class, and softmax makes them probabilities."
    )
    keras_name: ClassVar[str] = "dense"

    type: Literal["dense"] = "dense"
    units: int = Field(
        default=64,
        ge=1,
        le=65_536,
        title="number of units",
        description="How many weighted sums this layer makes; the output layer has one a class.",
    )
    activation: ActivationChoice = "relu"
    initializer: InitializerChoice = "glorot_uniform"
    use_bias: BiasChoice = True


LayerSpec = Annotated[
    Conv2D
    | Whitening
    | MaxPool2D
    | AveragePool2D
    | BatchNorm
    | Activation
    | Dropout
    | Flatten
    | GlobalAveragePool2D
    | GlobalMaxPool2D
    | Dense,
    Field(discriminator="type"),
]

LAYER_TYPES: Mapping[str, type[Layer]] = MappingProxyType(
    {
        "conv2d": Conv2D,
        "whitening": Whitening,
        "max_pool2d": MaxPool2D,
        "average_pool2d": AveragePool2D,
        "batch_norm": BatchNorm,
        "activation": Activation,
        "dropout": Dropout,
        "flatten": Flatten,
        "global_average_pool2d": GlobalAveragePool2D,
        "global_max_pool2d": GlobalMaxPool2D,
        "dense": Dense,
    }
)
"""Every layer class by its ``type``, in the order a menu shows them."""
