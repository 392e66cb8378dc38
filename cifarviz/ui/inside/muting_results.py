"""What muted channels cost over many images: accuracy, confusion, and the channels that matter."""

from collections.abc import Callable, Collection, Sequence

import numpy as np
import streamlit as st

from cifarviz.analysis.background_job import BackgroundJob, JobResult
from cifarviz.analysis.feature_maps import LayerView
from cifarviz.analysis.muting import Ablation, Muted
from cifarviz.figures.confusion_change import confusion_change, confusion_change_figure
from cifarviz.figures.confusion_matrix import confusion_matrix, confusion_matrix_figure
from cifarviz.figures.sprite import sprite
from cifarviz.live.items import Metric
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice
from cifarviz.ui.address import escaped
from cifarviz.ui.class_names import query_class_names
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.inside.display import DEFAULT_DISPLAY, colored_channels
from cifarviz.ui.inside.muting_jobs import (
    ABLATION_IMAGES,
    MutedEvaluation,
    ablation_job,
    evaluation_job,
    judged_images,
)
from cifarviz.ui.metrics import accuracy_metric, render_metrics
from cifarviz.ui.query import render_choice
from cifarviz.ui.weights_job import job_result, render_job

# Seconds before the progress of a job is shown.
_PATIENCE = 0.3
_ALL = "all"
_RANKED = 24
# CSS pixels.
_TILE, _MENU = 64, 330


def render_evaluation(
    run: Run, weights: WeightsChoice, muted: Muted, classes: Sequence[str]
) -> None:
    """Offer to judge the muted network on the validation images, or render the result."""
    images, split = judged_images(run)
    st.header(f"Accuracy on the {split} images", anchor="muted-accuracy")
    if not muted:
        st.caption("Mute a channel to compare the accuracy without it.")
        return
    job = evaluation_job(run, weights, muted, start=False)
    if job is None or (job.over and not job.failed and job.result() is None):
        pressed = st.button(
            f"Evaluate on {len(images):,} {split} images",
            key="mute-evaluate",
            icon=":material/grid_on:",
            help="Predicts all of them with the whole network and with the muted channels at 0.",
        )
        if pressed:
            evaluation_job(run, weights, muted, start=True)
            st.rerun()
        return
    if (result := _finished(job, f"Predicting {split} images", "muted-accuracy")) is not None:
        _render_result(result, split, classes)


def _finished(job: BackgroundJob[JobResult], text: str, key: str) -> JobResult | None:
    if not job.wait(_PATIENCE):
        render_job(job, text, key=key)
        return None
    return job_result(job, key=key)


def _render_result(result: MutedEvaluation, split: str, classes: Sequence[str]) -> None:
    before, after = result.whole, result.muted
    points = 100 * (after.accuracy - before.accuracy)
    hint = f"Share of the {split} images that are predicted correctly."
    change = f"{points:+.1f} points".replace("-", "−")
    changed = int((before.predicted != after.predicted).sum())
    render_metrics(
        [
            accuracy_metric("Whole network", before.accuracy, len(before), hint),
            accuracy_metric("With muted channels", after.accuracy, len(after), hint),
            Metric("Change", change, "The difference in percentage points."),
            Metric("Other predictions", f"{changed:,}", "Images whose predicted class changes."),
        ]
    )
    matrix, difference = st.columns(2, gap="medium")
    with matrix:
        st.markdown("Confusion matrix with muted channels")
        chart(
            confusion_matrix_figure(confusion_matrix(classes, after.confusion)),
            key="muted-matrix",
            height=520,
            file_name="muted-confusion-matrix",
            description="Confusion matrix of the network with muted channels",
        )
    with difference:
        st.markdown("Change from the whole network, in images: green more, purple fewer")
        chart(
            confusion_change_figure(confusion_change(classes, before.confusion, after.confusion)),
            key="muted-change",
            file_name="muted-confusion-change",
            description="Change of the confusion matrix by the muted channels",
        )


def render_ablation(
    run: Run,
    weights: WeightsChoice,
    view: LayerView,
    muted: Muted,
    classes: Sequence[str],
    on_click: Callable[[int], None],
) -> None:
    """Render the channels of a layer that a class needs most; ``on_click`` gets a clicked one."""
    st.header(f"Channels of {view.name} that matter", anchor="matter")
    job = ablation_job(run, weights, view.name, start=False)
    images, split = judged_images(run)
    count, channels = min(ABLATION_IMAGES, len(images)), view.values.shape[-1]
    if job is None or (job.over and not job.failed and job.result() is None):
        pressed = st.button(
            f"Mute each of {channels} channels in turn" if channels > 1 else "Mute the channel",
            key="mute-ablate",
            icon=":material/search:",
            help=f"Predicts {count:,} {split} images without each channel, alone, and counts what "
            "each class loses. Goes on in the background.",
        )
        if pressed:
            ablation_job(run, weights, view.name, start=True)
            st.rerun()
        return
    found: Ablation | None = _finished(job, f"Muting channels of {view.name}", "ablation")
    if found is not None:
        here = muted.get(view.name, frozenset())
        _render_ranked(found, run, view, here, classes, split, on_click)


def _render_ranked(
    found: Ablation,
    run: Run,
    view: LayerView,
    here: Collection[int],
    classes: Sequence[str],
    split: str,
    on_click: Callable[[int], None],
) -> None:
    names = query_class_names(run.experiment.data.dataset)
    chosen = render_choice(
        "hurts",
        "Class",
        {_ALL: "all classes", **dict(zip(names, classes, strict=True))},
        key="mute-hurts",
        hint="The class whose accuracy is compared.",
        problem=lambda word: f"There is no class {word}. Choose from {escaped(', '.join(names))}.",
        menu=True,
        place=st.container(width=_MENU),
    )
    index = None if chosen == _ALL else names.index(chosen)
    lost = found.lost_in_all if index is None else found.lost[:, index]
    images = int(found.images.sum() if index is None else found.images[index])
    if not images:
        st.caption(f"None of the {split} images shows this class.")
        return
    order = found.ranked(index)[:_RANKED]
    st.caption(
        f"Accuracy lost without each channel alone, over {images:,} {split} images"
        f"{'' if index is None else ' of the class'}: one image is {100 / images:.1f} points. "
        f"{_format_shown(len(order), len(lost))}"
        "Click a channel to mute it, or to switch it on again."
    )
    picture = colored_channels(view, DEFAULT_DISPLAY, None)
    labels = [f"{number}: {_points(lost[number])}" for number in order]
    image_grid(
        sprite(picture.images[order], picture.palette),
        key="mute-ranked",
        size=_TILE,
        labels=labels,
        tooltips=[
            f"Channel {number}: {_points(lost[number])} points without it" for number in order
        ],
        muted=[place for place, number in enumerate(order) if number in here],
        muted_word="muted",
        description=f"Channels of {view.name} by the accuracy lost",
        on_click=lambda place: on_click(int(order[place])),
    )


def _format_shown(shown: int, channels: int) -> str:
    return f"The first {shown} of {channels:,} channels are shown. " if shown < channels else ""


def _points(lost: float) -> str:
    return "0.0" if not np.isfinite(lost) or not lost else f"{-100 * lost:+.1f}".replace("-", "−")
