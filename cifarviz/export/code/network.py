"""The network of a run in code: its layers in order, and what Keras does not have."""

from collections.abc import Collection

from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.layers import (
    Activation,
    AveragePool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    GlobalMaxPool2D,
    LayerSpec,
    MaxPool2D,
    Whitening,
)
from cifarviz.experiment.preprocessing import Divide, Scaling
from cifarviz.export.code.network_parts import (
    DROPOUT_IN_HALVES,
    LAYER_SEED,
    MIRRORED_ANSWERS,
    PARTIAL_IDENTITY,
    whitening_code,
)
from cifarviz.export.code.section import Section, blocks, call, comment

_INITIALIZERS = {
    "glorot_uniform": "keras.initializers.GlorotUniform",
    "glorot_normal": "keras.initializers.GlorotNormal",
    "he_uniform": "keras.initializers.HeUniform",
    "he_normal": "keras.initializers.HeNormal",
    "identity": "PartialIdentity",
}


def network_section(
    experiment: Experiment, scaling: Scaling, precision: str, in_halves: Collection[int]
) -> Section:
    """The model, ready to be compiled, as ``network`` and ``model``.

    ``in_halves``: the dropout layers, by position, that draw for each half of a batch by itself.
    """
    layers = experiment.architecture.layers
    whitening = layers[0] if isinstance(layers[0], Whitening) else None
    identity = any(getattr(layer, "initializer", None) == "identity" for layer in layers)
    drawn = any(isinstance(layer, Conv2D | Dense | Dropout) for layer in layers)
    code = blocks(
        [
            _scaling_code(experiment, scaling),
            LAYER_SEED if drawn else "",
            PARTIAL_IDENTITY if identity else "",
            DROPOUT_IN_HALVES if in_halves else "",
            MIRRORED_ANSWERS if experiment.mirrored_answers else "",
            _sequential(experiment, precision, in_halves),
            whitening_code(whitening) if whitening else "",
            "model = MirroredAnswers(network)\nnetwork.summary()"
            if experiment.mirrored_answers
            else "model = network\nmodel.summary()",
        ],
        gap=2,
    )
    return Section("Network", _text(experiment), code, ("import keras", "import numpy as np"))


def _text(experiment: Experiment) -> str:
    text = (
        "The first layer prepares the raw pixels, so the network takes images as they are. Each "
        "layer draws its first weights from a seed of its own."
    )
    if experiment.l2:
        text += " The kernels' squares are added to the loss, so that they stay small."
    if experiment.mirrored_answers:
        text += " Its answer to an image is the mean of those to it and to its mirror image."
    return text


def _scaling_code(experiment: Experiment, scaling: Scaling) -> str:
    if isinstance(experiment.preprocessing, Divide):
        why = f"Every pixel is divided by {experiment.preprocessing.divisor:g}."
        return f"{comment(why)}\nSCALE = 1 / {experiment.preprocessing.divisor!r}\nOFFSET = 0.0"
    why = (
        "Each channel gets mean 0 and standard deviation 1 over all training images, those held "
        "back included: scale is 1 / deviation and offset is -mean / deviation."
    )
    return f"{comment(why)}\nSCALE = {list(scaling.scale)!r}\nOFFSET = {list(scaling.offset)!r}"


def _sequential(experiment: Experiment, precision: str, in_halves: Collection[int]) -> str:
    network = experiment.architecture
    last = len(network.layers) - 1
    lines = []
    for position, layer in enumerate(network.layers):
        mixed = precision == "bfloat16" and position != last
        function, arguments = _layer(layer, position, experiment.l2)
        if position in in_halves:
            function = "DropoutInHalves"
        if mixed:
            arguments = [*arguments, 'dtype="mixed_bfloat16"']
        lines.append(call(function, arguments, indent=8, end=","))
    inner = "\n".join(lines)
    scaling = ["SCALE", "OFFSET", *(['dtype="float32"'] if precision == "bfloat16" else [])]
    return (
        "network = keras.Sequential(\n    [\n"
        f"        keras.Input({tuple(network.input_shape)!r}),\n"
        f"{call('keras.layers.Rescaling', scaling, indent=8, end=',')}\n"
        f"{inner}\n    ]\n)"
    )


def _layer(layer: LayerSpec, position: int, l2: float) -> tuple[str, list[str]]:
    """The class of a layer, and its arguments but for its name."""
    prefix = "keras.layers."
    match layer:
        case Conv2D():
            return f"{prefix}Conv2D", [
                str(layer.filters),
                str(layer.kernel_size),
                *_unless(layer.strides == 1, f"strides={layer.strides}"),
                *_unless(layer.padding == "valid", f'padding="{layer.padding}"'),
                *_trained(layer, position, l2),
            ]
        case Whitening():
            return f"{prefix}Conv2D", [
                str(layer.filters),
                str(layer.kernel_size),
                *_unless(layer.strides == 1, f"strides={layer.strides}"),
                *_unless(layer.activation == "linear", f'activation="{layer.activation}"'),
                "use_bias=False",
                "trainable=False",
                'name="whitening"',
            ]
        case MaxPool2D() | AveragePool2D():
            name = "MaxPooling2D" if isinstance(layer, MaxPool2D) else "AveragePooling2D"
            return f"{prefix}{name}", [
                str(layer.pool_size),
                f"strides={layer.strides}",
                *_unless(layer.padding == "valid", f'padding="{layer.padding}"'),
            ]
        case BatchNorm():
            return f"{prefix}BatchNormalization", [
                f"momentum={layer.momentum!r}",
                f"epsilon={layer.epsilon!r}",
            ]
        case Activation():
            return f"{prefix}Activation", [f'"{layer.activation}"']
        case Dropout():
            return f"{prefix}Dropout", [f"{layer.rate!r}", f"seed=layer_seed({position})"]
        case Flatten():
            return f"{prefix}Flatten", []
        case GlobalAveragePool2D():
            return f"{prefix}GlobalAveragePooling2D", []
        case GlobalMaxPool2D():
            return f"{prefix}GlobalMaxPooling2D", []
        case Dense():
            return f"{prefix}Dense", [str(layer.units), *_trained(layer, position, l2)]


def _trained(layer: Conv2D | Dense, position: int, l2: float) -> list[str]:
    """What convolutions and dense layers share."""
    initializer = f"{_INITIALIZERS[layer.initializer]}(layer_seed({position}))"
    return [
        *_unless(layer.activation == "linear", f'activation="{layer.activation}"'),
        f"kernel_initializer={initializer}",
        *_unless(l2 == 0, f"kernel_regularizer=keras.regularizers.L2({l2!r})"),
        *_unless(layer.use_bias, "use_bias=False"),
    ]


def _unless(usual: bool, argument: str) -> list[str]:
    """The argument, but for Keras' own default."""
    return [] if usual else [argument]
