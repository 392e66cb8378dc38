"""Comparing runs: curves, verdicts and differences of settings."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd
import streamlit as st

from cifarviz.analysis.overfitting import START_RULE, VERDICT_LABELS, Fit, Gap, judge_run, smoothed
from cifarviz.errors import CifarvizError
from cifarviz.experiment.changes import Difference, differences
from cifarviz.figures.figure_json import figure_values
from cifarviz.figures.history_comparison import (
    MOST_WITH_DASHES,
    RunCurve,
    RunPlace,
    history_comparison,
    history_comparison_values,
    numbered_name,
)
from cifarviz.figures.theme import METRIC_TITLES, MetricName
from cifarviz.live.feeds import run_mark
from cifarviz.live.hub import hub
from cifarviz.live.items import Item, join_names, verdict_item
from cifarviz.live.run_figures import published_figure_curves
from cifarviz.runs.earlier_losses import EXPLANATION, PLAIN, losses_text
from cifarviz.runs.lineage import branch_point
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.store import RunStore
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items
from cifarviz.ui.metrics import render_curves_loss_note
from cifarviz.ui.pickers import distinct_names
from cifarviz.ui.published import render_published_switch
from cifarviz.ui.query import render_choice
from cifarviz.ui.runs.rows import column_width, format_verdict, weights_gap

_METRICS: tuple[MetricName, ...] = ("accuracy", "loss")
_SMOOTHING = {"1": "Off", "3": "3 epochs", "5": "5", "9": "9"}
_AXES = {"linear": "Linear", "log": "Logarithmic"}
_CURVES = {"both": "Training and validation", "validation": "Validation only"}
Histories = Mapping[str, Sequence[Epoch]]


class _Curves:
    """The charts of some runs, drawn by the page and, for active runs, sent to browsers."""

    def __init__(
        self,
        store: RunStore,
        names: Mapping[str, str],
        *,
        published: bool,
        smoothed_over: int,
        logarithmic: bool,
        validation_only: bool,
    ) -> None:
        self.options = (dict(names), published, smoothed_over, logarithmic, validation_only)
        """Equal options draw equal charts."""
        self._store = store
        self._names = names
        self._published = published
        self._over = smoothed_over
        self._logarithmic = logarithmic
        self._validation_only = validation_only
        self._sent: tuple[object, dict[str, Any]] = (None, {})

    def message(self) -> dict[str, Any]:
        """Return the current charts and verdicts as a message for browsers."""
        listed = {run.id: run for run in self._store.all()}
        runs = [listed[run_id] for run_id in self._names if run_id in listed]
        state = (_mark(runs), [run.epochs_done for run in runs])
        if self._sent[0] != state:
            histories = self._store.histories([run.id for run in runs])
            fits = {run.id: judge_run(run, histories[run.id]) for run in runs}
            self._sent = (
                state,
                {
                    "mark": _mark(runs),
                    "items": {
                        run.id: _verdict_item(run, self._names, fits[run.id]).values()
                        for run in runs
                        if run.state.active
                    },
                    "figures": {
                        metric: figure_values(self.figure(metric, runs, histories, fits))
                        for metric in _METRICS
                    },
                },
            )
        return self._sent[1]

    def figure(
        self, metric: MetricName, runs: Sequence[Run], histories: Histories, fits: Mapping[str, Fit]
    ) -> dict[str, Any]:
        """Draw one chart of ``runs``: its data and layout."""
        curves = [
            _curve(
                metric, run, self._names[run.id], histories[run.id],
                branch_point(self._store, run), self._over, fits[run.id].overfits_after,
            )
            for run in runs
        ]  # fmt: skip
        return history_comparison_values(
            history_comparison(
                metric,
                curves,
                published_figure_curves(metric, runs) if self._published else None,
                logarithmic=self._logarithmic and metric == "loss",
                smoothed_over=self._over,
                validation_only=self._validation_only,
            )
        )


FEW_RUNS: Final = 8
"""With more runs, verdicts are shown in a table."""

# Pixels: a row, a row with two lines of text, the largest table, the page's width in a window of
# 1440 pixels, and a column that is narrowed to fit into it.
_ROW_HEIGHT = 35
_WRAPPED_HEIGHT = 54
_MOST_HEIGHT = 700
_PAGE_WIDTH = 1060
_LEAST_WIDTH = 90


def render_fits(runs: Sequence[Run], histories: Histories, fits: Mapping[str, Fit]) -> None:
    """Show each run's verdict and its gaps between training and validation."""
    st.header("Fit", anchor="fit")
    names = _numbered_names(distinct_names(runs))
    few = len(runs) <= FEW_RUNS
    if few:
        for run in runs:
            fit = fits[run.id]
            st.markdown(
                f"{format_verdict(fit)} **{escaped(names[run.id])}**: {escaped(fit.reason)}"
            )
    else:
        _render_verdicts(runs, names, fits)
    table = pd.DataFrame(
        [
            _gaps_row(names[run.id], run, fits[run.id], weights_gap(run, histories[run.id]))
            for run in runs
        ]
    )
    if (table["Losses"] == PLAIN).all():
        table = table.drop(columns="Losses")
    st.dataframe(
        table,
        key="runs-fits",
        hide_index=True,
        placeholder="",
        row_height=_ROW_HEIGHT,
        height=_table_height(len(table), _ROW_HEIGHT),
        column_config=_gaps_columns(table),
    )


