"""A lab experiment while its runs train, and after."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cifarviz.analysis.overfitting import VERDICT_LABELS
from cifarviz.errors import CifarvizError
from cifarviz.experiment.lab import LabKind
from cifarviz.figures.figure_json import figure_values
from cifarviz.live.feeds import active_mark
from cifarviz.live.hub import hub
from cifarviz.live.items import Item, Metric, progress_item, progress_share, progress_text
from cifarviz.people.person import may_change
from cifarviz.runs.records import Run
from cifarviz.runs.run_headline import format_time_left
from cifarviz.runs.series import Series
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.training.estimate import run_work, seconds_left
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, quoted, sentence_case
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items
from cifarviz.ui.errors import render_errors
from cifarviz.ui.lab.charts import (
    render_duel_replay,
    render_series_charts,
    render_wrong_labels,
    series_figures,
)
from cifarviz.ui.lab.results import (
    COLUMN_HELP,
    SeriesRun,
    TrainingLabels,
    compute_verdict,
    is_training,
    load_memorisation,
    render_results_table,
    render_verdict,
    series_runs,
    training_labels,
)
from cifarviz.ui.metrics import render_loss_note
from cifarviz.ui.navigation import link_to
from cifarviz.ui.query import update_query_params
from cifarviz.ui.queueing import stop_runs

PROGRESS = "progress"
"""Key of the item with the progress of the series; items of runs are ``run-<id>``."""
PARTIAL = "partial"
"""Key of the item with the verdict so far."""
# The weights that a run ends with are known only then.
_METRICS = tuple(name for name in COLUMN_HELP if name != "Weights from")


class SeriesFeed:
    """Progress of a series: drawn with the page, then sent over the WebSocket.

    ``labels`` are those of the first run's training images, if memorisation is shown.
    """

    def __init__(
        self, store: RunStore, kind: LabKind, series: Series, labels: TrainingLabels | None
    ) -> None:
        self._store = store
        self._kind = kind
        self._series = series
        self._labels = labels
        self._drawn: tuple[object, tuple[dict[str, Any], dict[str, Item]]] = (None, ({}, {}))

    def message(self) -> dict[str, Any]:
        """Return all that changes, as a message for the WebSocket."""
        return self.describe(series_runs(self._store, self._series))

    def describe(self, members: Sequence[SeriesRun]) -> dict[str, Any]:
        """Return the message for runs that have been read, without charts that fail.

        ``mark`` changes with the states of the runs, when a run is deleted, and with the error
        that keeps the charts from being drawn.
        """
        message: dict[str, Any] = {
            "mark": active_mark([member.run for member in members]),
        }
        items = progress_items(members)
        try:
            message["figures"] = self.figures(members)
            items |= self.partial_items(members)
        except CifarvizError as problem:
            message["mark"] += f" {problem}"
        message["items"] = {name: item.values() for name, item in items.items()}
        return message

    def figures(self, members: Sequence[SeriesRun]) -> Mapping[str, Any]:
        """Return the charts by their names; raises ``ArtifactDamaged`` and ``UnknownFormat``."""
        return self._draw(members)[0]

    def partial_items(self, members: Sequence[SeriesRun]) -> dict[str, Item]:
        """Return the verdict so far as an item, if there is one; raises as ``figures`` does."""
        return self._draw(members)[1]

    def _draw(self, members: Sequence[SeriesRun]) -> tuple[dict[str, Any], dict[str, Item]]:
        memorised = None
        if self._labels is not None and members:
            memorised = load_memorisation(self._store, members[0].run, self._labels)
        # Progress and time at work change several times a second, and are not drawn here.
        runs = [
            (replace(member.run, progress=None, seconds=0.0), member.history) for member in members
        ]
        state = (runs, memorised)
        if self._drawn[0] != state:
            figures = series_figures(self._kind, members, memorised)
            values = {name: figure_values(figure) for name, figure in figures.items()}
            self._drawn = (state, (values, self._partial_items(members)))
        return self._drawn[1]

    def _partial_items(self, members: Sequence[SeriesRun]) -> dict[str, Item]:
        unknown = self._kind == "memorisation" and self._labels is None
        if unknown or not any(member.run.state.active for member in members):
            return {}
        verdict = compute_verdict(
            self._kind, members, lambda run: load_memorisation(self._store, run, self._labels)
        )
        if verdict is None:
            return {}
        first, *others = verdict.sentences
        item = Item(verdict.headline, "not final", "orange", first, note="\n".join(others))
        return {PARTIAL: item}


def watch_series(kind: LabKind, series: Series, *, below: DeltaGenerator | None = None) -> None:
    """Show the runs of a series together, and the verdict when all have ended.

    ``below`` is for a narrow place: the charts stand below each other, and what needs width, as the
    table, is put there.
    """
    members = series_runs(cache.store(), series)
    _render_heading(series, members)
    if not members:
        return
    active = any(member.run.state.active for member in members)
    # Both containers exist in any case, so that the charts keep their place and their zoom.
    above, charts = st.container(), st.container()
    if not active:
        with above, render_errors():
            # Before the verdict, which gives away what it shows.
            if kind == "duel" and _is_replay_open():
                render_duel_replay(series, members)
            render_verdict(kind, members)
    labels = None
    with charts, render_errors():
        labels = training_labels(members[0].run) if kind == "memorisation" else None
    feed = SeriesFeed(cache.store(), kind, series, labels)
    # Also after all have ended: a run may be resumed.
    hub().register(f"lab-{series.id}", feed.message)
    live = Live(f"lab-{series.id}", feed.describe(members)["mark"])
    if active:
        items = progress_items(members)
        with above, render_errors():
            items |= feed.partial_items(members)
        with above:
            live_items(items, key="lab-progress", live=live, alone=True)
    with charts, render_errors():
        render_series_charts(kind, series, feed.figures(members), live, stacked=below is not None)
    with below or st.container():
        render_results_table(members)
        render_loss_note((member.label, member.run) for member in members)
        if kind == "memorisation" and not active:
            with render_errors():
                memorised = load_memorisation(cache.store(), members[0].run)
                if memorised is not None:
                    render_wrong_labels(members[0].run, memorised)


def _render_heading(series: Series, members: Sequence[SeriesRun]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(width="stretch"):
            st.header(escaped(series.title), anchor=False)
        runs = [member.run for member in members]
        own = [run for run in runs if may_change(run.owner)]
        if active := [run for run in own if run.state.active]:
            _render_stop_button(active)
        elif resumable := [run for run in own if run.resumable]:
            _render_resume_button(resumable)
        elif series.kind == "duel":
            _render_replay_button()
        if runs:
            link_to("runs", "Open these in Runs", runs=",".join(run.id for run in runs))
    deleted = series.count - len(series.run_ids)
    damaged = len(series.run_ids) - len(members)
    if deleted:
        was = "was" if deleted == 1 else "were"
        st.warning(f"{deleted} of {series.count} runs {was} deleted.", icon=":material/warning:")
    if damaged:
        are = "is" if damaged == 1 else "are"
        st.warning(
            f"{damaged} of {series.count} runs {are} damaged. The Runs page says what is wrong.",
            icon=":material/warning:",
        )


def _is_replay_open() -> bool:
    play = st.query_params.get("play")
    if play not in (None, "1"):
        st.warning(
            f"{quoted(play)} is not a value of play. Use 1 for the replay, or leave it out.",
            icon=":material/warning:",
        )
    return play == "1"


def _render_replay_button() -> None:
    playing = st.query_params.get("play") == "1"
    st.button(
        "Hide the replay" if playing else "Replay",
        key="lab-replay-button",
        icon=":material/stop:" if playing else ":material/play_arrow:",
        on_click=update_query_params,
        kwargs={"play": None if playing else "1", "at": None, "pace": None},
        help="Plays the losses of all runs side by side, as they grew.",
    )


def _render_stop_button(active: Sequence[Run]) -> None:
    stopping = all(run.requested == Action.STOP for run in active)
    st.button(
        "Stopping …" if stopping else "Stop all",
        key="lab-stop",
        icon=":material/stop:",
        disabled=stopping,
        on_click=stop_runs,
        args=([run.id for run in active],),
        help="Stops the run that trains and removes the others from the queue. What was learned is "
        "saved, and the runs can be resumed.",
    )


def _render_resume_button(resumable: Sequence[Run]) -> None:
    if st.button(
        "Resume" if len(resumable) == 1 else f"Resume {len(resumable)} runs",
        key="lab-resume",
        icon=":material/play_arrow:",
        help="Queues the runs that did not finish. Each continues from its last checkpoint.",
    ):
        with render_errors():
            cache.worker().resume_all(run.id for run in resumable)
            st.rerun()


def progress_items(members: Sequence[SeriesRun]) -> dict[str, Item]:
    """Return an item for the series and for each run that trains, or else for the next run."""
    runs = [member.run for member in members]
    active = [member for member in members if member.run.state.active]
    # A run that ended early counts as done: nobody waits for it.
    shares = [progress_share(run) if run.state.active else 1.0 for run in runs]
    text = _progress_text(runs)
    if active:
        text += f"{_time_left(members)} Verdict when all runs finish."
    items = {PROGRESS: Item(text=text, share=sum(shares) / max(len(shares), 1))}
    training = [member for member in members if is_training(member.run)]
    # Not the id alone: a browser puts names that are numbers before all others.
    return items | {f"run-{member.run.id}": _run_item(member) for member in training or active[:1]}


def _time_left(members: Sequence[SeriesRun]) -> str:
    runs = [member.run for member in members]
    left = seconds_left(
        [run_work(run) for run in runs], runs, [member.history for member in members]
    )
    return "" if left is None else f" {sentence_case(format_time_left(left))}."


def _run_item(member: SeriesRun) -> Item:
    """Return a run's progress with the numbers that its row in the table lacks meanwhile.

    The time left is that of all runs, in the line above.
    """
    item = progress_item(member.run, member.label)
    result = member.result
    # Dashes until they are known, so that the charts below keep their place.
    values = dict.fromkeys(_METRICS, "–")
    if result is not None:
        starts = result.fit.overfits_after
        values |= {
            "Training accuracy": f"{result.accuracy:.1%}",
            "Validation accuracy": f"{result.val_accuracy:.1%}",
            "Gap": f"{100 * result.gap:.1f} points",
            "Overfitting starts": "–" if starts is None else f"after epoch {starts}",
            "Verdict": VERDICT_LABELS[result.fit.verdict],
        }
    metrics = tuple(Metric(label, value, COLUMN_HELP[label]) for label, value in values.items())
    return Item(item.title, item.badge, item.color, progress_text(member.run), metrics=metrics)


def _progress_text(runs: Sequence[Run]) -> str:
    """Return how many runs finished, ended early and never began."""
    done = sum(run.state is RunState.FINISHED for run in runs)
    ended = [run for run in runs if not run.state.active and run.state is not RunState.FINISHED]
    never_began = sum(run.started is None for run in ended)
    count = len(runs)
    sentences = [f"{done} of {count} runs finished."]
    if len(ended) > never_began:
        sentences.append(f"Ended early: {len(ended) - never_began}.")
    if never_began:
        sentences.append(f"Not begun: {never_began}.")
    return " ".join(sentences)
