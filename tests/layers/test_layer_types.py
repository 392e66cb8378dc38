"""The description of each layer type matches Keras; new types are tested too."""

from collections.abc import Collection, Iterator
from typing import Any, get_args, get_origin

import keras
import numpy as np
import pytest
import tensorflow as tf
from pydantic.fields import FieldInfo

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.experiment.receptive_field import receptive_field
from cifarviz.experiment.variable_shapes import model_variables
from cifarviz.export.code.network import network_section
from cifarviz.layers.base import Layer
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.registry import LAYER_TYPES, layer_label, layer_summary
from cifarviz.network.build import build, whiten
from cifarviz.network.stateless import stateless_network
from cifarviz.network.threads import split_batch
from cifarviz.network.variables import to_arrays
from cifarviz.training.forward import forward
from tests import stored_runs

SCALING = Scaling((1 / 255,) * 3, (0.0,) * 3)
IMAGES = np.random.default_rng(1).integers(0, 256, (21, 11, 13, 3), np.uint8)
NOT_VARIED = ("type", "branch", "shortcut", "inputs")
NUMBERS = {int: (1, 2, 3, 4, 6), float: (0.0, 0.25, 0.9)}


def _values(field: FieldInfo) -> tuple[Any, ...]:
    """Values to try for a field, by what it can be."""
    annotation: Any = field.annotation
    if get_origin(annotation) is not None:
        return get_args(annotation)
    return (True, False) if annotation is bool else NUMBERS[annotation]


def _variants(made: type[Layer]) -> Iterator[Layer]:
    """The type's defaults, and all fields with other values: their first and their last."""
    default = made.make(**made.fields_for(IMAGES.shape[1:]))
    yield default
    for order in (1, -1):
        layer = default
        for name, field in made.model_fields.items():
            for value in _values(field)[::order] if name not in NOT_VARIED else ():
                try:
                    changed = made.make(**{**dict(layer), name: value})
                except ExperimentInvalid:
                    continue
                if value not in ("softmax", field.default):
                    layer = changed
                    break
        if layer != default:
            yield layer


def _networks() -> Iterator[Any]:
    end = Dense(units=4, activation="softmax")
    for kind, made in LAYER_TYPES.items():
        for layer in _variants(made):
            for layers in ((layer, Flatten(), end), (layer, end), (Flatten(), layer, end)):
                try:
                    network = Architecture.make(
                        input_shape=IMAGES.shape[1:], classes=4, layers=layers
                    )
                except ExperimentInvalid:
                    continue
                what = layer_summary(layer.model_dump(mode="json"))
                yield pytest.param(network, layer, id=f"{kind}: {what}")
                break


NETWORKS = list(_networks())


def test_each_type_is_in_some_network() -> None:
    assert {case.values[1].type for case in NETWORKS} == set(LAYER_TYPES)


@pytest.mark.parametrize(("network", "layer"), NETWORKS)
def test_shapes_parameters_and_variables_are_those_of_keras(
    network: Architecture, layer: Layer
) -> None:
    model = build(network, SCALING)
    for row in network.trace().all_rows:
        made = model.get_layer(row.name)
        assert made.output.shape[1:] == row.output_shape
        if not row.branches:
            assert made.count_params() == row.parameters
            trained = sum(int(np.prod(one.shape)) for one in made.trainable_weights)
            assert trained == row.trainable_parameters
    arrays = to_arrays(model)
    assert {name: one.shape for name, one in arrays.items()} == model_variables(network)
    assert list(arrays) == list(model_variables(network))


def exported(network: Architecture, in_halves: Collection[int] = ()) -> keras.Model:
    """The network that the exported code makes, from seed 3."""
    made = stored_runs.experiment(seed=3).model_copy(update={"architecture": network})
    section = network_section(made, SCALING, "float32", in_halves)
    names: dict[str, Any] = {"SEED": 3, "keras": keras, "np": np, "train_images": IMAGES}
    exec(section.code, names)
    return names["network"]


@pytest.mark.parametrize(("network", "layer"), NETWORKS)
def test_the_exported_script_makes_the_same_layer(network: Architecture, layer: Layer) -> None:
    ours, theirs = build(network, SCALING, seed=3), exported(network)
    whiten(ours, network, SCALING, IMAGES)
    np.testing.assert_array_equal(theirs(IMAGES), ours(IMAGES))
    assert [one.numpy().tolist() for one in theirs.weights] == [
        one.numpy().tolist() for one in ours.weights
    ]


