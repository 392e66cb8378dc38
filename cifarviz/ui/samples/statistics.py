"""What a whole split is like, below the images of the Samples page."""

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
from cifarviz.ui.class_names import address_names, class_names
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.samples.view import (
    SPLIT_WORDS,
    VARIANT_WORDS,
    SamplesView,
    number_input,
    number_problems,
    show_in_address,
)
from cifarviz.ui.start import source_words

# Five tiles beside each other, 96 pixels each and what lies between them.
_FIVE_WIDE = 532
_FEW_CLASSES = 20
_PARTS: Mapping[Variant, str] = {"sample": "sample", "full": "full set"}


@dataclass(frozen=True, eq=False)
class SplitStatistics:
    """Of one split: images a class, and of each channel mean, deviation, lowest and highest."""

    counts: npt.NDArray[np.int64]
    mean: npt.NDArray[np.float64]
    deviation: npt.NDArray[np.float64]
    ranges: list[tuple[int, int]]
    means: Sprite
    histogram_figure: go.Figure


def statistics_shown(view: SamplesView, dataset: Dataset) -> None:
    """Show counts, channels, mean images, histograms and ranges of the whole split in view."""
    split = view.shown_split
    images = dataset.split(split)
    measured = _measured(dataset, split)
    _overview(dataset)
    st.subheader(
        f"All {len(images):,} {SPLIT_WORDS[split]} images of the {VARIANT_WORDS[dataset.variant]}"
    )
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("#### Images a class")
        chart(
            _counts_figure(dataset, class_names(dataset.info)),
            key="samples-counts",
            file_name=f"{view.dataset}-classes",
            description="How many training and test images each class has",
        )
    with right:
        st.markdown("#### Pixel values")
        chart(
            measured.histogram_figure,
            key="samples-histogram",
            file_name=f"{view.dataset}-pixels",
            description="How often each pixel value occurs in each channel",
        )
    left, right = st.columns([5, 4], gap="medium")
    with left, st.container(width=_FIVE_WIDE):
        _mean_images(view, dataset, measured)
    with right:
        _channels(dataset, measured)
    _preprocessing(view, dataset, measured)


def _overview(dataset: Dataset) -> None:
    """Show how many examples there are, and what one is: a look at the data before all else."""
    info = dataset.info
    height, width, channels = info.image_shape
    st.subheader("The data at a glance")
    names = ", ".join(name.lower() for name, _ in CHANNEL_COLORS[channels])
    counts = [library.image_counts(info, variant) for variant in info.variants]
    heads = "".join(f" Examples in the {_PARTS[variant]} |" for variant in info.variants)
    rows = [
        f"| |{heads} Image size | Channels | Classes |",
        f"|:--|{'--:|' * len(counts)}--:|:--|--:|",
    ]
    for place, split in enumerate(get_args(Split)):
        each = "".join(f" {count[place]:,} |" for count in counts)
        rows.append(
            f"| **{SPLIT_WORDS[split].capitalize()}** |{each} {width} × {height} pixels "
            f"| {channels} ({names}) | {len(class_names(info))} |"
        )
    st.markdown("\n".join(rows))
    meaning = (
        "A channel is one of the colours an image is made of."
        if channels > 1
        else "The one channel of these images says how light each pixel is."
    )
    st.caption(
        f"Training images are learned from, test images kept back to judge what was learned. "
        f"{meaning}"
    )
    st.caption(source_words(info))


def _channels(dataset: Dataset, measured: SplitStatistics) -> None:
    st.markdown("#### Channels")
    st.caption("Each channel's pixels, over all images: their mean, and how far they stray.")
    rows = ["| Channel | Mean | Deviation | Lowest | Highest |", "|:--|--:|--:|--:|--:|"]
    for c, (name, _) in enumerate(CHANNEL_COLORS[dataset.info.image_shape[2]]):
        low, high = measured.ranges[c]
        rows.append(
            f"| {name} | {measured.mean[c]:.3f} | {measured.deviation[c]:.3f} | {low} | {high} |"
        )
    st.markdown("\n".join(rows))


def _mean_images(view: SamplesView, dataset: Dataset, measured: SplitStatistics) -> None:
    st.markdown("#### Mean image of each class")
    st.caption(
        "Each pixel averaged over all images of the class. Click one to draw images of its class."
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
        chosen = address_names(dataset.info)[clicked]
        show_in_address(view.changed(view="random", classes=(chosen,), image=None))
        st.rerun()


def _preprocessing(view: SamplesView, dataset: Dataset, measured: SplitStatistics) -> None:
    st.markdown("#### What preprocessing makes of the pixels")
    st.caption(
        "A network learns faster from small numbers around zero than from 0 to 255. Standardising "
        "uses mean and deviation of the training images, for test images too."
    )
    channels = dataset.info.image_shape[2]
    left, right = st.columns(2, gap="large")
    with left:
        number_input("Custom divisor", "divisor", view, hint=Divide.help_text("divisor"))
        number_problems(view, "divisor")
    training = _measured(dataset, "train")
    choices: dict[str, Divide | Standardize] = {
        "÷ 255": Divide(divisor=255.0),
        "Standardised": Standardize(),
        f"÷ {view.divisor:g}": Divide(divisor=view.divisor),
    }
    worked_out = {
        words: scaling(choice, training.mean.tolist(), training.deviation.tolist(), channels)
        for words, choice in choices.items()
    }
    with left:
        st.markdown(_range_table(worked_out, measured))
    with right:
        chart(
            preprocessing_ranges_figure(
                preprocessing_ranges(
                    {words: (one.scale, one.offset) for words, one in worked_out.items()},
                    minimum=[low for low, _ in measured.ranges],
                    maximum=[high for _, high in measured.ranges],
                    mean=measured.mean,
                    deviation=measured.deviation,
                )
            ),
            key="samples-ranges",
            file_name=f"{view.dataset}-preprocessing",
            description="The range of each channel after each way of preprocessing",
        )


def _range_table(worked_out: dict[str, Scaling], measured: SplitStatistics) -> str:
    rows = ["| Preprocessing | Lowest | Highest |", "|:--|--:|--:|"]
    for words, one in worked_out.items():
        ends = [
            end * scale + offset
            for (low, high), scale, offset in zip(
                measured.ranges, one.scale, one.offset, strict=True
            )
            for end in (low, high)
        ]
        rows.append(f"| {words} | {min(ends):.3f} | {max(ends):.3f} |".replace("-", "−"))
    return "\n".join(rows)


def _identity(dataset: Dataset) -> tuple[str, str, int]:
    # Not everything has published fingerprints, so a name alone may come to mean other images.
    check = 0
    for split in get_args(Split):
        images = dataset.split(split)
        for array in (images.labels, images.images[:: max(1, len(images) // 500)]):
            check = zlib.crc32(np.ascontiguousarray(array).tobytes(), check)
    return dataset.info.name, dataset.variant, check


@st.cache_resource(show_spinner="Counting pixels …", hash_funcs={Dataset: _identity})
def _measured(dataset: Dataset, split: Split) -> SplitStatistics:
    images = dataset.split(split)
    classes = len(address_names(dataset.info))
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
                words.capitalize(): statistics.class_counts(
                    dataset.split(split).labels, len(classes)
                )
                for split, words in SPLIT_WORDS.items()
            },
        )
    )
