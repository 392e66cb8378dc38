"""What a run is doing or how it ended, in words."""

import time

from cifarviz.runs.records import Run
from cifarviz.runs.states import Action, RunState

_ASKED = {Action.PAUSE: "pausing …", Action.RESUME: "going on …", Action.STOP: "stopping …"}
_PHASES = {
    "preparing": "getting ready: loading the images and building the network",
    "training": "training",
    "validating": "looking at the validation images",
    "saving": "saving the weights",
}


def doing(run: Run) -> str:
    """What an active run does at the moment, or is asked to do; nothing for one that has ended."""
    if not run.state.active:
        return ""
    if run.requested is not None:
        return _ASKED[Action(run.requested)]
    if run.state is RunState.STOPPING:
        return "stopping …"
    if run.state is RunState.QUEUED:
        return "waiting for its turn"
    if run.state is RunState.PAUSED:
        return "waiting for Resume"
    phase = run.progress.phase if run.progress is not None else "preparing"
    return _PHASES.get(phase, phase)


def outcome(run: Run) -> str:
    """What became of a run that has ended, in a sentence or two."""
    done = f"{run.epochs_done} of {run.experiment.epochs} epochs"
    match run.state:
        case RunState.FINISHED:
            count = run.experiment.epochs
            all_epochs = "The one epoch is" if count == 1 else f"All {count} epochs are"
            return f"{all_epochs} done{_best(run)}."
        case RunState.STOPPED if run.started is None:
            return "Stopped while it waited for its turn, so it has learned nothing yet."
        case RunState.STOPPED:
            return f"Stopped after {_reached(run)}; what it learned until then is kept{_best(run)}."
        case RunState.INTERRUPTED:
            said = run.message or "The process that trained it ended."
            return f"{said} {done} are kept{_best(run)}."
        case RunState.FAILED:
            return f"{run.message or 'Training broke off.'} {done} were done."
        case _:
            return ""


def elapsed(run: Run, now: float | None = None) -> float | None:
    """Seconds at work so far, over all turns; ``None`` before the run's turn has come."""
    if run.started is None:
        return None
    if run.seconds == 0.0 and run.state.active:  # nothing recorded of its first turn yet
        return (time.time() if now is None else now) - run.started
    return run.seconds


def _best(run: Run) -> str:
    if run.best_epoch is None:
        return ""
    if run.best_val_accuracy is None:
        return f", with the lowest training loss after epoch {run.best_epoch}"
    return (
        f", with the lowest validation loss after epoch {run.best_epoch} and "
        f"{run.best_val_accuracy:.1%} validation accuracy at best"
    )


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
