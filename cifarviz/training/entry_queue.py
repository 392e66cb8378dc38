"""All runs of an experiment of the lab, queued with one call."""

from cifarviz.errors import CifarvizError
from cifarviz.experiment.lab.entrants import Entry
from cifarviz.runs.series import Series, keep_series
from cifarviz.runs.states import Action
from cifarviz.training.worker import Worker


def queue_entry(worker: Worker, entry: Entry) -> Series:
    """Queue the runs; all of them or, where one is refused, none that goes on.

    Raises what ``Worker.submit`` does.
    """
    made: list[tuple[str, str]] = []
    try:
        for entrant in entry.entrants:
            run = worker.submit(entrant.experiment, entry.run_name(entrant))
            made.append((run.id, entrant.label))
        return keep_series(worker.store, entry.kind, entry.title, made)
    except CifarvizError:
        # The last first: else the next one would begin when the one before it stops.
        for run_id, _ in reversed(made):
            worker.store.request(run_id, Action.STOP)
        raise
