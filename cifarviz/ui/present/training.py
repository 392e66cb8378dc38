"""The scenes of training, and of the moment overfitting starts."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Final

import numpy as np
import streamlit as st

from cifarviz.analysis.overfitting import Fit, Gap, Verdict, judge_run
from cifarviz.analysis.suggestions import suggestions
from cifarviz.data import library
from cifarviz.errors import CifarvizError, RunNotFound
from cifarviz.escaping import html_text
from cifarviz.experiment.forking import ForkChanges, forked
from cifarviz.experiment.run_names import fork_name, free_name
from cifarviz.figures.replay import Replay, payload, replay, still
from cifarviz.live.hub import hub
from cifarviz.live.items import outcome_text, progress_text, state_label
from cifarviz.live.run_figures import LivePoints, steps_per_epoch
from cifarviz.runs.kept_weights import epochs_to_fork
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.run_headline import format_duration, highest, time_at_work
from cifarviz.runs.run_headline import headline as headline_of
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.replay import (
    OverfittingStart,
    Pace,
    ReplayMark,
    parse_pace,
    replay_curves,
)
from cifarviz.ui.metrics import loss_note
from cifarviz.ui.present.stage import (
    Stage,
    headline,
    mark_of,
    note_of,
    percent,
    place_in,
    title_of,
    warn,
)
from cifarviz.ui.query import update_query_params
from cifarviz.ui.queueing import queue_fork_once

# Runs that go on from one another, of which the course is drawn.
_MOST_PARENTS = 8


@dataclass(frozen=True, eq=False)
class _Way:
    """What was measured from ``begin`` on; ``x`` are the batches' places in epochs."""

    begin: int
    epochs: Sequence[Epoch]
    x: np.ndarray
    loss: np.ndarray
    accuracy: np.ndarray

    def until(self, epoch: int) -> "_Way":
        """The same up to an epoch."""
        here = self.x <= epoch
        epochs = [one for one in self.epochs if one.epoch <= epoch]
        return _Way(self.begin, epochs, self.x[here], self.loss[here], self.accuracy[here])

    def then(self, other: "_Way") -> "_Way":
        """This one, and another one that goes on from its end."""
        return _Way(
            self.begin,
            [*self.epochs, *other.epochs],
            np.concatenate([self.x, other.x]),
            np.concatenate([self.loss, other.loss]),
            np.concatenate([self.accuracy, other.accuracy]),
        )


class _Course:
    """The points of a run and what is shaped of them, made anew only when there is news."""

    def __init__(self, points: LivePoints, before: _Way | None) -> None:
        self._points, self._before = points, before
        self._lock = threading.Lock()
        self._shaped: Replay | None = None
        self._wanted: object = None

    def now(self, run: Run) -> Replay:
        history = self._points.refresh()
        # Of one that has ended early, what never came is no part of the axis.
        last = run.experiment.epochs if run.state.active else run.epochs_done
        worked = None if run.state.active else run.seconds
        wanted = (history.version, steps_per_epoch(run), last, run.best_epoch, worked)
        with self._lock:
            if self._shaped is None or self._wanted != wanted:
                own = _way(run, self._points)
                self._shaped = _shape(run, own, self._before, last)
                self._wanted = wanted
            return self._shaped


# So many epochs, where the run itself had none left.
_MORE = 5
KEY = "present-replay"

# rem of the panels.
_HEIGHT = 19.0
_MINUTE = 60
_DOTS = (
    "Each blue dot is one batch; validation is measured after each epoch on images it never "
    "learns from."
)
_AS: dict[ReplayMark, str] = {
    "waiting": "before it begins",
    "starting": "before it begins",
    "live": "as it learns",
    "paused": "while it is paused",
    "stopping": "as it ends",
    "recorded": "played back",
}

# rem of the panel.
_OVERFITTING_HEIGHT = 15.5
_TITLES: Final[dict[Verdict, str]] = {
    "good": "It has learned, and not by heart",
    "underfitting": "It could learn more",
    "still improving": "It is still improving",
    "noisy": "Too noisy to say",
    "diverging": "It is unlearning",
    "stopped": "Stopped in the middle",
    "too early": "Too early to say",
    "not measured": "Nobody can tell",
}

