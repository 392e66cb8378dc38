"""Steps through the calculation of a channel, position by position, in the browser."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cifarviz.layers.calculation import Calculation, Normalization, Pooling, WeightedSum
from cifarviz.ui import state
from cifarviz.ui.components.loading import component


def step_through(
    calculation: Calculation,
    output: NDArray[np.float32],
    place: tuple[int, int],
    *,
    key: str,
    labels: Mapping[str, Any],
    activation: str,
    layer: str,
    channel: str,
    on_place: Callable[[int, int], None],
) -> None:
    """Show the terms of the output value at ``place``; arrow keys and a player move it.

    ``output`` is the network's own, float32 (height, width), to compare with. ``labels`` name the
    input channels: ``{"names": […]}``, ``{"shape": [h, w, c]}`` of a flattened map, or
    ``{"noun": "Channel", "numbers": […]}``. ``activation`` is the title of its function.
    ``on_place`` gets the position at which a person rests, before the next run of the script.
    """
    arrays = {"maps": calculation.maps, "output": output, **_arrays(calculation)}
    arrays = {name: np.ascontiguousarray(value, "<f4") for name, value in arrays.items()}
    where = calculation.placement
    head = {
        **_facts(calculation),
        "activation": activation,
        "arrays": [[name, value.size] for name, value in arrays.items()],
        "channel": channel,
        "count": len(calculation.maps),
        "dilation": where.dilation,
        "input": calculation.maps.shape[1:],
        "labels": labels,
        "layer": layer,
        "origin": where.origin,
        "places": where.places,
        "size": where.size,
        "strides": where.strides,
    }
    header = json.dumps(head).encode()
    body = b"".join(value.tobytes() for value in arrays.values())
    # Behind the position: if the rest is what the script has, it reads no further.
    revision = hashlib.blake2b(header + body, digest_size=12).hexdigest().encode()
    component("step_through", shared=("buttons", "step_drawing"))(
        key=key,
        data=b"\n".join((json.dumps(place).encode(), revision, header, body)),
        on_place_change=lambda: _send_place(key, where.places, on_place),
    )


def _facts(calculation: Calculation) -> dict[str, Any]:
    match calculation:
        case WeightedSum():
            return {
                "kind": "sum",
                "bias": calculation.bias,
                "function": calculation.activation,
                "unit": calculation.unit,
            }
        case Pooling():
            return {"kind": "pool", "mean": calculation.mean}
        case Normalization():
            names = ("gamma", "beta", "epsilon", "over")
            return {"kind": "norm", **{name: getattr(calculation, name) for name in names}}


def _arrays(calculation: Calculation) -> dict[str, NDArray[Any]]:
    if isinstance(calculation, Normalization):
        return {"means": calculation.means, "variances": calculation.variances}
    names = ("kernel", "mixture", "scores")
    values = {name: getattr(calculation, name, None) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _send_place(key: str, places: tuple[int, int], on_place: Callable[[int, int], None]) -> None:
    sent = state.get(key).get("place")
    if not isinstance(sent, list) or len(sent) != 2:
        return
    row, column = sent
    if row in range(places[0]) and column in range(places[1]):
        on_place(row, column)
