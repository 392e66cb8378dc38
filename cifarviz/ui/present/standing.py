"""What is true of a run at this moment: the mark on its curves, the title, and the notes."""

from cifarviz.runs.kept_weights import training_position
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.ui.address import quoted
from cifarviz.ui.components.replay import Mark

_MARKS: dict[RunState, Mark] = {
    RunState.QUEUED: "waiting",
    RunState.PAUSED: "paused",
    RunState.STOPPING: "stopping",
    RunState.RUNNING: "live",
}
_BEFORE_STEPS = ("preparing", "choosing")
_ENDED_EARLY = {
    RunState.STOPPED: "Stopped",
    RunState.FAILED: "Failed",
    RunState.INTERRUPTED: "Interrupted",
}


def mark_of(run: Run) -> Mark:
    """The word for what of it is drawn; ``live`` only while it trains."""
    mark = _MARKS.get(run.state, "recorded")
    return "starting" if mark == "live" and not _has_begun(run) else mark


def title_of(run: Run) -> str:
    """The headline of its training."""
    match mark_of(run):
        case "waiting":
            return "Waiting for its turn to learn"
        case "starting":
            return "The network is about to learn"
        case "live":
            return "The network is learning"
        case "paused":
            return "Learning is paused"
        case "stopping":
            return "Learning is being stopped"
        case _:
            return _ended(run)


def note_of(run: Run) -> str:
    """What the speaker is told of a run under way, as Markdown."""
    name = quoted(run.name)
    # A fork counts on from its parent's epochs.
    planned = _epochs(run.experiment.epochs - (run.parent_epoch or 0))
    match mark_of(run):
        case "waiting":
            before = run.parent is not None or run.epochs_done > 0
            drawn = " What is drawn was measured before." if before else ""
            return (
                f"**Waiting**: {name} is queued and does not train yet; it begins, for {planned}, "
                f"when the runs before it have ended.{drawn}"
            )
        case "starting":
            return (
                f"**Starting**: the network of {name} is being built; its first batches come in a "
                "few seconds."
            )
        case "paused":
            return (
                f"**Paused**: {name} keeps its place and does not train at this moment. What is "
                "drawn was measured before; it goes on when somebody resumes it on Train."
            )
        case "stopping":
            return (
                f"**Stopping**: {name} has been asked to end. What it has learned so far is kept."
            )
        case _:
            return (
                f"**Live**: {name} trains at this moment, for {planned}; what is drawn has just "
                "been measured."
            )


def _has_begun(run: Run) -> bool:
    progress = run.progress
    return progress is not None and progress.step > 0 and progress.phase not in _BEFORE_STEPS


def _ended(run: Run) -> str:
    count = run.epochs_done
    if not count:
        return "A training that did not get far"
    if (how := _ENDED_EARLY.get(run.state)) is not None:
        return f"{how} {training_position(run)} of {run.experiment.epochs}"
    images = f" of {run.train_images:,} images" if run.train_images else ""
    return f"{_epochs(count)}{images}"


def _epochs(count: int) -> str:
    return "1 epoch" if count == 1 else f"{count} epochs"
