"""Which weights a run has kept, where they stand, and why those asked for are not there."""

from dataclasses import dataclass
from pathlib import Path

from cifarviz.runs.artifacts import Checkpoint, checkpoint_path, load_facts
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice, snapshot_epochs
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore


@dataclass(frozen=True)
class WeightsPosition:
    """Where in its run's training a network stands: finished epochs, and steps of the next one."""

    epoch: int
    steps: int = 0

    def __str__(self) -> str:
        """``after epoch 1``, ``after epoch 1 and 337 steps of epoch 2``, ``before training``."""
        if not self.steps:
            return f"after epoch {self.epoch}" if self.epoch else "before training"
        steps = "1 step" if self.steps == 1 else f"{self.steps:,} steps"
        begun = f"after epoch {self.epoch} and " if self.epoch else "after "
        return f"{begun}{steps} of epoch {self.epoch + 1}"


def training_position(run: Run) -> WeightsPosition:
    """Where the training of ``run`` stands, by what it has reported."""
    progress = run.progress
    if progress is None or not progress.steps_per_epoch or run.state is RunState.FINISHED:
        return WeightsPosition(run.epochs_done)
    steps = progress.step - run.epochs_done * progress.steps_per_epoch
    return WeightsPosition(run.epochs_done, max(steps, 0))


def weights_position(store: RunStore, run: Run, which: WeightsChoice) -> WeightsPosition:
    """Where these weights of ``run`` stand; every page, export and command says it by this."""
    if isinstance(which, int):
        return WeightsPosition(which)
    facts = load_facts(checkpoint_path(store.folder(run.id), which))
    epoch = epoch_of(run, which)
    if epoch is not None and (which == "best" or restored_best_weights(run)):
        return WeightsPosition(int(facts.get("epoch", epoch)))
    # The file knows best: what was reported after it was written is not in it.
    if "epochs_done" not in facts:
        return WeightsPosition(run.epochs_done) if run.state.active else training_position(run)
    batch = run.experiment.batch_size
    return WeightsPosition(int(facts["epochs_done"]), -(-int(facts.get("images", 0)) // batch))


def other_weights(which: Checkpoint) -> Checkpoint:
    """The other kind of weights that a run may have kept."""
    return "last" if which == "best" else "best"


def kept_checkpoints(store: RunStore, run: Run) -> tuple[Checkpoint, ...]:
    """The weights of ``run`` that are on disk, those that answer for it first.

    These are what a person made its answer, else those it ended with, else the others. Whoever
    asks a run for no weights in particular asks the first. A damaged run has none to give.
    """
    if run.damage is not None:
        return ()
    first = run.preferred or "last"
    folder = store.folder(run.id)
    return tuple(
        one for one in (first, other_weights(first)) if checkpoint_path(folder, one).is_file()
    )


def usual_weights(store: RunStore, run: Run) -> Checkpoint:
    """The same where others than a run was set up to keep are not taken unasked.

    They may be gone: then of a run that keeps its last weights these are named.
    """
    kept = kept_checkpoints(store, run)
    if kept and (kept[0] == run.preferred or run.experiment.best_only):
        return kept[0]
    return "last"


def epoch_of(run: Run, which: WeightsChoice) -> int | None:
    """The epoch after which a run had these weights; ``None`` in the middle of one."""
    if isinstance(which, int):
        return which
    if which == "best" or restored_best_weights(run):
        return run.best_epoch
    # One that was stopped may have been in the middle of an epoch.
    return run.epochs_done if run.state.active or run.state is RunState.FINISHED else None


def lacking_weights(store: RunStore, run: Run, which: Checkpoint) -> str | None:
    """What ``run`` has instead of these weights, as the rest of a sentence about it.

    ``None`` if it has them.
    """
    if run.damage is not None:
        return f"is damaged: {run.damage.rstrip('.')}"
    folder = store.folder(run.id)
    if checkpoint_path(folder, which).is_file():
        return None
    if not checkpoint_path(folder, other_weights(which)).is_file():
        if run.best_epoch is None:
            return "has no weights: it has not finished an epoch"
        return "has no weights any more: their files were removed"
    if which == "best":
        if run.best_epoch is None:
            return "has no best epoch yet, only the weights it began with"
        return "has no weights of its best epoch any more, only those it ended with"
    if run.state is RunState.FINISHED and run.experiment.best_only:
        return "has kept the checkpoint of its best epoch only, as it was set up to"
    return "has no weights as it ended any more, only those of its best epoch"


def restored_best_weights(run: Run) -> bool:
    """Whether the run ended with the weights of an earlier epoch, its best, in place of its last's.

    It is also given them back when it was not stopped early.
    """
    stopping = run.experiment.early_stopping
    restored = stopping is not None and stopping.restore_best_weights
    return restored and run.state is RunState.FINISHED and run.best_epoch != run.epochs_done


def epochs_with_weights(folder: Path, run: Run) -> dict[int, WeightsChoice]:
    """The epochs whose weights ``run`` has kept, in order, and what holds them."""
    if run.damage is not None:
        return {}
    found: dict[int, WeightsChoice] = {
        epoch: epoch for epoch in snapshot_epochs(folder, "weights") if epoch <= run.epochs_done
    }
    if run.best_epoch is not None and checkpoint_path(folder, "best").is_file():
        found.setdefault(run.best_epoch, "best")
    # A run that was stopped in the middle of an epoch stands after it; one that was given its best
    # weights back stands at them.
    at_its_end = run.state.active or (
        run.state is RunState.FINISHED and not restored_best_weights(run)
    )
    if run.epochs_done and at_its_end and checkpoint_path(folder, "last").is_file():
        found.setdefault(run.epochs_done, "last")
    return dict(sorted(found.items()))


def epochs_to_fork(folder: Path, run: Run) -> dict[int, WeightsChoice]:
    """The epochs, from 1, that another run can go on from, in order, and what holds their weights.

    Of one epoch the last checkpoint rather than a snapshot: it alone has the optimiser's state.
    """
    found = {epoch: which for epoch, which in epochs_with_weights(folder, run).items() if epoch}
    if not restored_best_weights(run):
        facts = load_facts(checkpoint_path(folder, "last"))
        if facts.get("images") == 0 and facts.get("epochs_done"):
            found[int(facts["epochs_done"])] = "last"
    return dict(sorted(found.items()))
