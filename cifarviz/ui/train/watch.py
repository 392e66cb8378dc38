"""The Watch view of Train: a run while it trains, and the queue."""

import time
from collections.abc import Sequence
from typing import Literal

import numpy as np
import streamlit as st

from cifarviz.analysis.members import Member
from cifarviz.errors import RunNotFound
from cifarviz.experiment.ensemble_members import MIN_MEMBERS
from cifarviz.figures.learning_rate import format_rates
from cifarviz.figures.theme import MetricName
from cifarviz.live.feeds import ACTIVE, RunFeed, active_mark, run_mark
from cifarviz.live.hub import hub
from cifarviz.live.queue_items import QUEUE, active_items
from cifarviz.live.run_figures import METRICS
from cifarviz.people.person import may_change, may_make
from cifarviz.runs.records import Run
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.studies import trial_of_run
from cifarviz.training.giving_way import GIVE_WAY, GIVE_WAY_HELP
from cifarviz.training.queue_estimate import queue_estimator
from cifarviz.ui import cache, state
from cifarviz.ui.address import escaped, quoted, sentence_case
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items
from cifarviz.ui.ensemble.members import format_members, prediction_epochs
from cifarviz.ui.epoch_scrubber import has_evaluable_epochs, has_inspectable_epochs
from cifarviz.ui.errors import errors_as_toast, render_errors
from cifarviz.ui.metrics import render_curves_loss_note
from cifarviz.ui.navigation import go_to, link_to
from cifarviz.ui.pickers import available_checkpoints
from cifarviz.ui.published import is_published_shown, render_published_switch
from cifarviz.ui.query import update_query_params, widget_key, widget_value
from cifarviz.ui.queueing import stop_runs
from cifarviz.ui.tensorboard import render_tensorboard_files

_HEIGHT = 450

# Seconds within which a worker handles a request: it checks ten times a second, between chunks of
# steps that take 0.15 s.
_PROMPT = 0.6


def render_watch() -> None:
    """Show the run in the address, else the training run, else the newest."""
    run = _watched_run()
    if run is None:
        return
    state.remember("run", run.id)
    active = cache.store().active()
    st.markdown(
        "What a network learns, batch by batch and epoch by epoch: training is measured on the "
        "images it learns from, validation on others. The curves grow while it trains."
        if run.state.active
        else "What a network has learned, batch by batch and epoch by epoch: training was measured "
        "on the images it learned from, validation on others."
    )
    _render_run(run, active)
    render_queue(run, active)


def _watched_run() -> Run | None:
    run_id = st.query_params.get("run")
    if run_id is not None:
        try:
            return cache.store().get(run_id)
        except RunNotFound:
            st.error(f"There is no run {quoted(run_id)} here.", icon=":material/error:")
            link_to("runs", "Open Runs")
            return None
    active = [run for run in cache.store().active() if not run.hidden]
    runs = active or cache.store().all()
    runs = [run for run in runs if run.damage is None] or runs
    if not runs:
        if not may_make():
            st.info("Nothing is shown here yet.", icon=":material/info:")
            return None
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
        st.header(escaped(run.name), anchor=False)
        live_items({"state": items["state"]}, key="live-state", live=live, reports_break=True)
    # Exists also while empty, so that the elements below keep their position, and charts their
    # zoom, when the run ends.
    below = st.container()
    if run.state.active:
        if may_change(run.owner):
            with top:
                render_controls(run)
            with below:
                _render_give_way(run)
    else:
        with below:
            render_next_steps(run)
    if (trial := trial_of_run(cache.store(), run.id)) is not None:
        title = escaped(sentence_case(str(trial)))
        link_to("tune", title, view="studies", study=trial.study_id)
    if run.message and run.state is RunState.QUEUED:
        st.warning(escaped(run.message), icon=":material/warning:")
    if run.note:
        st.warning(escaped(run.note), icon=":material/warning:")
    # On a phone the style sheet shows the metrics below the charts.
    with st.container(key="run-figures"):
        live_items({"metrics": items["metrics"]}, key="live-metrics", live=live)
        with st.container():
            render_curves_loss_note({}, [run])
        render_published_switch([run])
        render_live_charts(run, feed, live)
    render_tensorboard_files(run)


def _feed(run: Run) -> tuple[RunFeed, Live | None]:
    """Return the run's feed, refreshed, and what the browser watches while it is active."""
    published = is_published_shown([run])
    feed = hub().run_feed(run.id, published=published)
    feed.refresh()
    if not run.state.active:
        return feed, None
    return feed, Live(f"{run.id}?published=1" if published else run.id, run_mark(run))


def render_live_charts(run: Run, feed: RunFeed, live: Live | None) -> None:
    """Show the verdict and both charts."""
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
    """Describe a chart for screen readers."""
    about = f"{metric.capitalize()} of “{run.name}” over the epochs"
    rates = np.array(feed.learning_rates())
    return f"{about}. {format_rates(rates)}" if metric == "loss" and rates.size else about


