"""Where the network looks: heatmaps of the image for two classes, by several methods.

The ideal image of a class, which is found without the image, is among the methods.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from cifarviz.analysis.feature_maps import LayerView
from cifarviz.analysis.integrated_gradients import IntegratedGradients, integrated_gradients
from cifarviz.analysis.occlusion import PATCHES, Occlusion, occlusion
from cifarviz.errors import ArtifactMissing
from cifarviz.figures.percent import format_probability
from cifarviz.figures.pictures import heat_overlay, signed_overlay
from cifarviz.figures.sprite import enlarge, sprite
from cifarviz.layers.registry import LAYER_TYPES
from cifarviz.ui.address import escaped
from cifarviz.ui.errors import render_errors
from cifarviz.ui.inside.explanations import (
    compute_or_wait,
    find_ideal_images,
    image_key,
    mean_image,
)
from cifarviz.ui.inside.image import InputImage, InspectedNetwork
from cifarviz.ui.query import render_choice

if TYPE_CHECKING:
    from cifarviz.analysis.trained_model import TrainedModel

HeatMethod = Literal["gradcam", "occlusion", "gradients", "ideal"]

_LABELS: Mapping[HeatMethod, str] = {
    "gradcam": "Grad-CAM",
    "occlusion": "Occlusion",
    "gradients": "Integrated gradients",
    "ideal": "Ideal image",
}
_CAPTIONS: Mapping[HeatMethod, str] = {
    "gradcam": "Brighter places raise the score of the class more: each channel’s map is weighted "
    "by the gradient of the score (Grad-CAM, [Selvaraju et al., 2017]"
    "(https://arxiv.org/abs/1610.02391)). It misleads about details, since it is as coarse as the "
    "layer’s maps, and it does not show what speaks against a class.",
    "occlusion": "A grey patch covers each place in turn: over green places it makes the class "
    "less probable, over purple ones more probable ([Zeiler and Fergus, 2014]"
    "(https://arxiv.org/abs/1311.2901)). It misleads where the same evidence is in two places, "
    "since covering one of them changes little, and where the patch itself looks like something.",
    "gradients": "Green pixels add to the score of the class, purple ones take away from it, "
    "compared with the baseline ([Sundararajan et al., 2017](https://arxiv.org/abs/1703.01365)). "
    "It misleads where the image has the colours of the baseline: there it is 0 whatever the "
    "network sees. The strongest 1% of the pixels have one colour.",
    "ideal": "The image with the highest score of the class that gradient ascent finds from noise "
    "(Erhan et al., 2009; blurred, shifted and decayed as in "
    "[Yosinski et al., 2015](https://arxiv.org/abs/1506.06579)). It does not depend on your image, "
    "and shows what raises the score, which few images of the class contain.",
}
# CSS pixels.
_SIDE = 256
_BASELINES = {"mean": "Mean training image", "black": "Black"}


@dataclass(frozen=True, eq=False)
class _Heatmap:
    """A picture, uint8 (h, w, 3 or 1), for a class, and a sentence about it."""

    picture: NDArray[np.uint8]
    caption: str


_Compute = Callable[[InspectedNetwork, Sequence[int]], Sequence[_Heatmap] | None]
"""Heatmaps of classes for a network's image, ``None`` while they are computed."""