# So little a change of accuracy is hardly one.
_HARDLY = 0.02


def render_training(stage: Stage) -> Sequence[str]:
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
            f"{quoted(run.name)}: {escaped(outcome_text(run))} There is nothing to play.",
            icon=":material/info:",
        )
        return ["There is no curve of this run: nothing was measured before it ended."]
    at = place_in(st.query_params.get("at"))
    if at is None and "at" in st.query_params:
        warn(f"There is no place {quoted(st.query_params['at'])} in this recording.")
    # A minute, but not slower than it was.
    usual = Pace() if value.seconds >= _MINUTE else Pace(times=1, seconds=None)
    pace = parse_pace(st.query_params["pace"]) if "pace" in st.query_params else usual
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
        notes.insert(0, f"**{state_label(run).capitalize()}**: {escaped(outcome_text(run))}")
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
    if earlier := loss_note(run):
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
    words = f"{state_label(run)}: {progress_text(run) or outcome_text(run)}"
    left = run.progress.seconds_left if run.progress is not None else None
    return words if left is None else f"{words}, about {format_duration(left)} left"


def course(store: RunStore, run: Run) -> Replay:
    """All that is known of how ``run`` went so far, what it went on from included."""
    return _course(store, run.id).now(run)


def _shape(run: Run, own: _Way, before: _Way | None, last: int) -> Replay:
    way = own if before is None else before.then(own)
    earlier = () if before is None else before.epochs
    return replay(
        epochs=[one.epoch for one in way.epochs],
        seconds=[*(one.seconds for one in earlier), *_seconds(run, own)],
        losses=([one.loss for one in way.epochs], [one.val_loss for one in way.epochs]),
        accuracies=(
            [one.accuracy for one in way.epochs],
            [one.val_accuracy for one in way.epochs],
        ),
        batch_epochs=way.x,
        batch_losses=way.loss,
        batch_accuracies=way.accuracy,
        last=max(last, 1),
        begin=way.begin,
        branch=None if before is None else run.parent_epoch,
    )


def _seconds(run: Run, own: _Way) -> list[float]:
    """How long each epoch took; of a finished run they add up to its time at work."""
    took = [one.seconds for one in own.epochs]
    finished = run.state is RunState.FINISHED and run.seconds > 0 and sum(took) > 0
    # Building, saving and what else is between epochs is a part of them here.
    share = run.seconds / sum(took) if finished else 1.0
    return [share * seconds for seconds in took]


def _way(run: Run, points: LivePoints) -> _Way:
    history, a_epoch = points.refresh(), steps_per_epoch(run)
    batches = history.batches
    known = slice(None) if a_epoch else slice(0)
    return _Way(
        run.parent_epoch or 0,
        history.epochs,
        batches.steps[known] / max(a_epoch, 1),
        batches.loss[known],
        batches.accuracy[known],
    )


def _before(store: RunStore, run: Run) -> _Way | None:
    """What came before the weights that a fork began with; ``None`` where it is not here."""
    way = None
    for _ in range(_MOST_PARENTS):
        if run.parent is None or run.parent_epoch is None:
            break
        try:
            parent = store.get(run.parent)
        except RunNotFound:
            break
        piece = _way(parent, LivePoints(store, parent.id)).until(run.parent_epoch)
        if not piece.epochs or piece.epochs[-1].epoch != run.parent_epoch:
            break
        way = piece if way is None else piece.then(way)
        run = parent
    return way


@lru_cache(maxsize=32)
def _course(store: RunStore, run_id: str) -> _Course:
    return _Course(LivePoints(store, run_id), _before(store, store.get(run_id)))


def epochs_to_go_on_from(run: Run) -> Sequence[int]:
    """The epochs after which ``run`` has kept weights; none where its images are not here."""
    if not images_here(run):
        return ()
    return list(epochs_to_fork(cache.store().folder(run.id), run))


def images_here(run: Run) -> bool:
    """Whether the images that ``run`` learned from are on this machine."""
    data = run.experiment.data
    return data.variant == "sample" or library.status(data.dataset, cache.settings()).full_available


