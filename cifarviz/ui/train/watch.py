"""A run watched while it trains."""

import time
from collections.abc import Sequence
from typing import Literal

import numpy as np
import streamlit as st

from cifarviz.analysis.members import Member
from cifarviz.errors import CifarvizError, RunNotFound
from cifarviz.experiment.member_seeds import FEWEST_MEMBERS
from cifarviz.figures.learning_rate import rate_words
from cifarviz.figures.theme import MetricName
from cifarviz.live.feeds import ACTIVE, RunFeed, active_mark, run_mark
from cifarviz.live.hub import hub
from cifarviz.live.items import progress_item, waits_for
from cifarviz.live.run_figures import METRICS
from cifarviz.runs.records import Run
from cifarviz.runs.states import Action, RunState
from cifarviz.ui import cache, state
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items
from cifarviz.ui.ensemble.members import format_members, prediction_epochs
from cifarviz.ui.epoch_scrubber import keeps_something_answered, keeps_something_inside
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.metrics import show_earlier_losses_of_curves
from cifarviz.ui.navigation import go_to, link_to
from cifarviz.ui.pickers import checkpoints_of
from cifarviz.ui.published import ghost_switch, shows_published
from cifarviz.ui.query import update_query_params
from cifarviz.ui.queueing import stop_runs
from cifarviz.ui.streamlit_patches import uninterruptible
from cifarviz.ui.tensorboard import show_tensorboard_files

_HEIGHT = 450

# Seconds within which a worker takes a request: it looks ten times a second, between chunks of
# steps that take 0.15 s.
_PROMPT = 0.6


def live_view() -> None:
    """Show the run that the address names, else the one at work, else the newest."""
    run = _watched()
    if run is None:
        return
    state.remember("run", run.id)
    active = cache.store().active()
    _render_run(run, active)
    queue(run, active)


def _watched() -> Run | None:
    run_id = st.query_params.get("run")
    if run_id is not None:
        try:
            return cache.store().get(run_id)
        except RunNotFound:
            st.error(f"There is no run {quoted(run_id)} here.", icon=":material/error:")
            link_to("runs", "See the runs there are")
            return None
    active = cache.store().active()
    runs = active or cache.store().all()
    runs = [run for run in runs if run.damage is None] or runs
    if not runs:
        st.info(
            "Nothing has been trained here yet. Choose a preset and press Train: a first run on "
            "the embedded sample takes less than a minute.",
            icon=":material/info:",
        )
        if st.button("Set up a run", type="primary", icon=":material/tune:"):
            go_to("train", view="setup")
        return None
    update_query_params(run=runs[0].id)
    return runs[0]


def _render_run(run: Run, active: Sequence[Run]) -> None:
    feed, live = _feed(run)
    items = feed.items()
    top = st.container(horizontal=True, vertical_alignment="center")
    with top, st.container(width="stretch"):
        st.subheader(escaped(run.name), anchor=False)
        live_items({"state": items["state"]}, key="live-state", live=live, reports_break=True)
    # There also while it is empty: what follows keeps its place, and a zoomed chart its zoom,
    # when the run ends.
    below = st.container()
    if run.state.active:
        with top:
            steering(run)
    else:
        with below:
            what_next(run)
    if run.message and run.state is RunState.QUEUED:
        st.warning(escaped(run.message), icon=":material/warning:")
    if run.note:
        st.warning(escaped(run.note), icon=":material/warning:")
    live_items({"metrics": items["metrics"]}, key="live-metrics", live=live)
    with st.container():
        show_earlier_losses_of_curves({}, [run])
    ghost_switch([run])
    live_charts(run, feed, live)
    show_tensorboard_files(run)


def _feed(run: Run) -> tuple[RunFeed, Live | None]:
    """The run's feed, read just now, and where the browser hears of it while the run is active."""
    published = shows_published([run])
    feed = hub().run_feed(run.id, published=published)
    feed.refresh()
    if not run.state.active:
        return feed, None
    return feed, Live(f"{run.id}?published=1" if published else run.id, run_mark(run))


def live_charts(run: Run, feed: RunFeed, live: Live | None) -> None:
    """Show both charts as far as the run has come, under what they say."""
    live_items({"verdict": feed.items()["verdict"]}, key="live-verdict", live=live)
    for place, metric in zip(st.columns(2), METRICS, strict=True):
        with place:
            chart(
                feed.figure(metric),
                key=f"live-{metric}",
                view=run.id,
                height=_HEIGHT,
                file_name=f"{run.name} {metric}",
                description=_description(metric, run, feed),
                live=live,
                live_name=metric,
            )


def _description(metric: MetricName, run: Run, feed: RunFeed) -> str:
    """What a chart shows, for screen readers."""
    about = f"{metric.capitalize()} of “{run.name}” over the epochs"
    rates = np.array(feed.learning_rates())
    return f"{about}. {rate_words(rates)}" if metric == "loss" and rates.size else about