def render_controls(run: Run) -> None:
    """Show the buttons of an active run; a requested action is shown as such."""
    stops = run.requested == Action.STOP or run.state is RunState.STOPPING
    # One that gives way goes on by itself, unless it is stopped now.
    stopping = stops and run.gave_way_to is None
    pausing = run.requested == Action.PAUSE
    with st.container(horizontal=True, width="content"):
        if run.orphaned:
            _render_resume_button(run, "primary")
        elif run.state is RunState.PAUSED:
            _render_action_button(
                run,
                Action.RESUME,
                "Resume",
                "play_arrow",
                "Continues where it was paused.",
                disabled=stopping or run.requested == Action.RESUME,
            )
        elif run.state is not RunState.QUEUED:
            _render_action_button(
                run,
                Action.PAUSE,
                "Pausing …" if pausing else "Pause",
                "pause",
                "Pauses training and frees the processor; nothing is lost.",
                disabled=stopping or pausing,
            )
        _render_action_button(
            run,
            Action.STOP,
            "Stopping …" if stopping else "Stop",
            "stop",
            "Stops training within a second and saves the weights; you can resume later.",
            disabled=stopping,
        )
        _render_present_link(run)


def _render_give_way(run: Run) -> None:
    """Let the owner of an active run in a class choose whether shorter runs go first."""
    if not cache.settings().class_open:
        return
    key = f"give-way-{run.id}"
    st.toggle(
        GIVE_WAY,
        run.gives_way,
        key=widget_key(key, run.gives_way),
        help=GIVE_WAY_HELP,
        on_change=_set_gives_way,
        args=(run.id, key),
    )


def _set_gives_way(run_id: str, key: str) -> None:
    with errors_as_toast():
        cache.store().set_gives_way(run_id, widget_value(key))


def render_next_steps(run: Run) -> None:
    """Show links and buttons for a run that has ended."""
    # A failed run would fail again without changes.
    change_first = run.state is RunState.FAILED
    with st.container(horizontal=True, vertical_alignment="center"):
        if run.resumable and not change_first:
            _render_resume_button(run, "primary")
        if may_make() and st.button(
            "Train again with changes",
            icon=":material/tune:",
            key="again",
            type="primary" if change_first else "secondary",
            help="Opens this run’s settings in Set up, as a new experiment.",
        ):
            go_to("train", view="setup", run=run.id)
        if change_first:
            _render_resume_button(run, "secondary")
        if available_checkpoints(run) or has_inspectable_epochs(run):
            link_to("inside", "Look inside", run=run.id)
        if available_checkpoints(run) or has_evaluable_epochs(run):
            link_to("evaluate", "Evaluate", run=run.id)
        _render_present_link(run)
        _render_ensemble_link(run)
        link_to("runs", "All runs", runs=run.id)


def _render_present_link(run: Run) -> None:
    link_to("present", "Present", scene="training", run=run.id)


def _render_ensemble_link(run: Run) -> None:
    epochs = prediction_epochs(cache.store(), run)
    if len(epochs) >= MIN_MEMBERS:
        members = format_members([Member(run, epoch) for epoch in epochs]) or ""
        icon = ":material/groups:"
        link_to("evaluate", "Ensemble of its epochs", icon, view="ensemble", members=members)


def _render_resume_button(run: Run, kind: Literal["primary", "secondary"]) -> None:
    if may_change(run.owner) and st.button(
        "Resume",
        icon=":material/play_arrow:",
        type=kind,
        key="resume-run",
        help="Queues the run again, from its last checkpoint.",
    ):
        with render_errors():
            cache.worker().resume(run.id)
            st.rerun()


def render_queue(watched: Run, active: Sequence[Run]) -> None:
    """Show the other active runs in order, each with a Stop button."""
    others = [run for run in active if run.id != watched.id and not run.hidden]
    if not others:
        return
    live = Live(ACTIVE, active_mark(active))
    items = active_items(active, queue_estimator(cache.store()).estimate(active))
    st.header("Queue" if watched.state.active else "Active runs")
    live_items({QUEUE: items[QUEUE]}, key="queue", live=live)
    for run in others:
        progress, stop = st.columns([6, 1], vertical_alignment="center")
        with progress:
            live_items({run.id: items[run.id]}, key=f"queue-{run.id}", live=live)
            link_to("train", "Watch", view="watch", run=run.id)
        if not may_change(run.owner):
            continue
        with stop:
            _render_action_button(
                run,
                Action.STOP,
                "Stopping …" if run.requested == Action.STOP else "Stop",
                "stop",
                "Removes the run from the queue; you can resume it later."
                if run.state is RunState.QUEUED
                else "Stops training within a second and saves the weights.",
                disabled=run.requested == Action.STOP,
            )


def _render_action_button(
    run: Run, action: Action, label: str, icon: str, hint: str, *, disabled: bool
) -> None:
    st.button(
        label,
        icon=f":material/{icon}:",
        key=f"{action}-{run.id}",
        help=hint,
        disabled=disabled,
        on_click=_request,
        args=(run.id, action),
    )


def _request(run_id: str, action: Action) -> None:
    if action is Action.STOP:
        stop_runs([run_id])
        return
    # Fails mostly because the run has just ended, which the page shows by now.
    with errors_as_toast():
        cache.store().request(run_id, action)
        _wait_for_worker(run_id)


def _wait_for_worker(run_id: str) -> None:
    """Wait briefly for the worker to handle a request, so that the page shows it at once."""
    until = time.monotonic() + _PROMPT
    while cache.store().get(run_id).requested is not None and time.monotonic() < until:
        time.sleep(0.05)
