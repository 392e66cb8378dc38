"""The actor that trains a run on a node of a cluster.

Nothing that imports ``processor`` is imported at the top: it reads the environment's variables for
TensorFlow's threads once, and they are set when an actor is made.
"""

import logging
import os
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cifarviz.cluster.versions import version_refusal, versions

if TYPE_CHECKING:
    import numpy as np

    from cifarviz.datasets.info import DatasetInfo, Variant
    from cifarviz.executors.messages import Answer
    from cifarviz.experiment.experiment import Experiment
    from cifarviz.runs.states import Action
    from cifarviz.training.reporting import RunStart

log = logging.getLogger(__name__)

WAIT_SECONDS = 1.0
"""Seconds that a trainer waits for a message before it answers without one."""


@dataclass(frozen=True)
class DataRequest:
    """The data set of a run, by what identifies its images."""

    info: "DatasetInfo"
    variant: "Variant"


@dataclass(frozen=True)
class NodeReport:
    """What a trainer says of its node before it starts."""

    node: str
    """The id that Ray gave the node."""
    machine: str
    """The processor and the cores that the run was given."""
    refusal: str | None
    """Why this node cannot train runs of the head; ``None`` if it can."""
    has_data: bool
    """Whether the node has the images of the run itself."""


@dataclass(frozen=True)
class RemoteJob:
    """All that a trainer is given; files are the bytes of artifacts by their names."""

    run_id: str
    experiment: "Experiment"
    data: DataRequest
    start: "RunStart"
    files: Mapping[str, bytes]
    event_files: Mapping[str, bytes]
    """TensorBoard's files of earlier attempts, by their paths."""
    snapshot_sizes: Mapping[str, int]
    snapshot_budget: int
    pinned_images: Sequence[int]


