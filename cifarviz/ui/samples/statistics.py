"""Statistics of a split, below the images of the Samples page."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
import streamlit as st

from cifarviz.data import library, statistics
from cifarviz.data.image_set import Dataset, Split
from cifarviz.datasets.info import Variant
from cifarviz.experiment.preprocessing import Divide, Scaling, Standardize, scaling
from cifarviz.figures.class_counts import class_counts, class_counts_figure
from cifarviz.figures.pictures import mean_image_sprite
from cifarviz.figures.pixel_histogram import pixel_histogram, pixel_histogram_figure
from cifarviz.figures.preprocessing_range import preprocessing_ranges, preprocessing_ranges_figure
from cifarviz.figures.sprite import Sprite
from cifarviz.figures.theme import CHANNEL_COLORS, class_color
from cifarviz.ui import cache
from cifarviz.ui.class_names import class_names, query_class_names
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.published_datasets import format_source
from cifarviz.ui.samples.view import (
    SPLIT_LABELS,
    VARIANT_LABELS,
    SamplesView,
    render_number_input,
    render_number_problems,
    write_address,
)

# Five tiles of 96 pixels in a row, with their gaps.
_MEANS_WIDTH = 532
_FEW_CLASSES = 20
_VARIANT_NAMES: Mapping[Variant, str] = {"sample": "sample", "full": "full set"}


@dataclass(frozen=True, eq=False)
class SplitStatistics:
    """Counts per class of a split; mean, standard deviation and range per channel."""

    counts: npt.NDArray[np.int64]
    mean: npt.NDArray[np.float64]
    deviation: npt.NDArray[np.float64]
    ranges: list[tuple[int, int]]
    means: Sprite
    histogram_figure: go.Figure


def render_statistics(view: SamplesView, dataset: Dataset) -> None:
    """Render counts, channels, mean images, histograms and ranges of the split."""
    split = view.shown_split
    images = dataset.split(split)
    measured = _compute_statistics(dataset, split)
    _render_overview(dataset)
    st.header(
        f"All {len(images):,} {SPLIT_LABELS[split]} images of the {VARIANT_LABELS[dataset.variant]}"
    )
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("### Images per class")
        chart(
            _counts_figure(dataset, class_names(dataset.info)),
            key="samples-counts",
            file_name=f"{view.dataset}-classes",
            description="Number of training and test images per class",
        )
    with right:
        st.markdown("### Pixel values")
        chart(
            measured.histogram_figure,
            key="samples-histogram",
            file_name=f"{view.dataset}-pixels",
            description="Frequency of each pixel value per channel",
        )
    left, right = st.columns([5, 4], gap="medium")
    with left, st.container(width=_MEANS_WIDTH):
        _render_mean_images(view, dataset, measured)
    with right:
        _render_channels(dataset, measured)
    _render_preprocessing(view, dataset, measured)


def _render_overview(dataset: Dataset) -> None:
    """Render the number of images, their shape and the classes."""
    info = dataset.info
    height, width, channels = info.image_shape
    st.header("The data at a glance")
    names = ", ".join(name.lower() for name, _ in CHANNEL_COLORS[channels])
    counts = [library.image_counts(info, variant) for variant in info.variants]
    heads = "".join(f" Examples in the {_VARIANT_NAMES[variant]} |" for variant in info.variants)
    rows = [
        f"| Split |{heads} Image size | Channels | Classes |",
        f"|:--|{'--:|' * len(counts)}--:|:--|--:|",
    ]
    for place, split in enumerate(get_args(Split)):
        each = "".join(f" {count[place]:,} |" for count in counts)
        rows.append(
            f"| **{SPLIT_LABELS[split].capitalize()}** |{each} {width} × {height} pixels "
            f"| {channels} ({names}) | {len(class_names(info))} |"
        )
    st.markdown("\n".join(rows))
    splits = "Networks learn from training images; test images measure what they learned."
    st.caption(
        f"{splits} A channel holds the values of a colour."
        if channels > 1
        else f"{splits} The channel of these images is the brightness of each pixel."
    )
    st.caption(format_source(info))


def _render_channels(dataset: Dataset, measured: SplitStatistics) -> None:
    st.markdown("### Channels")
    st.caption("Mean and standard deviation of each channel’s pixels over all images.")
    rows = ["| Channel | Mean | Standard deviation | Lowest | Highest |", "|:--|--:|--:|--:|--:|"]
    for c, (name, _) in enumerate(CHANNEL_COLORS[dataset.info.image_shape[2]]):
        low, high = measured.ranges[c]
        rows.append(
            f"| {name} | {measured.mean[c]:.3f} | {measured.deviation[c]:.3f} | {low} | {high} |"
        )
    st.markdown("\n".join(rows))


def _render_mean_images(view: SamplesView, dataset: Dataset, measured: SplitStatistics) -> None:
    st.markdown("### Mean image of each class")
    st.caption(
        "Each pixel averaged over all images of the class. Click an image to browse its class."
    )
    classes = class_names(dataset.info)
    clicked = image_grid(
        measured.means,
        key="samples-means",
        labels=list(classes),
        tooltips=[
            f"{name}: mean of {count:,} images"
            for name, count in zip(classes, measured.counts, strict=True)
        ],
        colors=[class_color(label) for label in range(len(classes))],
        size=96 if len(classes) <= _FEW_CLASSES else 48,
        description="Mean image of each class",
    )
    if clicked is not None:
        chosen = query_class_names(dataset.info)[clicked]
        write_address(view.changed(view="random", classes=(chosen,), image=None))
        st.rerun()


def _render_preprocessing(view: SamplesView, dataset: Dataset, measured: SplitStatistics) -> None:
    st.markdown("### Pixel values after preprocessing")
    st.caption(
        "Networks learn faster from small numbers around 0 than from 0 to 255. Standardising uses "
        "the mean and standard deviation of the training images, also for test images."
    )
    channels = dataset.info.image_shape[2]
    left, right = st.columns(2, gap="large")
    with left:
        render_number_input("Custom divisor", "divisor", view, hint=Divide.help_text("divisor"))
        render_number_problems(view, "divisor")
    training = _compute_statistics(dataset, "train")
    choices: dict[str, Divide | Standardize] = {
        "÷ 255": Divide(divisor=255.0),
        "Standardised": Standardize(),
        f"÷ {view.divisor:g}": Divide(divisor=view.divisor),
    }
    scalings = {
        label: scaling(choice, training.mean.tolist(), training.deviation.tolist(), channels)
        for label, choice in choices.items()
    }
    with left:
        st.markdown(_range_table(scalings, measured))
    with right:
        chart(
            preprocessing_ranges_figure(
                preprocessing_ranges(
                    {label: (applied.scale, applied.offset) for label, applied in scalings.items()},
                    minimum=[low for low, _ in measured.ranges],
                    maximum=[high for _, high in measured.ranges],
                    mean=measured.mean,
                    deviation=measured.deviation,
                )
            ),
            key="samples-ranges",
            file_name=f"{view.dataset}-preprocessing",
            description="Range of each channel after each kind of preprocessing",
        )


def _range_table(scalings: dict[str, Scaling], measured: SplitStatistics) -> str:
    rows = ["| Preprocessing | Lowest | Highest |", "|:--|--:|--:|"]
    for label, applied in scalings.items():
        ends = [
            end * scale + offset
            for (low, high), scale, offset in zip(
                measured.ranges, applied.scale, applied.offset, strict=True
            )
            for end in (low, high)
        ]
        rows.append(f"| {label} | {min(ends):.3f} | {max(ends):.3f} |".replace("-", "−"))
    return "\n".join(rows)


def _identity(dataset: Dataset) -> tuple[str, str, int]:
    # Without published fingerprints, the images of a name may change.
    check = 0
    for split in get_args(Split):
        images = dataset.split(split)
        for array in (images.labels, images.images[:: max(1, len(images) // 500)]):
            check = zlib.crc32(np.ascontiguousarray(array).tobytes(), check)
    return dataset.info.name, dataset.variant, check


@st.cache_resource(
    show_spinner="Counting pixels …", show_time=True, hash_funcs={Dataset: _identity}
)
def _compute_statistics(dataset: Dataset, split: Split) -> SplitStatistics:
    images = dataset.split(split)
    classes = len(query_class_names(dataset.info))
    histograms = statistics.pixel_histograms(images.images)
    mean, deviation = statistics.mean_std_from_histograms(histograms)
    return SplitStatistics(
        counts=statistics.class_counts(images.labels, classes),
        mean=mean,
        deviation=deviation,
        ranges=statistics.value_ranges(histograms),
        means=mean_image_sprite(
            statistics.class_mean_images(images.images, images.labels, classes)
        ),
        histogram_figure=pixel_histogram_figure(pixel_histogram(histograms)),
    )


@st.cache_resource(show_spinner=False, hash_funcs={Dataset: _identity})
def _counts_figure(dataset: Dataset, classes: tuple[str, ...]) -> go.Figure:
    return class_counts_figure(
        class_counts(
            classes,
            {
                label.capitalize(): statistics.class_counts(
                    dataset.split(split).labels, len(classes)
                )
                for split, label in SPLIT_LABELS.items()
            },
        )
    )


cache.holds_images(_compute_statistics)