def render_heatmaps(
    left: InspectedNetwork,
    right: InspectedNetwork | None,
    image: InputImage,
    classes: Sequence[str],
    names: Sequence[str],
) -> None:
    """Render heatmaps for the predicted class and another class.

    ``classes`` are the names shown, ``names`` those in the address, which holds the method as
    ``heat``, a layer as ``look`` and the other class as ``class``: by default the actual class, or
    the second most probable. A network on the ``right`` gets heatmaps of the same classes.
    """
    header = st.empty()
    choice, *columns = st.columns(3 if right is None else 5, gap="medium")
    predicted = int(left.views[-1].values.argmax())
    with choice:
        # Grad-CAM weights maps, which a network of dense layers lacks.
        labels = {
            name: text for name, text in _LABELS.items() if name != "gradcam" or left.has_maps
        }
        method = render_choice(
            "heat",
            "Method",
            labels,
            key="inside-heat",
            hint="How the network’s view of this image is found. The methods answer different "
            "questions, and each misleads in its own way.",
            problem=lambda word: (
                f"There is no method {word} for this network. Choose from "
                f"{', '.join(labels.values())}."
            ),
            menu=True,
        )
        header.header(
            "What the network looks for" if method == "ideal" else "Where the network looks",
            anchor="where",
        )
        compute = _PICK[method](left, right, image)
        other = render_choice(
            "class",
            "Other class",
            dict(zip(names, classes, strict=True)),
            key="inside-class",
            hint="The class of the second picture.",
            problem=lambda word: (
                f"There is no class {word}. Choose from {escaped(', '.join(names))}."
            ),
            usual=names[_second_class(left.views, image, predicted)],
            menu=True,
        )
        st.caption(_CAPTIONS[method])
    class_indices = [predicted, names.index(other)]
    networks = [left] if right is None else [left, right]
    for place, network in enumerate(networks):
        own_columns = columns[2 * place : 2 * place + 2]
        # An error of the right network does not hide the left one.
        with own_columns[0], render_errors():
            _render_network_heatmaps(own_columns, network, compute, image, class_indices, classes)


