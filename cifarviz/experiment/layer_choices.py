"""The choices that several kinds of layers have, and their words for people."""

from typing import Annotated, Literal

from pydantic import Field

ActivationName = Literal[
    "linear", "relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", "softmax"
]
InitializerName = Literal["glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "identity"]
Padding = Literal["same", "valid"]

ActivationChoice = Annotated[
    ActivationName,
    Field(
        title="activation",
        description="What is done to each value on its way out; ReLU keeps positive values and "
        "sets negative ones to zero, softmax turns the outputs into probabilities, which add up "
        "to 1.",
    ),
]
InitializerChoice = Annotated[
    InitializerName,
    Field(
        title="initialiser",
        description="How the weights are drawn before training: Glorot keeps signals steady for "
        "tanh and softmax, He is made for ReLU; with identity each filter begins by handing on one "
        "input, and filters that are over are drawn as by Glorot uniform.",
    ),
]
PaddingChoice = Annotated[
    Padding,
    Field(
        title="padding",
        description="Same adds a border of zeros so that the map keeps its size; valid adds none, "
        "so the map shrinks.",
    ),
]

BiasChoice = Annotated[
    bool,
    Field(
        title="bias",
        description="Adds a learned number to each output; of no use right before batch "
        "normalisation, which takes it away again.",
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
