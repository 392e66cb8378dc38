"""What a run is doing or how it ended, in words."""

import time
from collections.abc import Sequence

from cifarviz.runs.kept_weights import given_back
from cifarviz.runs.recorded import ORIGIN
from cifarviz.runs.records import Run
from cifarviz.runs.states import Action, RunState

_ASKED = {Action.PAUSE: "pausing", Action.RESUME: "resuming", Action.STOP: "stopping"}
_COLORS = {
    "running": "blue",
    "resuming": "blue",
    "paused": "orange",
    "pausing": "orange",
    "stopping": "orange",
    "finished": "green",
    ORIGIN: "violet",
    "failed": "red",
    "interrupted": "orange",
}
# Of the rest of an epoch it is enough to say which one it is.
_PHASES = {
    "preparing": "building the network",
    "choosing": "finding the faster precision",
    "validating": "validating",
    "testing": "answering the test images",
    "saving": "saving",
}


def state_word(run: Run) -> str:
    """The state a run is in, or the one that was asked for and is about to come.

    The run that comes with cifarviz is *recorded*: nobody here has waited for it.
    """
    if run.origin == ORIGIN:
        return ORIGIN
    if run.requested is not None and run.state.active:
        return _ASKED[Action(run.requested)]
    return str(run.state)


def badge(run: Run) -> str:
    """Markdown of the state's word in its colour."""
    word = state_word(run)
    return f":{_COLORS.get(word, 'gray')}-badge[{word}]"


def doing(run: Run) -> str:
    """How far an active run is, to be said after its state; nothing for one that has ended."""
    if not run.state.active:
        return ""
    if run.orphaned:
        return "waiting, but no process looks after it: the one that queued it has ended"
    if run.state is RunState.QUEUED:
        return "waiting for its turn"
    progress = run.progress
    if progress is None or progress.epoch == 0:
        return _PHASES["choosing" if progress and progress.phase == "choosing" else "preparing"]
    words = f"epoch {progress.epoch} of {run.experiment.epochs}"
    phase = _PHASES.get(progress.phase) if state_word(run) == "running" else None
    return f"{words}, {phase}" if phase else words


def outcome(run: Run) -> str:
    """What became of a run that has ended, in a sentence or two."""
    done = f"{run.epochs_done} of {run.experiment.epochs} epochs"
    match run.state:
        case RunState.FINISHED:
            if run.stopped_early is not None:
                said = run.message or f"Stopped early after epoch {run.stopped_early}."
                return f"{said}{_at_best(run)}"
            count = run.experiment.epochs
            all_epochs = "The one epoch is" if count == 1 else f"All {count} epochs are"
            return f"{all_epochs} done{_best(run)}.{_given_back(run)}"
        case RunState.STOPPED if run.started is None:
            return "Taken out of the queue before its turn came, so it has learned nothing yet."
        case RunState.STOPPED:
            return f"After {_reached(run)}; what it learned until then is kept{_best(run)}."
        case RunState.INTERRUPTED:
            said = run.message or "The process that trained it ended."
            return f"{said} {done} are kept{_best(run)}."
        case RunState.FAILED:
            return f"{run.message or 'Training broke off.'} {done} were done."
        case _:
            return ""


def named(names: Sequence[str]) -> str:
    """Names in a sentence: “a”, “b” and “c”, so that one with a comma in it is still one."""
    *most, last = [f"“{name}”" for name in names]
    return f"{', '.join(most)} and {last}" if most else last


def elapsed(run: Run, now: float | None = None) -> float | None:
    """Seconds at work so far, over all turns, pauses left out; ``None`` before its first turn."""
    if run.started is None:
        return None
    if run.progress is None or run.state not in (RunState.RUNNING, RunState.STOPPING):
        return run.seconds
    # What is stored goes up to its last sign of life.
    now = time.time() if now is None else now
    return run.seconds + max(now - run.progress.heartbeat, 0.0)


def _best(run: Run) -> str:
    if run.best_epoch is None:
        return ""
    own = run.best_epoch_val_accuracy
    if run.experiment.epochs == 1:
        return "" if own is None else f", with {own:.1%} validation accuracy"
    words = f", with the {best_words(run)} after epoch {run.best_epoch}"
    return words if own is None else f"{words} ({own:.1%} validation accuracy{_highest(run)})"


def _highest(run: Run) -> str:
    top = highest_words(run)
    return f"; the highest was {top}" if top else ""


def highest_words(run: Run) -> str:
    """The highest validation accuracy and its epoch, where that of the best epoch is another."""
    own, top = run.best_epoch_val_accuracy, run.best_val_accuracy
    if own is None or top is None or f"{own:.1%}" == f"{top:.1%}":
        return ""
    return f"{top:.1%}, after epoch {run.best_val_accuracy_epoch}"


def best_words(run: Run) -> str:
    """What an epoch has to have to be a run's best, such as ``lowest validation loss``."""
    images = "training" if run.best_val_accuracy is None else "validation"
    monitor = run.experiment.monitor
    return f"{'lowest' if monitor == 'loss' else 'highest'} {images} {monitor}"


def _given_back(run: Run) -> str:
    if not given_back(run):
        return ""
    return f" At its end it was given back the weights of epoch {run.best_epoch}."


def _at_best(run: Run) -> str:
    words = _given_back(run)
    if run.best_epoch_val_accuracy is None:
        return words
    own = f"{run.best_epoch_val_accuracy:.1%} after epoch {run.best_epoch}"
    return f" Validation accuracy was {own}{_highest(run)}.{words}"


def _reached(run: Run) -> str:
    epochs = f"{run.epochs_done} of {run.experiment.epochs} epochs"
    progress = run.progress
    if progress is None or not progress.steps_per_epoch:
        return epochs
    more = progress.step - run.epochs_done * progress.steps_per_epoch
    if more <= 0:
        return epochs
    steps = "1 step" if more == 1 else f"{more:,} steps"
    return f"{epochs} and {steps}"