class Trainer:
    """Trains one run in a thread, and is asked for its messages; an actor of Ray."""

    def __init__(self, head_versions: Mapping[str, str], cpus: int) -> None:
        self._refusal = version_refusal(head_versions, versions())
        self._cpus = cpus
        self._is_started = False
        if self._refusal is None:
            os.environ.update(thread_variables(cpus))
            os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
            os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
            self._make_ends()

    def _make_ends(self) -> None:
        from cifarviz.executors.messages import Outbox
        from cifarviz.executors.remote import PinnedImages, RemoteSink

        self._outbox = Outbox()
        self._sink = RemoteSink(self._outbox)
        self._pinned = PinnedImages(())

    def prepare(self, data: DataRequest) -> NodeReport:
        """Check this node, and import TensorFlow; returns what the head needs to know."""
        import ray

        node = ray.get_runtime_context().get_node_id()
        if self._refusal is not None:
            return NodeReport(node, "", self._refusal, False)
        from cifarviz.loading import tensorflow_imports
        from cifarviz.processor import machine_name
        from cifarviz.settings import Settings

        with tensorflow_imports(Settings.from_environment().home):
            from cifarviz.training import engine

        assert engine is not None
        cores = "1 core" if self._cpus == 1 else f"{self._cpus} cores"
        machine = f"{machine_name().rpartition(',')[0]}, {cores}"
        return NodeReport(node, machine, None, _find_data(data) is not None)

    def is_started(self) -> bool:
        """Whether ``start`` was called."""
        return self._is_started

    def start(self, job: RemoteJob, arrays: "Mapping[str, np.ndarray] | None") -> None:
        """Start to train; ``arrays`` are the images, ``None`` if the node has them itself.

        Does nothing the second time: another gateway may have started it.
        """
        if self._is_started:
            return
        self._is_started = True
        self._pinned.images = tuple(job.pinned_images)
        thread = threading.Thread(target=self._train, args=(job, arrays), daemon=True)
        thread.start()

    def exchange(
        self, acknowledged: int, request: "Action | None", pinned: Sequence[int] | None
    ) -> "Answer":
        """Take what is requested; return the messages after the last one that was taken.

        Waits for one for ``WAIT_SECONDS``, unless it is woken.
        """
        self._sink.deliver(request)
        if pinned is not None:
            self._pinned.images = tuple(pinned)
        return self._outbox.after(acknowledged, WAIT_SECONDS)

    def wake(self) -> None:
        """Have ``exchange`` return at once, since something is requested."""
        self._outbox.wake()

    def _train(self, job: RemoteJob, arrays: "Mapping[str, np.ndarray] | None") -> None:
        from cifarviz.errors import LeaseLost
        from cifarviz.executors.failure import failed_ending
        from cifarviz.executors.messages import Message

        try:
            ending = self._train_in_folder(job, arrays)
        except LeaseLost:
            # Nobody has asked for a day, so nobody will end this process.
            log.warning("the trainer ends, since nobody asks for its messages")
            os._exit(0)
        except Exception as error:
            ending = failed_ending(job.run_id, error)
        self._outbox.add(Message("end", dict(vars(ending))))

    def _train_in_folder(self, job: RemoteJob, arrays: Any) -> Any:
        from pathlib import Path

        from cifarviz.executors.remote import RemoteArtifacts, RemoteEventFiles
        from cifarviz.loading import tensorflow_imports
        from cifarviz.settings import Settings
        from cifarviz.storage import remove_leftovers, temporary_folder

        settings = Settings.from_environment()
        with tensorflow_imports(settings.home):
            from cifarviz.training import engine
            from cifarviz.training.precision import TimingsFile
            from cifarviz.training.tensorboard_files import TensorBoardFiles

        data = _find_data(job.data) if arrays is None else _as_dataset(job.data, arrays)
        assert data is not None
        # Those of trainers that were killed are removed.
        parent = Path(tempfile.gettempdir()) / f"cifarviz-trainers-{os.getuid()}"
        remove_leftovers(parent)
        with temporary_folder(parent) as folder:
            artifacts = RemoteArtifacts(folder, self._outbox, job.snapshot_sizes)
            for name, content in job.files.items():
                artifacts.path(name).write_bytes(content)
            events = folder / "tensorboard"
            for name, content in job.event_files.items():
                (events / name).parent.mkdir(parents=True, exist_ok=True)
                (events / name).write_bytes(content)
            tensorboard = RemoteEventFiles(events, self._outbox, TensorBoardFiles)
            return engine.train(
                job.experiment,
                data,
                self._sink,
                artifacts,
                job.start,
                timings=TimingsFile(settings.home / "precision.json"),
                snapshot_budget=job.snapshot_budget,
                pinned_images=self._pinned,
                tensorboard=tensorboard if job.experiment.tensorboard else None,
            )


def thread_variables(cpus: int) -> dict[str, str]:
    """Return the variables that keep TensorFlow on so many cores, as ``processor.default_use``."""
    intra, inter = {1: (1, 1), 2: (1, 2)}.get(cpus, (cpus, cpus))
    return {"TF_NUM_INTRAOP_THREADS": str(intra), "TF_NUM_INTEROP_THREADS": str(inter)}


def _find_data(request: DataRequest) -> Any:
    """Return the data set if this node has the same images itself, else ``None``."""
    from cifarviz.data import library
    from cifarviz.datasets.own import use_folder
    from cifarviz.datasets.registry import find_dataset
    from cifarviz.errors import CifarvizError
    from cifarviz.settings import Settings

    settings = Settings.from_environment()
    try:
        use_folder(settings.datasets)
        here = find_dataset(request.info.name)
        # Published images have no other fingerprints; imported ones may.
        if here.fingerprint != request.info.fingerprint:
            return None
        return library.load(here, request.variant, settings)
    except (CifarvizError, OSError):
        return None


def _as_dataset(request: DataRequest, arrays: "Mapping[str, np.ndarray]") -> Any:
    """Return the data set of arrays that were sent, as ``data_arrays`` makes them."""
    from cifarviz.data.image_set import Dataset, ImageSet

    train, test = (
        ImageSet(arrays[f"{split}_images"], arrays[f"{split}_labels"], arrays[f"{split}_indices"])
        for split in ("train", "test")
    )
    return Dataset(request.info, request.variant, train, test)
