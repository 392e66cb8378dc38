"""Live parts of a page as values: the state, progress and metrics of runs.

A page draws them when its script runs, and browsers receive them again as they change
(ui/components/live_items).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cifarviz.analysis.overfitting import VERDICT_LABELS, Fit
from cifarviz.processor import machine_name
from cifarviz.runs.recorded import ORIGIN
from cifarviz.runs.records import Run
from cifarviz.runs.run_headline import (
    best_criterion,
    format_duration,
    format_time_left,
    headline,
    highest_accuracy,
    time_at_work,
)
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.stored_weights import restored_best_weights, training_position

_REQUESTED = {Action.PAUSE: "pausing", Action.RESUME: "resuming", Action.STOP: "stopping"}
DAMAGED = "damaged"
"""The state of a run whose record in the store is invalid."""
_COLORS = {
    DAMAGED: "red",
    "running": "blue",
    "resuming": "blue",
    "paused": "orange",
    "pausing": "orange",
    "stopping": "orange",
    "giving way": "orange",
    "finished": "green",
    ORIGIN: "violet",
    "failed": "red",
    "interrupted": "orange",
}

# Phases that are named; the training phase shows its epoch only.
_PHASES = {
    "preparing": "building the network",
    "choosing": "finding the faster precision",
    "validating": "validating",
    "testing": "predicting the test images",
    "saving": "saving",
}
_UNKNOWN = "–"
VERDICT_COLORS = {
    "overfitting": "orange",
    "good": "green",
    "underfitting": "blue",
    "still improving": "blue",
    "diverging": "red",
}


@dataclass(frozen=True)
class Metric:
    """A number under its label; ``hint`` explains it, ``note`` is small print below."""

    label: str
    value: str
    hint: str
    note: str = ""


@dataclass(frozen=True)
class Item:
    """Badge, title and text, then a progress bar, metrics and a note; each may be empty.

    All are plain text. ``share`` is the progress, 0 to 1; ``color`` the badge's colour.
    """

    title: str = ""
    badge: str = ""
    color: str = "gray"
    text: str = ""
    share: float | None = None
    metrics: tuple[Metric, ...] = ()
    note: str = ""

    def values(self) -> dict[str, Any]:
        """Return the non-empty fields as JSON values."""
        return {name: value for name, value in asdict(self).items() if value not in (None, "", ())}


def state_item(run: Run, waiting: str = "") -> Item:
    """Return the state of a run, and its progress or outcome.

    ``waiting`` tells what a queued run waits for.
    """
    text = waiting or _with_place(progress_text(run), run) or outcome_text(run)
    return Item(badge=state_label(run), color=state_color(run), text=text)


def progress_item(run: Run, title: str | None = None, waiting: str = "") -> Item:
    """Return a run's name (or another title), state, progress, time left and best epoch."""
    best = headline(run)
    return Item(
        title=run.name if title is None else title,
        badge=state_label(run),
        color=state_color(run),
        text=waiting or _with_place(timed_progress_text(run), run),
        share=progress_share(run),
        note=f"{'Best so far' if run.state.active else 'Best'}: {best}" if best else "",
    )


def progress_share(run: Run) -> float:
    """Return the progress of a run, 0 to 1; 1 for a finished run."""
    if run.damage is not None:
        return 0.0
    if run.state is RunState.FINISHED:
        return 1.0
    epochs = run.experiment.epochs
    if run.progress is None or not run.progress.steps_per_epoch:
        return min(1.0, run.epochs_done / epochs)
    return min(1.0, run.progress.step / (run.progress.steps_per_epoch * epochs))


def verdict_item(fit: Fit) -> Item:
    """Return the verdict on the curves so far."""
    return Item(
        badge=VERDICT_LABELS[fit.verdict],
        color=VERDICT_COLORS.get(fit.verdict, "gray"),
        text=fit.reason,
    )


def metrics_item(run: Run) -> Item:
    """Return progress and metrics of a run: epoch, step, speed, time, best epoch."""
    progress = run.progress
    epochs = run.experiment.epochs
    step, per_epoch = (progress.step, progress.steps_per_epoch) if progress else (0, 0)
    epoch = progress.epoch if progress and progress.epoch else run.epochs_done
    in_epoch = step - max(epoch - 1, 0) * per_epoch
    spent = time_at_work(run)
    at_work = progress if run.state is RunState.RUNNING else None
    left = time_left(run)
    speed = at_work.images_per_second if at_work else run.images_per_second
    metrics = [
        Metric("Epoch", f"{epoch} of {epochs}", "One epoch is one pass over all training images."),
        Metric(
            "Step",
            f"{in_epoch:,} of {per_epoch:,}" if per_epoch else _UNKNOWN,
            "Weight updates in this epoch, one per batch.",
        ),
        Metric(
            "Images per second",
            f"{speed:,.0f}" if speed else _UNKNOWN,
            "Training images per second.",
        ),
        Metric(
            "Time at work",
            format_duration(spent) if spent is not None else _UNKNOWN,
            "Training time over all sessions of this run, without pauses.",
        ),
        _best(run),
    ]
    if run.state.active:
        remaining = format_duration(left) if left is not None else _UNKNOWN
        metrics.insert(3, Metric("Time left", remaining, "At the current speed."))
    precision = ""
    if run.precision is not None:
        precision = run.precision_reason or f"{run.precision}, as set up."
    return Item(
        share=progress_share(run) if per_epoch or run.state is RunState.FINISHED else 0.0,
        metrics=tuple(metrics),
        note=f"Precision: {precision}" if precision else "",
    )


