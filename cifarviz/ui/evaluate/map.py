"""The Map view of Evaluate: the test images where the last hidden layer puts them."""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.members import Member
from cifarviz.analysis.projections import COMPONENTS, MIN_TSNE_IMAGES, NEIGHBOURS
from cifarviz.analysis.tables import pictures_table
from cifarviz.figures.percent import format_percent
from cifarviz.figures.sprite import sprite
from cifarviz.figures.theme import TRAINING, WARNING, class_color, similar_colors
from cifarviz.live.items import Metric
from cifarviz.ui.address import escaped
from cifarviz.ui.class_names import class_names
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.components.image_map import MapGroup, MappedImages, image_map
from cifarviz.ui.csv_button import csv_button
from cifarviz.ui.epoch_scrubber import (
    epoch_from_query,
    epoch_label,
    epoch_slider_container,
    epochs_with_weights,
    has_saved_weights,
    nearest_epoch,
    render_epoch_slider,
)
from cifarviz.ui.errors import render_errors
from cifarviz.ui.evaluate.evaluation import EvaluatedImages, load_evaluated_dataset
from cifarviz.ui.evaluate.image_details import (
    BARS_EXPLANATION,
    TILE_SIZE,
    inside_link,
    read_page,
    render_pagination,
    tile_bars,
)
from cifarviz.ui.evaluate.map_points import (
    MapEpochs,
    MapImages,
    MapPoints,
    aligned_plane,
    compute_ahead,
    map_images,
    points_job,
    ready_epochs,
    tsne_job,
)
from cifarviz.ui.metrics import render_metrics
from cifarviz.ui.navigation import go_to
from cifarviz.ui.pickers import pick_run
from cifarviz.ui.query import render_choice
from cifarviz.ui.weights_job import wait_for_job

MAP_PARAMS: Final = ("sheet",)
"""Query parameters that belong to one map."""
Method = Literal["pca", "tsne"]
Coloring = Literal["class", "predicted", "right"]
_METHODS: Mapping[Method, str] = {"pca": "PCA", "tsne": "t-SNE"}
_COLORINGS: Mapping[Coloring, str] = {
    "class": "Class",
    "predicted": "Predicted class",
    "right": "Right or wrong",
}
_SHEET = 30
_EXPLANATIONS: Mapping[Method, str] = {
    "pca": "The last hidden layer turns each image into a vector; the last layer only weighs its "
    "numbers. PCA shows these vectors from the side on which they vary most. Distances are as "
    "they look from there: far apart on the map is far apart in the layer, but images that lie "
    "together here may be apart in the directions that are not shown.",
    "tsne": "The last hidden layer turns each image into a vector; the last layer only weighs its "
    "numbers. t-SNE places each image near those whose vectors are nearest to its own. Only "
    "neighbourhoods mean something: the size of a group, the distance between groups and the axes "
    "do not, and it can show groups where there are none.",
}
_NO_HIDDEN_LAYER = (
    "Only the last layer of this network has weights, so this is a map of the pixels: it is the "
    "same after all epochs, and only the predictions change."
)


class _Placed(NamedTuple):
    """Aligned positions (n, 2) by a method, and how far they keep neighbours, if it is known."""

    method: Method
    positions: NDArray[np.float64]
    trustworthiness: float | None


def render_map() -> None:
    """Choose a run, an epoch and what is drawn, and show the map."""
    left, middle, right = st.columns([3, 1, 2], vertical_alignment="bottom")
    run = None
    with left, render_errors():
        run = pick_run(dependent=MAP_PARAMS, keeps=has_saved_weights)
    if run is None:
        return
    with middle:
        method = render_choice(
            "method",
            "Method",
            _METHODS,
            key="map-method",
            hint="PCA is exact and immediate. t-SNE keeps neighbours together, and takes some "
            "seconds for an epoch that is shown for the first time.",
            problem=lambda word: (
                f"There is no method {word} here. Choose from {', '.join(_METHODS)}."
            ),
        )
    with right:
        coloring = render_choice(
            "color",
            "Colour",
            _COLORINGS,
            key="map-color",
            hint="What the frame of each image shows.",
            problem=lambda word: (
                f"There are no colours by {word} here. Choose from {', '.join(_COLORINGS)}."
            ),
        )
    with render_errors():
        dataset = load_evaluated_dataset(run)
        weights = epochs_with_weights(run)
        if dataset is None:
            return
        if len(dataset.test) < 2:
            st.info("A map needs at least two test images.", icon=":material/info:")
            return
        images = map_images(dataset)
        _render_epochs(MapEpochs(run, weights, dataset, images.image_set), images, method, coloring)