def _render_verdicts(
    runs: Sequence[Run], names: Mapping[str, str], fits: Mapping[str, Fit]
) -> None:
    table = pd.DataFrame(
        [
            {
                "Run": names[run.id],
                "Verdict": VERDICT_LABELS[fits[run.id].verdict],
                "Why": fits[run.id].reason,
            }
            for run in runs
        ]
    )
    st.dataframe(
        table,
        key="runs-verdict-table",
        hide_index=True,
        row_height=_WRAPPED_HEIGHT,
        height=_table_height(len(table), _WRAPPED_HEIGHT),
        column_config={
            "Run": st.column_config.TextColumn(width=_run_width(table), pinned=True),
            "Verdict": st.column_config.TextColumn(width=130),
            "Why": st.column_config.TextColumn(width=660, help="The reason for the verdict."),
        },
    )


def _run_width(table: pd.DataFrame) -> int:
    return column_width(table["Run"], least=80, most=260)


def _numbered_names(names: Mapping[str, str]) -> dict[str, str]:
    """Return the names of compared runs, with their numbers in the chart, if any."""
    places = [RunPlace(position, len(names)) for position in range(len(names))]
    return {
        run_id: numbered_name(name, place)
        for (run_id, name), place in zip(names.items(), places, strict=True)
    }


def _gaps_row(name: str, run: Run, fit: Fit, gap: Gap | None) -> dict[str, object]:
    return {
        "Run": name,
        "Overfitting starts": fit.overfits_after,
        "Loss gap, start": None if fit.gap_at_start is None else fit.gap_at_start.loss,
        "Accuracy gap, start": None
        if fit.gap_at_start is None
        else 100 * fit.gap_at_start.accuracy,
        "Last epoch": run.epochs_done or None,
        "Loss gap, last": None if fit.gap_at_end is None else fit.gap_at_end.loss,
        "Accuracy gap, last": None if fit.gap_at_end is None else 100 * fit.gap_at_end.accuracy,
        "Weights from": None if gap is None else gap.epoch,
        "Accuracy gap of weights": None if gap is None else 100 * gap.accuracy,
        "Losses": losses_text(run),
    }