def go_on(run: Run, epoch: int) -> None:
    """Queue a run that goes on after ``epoch`` as this one did, and present it; for a callback."""
    made = run.experiment
    left = made.epochs - epoch
    try:
        experiment = forked(made, epoch, ForkChanges(epochs=left if left > 0 else _MORE))
        taken = {other.name for other in cache.store().all()}
        name = free_name(fork_name(run.name, made, experiment, epoch), taken)
        begun = queue_fork_once(run, epoch, experiment, name)
    except CifarvizError as error:
        st.toast(escaped(str(error)), icon=":material/error:")
        return
    update_query_params(run=begun.id, at=None, epoch=None)


def render_overfitting(stage: Stage) -> Sequence[str]:
    """The two losses with the start of overfitting marked, and the verdict in words."""
    assert stage.run is not None
    run = stage.run
    fit = judge_run(run, stage.history)
    headline(_title(fit))
    if not stage.history:
        st.info(
            f"{quoted(run.name)} has not finished an epoch, so there are no curves to judge.",
            icon=":material/info:",
        )
        return ["The verdict needs the validation loss of at least four epochs."]
    replay_curves(
        still(course(cache.store(), run), "loss"),
        key="present-turn",
        view=run.id,
        height=_OVERFITTING_HEIGHT,
        mark=mark_of(run),
        description=f"Training and validation loss of “{run.name}”, with the verdict",
        turn=OverfittingStart(fit.turn, f"overfitting starts: epoch {fit.turn}")
        if fit.turn
        else None,
    )
    st.html(f'<p class="present-words present-reason">{html_text(fit.reason)}</p>{_figures(fit)}')
    return _notes(fit, stage)


def _title(fit: Fit) -> str:
    if fit.verdict == "overfitting":
        if fit.turn is None:
            return "It learns by heart"
        return f"After epoch {fit.turn} it learns by heart"
    return _TITLES[fit.verdict]


def _figures(fit: Fit) -> str:
    """The gap in accuracy where overfitting starts and at the end, to be read from afar."""
    cells = "".join(
        f"<div><b>{abs(100 * gap.accuracy):.1f}</b><span>points of accuracy: {_ahead(gap)} after "
        f"epoch {gap.epoch}</span></div>"
        for gap in (fit.at_turn, fit.at_end)
        if gap is not None
    )
    return f'<div class="present-figures">{cells}</div>' if cells else ""


def _ahead(gap: Gap) -> str:
    points = round(100 * gap.accuracy, 1)
    if not points:
        return "training and validation are level"
    return "training is ahead of validation" if points > 0 else "validation is ahead of training"


def _notes(fit: Fit, stage: Stage) -> Sequence[str]:
    notes = [escaped(fit.reason)]
    run = stage.run
    assert run is not None
    if fit.at_turn is not None and fit.at_end is not None:
        notes.append(
            f"The gap in loss went from {fit.at_turn.loss:.2f} after epoch {fit.at_turn.epoch} to "
            f"{fit.at_end.loss:.2f} after epoch {fit.at_end.epoch}.{_meanwhile(fit, stage)}"
        )
    elif fit.verdict == "overfitting":
        notes.append("No epoch is marked in the chart: the gap shows it, not the validation loss.")
    if run.best_epoch is not None:
        notes.append(". ".join(filter(None, [f"Best: {headline_of(run)}", highest(run)])) + ".")
    if earlier := loss_note(run):
        notes.append(earlier)
    if next_step := _next_step(fit, run):
        notes.append(next_step)
    return notes


def _next_step(fit: Fit, run: Run) -> str:
    """What promises most against what the curves show."""
    try:
        found = suggestions(run.experiment, fit, run.train_images)
    except CifarvizError:
        return ""
    return f"To try next: **{found[0].what}**: {escaped(found[0].why)}." if found else ""


def _meanwhile(fit: Fit, stage: Stage) -> str:
    """What became of validation accuracy since overfitting started."""
    measured = {one.epoch: one.val_accuracy for one in stage.history}
    assert fit.at_turn is not None
    assert fit.at_end is not None
    before, after = measured[fit.at_turn.epoch], measured[fit.at_end.epoch]
    if before is None or after is None:
        return ""
    words = f" Validation accuracy went from {before:.1%} to {after:.1%} meanwhile"
    if abs(after - before) < _HARDLY:
        return f"{words}: it is hardly wrong more often, but surer of it."
    return f"{words}."