def _render_epochs(
    epochs: MapEpochs, images: MapImages, method: Method, coloring: Coloring
) -> None:
    stops = list(epochs.weights)
    if len(stops) == 1:
        _render_points(epochs, stops[0], images, method, coloring)
        return
    slider = epoch_slider_container()
    with slider:
        epoch = epoch_from_query(stops)
    with render_errors():
        _render_points(epochs, epoch, images, method, coloring)
    # Also where this epoch's weights are damaged: others may be intact.
    render_epoch_slider(slider, epochs.run, stops, epoch)


def _render_points(
    epochs: MapEpochs, epoch: int, images: MapImages, method: Method, coloring: Coloring
) -> None:
    job = points_job(epochs, epoch)
    points = wait_for_job(job, "Computing the last hidden layer", key="map-points")
    if points is None:
        # Another map until then, so that the one in view moves and does not vanish.
        others = {} if job.over else ready_epochs(epochs)
        if not others:
            return
        epoch = nearest_epoch(sorted(others), epoch)
        points = others[epoch]
        st.caption(f"This is the map {epoch_label(epoch)} until then.")
    if points.components.is_constant:
        st.info(
            "The last hidden layer gives the same vector for all images after this epoch, so "
            "there is no map: its units are dead, or not trained yet. Choose another epoch.",
            icon=":material/info:",
        )
        return
    placed = _place(epochs, epoch, points, method)
    _render_remarks(epochs, points)
    info = epochs.dataset.info
    evaluation = points.evaluation.renamed(class_names(info))
    groups, group_of = _color_groups(coloring, evaluation)
    selection = image_map(
        placed.positions,
        images.pictures,
        MappedImages(
            evaluation.indices,
            evaluation.labels,
            evaluation.predicted,
            evaluation.probabilities.max(axis=1),
            evaluation.classes,
            "Test image",
        ),
        groups,
        group_of,
        key=f"image-map-{info.name}-{epochs.dataset.variant}",
        legend=_COLORINGS[coloring],
        description=f"Map of {images.pictures.count:,} test images by {_METHODS[placed.method]}, "
        f"{epoch_label(epoch)}. Arrow keys move it, plus and minus zoom, Enter opens the image in "
        "the middle, Space selects the images in view.",
    )
    evaluated = EvaluatedImages(images.image_set, "test", info)
    if selection.clicked is not None:
        link = inside_link(evaluated, selection.clicked, Member(epochs.run, epoch))
        go_to("inside", **link.query_params)
    if len(selection.chosen):
        _render_chosen(selection.chosen, evaluated, evaluation, Member(epochs.run, epoch))
    _render_quality(epochs, points, placed)
    compute_ahead(epochs)


def _place(epochs: MapEpochs, epoch: int, points: MapPoints, method: Method) -> _Placed:
    """Return where the images are; by PCA as long as t-SNE is not done."""
    reference = points
    if epoch != epochs.reference:
        newest = wait_for_job(
            points_job(epochs, epochs.reference),
            f"Computing the last hidden layer {epoch_label(epochs.reference)}",
            key="map-reference",
        )
        if newest is not None and not newest.components.is_constant:
            reference = newest
    plane = _Placed("pca", aligned_plane(points, reference), points.trustworthiness)
    if method == "pca":
        return plane
    if len(points.evaluation) < MIN_TSNE_IMAGES:
        st.info(
            f"t-SNE needs at least {MIN_TSNE_IMAGES} images; this is PCA.", icon=":material/info:"
        )
        return plane
    result = wait_for_job(
        tsne_job(epochs, epoch),
        "This is PCA until t-SNE is computed, which takes some seconds",
        key="map-tsne",
    )
    if result is None:
        return plane
    return _Placed("tsne", result.positions, result.trustworthiness)


def _render_remarks(epochs: MapEpochs, points: MapPoints) -> None:
    *hidden, _ = epochs.run.experiment.architecture.trace().rows
    if not any(row.parameters for row in hidden):
        st.info(_NO_HIDDEN_LAYER, icon=":material/info:")
    if points.components.features == 1:
        st.info(
            "The last hidden layer has a single number for each image: the map is a line.",
            icon=":material/info:",
        )