def _gaps_columns(table: pd.DataFrame) -> dict[str, Any]:
    def points(label: str, hint: str, width: int = 105) -> Any:
        return st.column_config.NumberColumn(label, width=width, format="%.1f points", help=hint)

    def loss(when: str) -> Any:
        hint = f"Validation loss minus training loss after {when}."
        return st.column_config.NumberColumn(width=100, format="%.3f", help=hint)

    ahead = "Training accuracy minus validation accuracy after"
    return {
        "Run": st.column_config.TextColumn(width=min(_run_width(table), 222), pinned=True),
        "Overfitting starts": st.column_config.NumberColumn(
            width=118, format="after epoch %d", help=START_RULE
        ),
        "Loss gap, start": loss("the epoch with the lowest validation loss, if it rises then"),
        "Accuracy gap, start": points(
            "Acc. gap, start",
            f"{ahead} the epoch with the lowest validation loss, if it rises then.",
        ),
        "Last epoch": st.column_config.NumberColumn(width=76, format="%d"),
        "Loss gap, last": loss("the last epoch"),
        "Accuracy gap, last": points(
            "Acc. gap, last", f"{ahead} the last epoch, whichever weights the run kept."
        ),
        "Weights from": st.column_config.NumberColumn(
            width=96,
            format="epoch %d",
            help="The epoch of the run’s final weights: the best if early stopping restored it, "
            "else the last. The Lab’s numbers are for this epoch.",
        ),
        "Accuracy gap of weights": points(
            "Acc. gap of weights", f"{ahead} the epoch of “Weights from”.", 133
        ),
        "Losses": st.column_config.TextColumn(width=260, help=EXPLANATION),
    }


def _table_height(rows: int, row_height: int) -> int:
    """Return the table's height in pixels, limited so that the page continues below."""
    return min(row_height * rows, _MOST_HEIGHT) + _ROW_HEIGHT + 3


def render_differences(runs: Sequence[Run]) -> None:
    """Show the settings that differ between ``runs``.

    Two or three runs are columns; for more, the narrower orientation is used.
    """
    st.header("Differences", anchor="differences")
    names = _numbered_names(distinct_names(runs))
    readable, unreadable = [], []
    for run in runs:
        try:
            # With the precision it trained in.
            readable.append((run, run.trained_experiment))
        except CifarvizError:
            unreadable.append(names[run.id])
    if unreadable:
        st.caption(escaped(f"The settings of {join_names(unreadable)} cannot be read."))
    rows = differences([experiment for _, experiment in readable]) if len(readable) > 1 else []
    compared = [run for run, _ in readable]
    rows += _forks(compared, names)
    rows += _losses(compared)
    if not rows:
        st.caption("All settings are the same, including the seed.")
        return
    by_setting = [["Setting", *(names[run.id] for run in compared)]]
    by_setting += [[row.setting, *row.values] for row in rows]
    by_run = [list(cells) for cells in zip(*by_setting, strict=True)]
    by_run[0][0] = "Run"
    table = by_setting
    if len(compared) > MOST_WITH_DASHES and sum(_widths(by_run)) < sum(_widths(by_setting)):
        table = by_run
    titles, *cells = table
    first, *others = _widths(table)
    widths = [first, *_fitted(others, _PAGE_WIDTH - first)]
    st.dataframe(
        # Columns are keyed by position, because names of runs may be equal.
        pd.DataFrame(cells, columns=list(map(str, range(len(titles))))),
        key="runs-differences",
        hide_index=True,
        height=_table_height(len(cells), _ROW_HEIGHT),
        row_height=_ROW_HEIGHT,
        column_config={
            str(place): st.column_config.TextColumn(title, width=width, pinned=place == 0)
            for place, (title, width) in enumerate(zip(titles, widths, strict=True))
        },
    )


def _widths(table: Sequence[Sequence[str]]) -> list[int]:
    """Return the width of each column in pixels; the first row holds the titles."""
    return [column_width(cells) for cells in zip(*table, strict=True)]


def _fitted(widths: Sequence[int], most: int) -> list[int]:
    """Return the widths, the largest of them narrowed so that all fit into ``most`` pixels.

    No column becomes narrower than 90 pixels, so many columns may not fit.
    """
    limit = max(widths)
    while limit > _LEAST_WIDTH and sum(min(width, limit) for width in widths) > most:
        limit -= 1
    return [min(width, limit) for width in widths]


def _forks(runs: Sequence[Run], names: Mapping[str, str]) -> list[Difference]:
    def name(run_id: str) -> str:
        return names.get(run_id, f"run {run_id}")

    def start(run: Run) -> str:
        if run.parent is not None:
            return f"epoch {run.parent_epoch} of {name(run.parent)}"
        transfer = run.experiment.transfer
        if transfer is not None:
            return f"{transfer.format_layers()} of {name(transfer.run)}"
        return "random weights"

    began = tuple(map(start, runs))
    return [Difference("started from", began)] if len(set(began)) > 1 else []


