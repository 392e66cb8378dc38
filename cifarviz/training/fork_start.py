"""Copy the weights that a run starts from, before the run they come from changes them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cifarviz.errors import ArtifactDamaged, ArtifactMissing
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.forking import check_fork, keeps_optimizer_state
from cifarviz.experiment.transfer import transferred_variables
from cifarviz.runs.artifacts import checkpoint_path, save_arrays, start_path
from cifarviz.runs.records import Fork, Run
from cifarviz.runs.snapshots import load_weights
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_weights import epochs_to_fork, explain_missing_weights

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


def check_transfer(store: RunStore, experiment: Experiment) -> None:
    """Raise unless the first layers can start with the weights that ``experiment`` asks for.

    Those of a queued or running run may be missing still. Raises ``RunNotFound``,
    ``ExperimentInvalid`` if a layer does not fit, ``ArtifactMissing``, and what
    ``Run.experiment`` does.
    """
    transfer = experiment.transfer
    if transfer is None:
        return
    source = store.get(transfer.run)
    transferred_variables(
        source.experiment.architecture, experiment.architecture, transfer.layers, source.name
    )
    subject = f"“{source.name}”"
    reason = explain_missing_weights(store, source, transfer.checkpoint, subject)
    if reason is not None and not source.state.active:
        raise ArtifactMissing("{reason} Choose other weights or another run.", reason=reason)


def save_transferred(store: RunStore, run_id: str, experiment: Experiment) -> None:
    """Copy the weights that the first layers of ``experiment`` start with into a run's folder.

    Does nothing without a transfer, once they were copied or the run has begun, and while the run
    that they come from is active: it may be earlier in the queue. Raises what ``check_transfer``
    does, and ``ArtifactDamaged``.
    """
    transfer, folder = experiment.transfer, store.folder(run_id)
    if transfer is None or any(
        path.exists() for path in (start_path(folder), checkpoint_path(folder, "last"))
    ):
        return
    check_transfer(store, experiment)
    if store.get(transfer.run).state.active:
        return
    save_arrays(
        start_path(folder),
        load_transferred(store, experiment),
        {
            "format": FORMAT,
            "epoch": 0,
            "parent": transfer.run,
            "optimizer": False,
            "partial": True,
        },
    )


def load_transferred(store: RunStore, experiment: Experiment) -> dict[str, NDArray[np.float32]]:
    """Load the weights that the first layers of ``experiment`` start with; none without a transfer.

    They are named as the variables of its own network. Raises what ``check_transfer`` does, and
    ``ArtifactMissing`` and ``ArtifactDamaged``.
    """
    transfer = experiment.transfer
    if transfer is None:
        return {}
    check_transfer(store, experiment)
    source = store.get(transfer.run)
    arrays, _facts = load_weights(store.folder(source.id), transfer.checkpoint)
    names = transferred_variables(
        source.experiment.architecture, experiment.architecture, transfer.layers, source.name
    )
    if not arrays.keys() >= set(names.values()):
        raise ArtifactDamaged(
            "The weights of “{name}” are damaged and cannot be read. Choose other weights or "
            "another run.",
            name=source.name,
        )
    return {name: arrays[there] for name, there in names.items()}
