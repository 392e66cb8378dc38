"""An ``Architecture`` made into a Keras model."""

from typing import Literal

import keras
import numpy as np
import numpy.typing as npt

from cifarviz.data.whitening import whitening_kernel
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.layer_choices import InitializerName
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
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.network import threads  # first of all: TensorFlow asks once
from cifarviz.network.initializers import PartialIdentity

threads.start()

RESCALING = "rescaling"
"""Name of the first layer, which is preprocessing and not one of the network's own layers."""

_INITIALIZERS = {
    "glorot_uniform": keras.initializers.GlorotUniform,
    "glorot_normal": keras.initializers.GlorotNormal,
    "he_uniform": keras.initializers.HeUniform,
    "he_normal": keras.initializers.HeNormal,
    "identity": PartialIdentity,
}


def build(
    architecture: Architecture,
    scaling: Scaling,
    *,
    l2: float = 0.0,
    seed: int = 0,
    precision: Literal["float32", "bfloat16"] = "float32",
    mirrored_answers: bool = False,
) -> keras.Model:
    """Build the model: raw pixels 0 to 255 of any numeric type in, float32 probabilities out.

    Layers are named ``architecture.layer_names``, after a float32 rescaling layer. ``l2`` is the
    penalty on the kernels of convolution and dense layers. The same seed gives the same weights,
    in both precisions; each layer draws from a seed of its own and nothing global is touched, so
    any number of threads may build at once. With ``"bfloat16"`` the weights, the preprocessing
    and the output layer stay float32. ``mirrored_answers`` is kept for ``inference``; the model
    itself answers to one image at a time. A whitening layer does nothing before ``whiten``.
    """
    inner = keras.DTypePolicy("mixed_bfloat16" if precision == "bfloat16" else "float32")
    exact = keras.DTypePolicy("float32")
    image = keras.Input(architecture.input_shape, name="image", dtype="float32")
    values = keras.layers.Rescaling(
        list(scaling.scale), list(scaling.offset), name=RESCALING, dtype=exact
    )(image)
    last = len(architecture.layers) - 1
    for position, (name, spec) in enumerate(
        zip(architecture.layer_names, architecture.layers, strict=True)
    ):
        policy = exact if position == last else inner
        values = _layer(spec, name, policy, l2, _layer_seed(seed, position))(values)
    model = keras.Model(image, values, name="network")
    model.mirrored_answers = mirrored_answers
    return model


def whiten(
    model: keras.Model,
    architecture: Architecture,
    scaling: Scaling,
    images: npt.NDArray[np.uint8],
) -> None:
    """Set the kernel of a whitening layer by the images to train on, uint8 (n, h, w, channels)."""
    first = architecture.layers[0]
    if isinstance(first, Whitening):
        kernel = whitening_kernel(
            images, scaling.scale, scaling.offset, first.kernel_size, first.filters
        )
        model.get_layer(architecture.layer_names[0]).kernel.assign(kernel)


def _layer_seed(seed: int, position: int) -> int:
    """An independent 31-bit seed for each layer of each run."""
    return int(np.random.SeedSequence([seed, position]).generate_state(1)[0] >> 1)


def _layer(
    spec: LayerSpec, name: str, policy: keras.DTypePolicy, l2: float, seed: int
) -> keras.layers.Layer:
    # The data format is said each time: a user's Keras configuration may have another default.
    maps = {"name": name, "dtype": policy, "data_format": "channels_last"}
    match spec:
        case Conv2D():
            return keras.layers.Conv2D(
                spec.filters,
                spec.kernel_size,
                strides=spec.strides,
                padding=spec.padding,
                activation=spec.activation,
                kernel_initializer=_initializer(spec.initializer, seed),
                kernel_regularizer=_penalty(l2),
                use_bias=spec.use_bias,
                **maps,
            )
        case Whitening():
            # Its kernel is set by ``whiten``, or comes with a checkpoint.
            return keras.layers.Conv2D(
                spec.filters,
                spec.kernel_size,
                strides=spec.strides,
                activation=spec.activation,
                kernel_initializer="zeros",
                use_bias=False,
                trainable=False,
                **maps,
            )
        case MaxPool2D():
            return keras.layers.MaxPooling2D(spec.pool_size, spec.strides, spec.padding, **maps)
        case AveragePool2D():
            return keras.layers.AveragePooling2D(spec.pool_size, spec.strides, spec.padding, **maps)
        case BatchNorm():
            return keras.layers.BatchNormalization(
                axis=-1, momentum=spec.momentum, epsilon=spec.epsilon, name=name, dtype=policy
            )
        case Activation():
            return keras.layers.Activation(spec.activation, name=name, dtype=policy)
        case Dropout():
            return keras.layers.Dropout(spec.rate, seed=seed, name=name, dtype=policy)
        case Flatten():
            return keras.layers.Flatten(**maps)
        case GlobalAveragePool2D():
            return keras.layers.GlobalAveragePooling2D(**maps)
        case GlobalMaxPool2D():
            return keras.layers.GlobalMaxPooling2D(**maps)
        case Dense():
            return keras.layers.Dense(
                spec.units,
                activation=spec.activation,
                kernel_initializer=_initializer(spec.initializer, seed),
                kernel_regularizer=_penalty(l2),
                use_bias=spec.use_bias,
                name=name,
                dtype=policy,
            )


def _initializer(name: InitializerName, seed: int) -> keras.initializers.Initializer:
    return _INITIALIZERS[name](seed=seed)


def _penalty(l2: float) -> keras.regularizers.Regularizer | None:
    return keras.regularizers.L2(l2) if l2 > 0 else None
