"""Several runs that belong together, queued with one call."""

from collections.abc import Sequence
from dataclasses import dataclass

from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.lab import LabExperiment
from cifarviz.runs.records import Run
from cifarviz.runs.series import Series, keep_series
from cifarviz.training.process_queue import ProcessQueue


@dataclass(frozen=True)
class Submission:
    """A run to be queued; ``label`` is what it has and the others don't."""

    experiment: Experiment
    name: str
    label: str


def queue_series(
    worker: ProcessQueue, kind: str, title: str, submissions: Sequence[Submission]
) -> tuple[Series, list[Run]]:
    """Queue the runs; all of them or, whatever goes wrong with one, none that goes on.

    Raises what ``ProcessQueue.submit`` does.
    """
    runs: list[Run] = []
    try:
        for one in submissions:
            runs.append(worker.submit(one.experiment, one.name))
        labelled = [(run.id, one.label) for run, one in zip(runs, submissions, strict=True)]
        return keep_series(worker.store, kind, title, labelled), runs
    except BaseException:
        worker.store.stop_all([run.id for run in runs])
        raise


def queue_entry(worker: ProcessQueue, entry: LabExperiment) -> Series:
    """Queue all runs of an experiment of the lab, as ``queue_series`` does."""
    submissions = [Submission(one.experiment, entry.run_name(one), one.label) for one in entry.arms]
    return queue_series(worker, entry.kind, entry.title, submissions)[0]
