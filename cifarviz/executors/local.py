"""The executor that trains in a thread of this process, one run per home at a time."""

import time
from functools import partial

from filelock import BaseFileLock

from cifarviz.executors.executor import Job
from cifarviz.loading import tensorflow_imports
from cifarviz.processor import machine_name
from cifarviz.runs import locks
from cifarviz.runs.leases import this_process
from cifarviz.runs.run_data import load_training_data
from cifarviz.runs.store import RunStore
from cifarviz.training.ending import Ending


class LocalPlace:
    """A slot of a home; it becomes free when its process ends, however it dies."""

    def __init__(self, lock: BaseFileLock, owner: str) -> None:
        self._lock = lock
        self.owner = owner

    def release(self) -> None:
        self._lock.release()


class LocalExecutor:
    """Trains in the calling thread; does not load TensorFlow before the first run."""

    places = 1

    def __init__(self, store: RunStore) -> None:
        self._store = store

    def reserve(self) -> LocalPlace | None:
        slot = locks.acquire(self._store.slot_path(), 0)
        return None if slot is None else LocalPlace(slot, this_process())

    def train(self, job: Job) -> Ending:
        # A run that is resumed may have begun on other cores.
        job.sink.describe(machine=machine_name())
        return train_here(job)


def train_here(job: Job) -> Ending:
    """Train a run in the calling thread, with the store and the folders of its home."""
    settings = job.store.settings
    with tensorflow_imports(settings.home):
        from cifarviz.training import engine
        from cifarviz.training.precision import TimingsFile
        from cifarviz.training.tensorboard_files import TensorBoardFiles

    # The import of TensorFlow does not count as the run's time.
    job.sink.describe(heartbeat=time.time())
    experiment = job.experiment
    data = load_training_data(job.run, settings)
    folder = job.store.tensorboard_folder(job.run.id)
    return engine.train(
        experiment,
        data,
        job.sink,
        job.artifacts,
        job.start(),
        timings=TimingsFile(settings.home / "precision.json"),
        snapshot_budget=settings.run_budget,
        pinned_images=partial(job.pinned_images, data.info),
        tensorboard=partial(TensorBoardFiles, folder) if experiment.tensorboard else None,
    )
