"""Copy the weights that a fork starts from, before its parent changes them."""

from pathlib import Path

from cifarviz.errors import ArtifactMissing
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.forking import check_fork, keeps_optimizer_state
from cifarviz.runs.artifacts import save_arrays, start_path
from cifarviz.runs.records import Fork, Run
from cifarviz.runs.snapshots import load_weights
from cifarviz.runs.stored_weights import epochs_to_fork

FORMAT = 1


def save_start(
    parent: Run, parent_folder: Path, folder: Path, experiment: Experiment, epoch: int
) -> Fork:
    """Copy ``parent``'s weights after ``epoch`` into the folder of a fork that has not started.

    The optimizer's state is copied if they come from the parent's last checkpoint and the optimizer
    differs at most in its learning rate; otherwise the fork's optimizer starts fresh. Raises
    ``ExperimentInvalid``, ``ArtifactMissing`` and ``ArtifactDamaged``.
    """
    check_fork(parent.experiment, experiment, epoch)
    stored = epochs_to_fork(parent_folder, parent)
    if epoch not in stored:
        raise ArtifactMissing(
            "“{parent_name}” has no saved weights for epoch {epoch}. Choose one of these epochs: "
            "{epochs}.",
            parent_name=parent.name,
            epoch=epoch,
            epochs=", ".join(map(str, stored)) or "none",
        )
    arrays, facts = load_weights(parent_folder, stored[epoch])
    if facts.get("epochs_done", epoch) != epoch:
        raise ArtifactMissing(
            "“{parent_name}” went on training while its weights of epoch {epoch} were being read. "
            "Choose the epoch again.",
            parent_name=parent.name,
            epoch=epoch,
        )
    carried = carries_optimizer(parent, parent_folder, experiment, epoch)
    if not carried:
        arrays = {name: values for name, values in arrays.items() if name.startswith("model/")}
    save_arrays(
        start_path(folder),
        arrays,
        {"format": FORMAT, "epoch": epoch, "parent": parent.id, "optimizer": carried},
    )
    return Fork(parent.id, epoch, parent.precision, parent.precision_reason)


def carries_optimizer(parent: Run, parent_folder: Path, experiment: Experiment, epoch: int) -> bool:
    """Whether a fork of ``parent`` after ``epoch`` goes on with its optimizer's state."""
    is_last = epochs_to_fork(parent_folder, parent).get(epoch) == "last"
    return is_last and keeps_optimizer_state(parent.experiment, experiment)
