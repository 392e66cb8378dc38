"""Finding the run that somebody names on the command line, and what is said of it."""

from typing import Any

from cifarviz.errors import RunNotFound
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore


def find_run(store: RunStore, named: str) -> Run:
    """The run with this id, or the only one whose id begins so; raises ``RunNotFound``."""
    matches = [run for run in store.all() if named and run.id.startswith(named)]
    exact = [run for run in matches if run.id == named]
    if len(exact or matches) == 1:
        return (exact or matches)[0]
    if matches:
        raise RunNotFound(f"{len(matches)} runs begin with “{named}”: give more of the id.")
    raise RunNotFound(f"There is no run “{named}”. The runs command lists those there are.")


def run_facts(run: Run) -> dict[str, Any]:
    """What ``runs --json`` says of a run."""
    experiment = run.experiment
    return {
        "run": run.id,
        "name": run.name,
        "state": run.state,
        "preset": experiment.preset,
        "dataset": experiment.data.dataset,
        "data": experiment.data.variant,
        "train_images": run.train_images,
        "seed": experiment.seed,
        "parameters": experiment.architecture.parameters,
        "epochs": run.epochs_done,
        "epochs_planned": experiment.epochs,
        "best_epoch": run.best_epoch,
        "stopped_early": run.stopped_early,
        "val_accuracy": run.best_val_accuracy,
        "best_epoch_val_accuracy": run.best_epoch_val_accuracy,
        "created": run.created,
        "seconds": run.seconds,
        "images_per_second": run.images_per_second,
        "precision": run.precision,
        "message": run.message,
        "starred": run.starred,
        "remark": run.remark,
        "preferred": run.preferred,
        "parent": run.parent,
        "parent_epoch": run.parent_epoch,
    }
