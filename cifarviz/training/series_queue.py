"""Queue several runs that belong together with a single call."""

from collections.abc import Sequence
from dataclasses import dataclass

from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.lab import LabExperiment
from cifarviz.runs.limit_values import check_waiting_limit
from cifarviz.runs.records import Run
from cifarviz.runs.series import Series, save_series
from cifarviz.training.process_queue import ProcessQueue


@dataclass(frozen=True)
class Submission:
    """A run to queue; ``label`` is what sets it apart from the others.

    ``layers_taken``: so many of its first layers start with the weights of the first run.
    """

    experiment: Experiment
    name: str
    label: str
    layers_taken: int = 0


def queue_series(
    worker: ProcessQueue, kind: str, title: str, submissions: Sequence[Submission]
) -> tuple[Series, list[Run]]:
    """Queue all runs; if that fails for any of them, stop those already queued.

    Raises what ``ProcessQueue.submit`` does.
    """
    # None starts before the series is known: it sets the precision of all.
    with worker.choosing:
        return _queue_series(worker, kind, title, submissions)


def _queue_series(
    worker: ProcessQueue, kind: str, title: str, submissions: Sequence[Submission]
) -> tuple[Series, list[Run]]:
    # Before any is queued; each is counted again when it is.
    with worker.store.database.connect() as connection:
        check_waiting_limit(connection, len(submissions))
    runs: list[Run] = []
    try:
        for submission in submissions:
            experiment = submission.experiment
            if submission.layers_taken:
                transfer = {"run": runs[0].id, "layers": submission.layers_taken}
                experiment = Experiment.make(**{**dict(experiment), "transfer": transfer})
            runs.append(worker.submit(experiment, submission.name))
        labelled = [
            (run.id, submission.label) for run, submission in zip(runs, submissions, strict=True)
        ]
        return save_series(worker.store, kind, title, labelled), runs
    except BaseException:
        worker.store.stop_all([run.id for run in runs])
        raise


def queue_lab_experiment(worker: ProcessQueue, entry: LabExperiment) -> Series:
    """Queue all runs of a lab experiment, as ``queue_series`` does."""
    submissions = [
        Submission(one.experiment, entry.run_name(one), one.label, one.layers_taken)
        for one in entry.arms
    ]
    return queue_series(worker, entry.kind, entry.title, submissions)[0]
