"""Fields that several layer types have, and their texts."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from cifarviz.value_text import format_choice, format_value

ActivationName = Literal[
    "linear", "relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", "softmax"
]
HiddenInitializerName = Literal[
    "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "identity"
]
InitializerName = Literal[HiddenInitializerName, "zeros"]
Padding = Literal["same", "valid"]

ActivationChoice = Annotated[
    ActivationName,
    Field(
        title="activation",
        description="The function applied to each output value. ReLU keeps positive values and "
        "sets negative values to zero; softmax turns the outputs into probabilities, which add up "
        "to 1.",
    ),
]
InitializerChoice = Annotated[
    HiddenInitializerName,
    Field(
        title="initialiser",
        description="How the weights are drawn before training. Glorot suits tanh and softmax, He "
        "suits ReLU; with identity each filter first passes one input on, and any further filters "
        "are drawn by Glorot uniform.",
    ),
]
DenseInitializerChoice = Annotated[
    InitializerName,
    Field(
        title="initialiser",
        description="How the weights are drawn before training. Glorot suits tanh and softmax, He "
        "suits ReLU; with identity each unit first passes one input on, and any further units are "
        "drawn by Glorot uniform. An output layer that starts with zeros predicts all classes "
        "equally at first, and so does not disturb the first steps of the other layers.",
    ),
]
ChannelInitializerChoice = Annotated[
    # Of filters that each take one channel: without identity, which passes a channel on between
    # filters.
    Literal["glorot_uniform", "glorot_normal", "he_uniform", "he_normal"],
    Field(
        title="initialiser",
        description="How the weights are drawn before training. Glorot suits tanh and softmax, He "
        "suits ReLU.",
    ),
]
KernelSizeChoice = Annotated[
    int,
    Field(
        ge=1,
        le=32,
        title="kernel size",
        description="Height and width of each filter, in pixels.",
    ),
]
PaddingChoice = Annotated[
    Padding,
    Field(
        title="padding",
        description="Same adds a border of zeros so that the map keeps its size; valid adds no "
        "border, so the map shrinks.",
    ),
]

BiasChoice = Annotated[
    bool,
    Field(
        title="bias",
        description="Adds a learned number to each output. It has no effect right before batch "
        "normalisation, which subtracts it again.",
    ),
]
FrozenChoice = Annotated[
    bool,
    Field(
        title="frozen",
        description="Training leaves the weights of this layer as they are, such as those taken "
        "from another run; the optimiser does not see them. A frozen batch normalisation also "
        "keeps its moving mean and variance and always uses them.",
    ),
]
StridesChoice = Annotated[
    int,
    Field(
        ge=1,
        le=32,
        title="stride",
        description="How many pixels the window moves at a time; 2 halves the map.",
    ),
]

DilationChoice = Annotated[
    int,
    Field(
        ge=1,
        le=16,
        title="dilation",
        description="The distance between the pixels a filter looks at: with 2 it skips every "
        "second one, so that a 3×3 filter covers 5×5 pixels with the same number of weights.",
    ),
]


def format_activation(fields: Mapping[str, Any]) -> str:
    """Return the activation for a layer's summary: ``ReLU``, ``no activation``."""
    if fields["activation"] == "linear":
        return "no activation"
    return format_value(fields["activation"])


def format_padding(fields: Mapping[str, Any]) -> str:
    """Return the padding for a layer's summary: ``same padding``."""
    return f"{format_choice(fields['padding']).lower()} padding"


def format_stride(fields: Mapping[str, Any], default: int | None = 1) -> str:
    """Return the stride for a layer's summary: ``stride 2``; empty for the ``default``."""
    return "" if fields["strides"] == default else f"stride {format_value(fields['strides'])}"


def format_dilation(fields: Mapping[str, Any]) -> str:
    """Return the dilation for a layer's summary: ``dilation 2``; empty for 1."""
    return "" if fields["dilation"] == 1 else f"dilation {format_value(fields['dilation'])}"


def dilation_problem(strides: int, dilation: int) -> str | None:
    """Return what is wrong with both above 1, which TensorFlow cannot compute."""
    if strides > 1 and dilation > 1:
        return (
            f"A convolution cannot have a stride of {strides} and a dilation of {dilation} at "
            "once. Set one of them to 1."
        )
    return None


def format_initializer(fields: Mapping[str, Any]) -> str:
    """Return the initialiser for a layer's summary: ``He normal``; empty for the default."""
    is_default = fields["initializer"] == "glorot_uniform"
    return "" if is_default else format_choice(fields["initializer"])


def format_bias(fields: Mapping[str, Any]) -> str:
    """Return ``no bias`` for a layer's summary if it has none."""
    return "" if fields["use_bias"] else "no bias"
