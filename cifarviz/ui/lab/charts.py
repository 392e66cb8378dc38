"""Charts and images of a lab experiment."""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from cifarviz.data.image_set import Dataset
from cifarviz.experiment.lab import LabKind
from cifarviz.figures.history_comparison import (
    RunCurve,
    history_comparison,
    history_comparison_figure,
)
from cifarviz.figures.lab_charts import (
    AccuracyBySize,
    GapBar,
    MemorisationCurves,
    accuracy_by_size_figure,
    gap_bars_figure,
    learned_epochs,
    learned_epochs_figure,
    memorisation_figure,
)
from cifarviz.figures.replay import RunLosses, compared_losses, overfitting_gap
from cifarviz.figures.sprite import sprite
from cifarviz.figures.theme import MetricName, empty_figure
from cifarviz.runs.records import Run
from cifarviz.runs.series import Series
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, format_ranges
from cifarviz.ui.class_names import class_names
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.replay import (
    Pace,
    pace_in_address,
    position_in_address,
    replay_curves,
)
from cifarviz.ui.evaluate.image_details import (
    TILE_SIZE,
    image_in_address,
    open_clicked_image,
    render_enlarged,
)
from cifarviz.ui.lab.results import RunMemorisation, SeriesRun, compared_runs
from cifarviz.ui.navigation import link_to
from cifarviz.ui.query import render_choice

_HEIGHT = 420
_REPLAY_HEIGHT = 17.0  # rem
_REPLAY_SECONDS = 20

# The others are as high as their legends need.
_HEIGHTS: Final = {
    "accuracy-by-size": _HEIGHT,
    "gaps": _HEIGHT,
    "memorisation": _HEIGHT,
    "learned": 300,
}
_NAMES: Final[Mapping[LabKind, Sequence[str]]] = {
    "duel": ("accuracy", "loss"),
    "sizes": ("accuracy-by-size", "loss"),
    "cures": ("gaps", "loss"),
    "memorisation": ("memorisation", "accuracy", "learned"),
    "transfer": ("accuracy", "loss"),
}
_TITLES: Final = {
    "accuracy": "Accuracy",
    "loss": "Loss",
    "accuracy-by-size": "Final accuracy by number of training images",
    "gaps": "Gap between training and validation",
    "memorisation": "Predictions for the training images",
    "learned": "Epochs from which labels were always predicted",
}
_WIDE = 3.2
_NONE = np.empty(0)
_MOST_IMAGES = 24
_MOST_CHANGES = 6
_ORDERS = {"first": "Learned first", "last": "Learned last", "never": "Not learned"}


def render_series_charts(
    kind: LabKind, series: Series, figures: Mapping[str, Any], live: Live, *, stacked: bool
) -> None:
    """Show two charts: what the experiment is about, and the curves of all runs.

    ``figures`` are those of ``series_figures``; between runs of the page the browser draws them by
    the same names as ``live`` has them.
    """
    # The curves of six runs have a long legend.
    left, right = (
        (st.container(), st.container())
        if stacked
        else st.columns([2, 3] if kind == "cures" else 2, gap="medium")
    )
    places = {"learned": st.container()} | dict(zip(_NAMES[kind], (left, right), strict=False))
    for name in _NAMES[kind]:
        title = _TITLES[name]
        with places[name]:
            st.markdown(f"### {title}")
            chart(
                figures[name],
                key=f"lab-{name}",
                view=series.id,
                height=_HEIGHTS.get(name),
                file_name=f"{series.kind}-{name}",
                description=f"{title}: {series.title}",
                live=live,
                live_name=name,
            )


def render_duel_replay(series: Series, members: Sequence[SeriesRun]) -> None:
    """Play the losses of a duel's runs side by side."""
    losses = [
        RunLosses(
            member.label,
            [record.seconds for record in member.history],
            [record.loss for record in member.history],
            [record.val_loss for record in member.history],
            overfitting_gap(member.result.fit.overfits_after if member.result else None),
        )
        for member in members
        if member.history
    ]
    if not losses:
        return
    replay_curves(
        compared_losses(losses),
        key="lab-replay",
        view=series.id,
        height=_REPLAY_HEIGHT,
        mark="recorded",
        description=f"Replay of {series.title}",
        player=True,
        autoplay=True,
        at=position_in_address(),
        pace=pace_in_address(Pace(seconds=_REPLAY_SECONDS)),
    )


