"""Convert all variables of a model and its optimizer to named arrays, and back.

Keras' own weight files lack the states of dropout's random generators, without which a resumed
run differs from an uninterrupted one.
"""

import re
from collections.abc import Iterator, Mapping

import keras
import numpy as np

from cifarviz.errors import ArtifactDamaged

_MODEL = "model/"
_OPTIMIZER = "optimizer/"


def to_arrays(
    model: keras.Model, optimizer: keras.optimizers.Optimizer | None = None
) -> dict[str, np.ndarray]:
    """Copy every variable: weights, batch statistics, dropout's generators, optimizer state.

    The names depend on the architecture and the optimizer alone, so they are the same in every
    process: ``model/002/conv2d_1/kernel``, ``optimizer/000/iteration``, … An optimizer that
    was not used yet is built first.
    """
    # numpy() may return TensorFlow's own memory, which the next step overwrites.
    return {name: np.array(variable.numpy()) for name, variable in _variables(model, optimizer)}


def assign(
    model: keras.Model,
    arrays: Mapping[str, np.ndarray],
    optimizer: keras.optimizers.Optimizer | None = None,
) -> None:
    """Assign the arrays of ``to_arrays``; nothing is changed unless all of them fit.

    Raises ``ArtifactDamaged`` as ``match_arrays`` does.
    """
    for variable, value in match_arrays(model, arrays, optimizer):
        variable.assign(value)


def match_arrays(
    model: keras.Model,
    arrays: Mapping[str, np.ndarray],
    optimizer: keras.optimizers.Optimizer | None = None,
) -> list[tuple[keras.Variable, np.ndarray]]:
    """Return each variable with its value among the arrays of ``to_arrays``.

    Without ``optimizer`` the optimizer's arrays are ignored; names that start with neither
    ``model/`` nor ``optimizer/`` are the caller's own. Raises ``ArtifactDamaged`` if a name is
    missing or unknown, or a shape or a kind of number is another.
    """
    variables = dict(_variables(model, optimizer))
    prefixes = (_MODEL,) if optimizer is None else (_MODEL, _OPTIMIZER)
    _check_names(set(variables), {name for name in arrays if name.startswith(prefixes)})
    values = {name: np.asarray(arrays[name]) for name in variables}
    for name, variable in variables.items():
        _check_value(name, values[name], variable)
    return [(variable, values[name]) for name, variable in variables.items()]


def trainable_variables(model: keras.Model) -> list[keras.Variable]:
    """Return the variables that the optimizer changes, in the order of ``layer_order``.

    Keras' own order differs for branches.
    """
    layers = {layer.name: layer for layer in model.layers}
    names = (name for name in model.layer_order if name in layers)
    return [variable for name in names for variable in layers[name].trainable_variables]


def _variables(
    model: keras.Model, optimizer: keras.optimizers.Optimizer | None
) -> Iterator[tuple[str, keras.Variable]]:
    # Names consist of positions and the variables' short names: Keras' paths count how many
    # optimizers and random generators this process has made.
    layers = {layer.name: layer for layer in model.layers}
    for position, name in enumerate(model.layer_order):
        # A block may have no layer besides those it consists of.
        for variable in layers[name].variables if name in layers else ():
            yield f"{_MODEL}{position:03d}/{name}/{variable.name}", variable
    if optimizer is not None:
        if not optimizer.built:
            optimizer.build(trainable_variables(model))
        for position, variable in enumerate(optimizer.variables):
            # An unnamed one, which its position tells apart, is variable, variable_1, … in Keras.
            name = re.sub(r"^variable_\d+$", "variable", variable.name)
            yield f"{_OPTIMIZER}{position:03d}/{name}", variable


def _check_names(expected: set[str], names: set[str]) -> None:
    missing, unknown = sorted(expected - names), sorted(names - expected)
    if not missing and not unknown:
        return
    raise ArtifactDamaged(
        "These weights do not fit the network: “{name}” is missing ({missing} missing and "
        "{unknown} unknown in all). Train the run again, or choose another checkpoint."
        if missing
        else "These weights do not fit the network: “{name}” is unknown ({missing} missing and "
        "{unknown} unknown in all). Train the run again, or choose another checkpoint.",
        name=(missing or unknown)[0],
        missing=len(missing),
        unknown=len(unknown),
    )


def _check_value(name: str, value: np.ndarray, variable: keras.Variable) -> None:
    expected = np.dtype(variable.dtype)
    fits = value.shape == tuple(variable.shape) and value.dtype == expected
    if not fits:
        raise ArtifactDamaged(
            "These weights do not fit the network: “{name}” should be {expected} of shape "
            "{shape} and is {found_dtype} of shape {found_shape}. Train the run "
            "again, or choose another checkpoint.",
            name=name,
            expected=expected,
            shape=tuple(variable.shape),
            found_dtype=value.dtype,
            found_shape=value.shape,
        )
