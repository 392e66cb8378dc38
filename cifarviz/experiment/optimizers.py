"""The optimisers: their settings, and what Keras calls and stores for them.

A new optimiser is a class here and its entry in ``OPTIMIZERS``.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from operator import or_
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import Field

from cifarviz.layers.base import Shape, Variable
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

Momentum = Annotated[
    float,
    Field(
        ge=0,
        lt=1,
        title="momentum",
        description="How much of the previous step's movement is added to the next; 0 means none.",
    ),
]

WeightDecay = Annotated[
    float,
    Field(
        ge=0,
        le=1,
        title="weight decay",
        description="How strongly each step pulls the weights towards zero; 0 means not at all.",
    ),
]


class Slot(NamedTuple):
    """An array, named by Keras, that an optimiser has for each trained variable."""

    name: str
    never_negative: bool = False


_MOMENTUM = Slot("momentum")
_VELOCITY = Slot("velocity", never_negative=True)  # a mean of squares


class Optimizer(Value):
    """The spec of an optimiser; each field except ``kind`` is an argument of its Keras class.

    ``title`` and ``short_title`` are proper names unless ``title_keeps_case`` is false.
    """

    if TYPE_CHECKING:
        # Each class has its own; their positions among the fields are those in stored JSON.
        kind: str = ""
        learning_rate: float = 0.0

    title_keeps_case: ClassVar[bool] = True
    keras_class: ClassVar[str]
    """Its class in ``keras.optimizers``, or in ``training.muon``."""

    def keras_arguments(self) -> Mapping[str, Any]:
        """Return the arguments of its Keras class, except for the learning rate.

        Training and exported code use the same ones; each value is a Python literal.
        """
        return self.model_dump(exclude={"kind", "learning_rate"})

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The arrays for each trained variable, in Keras' order."""
        return ()

    def variables(self, trained: Sequence[Variable]) -> Iterator[Variable]:
        """Yield Keras' variables after the count of steps and the learning rate, in its order.

        By default the ``slots`` of the first trained variable, then those of the next.
        """
        for variable in trained:
            for name, never_negative in self.slots:
                yield Variable(
                    f"{variable.name}_{name}", variable.shape, never_negative=never_negative
                )

    @property
    def decays_weights(self) -> bool:
        """Whether each step pulls the weights towards zero."""
        return False


class SGD(Optimizer):
    """Stochastic gradient descent with momentum."""

    title: ClassVar[str] = "SGD with momentum"
    short_title: ClassVar[str] = "SGD"
    keras_class: ClassVar[str] = "SGD"
    explanation: ClassVar[str] = (
        "Moves the weights down the gradient and keeps part of the previous steps' movement."
    )

    kind: Literal["sgd"] = "sgd"
    learning_rate: LearningRate = 0.01
    momentum: Momentum = 0.9
    nesterov: bool = Field(
        default=False,
        title="Nesterov momentum",
        description="Computes the gradient at the position that the momentum leads to.",
    )

    def keras_arguments(self) -> Mapping[str, Any]:
        # Without what is off, as in Keras' defaults.
        return {name: value for name, value in super().keras_arguments().items() if value}

    @property
    def slots(self) -> tuple[Slot, ...]:
        return (_MOMENTUM,) if self.momentum else ()


class Adam(Optimizer):
    """Adam with Keras' defaults (Kingma and Ba, arXiv 1412.6980)."""

    title: ClassVar[str] = "Adam"
    keras_class: ClassVar[str] = "Adam"
    explanation: ClassVar[str] = (
        "Adapts the step size of each weight; a good first choice that needs little tuning."
    )

    kind: Literal["adam"] = "adam"
    learning_rate: LearningRate = 0.001

    @property
    def slots(self) -> tuple[Slot, ...]:
        return _MOMENTUM, _VELOCITY


class AdamW(Optimizer):
    """Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101)."""

    title: ClassVar[str] = "AdamW"
    keras_class: ClassVar[str] = "AdamW"
    explanation: ClassVar[str] = (
        "Adam that also pulls all weights slightly towards zero in each step, to reduce "
        "overfitting."
    )

    kind: Literal["adamw"] = "adamw"
    learning_rate: LearningRate = 0.001
    weight_decay: WeightDecay = 0.004

    @property
    def slots(self) -> tuple[Slot, ...]:
        return _MOMENTUM, _VELOCITY

    @property
    def decays_weights(self) -> bool:
        return self.weight_decay > 0


