"""Charts and pictures of a lab experiment."""

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
from cifarviz.figures.sprite import enlarge, sprite
from cifarviz.figures.theme import MetricName, empty_figure
from cifarviz.runs.records import Run
from cifarviz.runs.series import Series
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.class_names import class_names
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.components.live import Live
from cifarviz.ui.evaluate.galleries import picture_in_address
from cifarviz.ui.lab.results import RunMemory, SeriesRun
from cifarviz.ui.navigation import link_to
from cifarviz.ui.query import render_choice, update_query_params

_HEIGHT = 420

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
}
_TITLES: Final = {
    "accuracy": "Accuracy",
    "loss": "Loss",
    "accuracy-by-size": "Accuracy at the end, by the number of training images",
    "gaps": "The gap between training and validation",
    "memorisation": "What it says of its training images",
    "learned": "When labels were learned for good",
}
_NONE = np.empty(0)
_MOST = 24
_TILE = 96
_ENLARGED = 192
_ORDERS = {"first": "Learned first", "last": "Learned last", "never": "Not learned"}


def series_charts(kind: LabKind, series: Series, figures: Mapping[str, Any], live: Live) -> None:
    """Show two charts side by side: what the experiment is about, and the curves of all runs.

    ``figures`` are those of ``series_figures``; between runs of the page the browser draws them by
    the same names as ``live`` has them.
    """
    # The curves of six runs have a long legend.
    left, right = st.columns([2, 3] if kind == "cures" else 2, gap="medium")
    places = {"learned": st.container()} | dict(zip(_NAMES[kind], (left, right), strict=False))
    for name in _NAMES[kind]:
        title = _TITLES[name]
        with places[name]:
            st.markdown(f"##### {title}")
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


def series_figures(
    kind: LabKind, found: Sequence[SeriesRun], memory: RunMemory | None
) -> dict[str, Any]:
    """Draw the charts of an experiment, by their names; ``memory`` is of its first run."""
    draw: Mapping[str, Callable[[], Any]] = {
        "accuracy": lambda: _history("accuracy", found),
        "loss": lambda: _history("loss", found),
        "accuracy-by-size": lambda: _sizes(found),
        "gaps": lambda: _gaps(found),
        "memorisation": lambda: _memorised(memory, found),
        "learned": lambda: learned_epochs_figure(_learned(memory)),
    }
    return {name: draw[name]() for name in _NAMES[kind]}


def _history(metric: MetricName, found: Sequence[SeriesRun]) -> go.Figure:
    # Those that wait have their colours already.
    curves = [_curve(metric, one) for one in found]
    if not any(one.history for one in found):
        return empty_figure("The curves begin with the first epoch.", height=_HEIGHT)
    return history_comparison_figure(history_comparison(metric, curves))


def _curve(metric: MetricName, one: SeriesRun) -> RunCurve:
    return RunCurve(
        name=one.label,
        epochs=np.array([epoch.epoch for epoch in one.history], np.int32),
        training=_values(one, metric),
        validation=_values(one, f"val_{metric}"),
        best_epoch=one.run.best_epoch,
        stopped_early=one.run.stopped_early,
        overfitting_start=None if one.result is None else one.result.fit.overfitting_start,
        rates=np.array([epoch.learning_rate for epoch in one.history]),
    )


def _values(one: SeriesRun, field: str) -> np.ndarray:
    """float32; NaN where nothing was measured."""
    return np.array([getattr(epoch, field) for epoch in one.history], np.float32)


def _sizes(found: Sequence[SeriesRun]) -> go.Figure:
    done = [one.result for one in found if one.result is not None and not one.run.state.active]
    planned = [one.run.experiment.data.train_images for one in found]
    return accuracy_by_size_figure(
        AccuracyBySize(
            images=np.array([one.train_images for one in done]),
            training=np.array([one.accuracy for one in done]),
            validation=np.array([one.val_accuracy for one in done]),
            planned=tuple(sorted(one for one in planned if one is not None)),
        )
    )


def _gaps(found: Sequence[SeriesRun]) -> go.Figure:
    bars = [
        GapBar(
            one.label,
            None if one.result is None else one.result.accuracy,
            None if one.result is None else one.result.val_accuracy,
        )
        for one in found
    ]
    return gap_bars_figure(bars)


def _memorised(memory: RunMemory | None, found: Sequence[SeriesRun]) -> go.Figure:
    if memory is None:
        return memorisation_figure(MemorisationCurves(_NONE, _NONE, _NONE, _NONE, _NONE, _NONE))
    followed = memory.memory
    return memorisation_figure(
        MemorisationCurves(
            followed.epochs,
            followed.true_known,
            followed.false_known,
            followed.seen_through,
            np.array([epoch.epoch for epoch in found[0].history]),
            _values(found[0], "val_accuracy"),
        )
    )