@pytest.mark.parametrize(("network", "layer"), NETWORKS)
def test_a_batch_in_two_halves_equals_keras(network: Architecture, layer: Layer) -> None:
    ours = build(network, SCALING, seed=3)
    logits = tf.concat(forward(ours, split_batch(tf.constant(IMAGES), 2), len(IMAGES)), 0)
    # What draws random numbers draws them for each half, and the exported script does, too.
    drawn = [place for place, one in enumerate(network.layers) if one.draws_random_numbers]
    whole = exported(network, drawn) if drawn else build(network, SCALING, seed=3)
    np.testing.assert_allclose(tf.nn.softmax(logits), whole(IMAGES, training=True), atol=2e-6)


@pytest.mark.parametrize(("network", "layer"), NETWORKS)
def test_it_is_observed_as_keras_calculates_it(network: Architecture, layer: Layer) -> None:
    model = build(network, SCALING, seed=3)
    stateless = stateless_network(network)
    found = stateless.observe_all(stateless.weights(to_arrays(model), SCALING), IMAGES[:2])
    assert [one.name for one in found] == [row.name for row in network.trace().all_rows]
    for one in found:
        inside = keras.Model(model.input, model.get_layer(one.name).output)
        np.testing.assert_allclose(one.values, inside(IMAGES[:2]), atol=1e-5)


@pytest.mark.parametrize(("network", "layer"), NETWORKS)
def test_nothing_outside_its_receptive_field_changes_a_value(
    network: Architecture, layer: Layer
) -> None:
    row = network.trace().rows[0]
    if row.output_shape is None or len(row.output_shape) != 3:
        return
    model = build(network, SCALING, seed=3)
    whiten(model, network, SCALING, IMAGES)
    first = keras.Model(model.input, model.get_layer(row.name).output)
    height, width, _ = row.output_shape
    for place in {(0, 0), (height - 1, width - 1), (height // 2, width // 3)}:
        seen = receptive_field(network, row.name, *place)
        other = np.full_like(IMAGES[:1], 9)
        rows, columns = slice(seen.top, seen.bottom + 1), slice(seen.left, seen.right + 1)
        other[:, rows, columns] = IMAGES[:1, rows, columns]
        np.testing.assert_allclose(first(other)[0][place], first(IMAGES[:1])[0][place], atol=1e-5)


@pytest.mark.parametrize("made", LAYER_TYPES.values(), ids=LAYER_TYPES)
def test_a_channel_kernel_computes_its_channel(made: type[Layer]) -> None:
    if not made.has_filters:
        return
    fields = {name: "linear" for name in ("activation",) if name in made.model_fields}
    fields |= {"padding": "valid"} if "padding" in made.model_fields else {}
    layer = made.make(**fields)
    network = Architecture(
        input_shape=IMAGES.shape[1:],
        classes=4,
        layers=(layer, Flatten(), Dense(units=4, activation="softmax")),
    )
    model = build(network, Scaling((1.0,) * 3, (0.0,) * 3), seed=3)
    whiten(model, network, SCALING, IMAGES)
    own = model.get_layer(network.layer_names[0])
    values = IMAGES[:1].astype(np.float32)
    maps = np.asarray(own(values))
    kernels = layer.channel_kernels(own.kernel.numpy())
    height, width, inputs, channels = kernels.shape
    assert channels == maps.shape[-1]
    window = values[0, :height, :width]
    for channel in range(channels):
        # Where a channel sees one channel of the image only, it is one of them.
        seen = [window] if inputs == 3 else [window[..., one : one + 1] for one in range(3)]
        sums = [float((part * kernels[..., channel]).sum()) for part in seen]
        assert np.isclose(sums, maps[0, 0, 0, channel], rtol=1e-4, atol=1e-2).any()


@pytest.mark.parametrize("made", LAYER_TYPES.values(), ids=LAYER_TYPES)
def test_it_has_titles_and_help_texts(made: type[Layer]) -> None:
    fields = made().model_dump(mode="json")
    assert made.title
    assert made.explanation.endswith(".")
    assert 3 < len(layer_label(fields)) <= 12
    for name in fields.keys() - {"type"}:
        assert made.label(name)
        assert made.help_text(name).endswith(".")
    assert bool(layer_summary(fields)) == (len(fields) > 1)
