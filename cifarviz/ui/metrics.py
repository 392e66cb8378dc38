"""Rows of metrics, and what marks their numbers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import streamlit as st

from cifarviz.analysis.intervals import accuracy_interval
from cifarviz.figures.percent import interval, percent
from cifarviz.live.items import Metric, join_names
from cifarviz.runs.earlier_losses import EXPLANATION, PLAIN, earlier_losses, losses_words
from cifarviz.runs.lineage import ancestors
from cifarviz.runs.records import Run
from cifarviz.ui import cache
from cifarviz.ui.address import escaped

INTERVAL_HINT: Final = (
    "Below: the 95% confidence interval (Wilson’s) for this number of images. It does not cover "
    "how results vary with the training seed."
)


def format_interval(accuracy: float, images: int, digits: int = 1) -> str:
    """The 95 % interval of an accuracy over so many images: ``"76.5% to 78.2%"``."""
    return interval(*accuracy_interval(accuracy, images), digits)


def accuracy_metric(label: str, accuracy: float, images: int, hint: str) -> Metric:
    """An accuracy for a row of figures, with its interval below it."""
    return Metric(
        label, percent(accuracy), f"{hint} {INTERVAL_HINT}", format_interval(accuracy, images)
    )


def render_metrics(
    metrics: Sequence[Metric], *, widths: Sequence[int] | None = None, level: int = 5
) -> None:
    """Show ``metrics`` beside each other, as headings of ``level``; their values are Markdown."""
    for column, metric in zip(st.columns(widths or len(metrics)), metrics, strict=True):
        with column.container(gap=None):
            st.caption(metric.label, help=metric.hint)
            st.markdown(f"{'#' * level} {metric.value}")
            if metric.note:
                st.caption(metric.note)


def render_loss_note(runs: Iterable[tuple[str, Run]]) -> None:
    """Say how the losses of ``runs``, each under a name, were computed, unless all are exact."""
    groups: dict[str, list[str]] = {}
    for name, run in runs:
        groups.setdefault(losses_words(run), []).append(name)
    earlier = {words: names for words, names in groups.items() if words != PLAIN}
    if not earlier:
        return
    template = "Losses are computed in different ways. {runs}."
    if len(groups) == 1:
        template = "Losses: {loss}."
    elif PLAIN in groups:
        template = "Losses are computed in different ways. {runs}; other runs: {plain}."
    sentence = template.format(
        loss=next(iter(earlier)),
        plain=PLAIN,
        runs="; ".join(f"{join_names(names)}: {loss}" for loss, names in earlier.items()),
    )
    st.caption(f":material/info: {escaped(sentence)}", help=EXPLANATION)


def render_curves_loss_note(names: Mapping[str, str], runs: Sequence[Run]) -> None:
    """Say so below curves, which begin with those of a fork's ancestors.

    ``names`` are the names of ``runs`` by id.
    """
    drawn = {run.id: run for run in runs}
    for run in runs:
        drawn |= {one.id: one for one in ancestors(cache.store(), run) if one.id not in drawn}
    render_loss_note((names.get(run.id, run.name), run) for run in drawn.values())


def loss_note(run: Run) -> str:
    """How the losses of one run were computed, as a sentence; empty if they are exact."""
    return "" if earlier_losses(run) is None else f"Losses: {losses_words(run)}."
