"""Shapes and parameters computed without TensorFlow equal those of Keras."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cifarviz.experiment.architecture import Architecture, trace
from cifarviz.experiment.preprocessing import Divide, scaling
from cifarviz.experiment.presets import PRESETS
from cifarviz.layers.activation import Activation
from cifarviz.layers.base import Layer
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.concatenation import Concatenation
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.depthwise_conv2d import DepthwiseConv2D
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.group_norm import GroupNorm, LayerNorm
from cifarviz.layers.pad_channels import PadChannels
from cifarviz.layers.pooling import AveragePool2D, GlobalAveragePool2D, GlobalMaxPool2D, MaxPool2D
from cifarviz.layers.residual import Residual
from cifarviz.layers.separable_conv2d import SeparableConv2D
from cifarviz.layers.whitening import Whitening
from cifarviz.network.build import build


def assert_traced_as_keras_counts(architecture):
    channels = architecture.input_shape[-1]
    model = build(architecture, scaling(Divide(), (), (), channels))
    traced = architecture.trace()
    rows = traced.all_rows
    layers = [model.get_layer(row.name) for row in rows]
    assert [row.output_shape for row in rows] == [layer.output.shape[1:] for layer in layers]
    # Keras' own count takes dropout's random generators for no parameters, as we do.
    counted = [(row, layer) for row, layer in zip(rows, layers, strict=True) if not row.branches]
    assert [row.parameters for row, _ in counted] == [layer.count_params() for _, layer in counted]
    merging = sum(bool(row.branches) for row in rows)
    # After the input and the rescaling; a sum is a layer more.
    assert len(rows) <= len(model.layers[2:]) <= len(rows) + merging
    assert traced.parameters == model.count_params()
    assert traced.trainable_parameters == sum(
        int(np.prod(weight.shape)) for weight in model.trainable_weights
    )


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_traced_as_keras_counts(name):
    assert_traced_as_keras_counts(PRESETS[name].experiment.architecture)


activations = st.sampled_from(
    ["linear", "relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid"]
)


paddings = st.sampled_from(["same", "valid"])


initializers = st.sampled_from(
    ["glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "identity"]
)


windows = {"strides": st.integers(1, 3), "padding": paddings}


pools = {"pool_size": st.integers(1, 4), **windows}


anywhere = [
    st.builds(BatchNorm, momentum=st.floats(0, 0.999), epsilon=st.floats(1e-6, 1)),
    st.builds(Activation, activation=activations),
    st.builds(Dropout, rate=st.floats(0, 0.9)),
]


convolutions = st.builds(
    Conv2D,
    filters=st.integers(1, 6),
    kernel_size=st.integers(1, 5),
    activation=activations,
    initializer=initializers,
    use_bias=st.booleans(),
    **windows,
)


whitening = st.builds(
    Whitening,
    filters=st.integers(1, 3).map(lambda number: 2 * number),
    kernel_size=st.integers(1, 3),
    strides=st.integers(1, 3),
    activation=activations,
)


pooling = [st.builds(MaxPool2D, **pools), st.builds(AveragePool2D, **pools)]


separable = st.builds(
    SeparableConv2D,
    filters=st.integers(1, 6),
    kernel_size=st.integers(1, 4),
    activation=activations,
    use_bias=st.booleans(),
    dilation=st.integers(1, 2),
    padding=paddings,
)


singles = st.one_of(
    convolutions,
    separable,
    st.one_of(*pooling),
    st.builds(GroupNorm, groups=st.integers(1, 3)),
    st.builds(PadChannels, added=st.integers(1, 3)),
    st.one_of(convolutions, *anywhere),
)


def branches(inside):
    return st.lists(inside, max_size=3).map(tuple)


def blocks(inside):
    # Depthwise convolutions and the like keep the shape, so that an identity fits.
    keeping = st.one_of(
        st.builds(DepthwiseConv2D, kernel_size=st.integers(1, 3)), st.builds(LayerNorm), *anywhere
    )
    return st.one_of(
        st.builds(
            Residual,
            branch=st.lists(keeping, min_size=1, max_size=3).map(tuple),
            activation=activations,
        ),
        st.builds(Residual, branch=branches(inside), shortcut=branches(inside)),
        st.builds(Concatenation, inputs=st.lists(branches(inside), min_size=2, max_size=3)),
    )


for_maps = st.one_of(singles, st.recursive(singles, blocks, max_leaves=6), blocks(singles))


for_vectors = st.one_of(
    st.builds(
        Dense,
        units=st.integers(1, 9),
        activation=activations,
        initializer=initializers,
        use_bias=st.booleans(),
    ),
    st.builds(Flatten),
    *anywhere,
)


bridges = st.sampled_from([Flatten(), GlobalAveragePool2D(), GlobalMaxPool2D()])


@st.composite
def architectures(draw):
    """Any order of layers that fit, on any image from 1x1 to 14x14."""
    shape = draw(st.tuples(st.integers(1, 14), st.integers(1, 14), st.integers(1, 4)))
    classes = draw(st.integers(2, 12))
    layers: list[Layer] = []
    first = draw(st.lists(whitening, max_size=1))
    for layer in [*first, *draw(st.lists(for_maps, min_size=2, max_size=6))]:
        if all(row.problem is None for row in trace(shape, [*layers, layer], classes).rows[:-1]):
            found = trace(shape, [*layers, layer, Flatten()], classes)
            fits = found.rows[-1].output_shape and not [*found.rows[-2].problems("")]
            layers += [layer] if fits else []
    layers += [draw(bridges), *draw(st.lists(for_vectors, max_size=3))]
    output = Dense(units=classes, activation="softmax", initializer=draw(initializers))
    return Architecture(input_shape=shape, classes=classes, layers=(*layers, output))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(architectures())
def test_random_networks_are_traced_as_keras_counts(architecture):
    assert_traced_as_keras_counts(architecture)


@pytest.mark.parametrize(
    "layers",
    [
        (MaxPool2D(), Conv2D(kernel_size=5, padding="valid")),
        (MaxPool2D(pool_size=7),),
        (Flatten(), Conv2D()),
        (Flatten(), GlobalMaxPool2D()),
    ],
)
def test_networks_refused_by_the_trace_are_refused_by_keras(layers):
    assert trace((6, 6, 3), layers, 10).rows[-1].problem
    values = keras.Input((6, 6, 3))
    made: dict[type, Callable[..., keras.Layer]] = {
        Conv2D: lambda spec: keras.layers.Conv2D(1, spec.kernel_size, padding=spec.padding),
        MaxPool2D: lambda spec: keras.layers.MaxPooling2D(spec.pool_size, 2, spec.padding),
        Flatten: lambda spec: keras.layers.Flatten(),
        GlobalMaxPool2D: lambda spec: keras.layers.GlobalMaxPooling2D(),
    }
    *before, last = (made[type(spec)](spec) for spec in layers)
    for layer in before:
        values = layer(values)
    with pytest.raises(ValueError, match=r"Invalid|incompatible|negative"):
        last(values)