def _render_quality(epochs: MapEpochs, points: MapPoints, placed: _Placed) -> None:
    """Show what the map leaves out, and what its distances mean."""
    components = points.components
    shares = components.explained
    metrics = []
    if placed.method == "pca":
        metrics.append(
            Metric(
                "Variance shown",
                format_percent(float(shares[:2].sum())),
                "Share of the variance of the vectors that lies in the two directions of the map: "
                f"{format_percent(float(shares[0]))} in the first.",
                f"of {components.features:,} "
                + ("feature" if components.features == 1 else "features"),
            )
        )
    if placed.trustworthiness is not None:
        metrics.append(
            Metric(
                "Neighbours kept",
                f"{placed.trustworthiness:.3f}",
                f"Trustworthiness: 1 if the {NEIGHBOURS} images nearest to each on the map are "
                "also among its nearest in the layer; about 0.5 of a random map. The layer is "
                f"represented by its first {COMPONENTS} principal components.",
                f"in components with {format_percent(float(shares.sum()))} of the variance",
            )
        )
    metrics.append(
        Metric(
            "Accuracy of these",
            format_percent(points.evaluation.accuracy),
            "Share of the images on the map whose class the network predicts.",
            f"{len(points.evaluation):,} of {len(epochs.dataset.test):,} test images",
        )
    )
    render_metrics(metrics)
    st.caption(_EXPLANATIONS[placed.method])


def _color_groups(
    coloring: Coloring, evaluation: Evaluation
) -> tuple[list[MapGroup], NDArray[np.int64]]:
    if coloring == "right":
        groups = [MapGroup("right", TRAINING), MapGroup("wrong", WARNING)]
        return groups, (evaluation.predicted != evaluation.labels).astype(np.int64)
    colors = [class_color(index) for index in range(len(evaluation.classes))]
    groups = [
        MapGroup(name, color, is_round)
        for name, color, is_round in zip(
            evaluation.classes, colors, similar_colors(colors), strict=True
        )
    ]
    return groups, evaluation.labels if coloring == "class" else evaluation.predicted


def _render_chosen(
    chosen: NDArray[np.int64], images: EvaluatedImages, evaluation: Evaluation, member: Member
) -> None:
    """Show the images inside the lasso, confident mistakes first."""
    classes = evaluation.classes
    wrong = evaluation.predicted[chosen] != evaluation.labels[chosen]
    confidence = evaluation.probabilities[chosen].max(axis=1)
    chosen = chosen[np.lexsort((-confidence, ~wrong))]
    heading = st.container(horizontal=True, vertical_alignment="center")
    noun = "image" if len(chosen) == 1 else "images"
    heading.header(f"{len(chosen):,} {noun} selected", anchor="selected", width="content")
    with heading:
        csv_button(
            "CSV",
            lambda: pictures_table(evaluation, chosen),
            f"{member.run.id}-epoch-{member.when}-selected",
            "Saves these images with their predictions as a spreadsheet file.",
        )
    labels, counts = np.unique(evaluation.labels[chosen], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    listed = ", ".join(f"{counts[i]:,} {classes[labels[i]]}" for i in order)
    st.caption(
        f"{escaped(listed)}. {int(wrong.sum()):,} of them are predicted wrong and come first, the "
        f"most confident first. {BARS_EXPLANATION} Click an image to look inside."
    )
    page = read_page(chosen, _SHEET, param="sheet")
    clicked = _render_grid(page.positions, images, evaluation)
    render_pagination(page, "map-sheet")
    if clicked is not None:
        index = int(evaluation.indices[page.positions[clicked]])
        go_to("inside", **inside_link(images, index, member).query_params)


def _render_grid(
    positions: NDArray[np.int64], images: EvaluatedImages, evaluation: Evaluation
) -> int | None:
    classes, labels = evaluation.classes, evaluation.labels[positions]
    predicted = evaluation.predicted[positions]
    bars = tile_bars(classes, evaluation.probabilities[positions], labels)
    return image_grid(
        sprite(images.pixels[positions]),
        key="map-selected",
        labels=[
            f"{classes[label]}\n{'✓' if label == guess else '✗'} {classes[guess]}"
            for label, guess in zip(labels, predicted, strict=True)
        ],
        tooltips=[
            f"Test image {index}: {classes[label]}; predicted\n{text}"
            for index, label, text in zip(
                evaluation.indices[positions], labels, bars.texts, strict=True
            )
        ],
        bars=bars.bars,
        size=TILE_SIZE,
        description="Selected images",
    )
