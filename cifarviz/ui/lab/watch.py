"""A lab experiment while its runs train, and after."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from cifarviz.analysis.overfitting import VERDICT_LABELS
from cifarviz.errors import CifarvizError
from cifarviz.experiment.lab import LabKind
from cifarviz.figures.figure_json import figure_values
from cifarviz.live.feeds import active_mark
from cifarviz.live.hub import hub
from cifarviz.live.items import Item, Metric, progress_item, progress_share
from cifarviz.runs.records import Run
from cifarviz.runs.series import Series
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.lab.charts import series_charts, series_figures, wrong_label_gallery
from cifarviz.ui.lab.results import (
    HINTS,
    RunMemory,
    SeriesRun,
    TrainingLabels,
    is_moving,
    labels_of,
    memory_of,
    memory_so_far,
    results_table,
    show_verdict,
    standings,
)
from cifarviz.ui.metrics import render_loss_note
from cifarviz.ui.navigation import link_to
from cifarviz.ui.queueing import stop_runs
from cifarviz.ui.streamlit_patches import uninterruptible

PROGRESS = "progress"
"""The name of the item on the series; those on its runs are ``run-<id>``."""
_COLUMNS = ("Training accuracy", "Validation accuracy", "Gap", "Overfitting starts", "Verdict")


class SeriesFeed:
    """A series as its runs come further, read for the page and, between, for the channel.

    ``labels`` are those of the first run's training images, where they are followed.
    """

    def __init__(
        self, store: RunStore, kind: LabKind, series: Series, labels: TrainingLabels | None
    ) -> None:
        self._store = store
        self._kind = kind
        self._series = series
        self._labels = labels
        self._drawn: tuple[object, dict[str, Any]] = (None, {})

    def message(self) -> dict[str, Any]:
        """Return all that moves, for the channel."""
        return self.describe(standings(self._store, self._series))

    def describe(self, found: Sequence[SeriesRun]) -> dict[str, Any]:
        """Return the same of runs that have been read; without charts that cannot be drawn.

        ``mark`` changes with the states of the runs, when one is deleted, and with what keeps the
        charts from being drawn.
        """
        message: dict[str, Any] = {
            "mark": active_mark([one.run for one in found]),
            "items": {name: item.values() for name, item in moving_items(found).items()},
        }
        try:
            message["figures"] = self.figures(found)
        except CifarvizError as problem:
            message["mark"] += f" {problem}"
        return message

    def figures(self, found: Sequence[SeriesRun]) -> Mapping[str, Any]:
        """Return the charts by their names; raises as ``memory_so_far`` does."""
        memory = self._memory(found)
        state = ([(replace(one.run, progress=None), one.history) for one in found], memory)
        if self._drawn[0] != state:
            figures = series_figures(self._kind, found, memory)
            values = {name: figure_values(figure) for name, figure in figures.items()}
            self._drawn = (state, values)
        return self._drawn[1]

    def _memory(self, found: Sequence[SeriesRun]) -> RunMemory | None:
        if self._labels is None or not found:
            return None
        return memory_so_far(self._store, found[0].run, self._labels)


def watch_series(kind: LabKind, series: Series) -> None:
    """Show the runs of a series over each other, and the verdict when all have ended."""
    found = standings(cache.store(), series)
    _heading(series, found)
    if not found:
        return
    active = any(one.run.state.active for one in found)
    # There also without any: the charts below keep their place, and their zoom.
    above, charts = st.container(), st.container()
    if not active:
        with above, errors_shown():
            show_verdict(kind, found)
    labels = None
    with charts, errors_shown():
        labels = labels_of(found[0].run) if kind == "memorisation" else None
    feed = SeriesFeed(cache.store(), kind, series, labels)
    # Once all have ended, too: a run may go on again.
    hub().register(f"lab-{series.id}", feed.message)
    live = Live(f"lab-{series.id}", feed.describe(found)["mark"])
    if active:
        with above:
            live_items(moving_items(found), key="lab-progress", live=live, alone=True)
    with charts, errors_shown():
        series_charts(kind, series, feed.figures(found), live)
    results_table(found)
    render_loss_note((one.label, one.run) for one in found)
    if kind == "memorisation" and not active:
        with errors_shown():
            memory = memory_of(found[0].run)
            if memory is not None:
                wrong_label_gallery(found[0].run, memory)


def _heading(series: Series, found: Sequence[SeriesRun]) -> None:
    top = st.container(horizontal=True, vertical_alignment="center")
    with top, st.container(width="stretch"):
        st.subheader(escaped(series.title), anchor=False)
    active = [one.run for one in found if one.run.state.active]
    with top:
        if active:
            _stop_button(active)
        elif resumable := [one.run for one in found if one.run.resumable]:
            _resume_button(resumable)
        if found:
            link_to("runs", "All of them in Runs", runs=",".join(one.run.id for one in found))
    if len(found) < series.count:
        gone = series.count - len(found)
        st.warning(
            f"{gone} of its {series.count} runs {'was' if gone == 1 else 'were'} deleted.",
            icon=":material/warning:",
        )


def _stop_button(active: Sequence[Run]) -> None:
    stopping = all(run.requested == Action.STOP for run in active)
    st.button(
        "Stopping …" if stopping else "Stop all",
        key="lab-stop",
        icon=":material/stop:",
        disabled=stopping,
        on_click=uninterruptible(stop_runs),
        args=([run.id for run in active],),
        help="Ends the run that trains and takes the others out of the queue; what was learned is "
        "kept, and they can be resumed.",
    )


def _resume_button(resumable: Sequence[Run]) -> None:
    if st.button(
        "Resume" if len(resumable) == 1 else f"Resume {len(resumable)} runs",
        key="lab-resume",
        icon=":material/play_arrow:",
        help="Queues those that did not finish; each goes on from its last checkpoint.",
    ):
        with errors_shown():
            cache.worker().resume_all(run.id for run in resumable)
            st.rerun()


def moving_items(found: Sequence[SeriesRun]) -> dict[str, Item]:
    """Return a line on the series and one on each run at work, or on the one that comes next."""
    runs = [one.run for one in found]
    active = [run for run in runs if run.state.active]
    # What ended early is done, too, as far as the waiting goes.
    shares = [progress_share(run) if run.state.active else 1.0 for run in runs]
    text = f"{_how_far(runs)}.{' The verdict comes when none is left.' if active else ''}"
    items = {PROGRESS: Item(text=text, share=sum(shares) / max(len(shares), 1))}
    shown = [one for one in found if is_moving(one.run)]
    shown = shown or [one for one in found if one.run.state.active][:1]
    # Not the id alone: a browser puts names that are numbers before all others.
    return items | {f"run-{one.run.id}": _run_item(one) for one in shown}


def _run_item(one: SeriesRun) -> Item:
    """Return a run's line, with the numbers that its row in the table lacks as long."""
    line = progress_item(one.run, one.label)
    return Item(line.title, line.badge, line.color, line.text, metrics=_metrics(one))


