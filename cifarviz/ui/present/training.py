"""The third scene: training, played back from what was recorded, or live."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st

from cifarviz.figures.replay import payload
from cifarviz.live.hub import hub
from cifarviz.live.words import doing, outcome, state_word
from cifarviz.runs.records import Run
from cifarviz.runs.run_headline import format_duration, time_at_work
from cifarviz.runs.run_headline import headline as headline_of
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.replay import Mark, Pace, pace_in, replay_curves
from cifarviz.ui.earlier_losses import earlier_losses_sentence
from cifarviz.ui.present.course import course
from cifarviz.ui.present.go_on import epochs_to_go_on_from, go_on, images_here
from cifarviz.ui.present.place import place_in
from cifarviz.ui.present.stage import Stage, headline, percent, warn
from cifarviz.ui.present.standing import mark_of, note_of, title_of

KEY = "present-replay"
# rem of the panels.
_HEIGHT = 19.0
_MINUTE = 60
_DOTS = (
    "Each blue dot is one batch; validation is measured after each epoch on images it never "
    "learns from."
)
_AS: dict[Mark, str] = {
    "waiting": "before it begins",
    "starting": "before it begins",
    "live": "as it learns",
    "paused": "while it is paused",
    "stopping": "as it ends",
    "recorded": "played back",
}


def show(stage: Stage) -> Sequence[str]:
    """Loss and accuracy side by side."""
    assert stage.run is not None
    run = stage.run
    headline(title_of(run))
    # The curves have the same key and place, so they stay when the run ends.
    if run.state.active:
        _live(run)
        return [note_of(run), _DOTS] if mark_of(run) == "live" else [note_of(run)]
    return _recorded(run, stage)


def _recorded(run: Run, stage: Stage) -> Sequence[str]:
    value = course(cache.store(), run)
    if not value.epochs and not any(panel.batch_x.size for panel in value.panels):
        st.info(
            f"{quoted(run.name)}: {escaped(outcome(run))} There is nothing to play.",
            icon=":material/info:",
        )
        return ["There is no curve of this run: nothing was measured before it ended."]
    at = place_in(st.query_params.get("at"))
    if at is None and "at" in st.query_params:
        warn(f"There is no place {quoted(st.query_params['at'])} in this recording.")
    # A minute, but not slower than it was.
    usual = Pace() if value.seconds >= _MINUTE else Pace(times=1, seconds=None)
    pace = pace_in(st.query_params["pace"]) if "pace" in st.query_params else usual
    if pace is None:
        warn(
            f"A run cannot be played at {quoted(st.query_params['pace'])}: it is 1x to 50x, or "
            "a time such as 60s."
        )
    replay_curves(
        value,
        key=KEY,
        view=run.id,
        height=_HEIGHT,
        mark="recorded",
        description=_description(run),
        player=True,
        at=at,
        pace=pace or usual,
        forks=epochs_to_go_on_from(run),
        on_fork=lambda epoch: go_on(run, epoch),
    )
    notes = [
        f"**Recorded**: this training took {format_duration(time_at_work(run) or 0)} at work on "
        f"{escaped(run.machine)}. Each epoch is played in its own time; the steps within it are "
        "spread evenly. Space or the clicker's next plays.",
        "Each blue dot is the loss, or accuracy, of one batch before the network learned from it; "
        "validation is measured after each epoch on images it never learns from.",
    ]
    if run.state is not RunState.FINISHED or run.stopped_early is not None:
        notes.insert(0, f"**{state_word(run).capitalize()}**: {escaped(outcome(run))}")
    if stage.history:
        first, last = stage.history[0], stage.history[-1]
        if first.val_accuracy is None or last.val_accuracy is None:
            went = (
                f"From epoch {first.epoch} to {last.epoch} training accuracy went from "
                f"{percent(first.accuracy)} to {percent(last.accuracy)}."
            )
        else:
            went = (
                f"From epoch {first.epoch} to {last.epoch} training accuracy went from "
                f"{percent(first.accuracy)} to {percent(last.accuracy)}, validation from "
                f"{percent(first.val_accuracy)} to {percent(last.val_accuracy)}."
            )
        notes.append(f"{went} Best: {headline_of(run)}.")
    if earlier := earlier_losses_sentence(run):
        notes.append(earlier)
    if not images_here(run):
        notes.append(
            f"To go on from here live, fetch the full {stage.info.title} on the Start page: this "
            "run learned from it."
        )
    return notes


def _live(run: Run) -> None:
    feed = f"replay-{run.id}"
    hub().register(feed, partial(live_message, cache.store(), run.id))
    mark = mark_of(run)
    replay_curves(
        course(cache.store(), run),
        key=KEY,
        view=run.id,
        height=_HEIGHT,
        mark=mark,
        description=_description(run),
        below=_under_way(run),
        # Title and notes are written by the page, which is run when something else is true.
        live=Live(feed, mark),
    )


def live_message(store: RunStore, run_id: str) -> dict[str, Any]:
    """Return what moves of a run under way, for the channel."""
    run = store.get(run_id)
    mark = mark_of(run)
    words = {"mark": mark, "description": _description(run), "below": _under_way(run)}
    return {"mark": mark, "replay": payload(course(store, run)), "words": words}


def _description(run: Run) -> str:
    return f"Loss and accuracy of “{run.name}”, {_AS[mark_of(run)]}"


def _under_way(run: Run) -> str:
    words = f"{state_word(run)}: {doing(run) or outcome(run)}"
    left = run.progress.seconds_left if run.progress is not None else None
    return words if left is None else f"{words}, about {format_duration(left)} left"
