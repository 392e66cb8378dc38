"""The engine's sink and artifacts on a node: everything becomes a message in an outbox.

Nothing here knows Ray, a store or a home.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cifarviz.errors import LeaseLost
from cifarviz.executors.messages import Message, Outbox, file_message
from cifarviz.runs.artifacts import SNAPSHOTS, FolderArtifacts
from cifarviz.runs.records import BatchPoints, Epoch, Progress
from cifarviz.runs.states import Action, RunState

MAX_SILENCE = 24 * 3600.0
"""Seconds after which a trainer that nobody asks for messages ends."""


class RemoteSink:
    """A ``Sink`` (``training/reporting.py``) that keeps what it is told until it is asked for it.

    Raises ``LeaseLost`` from every call once nobody has asked for ``MAX_SILENCE``.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._lock = threading.Lock()
        self._request: Action | None = None
        self._asked = time.monotonic()

    def deliver(self, request: Action | None) -> None:
        """Pass on what is requested of the run, if anything; called with each exchange."""
        with self._lock:
            self._asked = time.monotonic()
            if request is not None and self._request is not Action.STOP:
                self._request = request

    def describe(self, **facts: object) -> None:
        """Report facts of the run, as ``Sink.describe``."""
        self._add(Message("describe", facts))

    def record(
        self,
        progress: Progress,
        batches: BatchPoints | None = None,
        epoch: Epoch | None = None,
        seconds: float | None = None,
    ) -> None:
        """Report progress, as ``Sink.record``."""
        content = {"progress": progress, "batches": batches, "epoch": epoch, "seconds": seconds}
        self._add(Message("record", content))

    def rewind(self, *, step: int, epoch: int) -> None:
        """Report that steps and epochs will be repeated, as ``Sink.rewind``."""
        self._add(Message("rewind", {"step": step, "epoch": epoch}))

    def take_request(self) -> Action | None:
        """Return what was delivered last; a stop stays."""
        with self._lock:
            request = self._request
            if request is not Action.STOP:
                self._request = None
            return request

    def transition(self, to: RunState) -> None:
        """Report another state, as ``Sink.transition``."""
        self._add(Message("transition", {"to": to}))

    def _add(self, message: Message) -> None:
        if time.monotonic() - self._asked > MAX_SILENCE:
            raise LeaseLost(
                "Nobody has asked for the messages of this run for {hours:.0f} hours, so this "
                "attempt ends here.",
                hours=MAX_SILENCE / 3600,
            )
        self._outbox.add(message)


class RemoteArtifacts(FolderArtifacts):
    """The artifacts of a run in a folder of the node; each change is sent as a message, too.

    Snapshots are sent and then removed, since training never reads one. ``sizes`` are those of
    the snapshots that the head has.
    """

    def __init__(self, folder: Path, outbox: Outbox, sizes: Mapping[str, int]) -> None:
        super().__init__(folder)
        self._outbox = outbox
        self._snapshots = dict(sizes)

    def save(
        self,
        name: str,
        arrays: Mapping[str, np.ndarray],
        facts: Mapping[str, Any],
        *,
        durable: bool = True,
    ) -> None:
        super().save(name, arrays, facts, durable=False)
        path = self.path(name)
        data = path.read_bytes()
        modified = path.stat().st_mtime_ns
        if _is_snapshot(name):
            self._snapshots[name] = len(data)
            path.unlink()
        self._outbox.add(file_message(name, data, modified, durable=durable))

    def exists(self, name: str) -> bool:
        return name in self._snapshots or super().exists(name)

    def remove(self, name: str) -> None:
        self._snapshots.pop(name, None)
        super().remove(name)
        self._outbox.add(Message("remove", {"name": name}))

    def sizes(self, prefix: str) -> dict[str, int]:
        return {name: n for name, n in self._snapshots.items() if name.startswith(f"{prefix}/")}


class RemoteEventFiles:
    """TensorBoard's files of a run in a folder of the node; what is added to them is sent.

    ``make`` makes the files, given the folder and the next epoch.
    """

    def __init__(self, folder: Path, outbox: Outbox, make: Callable[[Path, int], Any]) -> None:
        self._folder, self._outbox, self._make = folder, outbox, make
        self._sent: dict[Path, int] = {}
        self._files: Any = None

    def __call__(self, first_epoch: int) -> Any:
        """Make the files of a run whose next epoch is ``first_epoch``."""
        # The head has those of earlier attempts.
        self._sent = {path: path.stat().st_size for path in self._paths()}
        self._files = self._make(self._folder, first_epoch)
        return self

    def write_if_possible(self, epoch: Epoch, model: Any) -> str | None:
        """Add an epoch, as ``TensorBoardFiles``."""
        note: str | None = self._files.write_if_possible(epoch, model)
        for path in self._paths():
            offset = self._sent.get(path, 0)
            with path.open("rb") as file:
                file.seek(offset)
                data = file.read()
            self._sent[path] = offset + len(data)
            name = path.relative_to(self._folder).as_posix()
            self._outbox.add(Message("events", {"name": name, "offset": offset, "data": data}))
        return note

    def _paths(self) -> list[Path]:
        return sorted(path for path in self._folder.rglob("*") if path.is_file())


class PinnedImages:
    """The test images that are pinned at the head, as far as this node was told."""

    def __init__(self, images: Sequence[int]) -> None:
        self.images = tuple(images)

    def __call__(self) -> Sequence[int]:
        return self.images


def _is_snapshot(name: str) -> bool:
    return name.startswith(f"{SNAPSHOTS}/")