def _losses(runs: Sequence[Run]) -> list[Difference]:
    computed = tuple(map(losses_text, runs))
    return [Difference("losses", computed)] if len(set(computed)) > 1 else []


def render_curves(runs: Sequence[Run], histories: Histories, fits: Mapping[str, Fit]) -> None:
    """Show training and validation curves of ``runs``.

    The address holds which curves as ``curves``, the smoothing as ``smooth`` and the loss axis as
    ``axis``.
    """
    published = render_published_switch(runs)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        which = _render_choice(
            "curves", "Curves", _CURVES,
            "Validation alone tells apart many runs, or runs close to each other.",
        )  # fmt: skip
        over = _render_choice(
            "smooth", "Smoothing", _SMOOTHING,
            "A moving average over this many epochs. Verdicts use the unsmoothed curves.",
        )  # fmt: skip
        axis = _render_choice(
            "axis", "Loss axis", _AXES,
            "A logarithmic axis separates small losses, such as those late in training.",
        )  # fmt: skip
    names = distinct_names(runs)
    drawn = _Curves(
        cache.store(),
        names,
        published=published,
        smoothed_over=int(over),
        logarithmic=axis == "log",
        validation_only=which == "validation",
    )
    live = None
    if any(run.state.active for run in runs):
        feed = f"curves-{hashlib.blake2b(repr(drawn.options).encode(), digest_size=8).hexdigest()}"
        hub().register(feed, drawn.message)
        live = Live(feed, _mark(runs))
        active = {
            run.id: _verdict_item(run, names, fits[run.id]) for run in runs if run.state.active
        }
        live_items(active, key="runs-verdicts", live=live)
    for metric in _METRICS:
        st.header(METRIC_TITLES[metric], anchor=metric)
        if metric == "loss":
            render_curves_loss_note(names, runs)
        chart(
            drawn.figure(metric, runs, histories, fits),
            key=f"runs-{metric}",
            view=",".join([*names, axis, which]),
            file_name=f"runs-{metric}",
            description=f"{METRIC_TITLES[metric]} of {', '.join(names.values())}",
            live=live,
            live_name=metric,
        )


def _mark(runs: Sequence[Run]) -> str:
    return "".join(run_mark(run) for run in runs)


def _verdict_item(run: Run, names: Mapping[str, str], fit: Fit) -> Item:
    return replace(verdict_item(fit), title=names[run.id])


def _render_choice(name: str, label: str, options: Mapping[str, str], hint: str) -> str:
    return render_choice(
        name,
        label,
        options,
        key=f"runs-{name}",
        hint=hint,
        problem=lambda word: f"Unknown {label.lower()} {word}: the default is used.",
    )


def _curve(
    metric: MetricName,
    run: Run,
    name: str,
    epochs: Sequence[Epoch],
    start: Epoch | None,
    over: int,
    overfitting_start: int | None,
) -> RunCurve:
    validation = _epoch_values(epochs, f"val_{metric}", over)
    branch = None
    if start is not None:
        branch = (start.epoch, getattr(start, metric), getattr(start, f"val_{metric}"))
    return RunCurve(
        name=name,
        epochs=np.array([epoch.epoch for epoch in epochs], np.int32),
        training=_epoch_values(epochs, metric, over),
        validation=None if np.isnan(validation).all() else validation,
        best_epoch=run.best_epoch,
        stopped_early=run.stopped_early,
        overfitting_start=overfitting_start,
        branch=branch,
        rates=np.array([epoch.learning_rate for epoch in epochs]),
    )


def _epoch_values(epochs: Sequence[Epoch], field: str, over: int) -> np.ndarray:
    """Return float32 values, a moving average over ``over`` epochs; NaN where missing."""
    values = np.array([getattr(epoch, field) for epoch in epochs], np.float32)
    return smoothed(values, over // 2).astype(np.float32) if over > 1 else values