def _render_network_heatmaps(
    columns: Sequence[DeltaGenerator],
    network: InspectedNetwork,
    compute: _Compute,
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
    heatmaps = compute(network, class_indices)
    if heatmaps is None:
        return
    for column, heatmap, index in zip(columns, heatmaps, class_indices, strict=True):
        with column:
            if network.title:
                st.caption(escaped(network.title))
            name, picture = classes[index], heatmap.picture
            alt = f"Heatmap of {name} in {image.title}"
            # Encoding the sprite's PNG takes a fifth of the time of Streamlit's own.
            st.image(sprite(picture[np.newaxis]).png, width=picture.shape[1], alt=alt)
            probability = format_probability(float(network.views[-1].values[index]))
            st.markdown(f"**{escaped(name)}**, {probability}")
            if heatmap.caption:
                st.caption(heatmap.caption.replace("-", "−"))


def _pick_gradcam(
    left: InspectedNetwork, right: InspectedNetwork | None, image: InputImage
) -> _Compute:
    layers = [view.name for view in left.views if view.maps is not None]
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

    def compute(network: InspectedNetwork, class_indices: Sequence[int]) -> Sequence[_Heatmap]:
        assert network.model is not None
        own = layer if network is left else _counterpart(layer, left, network)
        heats = [network.model.attention(image.pixels, own, index) for index in class_indices]
        highest = max(float(heat.max()) for heat in heats)
        about = f"{own}. " if network.title else ""
        nothing = "Nothing in this layer raises the score of this class."
        return [
            _Heatmap(
                heat_overlay(image.pixels, heat, highest),
                about + ("" if heat.any() else nothing),
            )
            for heat in heats
        ]

    return compute


def _pick_occlusion(
    left: InspectedNetwork, right: InspectedNetwork | None, image: InputImage
) -> _Compute:
    most = min(image.pixels.shape[:2])
    sides = {str(side): f"{side} × {side} pixels" for side in PATCHES if side < most or side == 1}
    patch = int(
        render_choice(
            "patch",
            "Patch",
            sides,
            key="inside-patch",
            hint="A small patch covers details, a large one whole parts.",
            problem=lambda word: (
                f"There is no patch of side {word}. Choose from {', '.join(sides)}."
            ),
            usual="8" if "8" in sides else next(iter(sides)),
            menu=True,
        )
    )

    def compute(
        network: InspectedNetwork, class_indices: Sequence[int]
    ) -> Sequence[_Heatmap] | None:
        key = ("occlusion", patch, image_key(image.pixels))
        work = partial(_occlude, image.pixels, patch)
        found = compute_or_wait(network.run, network.weights, key, work)
        if found is None:
            return None
        drops = [found.drops(index) for index in class_indices]
        most = max(float(np.abs(drop).max()) for drop in drops)
        return [
            _Heatmap(signed_overlay(image.pixels, drop, most, smooth=True), _format_drops(drop))
            for drop in drops
        ]

    return compute


def _pick_gradients(
    left: InspectedNetwork, right: InspectedNetwork | None, image: InputImage
) -> _Compute:
    networks = [left] if right is None else [left, right]
    has_mean = all(mean_image(network.run) is not None for network in networks)
    options = {name: text for name, text in _BASELINES.items() if name != "mean" or has_mean}
    chosen = render_choice(
        "from",
        "Baseline",
        options,
        key="inside-baseline",
        hint="The image that stands for nothing: pixels are judged by their difference from it.",
        problem=lambda word: (
            f"There is no baseline {word}. Choose from {', '.join(options.values())}."
        ),
        menu=True,
    )

    def compute(
        network: InspectedNetwork, class_indices: Sequence[int]
    ) -> Sequence[_Heatmap] | None:
        # The network's own: runs on one data set may hold back different images.
        mean = mean_image(network.run) if chosen == "mean" else None
        baseline = np.zeros(image.pixels.shape, np.float32) if mean is None else mean
        # Of both classes at once: each job that a page waits for may cost it a run of its own.
        key = ("gradients", image_key(baseline), *class_indices, image_key(image.pixels))
        work = partial(_integrate, image.pixels, baseline, class_indices)
        found = compute_or_wait(network.run, network.weights, key, work)
        if found is None:
            return None
        # A few pixels are far stronger than all others.
        most = max(float(np.quantile(np.abs(result.pixels), 0.99)) for result in found)
        return [
            _Heatmap(
                signed_overlay(image.pixels, result.pixels, most, smooth=False),
                _format_sum(result.total, result.score - result.baseline_score),
            )
            for result in found
        ]

    return compute


def _pick_ideal(
    left: InspectedNetwork, right: InspectedNetwork | None, image: InputImage
) -> _Compute:
    def compute(
        network: InspectedNetwork, class_indices: Sequence[int]
    ) -> Sequence[_Heatmap] | None:
        assert network.model is not None
        last = network.views[-1].name
        found = find_ideal_images(network.run, network.weights, last, class_indices)
        if found is None:
            return None
        heatmaps = []
        for ideal, index in zip(found, class_indices, strict=True):
            [score] = network.model.peak_activations(image.pixels[np.newaxis], last, index)
            text = f"Score {ideal.value:.1f}; this image has {score:.1f}, noise {ideal.start:.1f}."
            heatmaps.append(_Heatmap(enlarge(ideal.pixels, _SIDE), text))
        return heatmaps

    return compute


_PICK: Mapping[
    HeatMethod, Callable[[InspectedNetwork, InspectedNetwork | None, InputImage], _Compute]
] = {
    "gradcam": _pick_gradcam,
    "occlusion": _pick_occlusion,
    "gradients": _pick_gradients,
    "ideal": _pick_ideal,
}


def _occlude(pixels: NDArray[np.uint8], patch: int, model: "TrainedModel") -> Occlusion:
    return occlusion(pixels, patch, model.plain_probabilities)


def _integrate(
    pixels: NDArray[np.uint8],
    baseline: NDArray[np.float32],
    class_indices: Sequence[int],
    model: "TrainedModel",
) -> Sequence[IntegratedGradients]:
    return [
        integrated_gradients(pixels, baseline, partial(model.score_gradients, class_index=index))
        for index in class_indices
    ]


def _format_drops(drops: NDArray[np.float32]) -> str:
    # Rounded before they are compared with 0.
    falls, rises = (round(100 * max(float(most), 0), 1) for most in (drops.max(), -drops.min()))
    if falls and rises:
        return (
            f"A patch lowers the probability by up to {falls:.1f} points and raises it by up to "
            f"{rises:.1f}."
        )
    if falls:
        return f"A patch lowers the probability by up to {falls:.1f} points; none raises it."
    if rises:
        return f"A patch raises the probability by up to {rises:.1f} points; none lowers it."
    return "No patch changes the probability by as much as 0.1 points."


def _format_sum(total: float, difference: float) -> str:
    text = f"The pixels add up to {total:.2f}; the scores differ by {difference:.2f}"
    if not difference:
        return f"{text}."
    return f"{text}, which is {abs(total / difference - 1):.1%} off."


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