def series_figures(
    kind: LabKind, members: Sequence[SeriesRun], memorised: RunMemorisation | None
) -> dict[str, Any]:
    """Return the charts of an experiment by their names; ``memorised`` is of its first run."""
    members = compared_runs(members)
    draw: Mapping[str, Callable[[], Any]] = {
        "accuracy": lambda: _history_figure("accuracy", members),
        "loss": lambda: _history_figure("loss", members),
        "accuracy-by-size": lambda: _sizes_figure(members),
        "gaps": lambda: gap_bars_figure(
            [
                GapBar(member.label, member.result.accuracy, member.result.val_accuracy)
                if member.result
                else GapBar(member.label, None, None)
                for member in members
            ]
        ),
        "memorisation": lambda: _memorisation_figure(memorised, members),
        "learned": lambda: _learned_figure(memorised),
    }
    return {name: draw[name]() for name in _NAMES[kind]}


def validation_figure(metric: MetricName, members: Sequence[SeriesRun]) -> go.Figure:
    """Return the validation curves of all runs, without those of training, for a projector."""
    figure = _history_figure(metric, members, validation_only=True)
    # Dashes are seen from afar where no markers hide them.
    figure.update_traces(mode="lines", line_width=_WIDE, selector={"mode": "lines+markers"})
    return figure


def _history_figure(
    metric: MetricName, members: Sequence[SeriesRun], *, validation_only: bool = False
) -> go.Figure:
    if not any(member.history for member in members):
        return empty_figure("The curves begin with the first epoch.", height=_HEIGHT)
    # Runs that wait are included, so that each keeps its colour.
    curves = [
        RunCurve(
            name=member.label,
            epochs=np.array([record.epoch for record in member.history], np.int32),
            training=_values(member, metric),
            validation=_values(member, f"val_{metric}"),
            best_epoch=member.run.best_epoch,
            stopped_early=member.run.stopped_early,
            overfitting_start=None if member.result is None else member.result.fit.overfits_after,
            rates=np.array([record.learning_rate for record in member.history]),
        )
        for member in members
    ]
    return history_comparison_figure(
        history_comparison(metric, curves, validation_only=validation_only)
    )


def _values(member: SeriesRun, name: str) -> NDArray[np.float32]:
    """Return a value of each epoch, float32 (e,); NaN where it was not measured."""
    return np.array([getattr(record, name) for record in member.history], np.float32)


def _sizes_figure(members: Sequence[SeriesRun]) -> go.Figure:
    done = [member.result for member in members if member.result and not member.run.state.active]
    planned = {member.run.experiment.data.train_images for member in members}
    return accuracy_by_size_figure(
        AccuracyBySize(
            images=np.array([result.train_images for result in done]),
            training=np.array([result.accuracy for result in done]),
            validation=np.array([result.val_accuracy for result in done]),
            planned=tuple(sorted(size for size in planned if size is not None)),
        )
    )


def _memorisation_figure(
    memorised: RunMemorisation | None, members: Sequence[SeriesRun]
) -> go.Figure:
    if memorised is None:
        return memorisation_figure(MemorisationCurves(_NONE, _NONE, _NONE, _NONE, _NONE, _NONE))
    tracked = memorised.memorisation
    return memorisation_figure(
        MemorisationCurves(
            tracked.epochs,
            tracked.true_known,
            tracked.false_known,
            tracked.seen_through,
            np.array([record.epoch for record in members[0].history]),
            _values(members[0], "val_accuracy"),
        )
    )


def _learned_figure(memorised: RunMemorisation | None) -> go.Figure:
    if memorised is None:
        return learned_epochs_figure(learned_epochs(_NONE, _NONE, _NONE))
    tracked = memorised.memorisation
    return learned_epochs_figure(
        learned_epochs(tracked.epochs, tracked.true_learned, tracked.false_learned)
    )


