"""The stored weights of a run: which there are, their epochs, and why others are missing."""

from dataclasses import dataclass
from pathlib import Path

from cifarviz.runs.artifacts import Checkpoint, checkpoint_path, load_facts
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice, snapshot_epochs
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore


@dataclass(frozen=True)
class WeightsPosition:
    """The point in a run's training: finished epochs, and steps of the next epoch."""

    epoch: int
    steps: int = 0

    def __str__(self) -> str:
        """``after epoch 1``, ``after epoch 1 and 337 steps of epoch 2``, ``before training``."""
        if not self.steps:
            return f"after epoch {self.epoch}" if self.epoch else "before training"
        if self.epoch:
            template = (
                "after epoch {done} and 1 step of epoch {next}"
                if self.steps == 1
                else "after epoch {done} and {steps:,} steps of epoch {next}"
            )
        else:
            template = (
                "after 1 step of epoch {next}"
                if self.steps == 1
                else "after {steps:,} steps of epoch {next}"
            )
        return template.format(done=self.epoch, steps=self.steps, next=self.epoch + 1)


def training_position(run: Run) -> WeightsPosition:
    """Return how far the training of ``run`` has got, by its progress reports."""
    progress = run.progress
    if progress is None or not progress.steps_per_epoch or run.state is RunState.FINISHED:
        return WeightsPosition(run.epochs_done)
    steps = progress.step - run.epochs_done * progress.steps_per_epoch
    return WeightsPosition(run.epochs_done, max(steps, 0))


def weights_position(store: RunStore, run: Run, which: WeightsChoice) -> WeightsPosition:
    """Return the point in training that these weights of ``run`` are from."""
    if isinstance(which, int):
        return WeightsPosition(which)
    facts = load_facts(checkpoint_path(store.folder(run.id), which))
    epoch = weights_epoch(run, which)
    if epoch is not None and (which == "best" or restored_best_weights(run)):
        return WeightsPosition(int(facts.get("epoch", epoch)))
    # The run may have reported more since the file was written.
    if "epochs_done" not in facts:
        return WeightsPosition(run.epochs_done) if run.state.active else training_position(run)
    batch = run.experiment.batch_size
    return WeightsPosition(int(facts["epochs_done"]), -(-int(facts.get("images", 0)) // batch))


def other_checkpoint(which: Checkpoint) -> Checkpoint:
    """Return ``"last"`` for ``"best"``, and the other way round."""
    return "last" if which == "best" else "best"


def stored_checkpoints(store: RunStore, run: Run) -> tuple[Checkpoint, ...]:
    """Return the checkpoints of ``run`` that are on disk, the one to use by default first.

    That is the preferred one, else the last, else the best. A damaged run has none.
    """
    if run.damage is not None:
        return ()
    first = run.preferred or "last"
    folder = store.folder(run.id)
    return tuple(
        which
        for which in (first, other_checkpoint(first))
        if checkpoint_path(folder, which).is_file()
    )


def default_weights(store: RunStore, run: Run) -> Checkpoint:
    """Return the checkpoint to use by default, which may be missing.

    That is the preferred one if it exists, the best if the run saves only that, else the last.
    """
    stored = stored_checkpoints(store, run)
    if stored and (stored[0] == run.preferred or run.experiment.best_only):
        return stored[0]
    return "last"


def weights_epoch(run: Run, which: WeightsChoice) -> int | None:
    """Return the epoch after which a run had these weights; ``None`` in the middle of one."""
    if isinstance(which, int):
        return which
    if which == "best" or restored_best_weights(run):
        return run.best_epoch
    # A stopped run may have been in the middle of an epoch.
    return run.epochs_done if run.state.active or run.state is RunState.FINISHED else None


def explain_missing_weights(
    store: RunStore, run: Run, which: Checkpoint, subject: str = "This run"
) -> str | None:
    """Return a sentence about ``subject``, the run: why it lacks these weights.

    ``None`` if it has them.
    """
    if run.damage is not None:
        template = "{subject} is damaged: {damage}."
    elif checkpoint_path(folder := store.folder(run.id), which).is_file():
        return None
    elif not checkpoint_path(folder, other_checkpoint(which)).is_file():
        template = (
            "{subject} has no weights: it has not finished an epoch."
            if run.best_epoch is None
            else "{subject} has no weights: their files were removed."
        )
    elif which == "best":
        template = (
            "{subject} has no best epoch yet, only its initial weights."
            if run.best_epoch is None
            else "{subject} has only the weights of its last epoch; those of its best epoch were "
            "removed."
        )
    elif run.state is RunState.FINISHED and run.experiment.best_only:
        template = "{subject} was set to save only the checkpoint of its best epoch."
    else:
        template = (
            "{subject} has only the weights of its best epoch; those of its last epoch were "
            "removed."
        )
    return template.format(subject=subject, damage=(run.damage or "").rstrip("."))


def restored_best_weights(run: Run) -> bool:
    """Whether the run restored the weights of an earlier epoch, its best, at its end.

    It does so also when it was not stopped early.
    """
    stopping = run.experiment.early_stopping
    restored = stopping is not None and stopping.restore_best_weights
    return restored and run.state is RunState.FINISHED and run.best_epoch != run.epochs_done


def epochs_with_weights(folder: Path, run: Run) -> dict[int, WeightsChoice]:
    """Return the epochs whose weights are stored, in order, with what holds them."""
    if run.damage is not None:
        return {}
    epochs: dict[int, WeightsChoice] = {
        epoch: epoch for epoch in snapshot_epochs(folder, "weights") if epoch <= run.epochs_done
    }
    if run.best_epoch is not None and checkpoint_path(folder, "best").is_file():
        epochs.setdefault(run.best_epoch, "best")
    # A stopped run may be in the middle of an epoch; one that restored its best weights is at them.
    at_its_end = run.state.active or (
        run.state is RunState.FINISHED and not restored_best_weights(run)
    )
    if run.epochs_done and at_its_end and checkpoint_path(folder, "last").is_file():
        epochs.setdefault(run.epochs_done, "last")
    return dict(sorted(epochs.items()))


def epochs_to_fork(folder: Path, run: Run) -> dict[int, WeightsChoice]:
    """Return the epochs, from 1, that can be forked, in order, with what holds their weights.

    The last checkpoint takes precedence over a snapshot: it alone has the optimizer's state.
    """
    epochs = {epoch: which for epoch, which in epochs_with_weights(folder, run).items() if epoch}
    if not restored_best_weights(run):
        facts = load_facts(checkpoint_path(folder, "last"))
        if facts.get("images") == 0 and facts.get("epochs_done"):
            epochs[int(facts["epochs_done"])] = "last"
    return dict(sorted(epochs.items()))
