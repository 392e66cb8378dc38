"""What a process of ``SubprocessExecutor`` runs: it imports the engine, and no store."""

import os
import sys
from multiprocessing.connection import Connection
from typing import Any

from cifarviz.data.image_set import Dataset
from cifarviz.experiment.experiment import Experiment
from cifarviz.training import engine
from cifarviz.training.reporting import RunStart

NO_HOME = "/nowhere/at-all"


class Forwarder:
    """Has each call of a method done at the other end of a pipe."""

    def __init__(self, pipe: Connection, name: str) -> None:
        self._pipe, self._name = pipe, name

    def __getattr__(self, method: str) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            self._pipe.send((self._name, method, arguments, options))
            result, error = self._pipe.recv()
            if error is not None:
                raise error
            return result

        return call


def train(pipe: Connection, experiment: Experiment, data: Dataset, start: RunStart) -> None:
    """Train, with everything that is read or written sent over the pipe; the ending comes last."""
    os.environ["CIFARVIZ_HOME"] = NO_HOME
    sink, artifacts = Forwarder(pipe, "sink"), Forwarder(pipe, "artifacts")
    ending = engine.train(
        experiment, data, sink, artifacts, start, snapshot_budget=10**7, pinned_images=lambda: (1,)
    )
    store = {"cifarviz.runs.store", "cifarviz.runs.database", "cifarviz.settings"}
    assert not (imported := store & sys.modules.keys()), imported
    assert not os.path.exists(NO_HOME)
    pipe.send(ending)