def render_wrong_labels(run: Run, memorised: RunMemorisation) -> None:
    """Show the images with wrong labels; the address holds ``gallery`` and ``picture``."""
    st.header("Images with wrong labels", anchor="gallery")
    order = render_choice(
        "gallery",
        "Order",
        _ORDERS,
        key="lab-gallery",
        hint="By the epoch from which the network always predicted the wrong label.",
        problem=lambda word: f"There is no gallery {word}. Choose from {', '.join(_ORDERS)}.",
        forget=("picture",),
    )
    # The epoch by position among all images; 0 is never.
    learned = dict(
        zip(
            memorised.memorisation.false.tolist(),
            memorised.memorisation.false_learned.tolist(),
            strict=True,
        )
    )
    positions = [place for place, epoch in learned.items() if (epoch > 0) == (order != "never")]
    if order != "never":
        sign = 1 if order == "first" else -1
        positions.sort(key=lambda place: sign * learned[place])
    if not positions:
        st.info("There are no such images.", icon=":material/info:")
        return
    count = "{count:,} images."
    if len(positions) == 1:
        count = "{count:,} image."
    elif len(positions) > _MOST_IMAGES:
        count = "{count:,} images; the first {most} are shown."
    measured = format_ranges(memorised.memorisation.epochs.tolist())
    st.caption(
        f"{count.format(count=len(positions), most=_MOST_IMAGES)} Below each image: the wrong "
        "label it was trained with, and the epoch from which it was always predicted. "
        f"Predictions were saved after epochs {measured}."
    )
    shown = np.array(positions[:_MOST_IMAGES])
    data = cache.run_dataset(run)
    selected = image_in_address(memorised.indices)
    if selected is None or selected not in shown:
        selected = int(shown[0])
    left, right = st.columns([3, 1], gap="medium")
    with left:
        clicked = _render_grid(shown, selected, learned, memorised, data)
    with right:
        _render_image(selected, memorised, data, run)
        link_to("evaluate", "See which labels it doubts", view="doubts", members=run.id)
    open_clicked_image(clicked, shown, selected, memorised.indices)


def _render_grid(
    shown: NDArray[np.int64],
    selected: int,
    learned: Mapping[int, int],
    memorised: RunMemorisation,
    data: Dataset,
) -> int | None:
    names = class_names(data.info)
    labels, tooltips = [], []
    for place in shown.tolist():
        label, true = names[memorised.labels[place]], names[memorised.true_labels[place]]
        epoch = learned[place]
        labels.append(f"{label} · {epoch}" if epoch else f"{label} –")
        outcome = f"learned from epoch {epoch} on" if epoch else "not learned"
        tooltips.append(
            f"Training image {memorised.indices[place]}: {true}, labelled {label}; {outcome}"
        )
    return image_grid(
        sprite(data.train.having(memorised.indices[shown].tolist()).images),
        key="lab-pictures",
        labels=labels,
        tooltips=tooltips,
        size=TILE_SIZE,
        selected=int(np.flatnonzero(shown == selected)[0]),
        description="Images with wrong labels",
    )


def _render_image(position: int, memorised: RunMemorisation, data: Dataset, run: Run) -> None:
    names, index = class_names(data.info), int(memorised.indices[position])
    true = escaped(names[memorised.true_labels[position]])
    label = escaped(names[memorised.labels[position]])
    render_enlarged(data.train.having([index]).images[0], f"Training image {index}")
    st.markdown(f"**Training image {index}** shows: {true}. Its training label: :red[{label}].")
    st.caption(f"Predicted: {_prediction_history(position, memorised, names)}.")
    link_to("inside", "See its feature maps", run=run.id, split="train", image=index)


def _prediction_history(position: int, memorised: RunMemorisation, names: tuple[str, ...]) -> str:
    """Return ``frog (epochs 1 to 4), dog (epoch 6), cat (epochs 8 to 30)``, as measured."""
    epochs = memorised.memorisation.epochs.tolist()
    predicted = memorised.predicted[:, position].tolist()
    spans = [
        (escaped(names[guess]), [epoch for epoch, _ in pairs])
        for guess, pairs in groupby(zip(epochs, predicted, strict=True), lambda pair: pair[1])
    ]
    texts = [
        f"{name} (epoch {span[0]})"
        if len(span) == 1
        else f"{name} (epochs {span[0]} to {span[-1]})"
        for name, span in spans
    ]
    shown = texts[-_MOST_CHANGES - 1 :]
    return ", ".join(shown if len(shown) == len(texts) else ["…", *shown])