def _best(run: Run) -> Metric:
    label = "Best epoch so far" if run.state.active else "Best epoch"
    if run.best_epoch is None:
        return Metric(label, _UNKNOWN, "Known after the first epoch.")
    hint = f"The epoch with the {best_criterion(run)}; below, its validation accuracy."
    if top := highest_accuracy(run):
        hint += f" Highest of all epochs: {top}."
    return Metric(label, str(run.best_epoch), hint, headline(run))


def state_label(run: Run) -> str:
    """Return the state of a run, or the requested state that is about to come.

    The run that comes with cifarviz is *recorded*.
    """
    if run.damage is not None:
        return DAMAGED
    if run.origin == ORIGIN:
        return ORIGIN
    if run.gave_way_to is not None and run.state in (RunState.RUNNING, RunState.STOPPING):
        return "giving way"
    if run.requested is not None and run.state.active:
        return _REQUESTED[Action(run.requested)]
    return str(run.state)


def state_badge(run: Run) -> str:
    """Return the state as a coloured Markdown badge."""
    return f":{state_color(run)}-badge[{state_label(run)}]"


def state_color(run: Run) -> str:
    """Return the colour of the state, as Streamlit names it."""
    return _COLORS.get(state_label(run), "gray")


def progress_text(run: Run) -> str:
    """Return the progress of an active run as text; empty for an ended run."""
    if not run.state.active or run.damage is not None:
        return ""
    if run.orphaned:
        return "waiting, but the process that queued it has ended"
    if run.state is RunState.QUEUED:
        return "waiting for its turn"
    progress = run.progress
    if progress is None or progress.epoch == 0:
        return _PHASES["choosing" if progress and progress.phase == "choosing" else "preparing"]
    phase = _PHASES.get(progress.phase) if _is_going_on(run) else None
    template = "epoch {epoch} of {epochs}, {phase}" if phase else "epoch {epoch} of {epochs}"
    return template.format(epoch=progress.epoch, epochs=run.experiment.epochs, phase=phase)


def _is_going_on(run: Run) -> bool:
    return run.state is RunState.RUNNING and run.requested is None


def place_text(run: Run) -> str:
    """Return where a run trains, unless that is the whole of this computer."""
    has_place = run.state.active and run.state is not RunState.QUEUED and run.damage is None
    if not has_place or run.machine == machine_name():
        return ""
    processor, _, cores = run.machine.rpartition(", ")
    if run.node is not None:
        return f"{run.node}, {cores}"
    return f"this computer, {cores}" if machine_name().startswith(f"{processor}, ") else run.machine


def time_left(run: Run) -> float | None:
    """Return the seconds that a run which trains has left, if known."""
    if run.damage is not None or run.progress is None or not _is_going_on(run):
        return None
    return run.progress.seconds_left


def timed_progress_text(run: Run) -> str:
    """Return the progress of an active run with the time left; empty for an ended run."""
    text, left = progress_text(run), time_left(run)
    if not text:
        return text
    # In the same line: a line that comes and goes would move what stands below.
    parts = [text] if left is None else [text, format_time_left(left)]
    return ", ".join(parts)


def _with_place(text: str, run: Run) -> str:
    return " · ".join(filter(None, [text, place_text(run)])) if text else ""


def outcome_text(run: Run) -> str:
    """Describe how a run ended, in sentences."""
    return " ".join(filter(None, _outcome(run)))


def _outcome(run: Run) -> Sequence[str]:
    done, planned = run.epochs_done, run.experiment.epochs
    match run.state:
        case RunState.FINISHED if run.stopped_early is not None:
            ended = run.message or f"Stopped early after epoch {run.stopped_early}."
            return ended, _best_text(run), _restored_text(run)
        case RunState.FINISHED:
            ended = "1 epoch is done." if planned == 1 else f"All {planned} epochs are done."
            return ended, _best_text(run), _restored_text(run)
        case RunState.STOPPED if run.started is None:
            return ("Removed from the queue before training started.",)
        case RunState.STOPPED:
            position = str(training_position(run)).capitalize()
            return f"{position} (of {planned}). The weights are saved.", _best_text(run)
        case RunState.INTERRUPTED:
            ended = run.message or "The process that trained it ended."
            return ended, f"{done} of {planned} epochs are saved.", _best_text(run)
        case RunState.FAILED:
            ended = run.message or "Training failed."
            return ended, f"{done} of {planned} epochs were done.", _best_text(run)
    return ()


def join_names(names: Sequence[str]) -> str:
    """Join names for a sentence: “a”, “b” and “c”."""
    *most, last = [f"“{name}”" for name in names]
    return f"{', '.join(most)} and {last}" if most else last


def _best_text(run: Run) -> str:
    """Return the headline, and the epoch with a higher accuracy if there is one."""
    text = " · ".join(filter(None, [headline(run), highest_accuracy(run)]))
    return f"Best: {text}." if text else ""


def _restored_text(run: Run) -> str:
    if not restored_best_weights(run):
        return ""
    return f"The weights of epoch {run.best_epoch} were restored at the end."