def _metrics(one: SeriesRun) -> tuple[Metric, ...]:
    """Return what is known; before that a dash, so that the charts below stay where they are."""
    result = one.result
    values = dict.fromkeys(_COLUMNS, "–")
    if result is not None:
        starts = result.fit.overfits_after
        values |= {
            "Training accuracy": f"{result.accuracy:.1%}",
            "Validation accuracy": f"{result.val_accuracy:.1%}",
            "Gap": f"{100 * result.gap:.1f} points",
            "Overfitting starts": "–" if starts is None else f"after epoch {starts}",
            "Verdict": VERDICT_LABELS[result.fit.verdict],
        }
    return tuple(Metric(label, value, HINTS[label]) for label, value in values.items())


def _how_far(runs: Sequence[Run]) -> str:
    """How many are done; what ended without that is counted by itself."""
    done = sum(run.state is RunState.FINISHED for run in runs)
    others = [run for run in runs if not run.state.active and run.state is not RunState.FINISHED]
    never = sum(run.started is None for run in others)
    early = len(others) - never
    all_runs = len(runs)
    words = [
        f"1 of {all_runs} runs is done" if done == 1 else f"{done} of {all_runs} runs are done"
    ]
    if early:
        words.append(f"{early} ended early")
    if never:
        words.append(f"{never} never began")
    return ", ".join(words)
