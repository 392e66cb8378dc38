"""The optimisers and their settings."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from cifarviz.value import Value

LearningRate = Annotated[
    float,
    Field(
        gt=0,
        le=100,
        title="learning rate",
        description="How far the weights move in each step. Too small trains slowly, too large "
        "does not converge.",
    ),
]


class SGD(Value):
    """Stochastic gradient descent with momentum."""

    title: ClassVar[str] = "SGD with momentum"
    explanation: ClassVar[str] = (
        "Moves the weights down the gradient and keeps part of the previous steps' movement."
    )

    kind: Literal["sgd"] = "sgd"
    learning_rate: LearningRate = 0.01
    momentum: float = Field(
        default=0.9,
        ge=0,
        lt=1,
        title="momentum",
        description="How much of the previous step's movement is added to the next; 0 means none.",
    )
    nesterov: bool = Field(
        default=False,
        title="Nesterov momentum",
        description="Computes the gradient at the position that the momentum leads to.",
    )


class Adam(Value):
    """Adam with Keras' defaults (Kingma and Ba, arXiv 1412.6980)."""

    title: ClassVar[str] = "Adam"
    explanation: ClassVar[str] = (
        "Adapts the step size of each weight; a good first choice that needs little tuning."
    )

    kind: Literal["adam"] = "adam"
    learning_rate: LearningRate = 0.001


class AdamW(Value):
    """Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101)."""

    title: ClassVar[str] = "AdamW"
    explanation: ClassVar[str] = (
        "Adam that also pulls all weights slightly towards zero in each step, to reduce "
        "overfitting."
    )

    kind: Literal["adamw"] = "adamw"
    learning_rate: LearningRate = 0.001
    weight_decay: float = Field(
        default=0.004,
        ge=0,
        le=1,
        title="weight decay",
        description="How strongly each step pulls the weights towards zero; 0 means not at all.",
    )


class RMSprop(Value):
    """RMSprop with Keras' defaults."""

    title: ClassVar[str] = "RMSprop"
    explanation: ClassVar[str] = "Divides each weight's step by the recent size of its gradients."

    kind: Literal["rmsprop"] = "rmsprop"
    learning_rate: LearningRate = 0.001


Optimizer = Annotated[SGD | Adam | AdamW | RMSprop, Field(discriminator="kind")]

OPTIMIZERS: Mapping[str, type[SGD | Adam | AdamW | RMSprop]] = MappingProxyType(
    {"adam": Adam, "adamw": AdamW, "sgd": SGD, "rmsprop": RMSprop}
)
"""Every optimizer class by its ``kind``, in the order a menu shows them."""
