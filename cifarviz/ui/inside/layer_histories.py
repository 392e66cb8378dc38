"""Weights, gradients and activations of each layer over the epochs: a view of Inside."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.layer_histories import (
    LayerNumbers,
    LayerProblem,
    find_problems,
    layer_histories,
    layer_numbers,
)
from cifarviz.errors import ArtifactDamaged, ArtifactMissing, DataError, UnknownFormat
from cifarviz.experiment.activation_images import activation_images
from cifarviz.experiment.choices import TestValidation
from cifarviz.experiment.split_positions import train_positions
from cifarviz.figures.layer_histories import layer_histories_figure
from cifarviz.figures.percent import format_percent
from cifarviz.runs.layer_histograms import HistogramKind, Histograms, load_histograms
from cifarviz.runs.recorded import ORIGIN
from cifarviz.runs.records import Run
from cifarviz.runs.run_data import has_images
from cifarviz.runs.snapshots import WeightsChoice, snapshot_epochs
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_weights import weights_epoch
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, format_count
from cifarviz.ui.components.chart import chart
from cifarviz.ui.dataset_images import (
    available_images,
    train_indices,
    training_images,
    validation_images,
)
from cifarviz.ui.epoch_scrubber import epoch_label, epochs_with_weights
from cifarviz.ui.inside.explanations import wait_for
from cifarviz.ui.query import render_choice

_KINDS: Mapping[HistogramKind, str] = {
    "weights": "Weights",
    "gradients": "Gradients",
    "activations": "Activations",
}
_CAPTIONS: Mapping[HistogramKind, str] = {
    "weights": "The trained values of each layer, kernel and bias together.",
    "gradients": "The gradient of the loss with respect to the weights, of one batch of training "
    "images, the same after each epoch.",
    "activations": "The output of each layer that has weights or an activation, for {images}, the "
    "same after each epoch.",
}
_SENTENCES = {
    "dead": "**{layer}**: {value} of its units give the same value for every image (dead).",
    "saturated": "**{layer}**: {value} of its values are near the limits of its activation "
    "(saturated), where the gradient is close to 0.",
    "vanishing": "**{layer}**: the norm of its gradient is {value} times that of its weights, far "
    "below other layers or close to 0 (vanishing), so it hardly learns.",
    "exploding": "**{layer}**: the norm of its gradient is {value} times that of its weights "
    "(exploding). A lower learning rate or normalisation helps.",
    "not_finite": "**{layer}**: its gradient is not a finite number, as training has diverged.",
}
# Epochs that are read at most, evenly spread.
_MAX_EPOCHS = 60


def render_layer_histories(run: Run, weights: WeightsChoice | None) -> None:
    """Render the histograms of all layers over the epochs, and what is wrong with layers.

    The problems are those of the epoch nearest to ``weights``, of the last one without. The
    address holds the kind of values as ``values``.
    """
    kind = render_choice(
        "values",
        "Values",
        _KINDS,
        key="inside-values",
        hint="Histograms are measured after every epoch, with dropout off and batch "
        "normalisation’s stored statistics, as when predicting.",
        problem=lambda word: f"There are no values {word}. Choose from {', '.join(_KINDS)}.",
        label_visibility="collapsed",
    )
    st.header(f"{_KINDS[kind]} over the epochs", anchor="histograms")
    stored = _stored(run)
    if not stored and kind == "gradients":
        st.info(_format_no_gradients(run), icon=":material/info:")
        return
    epochs = stored or _computed(run)
    if epochs is None:
        return
    if not epochs:
        st.info("This run has neither histograms nor weights of any epoch.", icon=":material/info:")
        return
    images = _format_images(run, stored=bool(stored))
    st.caption(
        f"{_CAPTIONS[kind].format(images=images)} Brighter where more values are; each epoch has a "
        "scale of its own, and 0.2% of the values at either end may be outside."
    )
    chart(
        layer_histories_figure(layer_histories(epochs, kind), kind),
        key="layer-histories",
        view=f"{run.id}-{kind}",
        file_name=f"{kind}-over-epochs",
        description=f"{_KINDS[kind]} of each layer over the epochs",
    )
    shown = _nearest(epochs, None if weights is None else weights_epoch(run, weights))
    numbers = layer_numbers(epochs[shown], run.experiment.architecture)
    st.header(f"Layers {epoch_label(shown)}")
    _render_problems(find_problems(numbers))
    _render_numbers(numbers, images)


def _format_no_gradients(run: Run) -> str:
    if run.origin == ORIGIN:
        why = "This run comes with cifarviz and was recorded before gradients were measured."
    else:
        why = (
            "No gradients of this run are stored: it saved no histograms, or they were deleted to "
            "save space."
        )
    return f"{why} Weights and activations are computed from the saved weights."


def _format_images(run: Run, *, stored: bool) -> str:
    """The images whose activations were measured: ``256 validation images``."""
    try:
        train, validation = train_positions(run.experiment, len(train_indices(run)))
        most = activation_images(run.experiment.architecture, len(train) if stored else None)
        if len(validation):
            return format_count(min(most, len(validation)), "validation image")
        images = len(train)
        if stored and isinstance(run.experiment.validation, TestValidation):
            return format_count(min(most, len(available_images(run, "test"))), "test image")
    except DataError:
        # What is stored can be shown without the images.
        return "a few hundred validation images"
    return format_count(min(most, images), "training image")


def _render_problems(problems: Sequence[LayerProblem]) -> None:
    if not problems:
        st.markdown("No layer is dead or saturated, and no gradient vanishes or explodes.")
        return
    lines = []
    for problem in problems:
        is_share = problem.kind in ("dead", "saturated")
        value = format_percent(problem.value) if is_share else f"{problem.value:.2g}"
        sentence = _SENTENCES[problem.kind]
        lines.append("- " + sentence.format(layer=escaped(problem.layer), value=value))
    st.markdown("\n".join(lines))


def _render_numbers(numbers: Sequence[LayerNumbers], images: str) -> None:
    columns: dict[str, list[Any]] = {
        "Layer": [layer.name for layer in numbers],
        "Norm of weights": [layer.weight_norm for layer in numbers],
        "Norm of gradient": [layer.gradient_norm for layer in numbers],
        "Gradient / weights": [layer.ratio for layer in numbers],
        "Dead units": [layer.dead for layer in numbers],
        "Saturated values": [layer.saturated for layer in numbers],
    }
    known = {name: cells for name, cells in columns.items() if any(x is not None for x in cells)}
    number, share = (st.column_config.NumberColumn(format=form) for form in ("%.3g", "percent"))
    st.dataframe(
        pd.DataFrame(known),
        key="layer-numbers",
        hide_index=True,
        width="content",
        placeholder="–",
        column_config=dict.fromkeys(list(columns)[1:4], number)
        | dict.fromkeys(list(columns)[4:], share),
    )
    if "Dead units" in known:
        st.caption(
            f"Dead units and saturated values are counted over {images}. The view Layers counts "
            "dead channels over more, so it may find fewer."
        )


def _nearest(epochs: Mapping[int, Histograms], wanted: int | None) -> int:
    if wanted is None:
        return max(epochs)
    return min(epochs, key=lambda epoch: abs(epoch - wanted))


def _spread(epochs: Sequence[int]) -> list[int]:
    step = -(-len(epochs) // _MAX_EPOCHS) or 1
    return sorted({*epochs[::step], *epochs[-1:]})


def _stored(run: Run) -> Mapping[int, Histograms]:
    folder = cache.store().folder(run.id)
    known = [epoch for epoch in snapshot_epochs(folder, "histograms") if epoch <= run.epochs_done]
    found = {}
    for epoch in _spread(known):
        stamp = cache.snapshot_stamp(run, "histograms", epoch)
        histograms = _load(run.id, epoch, stamp, str(cache.settings()))
        if histograms is not None:
            found[epoch] = histograms
    return found


@st.cache_resource(max_entries=2_000, show_spinner=False)
def _load(run_id: str, epoch: int, stamp: int, settings: str) -> Histograms | None:
    try:
        return load_histograms(cache.store().folder(run_id), epoch)
    except (ArtifactMissing, ArtifactDamaged, UnknownFormat):
        # The histograms of other epochs may be readable.
        return None


def _computed(run: Run) -> Mapping[int, Histograms] | None:
    """Histograms of the epochs with saved weights; ``None`` while they are computed."""
    sources = epochs_with_weights(run)
    if not sources:
        return {}
    chosen = {epoch: sources[epoch] for epoch in _spread(list(sources))}
    stamps = tuple(cache.weights_stamp(run, weights) for weights in chosen.values())
    images, store = _images(run), cache.store()
    data = cache.dataset_stamp(run.experiment.data.dataset)
    key = ("histograms", run.id, tuple(chosen), stamps, data, str(cache.settings()))
    return wait_for(key, lambda: _compute(run, chosen, images, store))


def _compute(
    run: Run,
    sources: Mapping[int, WeightsChoice],
    images: NDArray[np.uint8] | None,
    store: RunStore,
) -> Mapping[int, Histograms]:
    found = {}
    for epoch, weights in sources.items():
        try:
            found[epoch] = cache.open_model(run, weights, store).layer_histograms(images)
        except (ArtifactMissing, ArtifactDamaged):
            # The weights of other epochs may be readable.
            continue
    return found


def _images(run: Run) -> NDArray[np.uint8] | None:
    if not has_images(run, cache.settings(), "train"):
        return None
    try:
        return (validation_images(run) or training_images(run)).images
    except DataError:
        return None
