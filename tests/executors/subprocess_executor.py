"""A made-up executor: each run trains in a process that never opens the store.

That process is told everything when it begins, and sends what happens as messages, each of which
is answered, as one on another machine would. In the program this would be one file in
``cifarviz/executors`` and a line in its registry.
"""

import multiprocessing
from dataclasses import dataclass
from typing import Any

from cifarviz.data import library
from cifarviz.executors.executor import Job
from cifarviz.runs.leases import this_process
from cifarviz.runs.store import RunStore
from cifarviz.training.ending import Ending
from tests.executors.trains_alone import train


@dataclass(frozen=True)
class OneMore:
    """A place of which there is always one more."""

    owner: str

    def release(self) -> None:
        """Nothing is taken."""


class SubprocessExecutor:
    """Trains two runs at a time, each in a process of its own."""

    places = 2

    def __init__(self, store: RunStore) -> None:
        self._settings = store.settings

    def reserve(self) -> OneMore:
        return OneMore(this_process())

    def train(self, job: Job) -> Ending:
        experiment = job.experiment
        data = library.load(experiment.data.dataset, experiment.data.variant, self._settings)
        ends: dict[str, Any] = {"sink": job.sink, "artifacts": job.artifacts}
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=train, args=(there, experiment, data, job.start()))
        process.start()
        there.close()
        try:
            while not isinstance(message := here.recv(), Ending):
                name, method, arguments, options = message
                try:
                    here.send((getattr(ends[name], method)(*arguments, **options), None))
                except Exception as error:
                    here.send((None, error))
        finally:
            here.close()
            process.join()
        return message
