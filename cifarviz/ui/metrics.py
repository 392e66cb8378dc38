"""Rows of metrics, and notes on how numbers were computed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import streamlit as st

from cifarviz.analysis.intervals import accuracy_interval
from cifarviz.figures.percent import format_bounds, format_percent
from cifarviz.live.items import Metric, join_names
from cifarviz.runs.earlier_losses import EXPLANATION, PLAIN, earlier_losses, losses_text
from cifarviz.runs.lineage import ancestors
from cifarviz.runs.records import Run
from cifarviz.ui import cache
from cifarviz.ui.address import escaped

INTERVAL_HINT: Final = (
    "Below: the 95% confidence interval (Wilson’s) for this number of images. It does not cover "
    "how results vary with the training seed."
)


def format_interval(accuracy: float, images: int, digits: int = 1) -> str:
    """Format the 95% interval of an accuracy over ``images``: ``76.5% to 78.2%``."""
    return format_bounds(*accuracy_interval(accuracy, images), digits)


def accuracy_metric(label: str, accuracy: float, images: int, hint: str) -> Metric:
    """Return an accuracy as a metric with its interval as note."""
    return Metric(
        label,
        format_percent(accuracy),
        f"{hint} {INTERVAL_HINT}",
        format_interval(accuracy, images),
    )


def render_metrics(metrics: Sequence[Metric], *, widths: Sequence[int] | None = None) -> None:
    """Show ``metrics``, whose values are Markdown, in a row."""
    for column, metric in zip(st.columns(widths or len(metrics)), metrics, strict=True):
        with column.container(gap=None):
            st.metric(metric.label, metric.value, help=metric.hint)
            if metric.note:
                st.caption(metric.note)


def render_loss_note(runs: Iterable[tuple[str, Run]]) -> None:
    """Show how the losses of named ``runs`` were computed, unless all are exact."""
    groups: dict[str, list[str]] = {}
    for name, run in runs:
        groups.setdefault(losses_text(run), []).append(name)
    earlier = {loss: names for loss, names in groups.items() if loss != PLAIN}
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
    """Show the same note for the curves of ``runs``, which include a fork's ancestors.

    ``names`` are the names of ``runs`` by id.
    """
    drawn = {run.id: run for run in runs}
    for run in runs:
        drawn = {parent.id: parent for parent in ancestors(cache.store(), run)} | drawn
    render_loss_note((names.get(run.id, run.name), run) for run in drawn.values())


def loss_note(run: Run) -> str:
    """Return how a run's losses were computed, as a sentence; empty if they are exact."""
    return "" if earlier_losses(run) is None else f"Losses: {losses_text(run)}."
