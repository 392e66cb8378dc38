"""The choices that several kinds of layers have, and their words for people."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from cifarviz.value_text import choice_words, value_words

ActivationName = Literal[
    "linear", "relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", "softmax"
]
InitializerName = Literal["glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "identity"]
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
    InitializerName,
    Field(
        title="initialiser",
        description="How the weights are drawn before training. Glorot suits tanh and softmax, He "
        "suits ReLU; with identity each filter first passes one input on, and any further filters "
        "are drawn by Glorot uniform.",
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
StridesChoice = Annotated[
    int,
    Field(
        ge=1,
        le=32,
        title="stride",
        description="How many pixels the window moves at a time; 2 halves the map.",
    ),
]


def format_activation(fields: Mapping[str, Any]) -> str:
    """The activation in a layer's line of settings: ``ReLU``, ``no activation``."""
    words = value_words(fields["activation"])
    return "no activation" if words == value_words("linear") else words


def format_padding(fields: Mapping[str, Any]) -> str:
    """The padding in a layer's line of settings: ``same padding``."""
    return f"{choice_words(fields['padding']).lower()} padding"


def format_stride(fields: Mapping[str, Any], usual: int | None = 1) -> str:
    """The stride in a layer's line of settings, but for the ``usual`` one: ``stride 2``."""
    return "" if fields["strides"] == usual else f"stride {value_words(fields['strides'])}"


def format_initializer(fields: Mapping[str, Any]) -> str:
    """The initialiser in a layer's line of settings, but for the usual one: ``He normal``."""
    usual = fields["initializer"] == "glorot_uniform"
    return "" if usual else choice_words(fields["initializer"])


def format_bias(fields: Mapping[str, Any]) -> str:
    """``no bias`` in a layer's line of settings, where it has none."""
    return "" if fields["use_bias"] else "no bias"