def steering(run: Run) -> None:
    """Show the buttons of a run that is under way; each shows that it was heard."""
    stopping = run.requested == Action.STOP or run.state is RunState.STOPPING
    pausing = run.requested == Action.PAUSE
    with st.container(horizontal=True, width="content"):
        if run.orphaned:
            _resume(run, "primary")
        elif run.state is RunState.PAUSED:
            _button(
                run,
                Action.RESUME,
                "Resume",
                "play_arrow",
                "Goes on where it was paused.",
                disabled=stopping or run.requested == Action.RESUME,
            )
        elif run.state is not RunState.QUEUED:
            _button(
                run,
                Action.PAUSE,
                "Pausing …" if pausing else "Pause",
                "pause",
                "Holds training; nothing is lost, and the processor is free meanwhile.",
                disabled=stopping or pausing,
            )
        _button(
            run,
            Action.STOP,
            "Stopping …" if stopping else "Stop",
            "stop",
            "Ends training within a second and keeps what was learned; it can be resumed later.",
            disabled=stopping,
        )
        _present(run)


def what_next(run: Run) -> None:
    """Show what can be done with a run that has ended."""
    # What failed will fail again unless something is changed.
    change_first = run.state is RunState.FAILED
    with st.container(horizontal=True, vertical_alignment="center"):
        if run.resumable and not change_first:
            _resume(run, "primary")
        if st.button(
            "Train again with changes",
            icon=":material/tune:",
            key="again",
            type="primary" if change_first else "secondary",
            help="Opens this run's choices in Set up, as a new experiment.",
        ):
            go_to("train", view="setup", run=run.id)
        if change_first:
            _resume(run, "secondary")
        if checkpoints_of(run) or keeps_something_inside(run):
            link_to("inside", "Look inside", run=run.id)
        if checkpoints_of(run) or keeps_something_answered(run):
            link_to("evaluate", "Evaluate", run=run.id)
        _present(run)
        _vote(run)
        link_to("runs", "All runs", runs=run.id)


def _present(run: Run) -> None:
    link_to("present", "Present", scene="training", run=run.id)


def _vote(run: Run) -> None:
    epochs = prediction_epochs(cache.store(), run)
    if len(epochs) >= FEWEST_MEMBERS:
        members = format_members([Member(run, epoch) for epoch in epochs]) or ""
        icon = ":material/groups:"
        link_to("evaluate", "Let its epochs vote", icon, view="ensemble", members=members)


def _resume(run: Run, kind: Literal["primary", "secondary"]) -> None:
    if st.button(
        "Resume",
        icon=":material/play_arrow:",
        type=kind,
        key="resume-run",
        help="Queues the run again; it goes on from its last checkpoint.",
    ):
        with errors_shown():
            cache.worker().resume(run.id)
            st.rerun()


def queue(watched: Run, active: Sequence[Run]) -> None:
    """Show the other active runs, in their order, each with a way to stop it."""
    others = [run for run in active if run.id != watched.id]
    if not others:
        return
    live = Live(ACTIVE, active_mark(active))
    st.subheader("Queue" if watched.state.active else "Under way")
    for run in others:
        words, stop = st.columns([6, 1], vertical_alignment="center")
        with words:
            item = progress_item(run, waiting=waits_for(run, active))
            live_items({run.id: item}, key=f"queue-{run.id}", live=live)
            link_to("train", "Watch", view="watch", run=run.id)
        with stop:
            _button(
                run,
                Action.STOP,
                "Stopping …" if run.requested == Action.STOP else "Stop",
                "stop",
                "Takes the run out of the queue; it can be resumed later."
                if run.state is RunState.QUEUED
                else "Ends training within a second and keeps what was learned.",
                disabled=run.requested == Action.STOP,
            )


def _button(run: Run, action: Action, label: str, icon: str, hint: str, *, disabled: bool) -> None:
    st.button(
        label,
        icon=f":material/{icon}:",
        key=f"{action}-{run.id}",
        help=hint,
        disabled=disabled,
        on_click=uninterruptible(_request),
        args=(run.id, action),
    )


def _request(run_id: str, action: Action) -> None:
    if action is Action.STOP:
        stop_runs([run_id])
        return
    try:
        cache.store().request(run_id, action)
        _wait_for_worker(run_id)
    except CifarvizError as error:
        # Above all that it has just ended by itself, which the page says by now.
        st.toast(escaped(str(error)), icon=":material/info:")


def _wait_for_worker(run_id: str) -> None:
    """Give the worker a moment to do what was asked, so that the page shows it at once."""
    until = time.monotonic() + _PROMPT
    while cache.store().get(run_id).requested is not None and time.monotonic() < until:
        time.sleep(0.05)