def _learned(memory: RunMemory | None) -> Any:
    if memory is None:
        return learned_epochs(_NONE, _NONE, _NONE)
    followed = memory.memory
    return learned_epochs(followed.epochs, followed.true_learned, followed.false_learned)


def wrong_label_gallery(run: Run, found: RunMemory) -> None:
    """Show them in an order; the address holds it as ``gallery``, and one as ``picture``."""
    st.subheader("The images with wrong labels", anchor="gallery")
    which = render_choice(
        "gallery",
        "Which",
        _ORDERS,
        key="lab-gallery",
        hint="By the epoch from which on the network always gave an image its wrong label.",
        problem=lambda word: f"There is no gallery {word} here: {', '.join(_ORDERS)}.",
        forget=("picture",),
    )
    positions = _ordered(which, found)
    if not len(positions):
        st.info("There is no such image.", icon=":material/info:")
        return
    count = "{count:,} images."
    if len(positions) == 1:
        count = "{count:,} image."
    elif len(positions) > _MOST:
        count = "{count:,} images; the first {most}."
    st.caption(
        f"{count.format(count=len(positions), most=_MOST)} Below each is the wrong label it was "
        "trained with, and from which epoch on it was known."
    )
    shown = positions[:_MOST]
    data = cache.dataset(run.experiment.data.dataset, run.experiment.data.variant)
    chosen = _chosen(shown, found)
    grid, detail = st.columns([3, 1], gap="medium")
    with grid:
        clicked = _grid(shown, chosen, found, data)
    with detail:
        _large(chosen, found, data, run)
    if clicked is not None and int(shown[clicked]) != chosen:
        update_query_params(picture=str(found.indices[shown[clicked]]))
        st.rerun()


def _ordered(which: str, found: RunMemory) -> NDArray[np.int64]:
    """Positions, in the order that was chosen, of images with wrong labels."""
    learned, places = found.memory.false_learned, found.memory.false
    if which == "never":
        return places[learned == 0]
    known = np.flatnonzero(learned)
    order = np.argsort(learned[known] if which == "first" else -learned[known], kind="stable")
    return places[known[order]]


def _grid(shown: NDArray[np.int64], chosen: int, found: RunMemory, data: Dataset) -> int | None:
    names = class_names(data.info)
    since = [_learned_caption(position, found) for position in shown]
    return image_grid(
        sprite(data.train.having(found.indices[shown].tolist()).images),
        key="lab-pictures",
        labels=[
            f"{names[found.given[position]]} {f'· {epoch}' if epoch else '–'}"
            for position, epoch in zip(shown, since, strict=True)
        ],
        tooltips=[
            f"Training image {found.indices[position]}: {names[found.right[position]]}, called "
            f"{names[found.given[position]]}; "
            + (f"learned from epoch {epoch} on" if epoch else "not learned")
            for position, epoch in zip(shown, since, strict=True)
        ],
        size=_TILE,
        selected=int(np.flatnonzero(shown == chosen)[0]),
        description="Images with wrong labels",
    )


def _large(position: int, found: RunMemory, data: Dataset, run: Run) -> None:
    names, index = class_names(data.info), int(found.indices[position])
    pixels = data.train.having([index]).images[0]
    large = enlarge(pixels, _ENLARGED)
    right, given = names[found.right[position]], names[found.given[position]]
    st.image(
        sprite(large[np.newaxis]).png, width=large.shape[1], alt=f"Training image {index}, enlarged"
    )
    st.markdown(
        f"**Training image {index}** shows: {escaped(right)}. It was trained as: "
        f":red[{escaped(given)}]."
    )
    st.caption(f"What it said: {_course(position, found, names)}.")
    link_to("inside", "Feature maps of this picture", run=run.id, split="train", image=index)


def _course(position: int, found: RunMemory, names: tuple[str, ...]) -> str:
    """``frog until epoch 4, dog until 9, cat from 10 on``."""
    pairs = zip(found.memory.epochs.tolist(), found.said[:, position].tolist(), strict=True)
    parts = [
        (names[said], [epoch for epoch, _ in of]) for said, of in groupby(pairs, lambda p: p[1])
    ]
    *before, (last, since) = parts
    words = [f"{escaped(name)} until epoch {epochs[-1]}" for name, epochs in before[-6:]]
    if len(before) > 6:
        words.insert(0, "…")
    return ", ".join([*words, f"{escaped(last)} from epoch {since[0]} on"])


def _learned_caption(position: int, found: RunMemory) -> int:
    """The epoch from which on it was known, 0 if it is not."""
    place = int(np.searchsorted(found.memory.false, position))
    return int(found.memory.false_learned[place])


def _chosen(shown: NDArray[np.int64], found: RunMemory) -> int:
    """Position of the image that the address names, if it is shown, else of the first."""
    number = picture_in_address(found.indices)
    named = shown[found.indices[shown] == number] if number is not None else shown[:0]
    return int(named[0]) if len(named) else int(shown[0])
