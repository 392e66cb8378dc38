"""Taking the weights that a fork begins with, before anything can happen to them."""

from pathlib import Path

from cifarviz.errors import ArtifactMissing
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.forking import check_fork, keeps_optimizer_state
from cifarviz.runs.artifacts import save_arrays, start_path
from cifarviz.runs.kept_weights import epochs_to_fork
from cifarviz.runs.records import Fork, Run
from cifarviz.runs.snapshots import load_weights

FORMAT = 1


def keep_start(
    parent: Run, parent_folder: Path, folder: Path, experiment: Experiment, epoch: int
) -> Fork:
    """Copy ``parent``'s weights after ``epoch`` into the folder of a fork that has yet to begin.

    With the optimiser's state where they come from the parent's last checkpoint and the optimiser
    is the same but for its learning rate; otherwise the fork's optimiser begins anew. Raises
    ``ExperimentInvalid``, ``ArtifactMissing`` and ``ArtifactDamaged``.
    """
    check_fork(parent.experiment, experiment, epoch)
    kept = epochs_to_fork(parent_folder, parent)
    if epoch not in kept:
        there = ", ".join(map(str, kept)) or "none"
        raise ArtifactMissing(
            "“{parent_name}” has not kept its weights after epoch {epoch}; it has those after: "
            "{there}. Choose one of these.",
            parent_name=parent.name,
            epoch=epoch,
            there=there,
        )
    arrays, facts = load_weights(parent_folder, kept[epoch])
    if facts.get("epochs_done", epoch) != epoch:
        raise ArtifactMissing(
            "“{parent_name}” has gone on while its weights of epoch {epoch} were being read: "
            "choose the epoch again.",
            parent_name=parent.name,
            epoch=epoch,
        )
    carried = carries_optimizer(parent, parent_folder, experiment, epoch)
    if not carried:
        arrays = {name: one for name, one in arrays.items() if name.startswith("model/")}
    save_arrays(
        start_path(folder),
        arrays,
        {"format": FORMAT, "epoch": epoch, "parent": parent.id, "optimizer": carried},
    )
    return Fork(parent.id, epoch, parent.precision, parent.precision_reason)


def carries_optimizer(parent: Run, parent_folder: Path, experiment: Experiment, epoch: int) -> bool:
    """Whether a fork of ``parent`` after ``epoch`` goes on with its optimiser's state."""
    holds = epochs_to_fork(parent_folder, parent).get(epoch) == "last"
    return holds and keeps_optimizer_state(parent.experiment, experiment)
