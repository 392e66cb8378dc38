"""What a run is doing or how it ended, in words."""

from collections.abc import Sequence

from cifarviz.runs.kept_weights import restored_best_weights, training_position
from cifarviz.runs.recorded import ORIGIN
from cifarviz.runs.records import Run
from cifarviz.runs.run_headline import headline, highest
from cifarviz.runs.states import Action, RunState

_ASKED = {Action.PAUSE: "pausing", Action.RESUME: "resuming", Action.STOP: "stopping"}
DAMAGED = "damaged"
"""The state of a run whose record in the store no run can have."""

_COLORS = {
    DAMAGED: "red",
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
    if run.damage is not None:
        return DAMAGED
    if run.origin == ORIGIN:
        return ORIGIN
    if run.requested is not None and run.state.active:
        return _ASKED[Action(run.requested)]
    return str(run.state)


def badge(run: Run) -> str:
    """Markdown of the state's word in its colour."""
    return f":{state_color(run)}-badge[{state_word(run)}]"


def state_color(run: Run) -> str:
    """Return the colour of the state's word: the name of one of Streamlit's."""
    return _COLORS.get(state_word(run), "gray")


def doing(run: Run) -> str:
    """How far an active run is, to be said after its state; nothing for one that has ended."""
    if not run.state.active or run.damage is not None:
        return ""
    if run.orphaned:
        return "waiting, but no process looks after it: the one that queued it has ended"
    if run.state is RunState.QUEUED:
        return "waiting for its turn"
    progress = run.progress
    if progress is None or progress.epoch == 0:
        return _PHASES["choosing" if progress and progress.phase == "choosing" else "preparing"]
    phase = _PHASES.get(progress.phase) if state_word(run) == "running" else None
    template = "epoch {epoch} of {epochs}, {phase}" if phase else "epoch {epoch} of {epochs}"
    return template.format(epoch=progress.epoch, epochs=run.experiment.epochs, phase=phase)


def outcome(run: Run) -> str:
    """What became of a run that has ended, in whole sentences, one after another."""
    return " ".join(filter(None, _outcome(run)))


def _outcome(run: Run) -> Sequence[str]:
    done, planned = run.epochs_done, run.experiment.epochs
    match run.state:
        case RunState.FINISHED if run.stopped_early is not None:
            ended = run.message or f"Stopped early after epoch {run.stopped_early}."
            return ended, _best(run), _given_back(run)
        case RunState.FINISHED:
            ended = "The one epoch is done." if planned == 1 else f"All {planned} epochs are done."
            return ended, _best(run), _given_back(run)
        case RunState.STOPPED if run.started is None:
            return ("Taken out of the queue before its turn came, so it has learned nothing yet.",)
        case RunState.STOPPED:
            position = str(training_position(run)).capitalize()
            return f"{position} (of {planned}); what it learned until then is kept.", _best(run)
        case RunState.INTERRUPTED:
            ended = run.message or "The process that trained it ended."
            return ended, f"{done} of {planned} epochs are kept.", _best(run)
        case RunState.FAILED:
            ended = run.message or "Training broke off."
            return ended, f"{done} of {planned} epochs were done.", _best(run)
    return ()


def named(names: Sequence[str]) -> str:
    """Names in a sentence: “a”, “b” and “c”, so that one with a comma in it is still one."""
    *most, last = [f"“{name}”" for name in names]
    return f"{', '.join(most)} and {last}" if most else last


def _best(run: Run) -> str:
    """The headline and, where another epoch has a higher accuracy, that one."""
    words = " · ".join(filter(None, [headline(run), highest(run)]))
    return f"Best: {words}." if words else ""


def _given_back(run: Run) -> str:
    if not restored_best_weights(run):
        return ""
    return f"At its end the weights of epoch {run.best_epoch} were restored."


def waits_for(run: Run, active: Sequence[Run]) -> str:
    """For whom a queued run waits, in words; nothing for a run that doesn't wait."""
    if run.state is not RunState.QUEUED:
        return ""
    if run.orphaned:
        return doing(run)
    # Those that nobody looks after hold nobody up.
    served = [other for other in active if not other.orphaned]
    ids = [other.id for other in served]
    before = served[: ids.index(run.id)] if run.id in ids else []
    if not before:
        return "its turn comes now"
    last = before[-1].name
    if len(before) == 1:
        return f"waiting for “{last}”"
    return f"waiting for “{last}” (and {len(before) - 1} before that)"
