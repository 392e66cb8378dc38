"""The view that steps through the calculation of a channel, value by value."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from cifarviz.analysis.feature_maps import LayerView
from cifarviz.analysis.step_through import layer_calculation, layer_inputs, scaled_image
from cifarviz.errors import ArtifactMissing
from cifarviz.figures.sprite import sprite
from cifarviz.figures.theme import CHANNEL_COLORS
from cifarviz.layers.calculation import Calculation, Normalization, Pooling, WeightedSum
from cifarviz.layers.registry import LAYER_TYPES, layer_summary
from cifarviz.ui.address import quoted
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.components.step_through import step_through
from cifarviz.ui.inside.display import DEFAULT_DISPLAY, colored_channels
from cifarviz.ui.inside.image import InputImage, InspectedNetwork
from cifarviz.ui.query import render_choice, render_number, update_query_params
from cifarviz.value_text import format_value

PIXEL = "pixel"
"""The position in the output map, in the address: ``row,column``, from 0."""

# CSS pixels of a channel's tile.
_TILE = 36, 44

_FORMULAS = {
    "mean": r"y = \frac{1}{n} \sum_{i,j} x_{i,j}",
    "maximum": r"y = \max_{i,j}\; x_{i,j}",
    "normalization": r"y = \gamma \cdot \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta",
}


def render_step(network: InspectedNetwork, image: InputImage, classes: Sequence[str]) -> None:
    """Render the choice of a channel, and how each of its values is calculated."""
    if network.model is None:
        raise ArtifactMissing(
            "Stepping through a layer needs its weights, and those of this epoch are not "
            "available. Choose an epoch with weights."
        )
    choice, grid = st.columns([1, 3], gap="medium")
    with choice:
        view = network.layer(_pick_layer(network.views))
        count = view.values.shape[-1]
        noun = "Unit" if view.maps is None else "Channel"
        channel = render_number(
            "channel",
            noun,
            0,
            (0, count - 1),
            f"The {noun.lower()} whose values are calculated, numbered from 0.",
            key="step-channel",
        )
    with grid:
        _render_channels(view, channel)
    calculation = _calculation(network, image, view, channel)
    spec = network.run.experiment.architecture.find_layer(view.name)
    assert spec is not None
    with choice:
        fields = spec.model_dump(mode="json")
        st.caption(f"{LAYER_TYPES[view.type].title}: {layer_summary(fields) or 'no settings'}")
    output = view.values if view.maps is not None else view.values[np.newaxis, np.newaxis]
    activation = format_value(getattr(spec, "activation", "linear"))
    st.latex(_formula(calculation, activation))
    st.caption(_explanation(calculation))
    is_output = view is network.views[-1]
    step_through(
        calculation,
        output[..., channel],
        _place(output[..., channel]),
        key="step-through",
        labels=_labels(network, view, calculation),
        activation=activation,
        layer=view.name,
        channel=f"{noun.lower()} {channel}" + (f" ({classes[channel]})" if is_output else ""),
        on_place=lambda row, column: update_query_params(**{PIXEL: f"{row},{column}"}),
    )


def _pick_layer(views: Sequence[LayerView]) -> str:
    names = [view.name for view in views]
    first = next((view.name for view in views if LAYER_TYPES[view.type].has_filters), names[0])
    return render_choice(
        "layer",
        "Layer",
        {name: name for name in names},
        key="step-layer",
        hint="The layer whose calculation is shown.",
        problem=lambda word: f"This network has no layer {word}. Choose from {', '.join(names)}.",
        forget=("channel", PIXEL),
        usual=first,
        menu=True,
    )


def _render_channels(view: LayerView, channel: int) -> None:
    if view.maps is None:
        st.caption(
            f"{view.name} has no maps: each of its {view.values.shape[0]:,} values is calculated "
            "once."
        )
        return
    picture = colored_channels(view, DEFAULT_DISPLAY, None)
    image_grid(
        sprite(picture.images, picture.palette),
        key=f"step-{view.name}",
        size=_TILE[0],
        largest=_TILE[1],
        selected=channel,
        muted=view.maps.dead,
        noun="Channel",
        description=f"Channels of {view.name}",
        on_click=lambda clicked: update_query_params(channel=str(clicked)),
    )


def _calculation(
    network: InspectedNetwork, image: InputImage, view: LayerView, channel: int
) -> Calculation:
    assert network.model is not None
    assert network.run.scaling is not None
    return layer_calculation(
        network.run.experiment.architecture,
        view.name,
        channel,
        scaled_image(image.pixels, network.run.scaling),
        {other.name: other.values for other in network.views},
        network.model.layer_variables(view.name),
    )


def _place(output: np.ndarray) -> tuple[int, int]:
    """The position in the address, else that of the largest value."""
    height, width = output.shape
    text = st.query_params.get(PIXEL)
    largest = np.argmax(np.where(np.isfinite(output), output, -np.inf))
    usual = divmod(int(largest), width)
    if text is None:
        return usual
    matched = re.fullmatch(r"([0-9]{1,5}),([0-9]{1,5})", text)
    row, column = map(int, matched.groups()) if matched else (height, width)
    if row >= height or column >= width:
        st.error(
            f"There is no position {quoted(text)}. Write row and column from 0, such as "
            f"“{height // 2},{width // 2}”; the last is {height - 1},{width - 1}.",
            icon=":material/error:",
        )
        return usual
    return row, column


def _labels(
    network: InspectedNetwork, view: LayerView, calculation: Calculation
) -> Mapping[str, Any]:
    """How the component names the input channels."""
    if isinstance(calculation, WeightedSum) and calculation.names:
        return {"names": list(calculation.names)}
    numbers = (
        list(calculation.channels)
        if isinstance(calculation, WeightedSum)
        else [calculation.channel]
    )
    architecture = network.run.experiment.architecture
    sources = layer_inputs(architecture)
    (source,) = sources[view.name]
    if source is None:
        names = [name for name, _ in CHANNEL_COLORS.get(architecture.input_shape[2], ())]
        return {"names": [names[number] for number in numbers]} if names else _numbered(numbers)
    before = network.layer(source)
    if before.maps is not None:
        return _numbered(numbers)
    shape = _flattened_shape(network, source, sources)
    every = shape is not None and len(numbers) == before.values.size
    return {"shape": shape} if every else {"noun": "Value", "numbers": numbers}


def _numbered(numbers: Sequence[int]) -> Mapping[str, Any]:
    return {"noun": "Channel", "numbers": list(numbers)}


def _flattened_shape(
    network: InspectedNetwork, source: str, sources: Mapping[str, tuple[str | None, ...]]
) -> tuple[int, ...] | None:
    """The shape of the maps that the vector of ``source`` was, if it still has their values."""
    view = network.layer(source)
    while view.maps is None:
        (before,) = sources[view.name]
        layer_type = LAYER_TYPES[view.type]
        if before is None or len(sources[view.name]) > 1:
            return None
        previous = network.layer(before)
        keeps = layer_type.only_in_training or layer_type.is_normalization
        if previous.values.size != view.values.size or not (keeps or previous.maps is not None):
            return None
        view = previous
    return view.values.shape


def _formula(calculation: Calculation, activation: str) -> str:
    if isinstance(calculation, Pooling):
        return _FORMULAS["mean" if calculation.mean else "maximum"]
    if isinstance(calculation, Normalization):
        return _FORMULAS["normalization"]
    function = "" if calculation.activation == "linear" else rf"\operatorname{{{activation}}}"
    if calculation.kernel is None:
        inner = " + ".join(f"x_{{{n}}}" for n in range(1, len(calculation.maps) + 1)) or "0"
        return f"y = {function}({inner})" if function else f"y = {inner}"
    inner = r"\sum_{k} "
    is_vector = calculation.placement.size == (1, 1) and calculation.mixture is None
    if calculation.mixture is not None:
        inner += r"m_k "
    inner += r"x_k \, w_k" if is_vector else r"\sum_{i,j} x_{k,\,r+i,\,c+j} \; w_{k,i,j}"
    if calculation.bias is not None:
        inner = f"b + {inner}"
    result = rf"{function}\Big({inner}\Big)" if function else inner
    return f"{'y' if is_vector else 'y_{r,c}'} = {result}"


def _explanation(calculation: Calculation) -> str:
    match calculation:
        case Pooling(mean=True):
            return "The mean of the window. Padding does not count."
        case Pooling():
            return "The largest value of the window, which is framed."
        case Normalization():
            return f"Mean μ and variance σ² are {calculation.over}."
    if calculation.scores is not None:
        return (
            "x are the values of the layer before, w their weights for this class and b its bias. "
            "Softmax divides by the sum over all classes j."
        )
    if calculation.kernel is None:
        return (
            "The values are added as they are."
            if len(calculation.maps) > 1
            else ("The value is passed on from the layer before.")
        )
    if calculation.placement.size == (1, 1):
        return "Inputs x with the largest contributions, as weight times value, come first."
    return (
        "k are the input channels, those with the largest sums first; i and j the rows and columns "
        "of the kernel w. Padding counts as 0."
    )