class RMSprop(Optimizer):
    """RMSprop with Keras' defaults."""

    title: ClassVar[str] = "RMSprop"
    keras_class: ClassVar[str] = "RMSprop"
    explanation: ClassVar[str] = "Divides each weight's step by the recent size of its gradients."

    kind: Literal["rmsprop"] = "rmsprop"
    learning_rate: LearningRate = 0.001

    @property
    def slots(self) -> tuple[Slot, ...]:
        return (_VELOCITY,)


class Lion(Optimizer):
    """Lion with Keras' defaults, and the learning rate of its authors' code.

    Chen et al., arXiv 2302.06675; section 5 recommends 3 to 10 times less than for AdamW.
    """

    title: ClassVar[str] = "Lion"
    keras_class: ClassVar[str] = "Lion"
    explanation: ClassVar[str] = (
        "Moves every weight by the same amount, in the direction of its recent gradients; needs a "
        "smaller learning rate than Adam."
    )

    kind: Literal["lion"] = "lion"
    learning_rate: LearningRate = 0.0001
    weight_decay: WeightDecay = 0.0

    @property
    def slots(self) -> tuple[Slot, ...]:
        return (_MOMENTUM,)

    @property
    def decays_weights(self) -> bool:
        return self.weight_decay > 0


class Muon(Optimizer):
    """Momentum whose step is made orthogonal, for the kernels of hidden layers.

    After Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024): each step
    of a matrix has about the learning rate as all of its singular values.
    """

    title: ClassVar[str] = "Muon"
    keras_class: ClassVar[str] = "KernelMuon"
    explanation: ClassVar[str] = (
        "Treats each kernel as a matrix and moves it equally far in all directions of its "
        "momentum, so that rare directions are learned too. Biases, normalisation and the output "
        "layer are trained by Adam. Steps do not shrink with the gradient, so let the rate fall."
    )

    kind: Literal["muon"] = "muon"
    learning_rate: LearningRate = 0.02
    momentum: Momentum = 0.95
    adam_lr_ratio: float = Field(
        default=0.1,
        gt=0,
        le=100,
        title="Adam factor",
        description="The learning rate of biases, normalisation and the output layer, which Adam "
        "trains, as a multiple of Muon's.",
    )
    weight_decay: WeightDecay = 0.0

    def keras_arguments(self) -> Mapping[str, Any]:
        # Without another scale of steps, and decay for matrices only.
        return {**super().keras_arguments(), "rms_rate": None, "adam_weight_decay": None}

    def variables(self, trained: Sequence[Variable]) -> Iterator[Variable]:
        matrices = matrix_names((variable.name, variable.shape) for variable in trained)
        for variable in trained:
            yield Variable(f"{variable.name}_momentum", variable.shape)
            if variable.name not in matrices:
                yield Variable(f"{variable.name}_velocity", variable.shape, never_negative=True)

    @property
    def decays_weights(self) -> bool:
        return self.weight_decay > 0


def matrix_names(trained: Iterable[tuple[str, Shape]]) -> frozenset[str]:
    """Return which variables Muon trains as matrices, by name: kernels of hidden layers.

    ``trained`` are names and shapes. Depthwise kernels have no matrix, and the last trained kernel
    of a dense layer counts as the output's.
    """
    kernels = {
        name: len(shape)
        for name, shape in trained
        if name.endswith("kernel") and "depthwise" not in name
    }
    outputs = [name for name, axes in kernels.items() if axes == 2][-1:]
    return frozenset(kernels) - frozenset(outputs)


OPTIMIZERS: Mapping[str, type[Optimizer]] = MappingProxyType(
    {
        optimizer.model_fields["kind"].default: optimizer
        for optimizer in (Adam, AdamW, SGD, RMSprop, Lion, Muon)
    }
)
"""Every optimizer class by its ``kind``, in the order a menu shows them."""

if TYPE_CHECKING:
    OptimizerSpec = Optimizer
else:
    # The field of an experiment; ``kind`` decides which class it is.
    OptimizerSpec = Annotated[reduce(or_, OPTIMIZERS.values()), Field(discriminator="kind")]
