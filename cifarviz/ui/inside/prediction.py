"""The network's prediction for the image, and Grad-CAM heatmaps."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from cifarviz.analysis.feature_maps import LayerView
from cifarviz.analysis.predictions import check_probabilities
from cifarviz.errors import ArtifactMissing
from cifarviz.figures.percent import format_probability
from cifarviz.figures.pictures import heat_overlay
from cifarviz.figures.probabilities import Probabilities, probabilities, probabilities_figure
from cifarviz.figures.sprite import enlarge, sprite
from cifarviz.layers.registry import LAYER_TYPES
from cifarviz.ui.address import escaped
from cifarviz.ui.components.chart import chart
from cifarviz.ui.errors import render_errors
from cifarviz.ui.inside.image import InputImage, InspectedNetwork
from cifarviz.ui.query import render_choice

_HEATMAP_CAPTION = (
    "Brighter places raise the score of the class more: each channel’s map is weighted by the "
    "gradient of the score (Grad-CAM, "
    "[Selvaraju et al., 2017](https://arxiv.org/abs/1610.02391)). Both pictures of a network share "
    "a scale."
)
IMAGE_WIDTH = 256
"""CSS pixels that the image may be wide."""

# Two of these fit next to the image on a wide screen.
_PREDICTION_WIDTH = 400
_MAX_CLASSES = 3


def render_heatmaps(
    left: InspectedNetwork,
    right: InspectedNetwork | None,
    image: InputImage,
    classes: Sequence[str],
    names: Sequence[str],
) -> None:
    """Render heatmaps of a layer with maps for the predicted class and another class.

    ``classes`` are the names shown, ``names`` those in the address, which holds the layer as
    ``look`` and the other class as ``class``: by default the actual class, or the second most
    probable. A network on the ``right`` gets heatmaps of the same classes.
    """
    views = left.views
    layers = [view.name for view in views if view.maps is not None]
    if not layers:
        return
    st.header("Where the network looks", anchor="where")
    choice, *columns = st.columns(3 if right is None else 5, gap="medium")
    predicted = int(views[-1].values.argmax())
    with choice:
        usual = names[_second_class(views, image, predicted)]
        layer = render_choice(
            "look",
            "Layer",
            {name: name for name in layers},
            key="inside-look",
            hint="The layer whose maps are weighted. Late layers recognise objects; early layers "
            "locate details.",
            problem=lambda word: (
                f"There is no layer {word} with maps. Choose from {escaped(', '.join(layers))}."
            ),
            usual=_last_convolution(left),
            menu=True,
        )
        other = render_choice(
            "class",
            "Other class",
            dict(zip(names, classes, strict=True)),
            key="inside-class",
            hint="The class of the second picture.",
            problem=lambda word: f"There is no class {word}. Choose from {', '.join(names)}.",
            usual=usual,
            menu=True,
        )
        st.caption(_HEATMAP_CAPTION)
    class_indices = [predicted, names.index(other)]
    _render_network_heatmaps(columns[:2], left, layer, image, class_indices, classes)
    if right is None:
        return
    with columns[2], render_errors():
        layer_right = _counterpart(layer, left, right)
        _render_network_heatmaps(columns[2:], right, layer_right, image, class_indices, classes)


def _render_network_heatmaps(
    columns: Sequence[DeltaGenerator],
    network: InspectedNetwork,
    layer: str,
    image: InputImage,
    class_indices: Sequence[int],
    classes: Sequence[str],
) -> None:
    if network.model is None:
        raise ArtifactMissing(
            "The heatmaps of “{network_title}” need its weights, which cannot be read. Choose "
            "other weights.",
            network_title=network.title,
        )
    heats = [network.model.attention(image.pixels, layer, index) for index in class_indices]
    highest = max(float(heat.max()) for heat in heats)
    for column, heat, index in zip(columns, heats, class_indices, strict=True):
        with column:
            if network.title:
                st.caption(f"{escaped(network.title)}, {layer}")
            probability = float(network.views[-1].values[index])
            _render_heatmap(image, heat, highest, classes[index], probability)


def _render_heatmap(
    image: InputImage, heat: NDArray[np.float32], highest: float, name: str, probability: float
) -> None:
    picture = heat_overlay(image.pixels, heat, highest)
    alt = f"Heatmap of {name} in {image.title}"
    # Encoding the sprite's PNG takes a fifth of the time of Streamlit's own.
    st.image(sprite(picture[np.newaxis]).png, width=picture.shape[1], alt=alt)
    st.markdown(f"**{escaped(name)}**, {format_probability(probability)}")
    if not heat.any():
        st.caption("Nothing in this layer raises the score of this class.")


def _counterpart(layer: str, left: InspectedNetwork, right: InspectedNetwork) -> str:
    """The layer of the network on the right whose maps are weighted."""
    if layer == _last_convolution(left):
        return _last_convolution(right)
    layers = [view.name for view in right.views if view.maps is not None]
    if layer not in layers:
        raise ArtifactMissing(
            "“{right_title}” has no layer “{layer}” with maps. Choose another layer.",
            right_title=right.title,
            layer=layer,
        )
    return layer


def _last_convolution(network: InspectedNetwork) -> str:
    maps = [view for view in network.views if view.maps is not None]
    if not maps:
        raise ArtifactMissing(
            "“{network_title}” has no layer with maps, so it has no heatmaps.",
            network_title=network.title,
        )
    return next((view for view in reversed(maps) if _is_learned_convolution(view)), maps[-1]).name


def _is_learned_convolution(view: LayerView) -> bool:
    layer_type = LAYER_TYPES[view.type]
    return layer_type.has_filters and layer_type.is_learned


def _second_class(views: Sequence[LayerView], image: InputImage, predicted: int) -> int:
    if image.actual is not None and image.actual != predicted:
        return image.actual
    return int(views[-1].values.argsort()[-2])


def render_image(image: InputImage, classes: Sequence[str]) -> None:
    """Render the image, enlarged without smoothing, with its class and changes."""
    # Twice as many pixels as shown: also sharp on screens with two pixels per CSS pixel.
    large = enlarge(enlarge(image.pixels, IMAGE_WIDTH), 2 * IMAGE_WIDTH)
    width = large.shape[1] // 2
    name = image.title if image.actual is None else f"{image.title}, {classes[image.actual]}"
    st.image(sprite(large[np.newaxis]).png, width=width, alt=name)
    st.markdown(f"**{escaped(name)}**")
    for note in image.notes:
        st.caption(note)


def render_predictions(
    left: InspectedNetwork,
    right: InspectedNetwork | None,
    classes: Sequence[str],
    actual: int | None,
) -> None:
    """Render the prediction of a network, or of two with their difference."""
    networks = [left] if right is None else [left, right]
    # Side by side if there is room.
    row = st.container(horizontal=True, gap="medium") if right else st.container()
    for network in networks:
        container = row.container(width=_PREDICTION_WIDTH) if right else row
        with container:
            render_prediction(
                network.views[-1].values,
                classes,
                actual,
                mirrored=network.run.experiment.mirrored_answers,
                title=network.title,
                key="inside-answer" if network is left else "inside-answer-right",
            )
    if right is not None:
        titles = left.title, right.title
        values = left.views[-1].values, right.views[-1].values
        st.caption(format_prediction_difference(*values, classes, actual, titles))


def render_prediction(
    values: NDArray[np.float32],
    classes: Sequence[str],
    actual: int | None,
    *,
    mirrored: bool,
    title: str = "",
    key: str = "inside-answer",
) -> None:
    """Render the most probable classes; ``values`` are probabilities (classes,).

    ``mirrored``: other pages average this with the prediction for the mirrored image.
    ``title`` identifies one of two networks. Raises ``ArtifactDamaged`` if the values are not
    numbers.
    """
    check_probabilities(values[np.newaxis])
    ranked = probabilities(classes, values, actual=actual)
    first = ranked.bars[0]
    predicted_text = f"**{escaped(first.name)}**, {format_probability(first.probability)}"
    st.markdown(
        f"**{escaped(title)}** predicts {predicted_text}"
        if title
        else f"The network predicts {predicted_text}"
    )
    chart(
        probabilities_figure(Probabilities(ranked.bars[:_MAX_CLASSES])),
        key=key,
        file_name="answer",
        description=f"The {_MAX_CLASSES} most probable classes" + (f", {title}" if title else ""),
    )
    if actual is not None:
        st.caption(_format_verdict(first.actual, classes[actual], float(values[actual])))
    if mirrored:
        st.caption(
            "This is the prediction for the original image. Evaluate and Predict average it with "
            "the prediction for the mirrored image, as set for this run."
        )


def format_prediction_difference(
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    classes: Sequence[str],
    actual: int | None,
    titles: tuple[str, str],
) -> str:
    """How the two probabilities of the actual class differ, else of the left prediction."""
    index = int(left.argmax()) if actual is None else actual
    name = escaped(classes[index])
    # In percentage points, rounded to tenths before they are compared.
    points = round(100 * float(left[index] - right[index]), 1)
    if not points:
        return f"Both give “{name}” {format_probability(float(left[index]))}."
    first, second = map(escaped, titles)
    if points < 0:
        return f"“{first}” gives “{name}” {-points:.1f} points less than “{second}”."
    return f"“{first}” gives “{name}” {points:.1f} points more than “{second}”."


def _format_verdict(correct: bool, actual: str, probability: float) -> str:
    if correct:
        return "Correct."
    return f"Wrong: it is “{escaped(actual)}”, predicted with {format_probability(probability)}."
