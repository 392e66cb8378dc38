"""Showing a run to the class."""

from cifarviz.data.importing.editing import show_dataset
from cifarviz.datasets.registry import find_dataset
from cifarviz.runs.records import Run
from cifarviz.ui import cache


def show_run(run: Run, *, shown: bool = True) -> None:
    """Show a run to the class with its data set, or no longer; raises ``AccessRefused``."""
    if shown:
        show_dataset_of(run)
    cache.store().set_shown(run.id, shown)


def show_dataset_of(run: Run) -> None:
    """Show the data set of a run, without which nobody could look at the run."""
    info = find_dataset(run.experiment.data.dataset)
    if info.own and not info.shown:
        show_dataset(info.name, cache.settings(), shown=True)
