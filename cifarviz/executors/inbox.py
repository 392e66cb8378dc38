"""Takes the messages of a run into the store, each once and in order.

The number of the last message taken is stored in the transaction of what the message changes. Files
are put in place atomically before their message counts.
"""

import hashlib
import logging
import os
import re
from typing import IO, Any

from cifarviz.errors import ArtifactDamaged, MessageRefused, TransitionRefused
from cifarviz.executors.messages import Message
from cifarviz.runs.artifacts import FolderArtifacts, write_atomically
from cifarviz.runs.leases import Attempt
from cifarviz.runs.store import RunStore
from cifarviz.runs.store_sink import StoreSink
from cifarviz.storage import storage_errors
from cifarviz.training.ending import Ending

log = logging.getLogger(__name__)

_ARTIFACT = re.compile(r"[a-z0-9-]+(/[a-z0-9-]+)?")
_EVENT_FILE = re.compile(r"(train|validation)/[A-Za-z0-9_-][A-Za-z0-9._-]*")


class Inbox:
    """The messages of one attempt at a run."""

    def __init__(self, store: RunStore, run_id: str, attempt: Attempt) -> None:
        self._store, self._run_id, self._attempt = store, run_id, attempt
        self._files = FolderArtifacts(store.folder(run_id))
        self.received = store.received(run_id)
        """The number of the last message that was taken."""

    def take(self, message: Message) -> Ending | None:
        """Take a message; returns the run's ending if it says so. One taken before changes nothing.

        Raises ``LeaseLost`` if the attempt is over, ``MessageRefused`` if a message before this
        one is missing, ``ArtifactDamaged`` if a file's bytes are not those that were sent, and
        what the store raises. A message that raised can be taken again.
        """
        if message.number <= self.received:
            return None
        attempt = self._attempt._replace(message=message.number)
        sink, content = StoreSink(self._store, self._run_id, attempt), message.content
        match message.kind:
            case "describe":
                sink.describe(**content)
            case "record":
                sink.record(**content)
            case "rewind":
                sink.rewind(**content)
            case "transition":
                self._transition(sink, attempt, content)
            case "save":
                self._save(message.number, **content)
                self._store.renew(self._run_id, attempt=attempt)
            case "remove":
                self._check_next(message.number)
                self._files.remove(_valid_name(content["name"]))
                self._store.renew(self._run_id, attempt=attempt)
            case "events":
                self._check_next(message.number)
                self._write_events(**content)
                self._store.renew(self._run_id, attempt=attempt)
            case "end":
                # Not counted: the run is over only when its state is stored, which others do.
                self._check_next(message.number)
                return Ending(**content)
        self.received = message.number
        return None

    def _transition(self, sink: StoreSink, attempt: Attempt, content: Any) -> None:
        try:
            sink.transition(content["to"])
        except TransitionRefused:
            # The head may have changed its state meanwhile.
            log.info("run %s did not become %s", self._run_id, content["to"])
            self._store.renew(self._run_id, attempt=attempt)

    def _check_next(self, number: int) -> None:
        if number != self.received + 1:
            raise MessageRefused(
                "Message {number} of run {run_id} came where {expected} was expected.",
                number=number,
                run_id=self._run_id,
                expected=self.received + 1,
            )

    def _save(
        self, number: int, *, name: str, data: bytes, sha256: str, modified: int, durable: bool
    ) -> None:
        self._check_next(number)
        # An attempt that is over must not replace a file.
        self._store.renew(self._run_id, attempt=self._attempt)
        path = self._files.path(_valid_name(name))
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ArtifactDamaged(
                "{file_name} of run {run_id} was damaged on its way from the node that trains it.",
                file_name=path.name,
                run_id=self._run_id,
            )

        def write(file: IO[bytes]) -> None:
            file.write(data)
            file.flush()
            # It is a part of the stamp by which stored predictions know their checkpoint.
            os.utime(file.name, ns=(modified, modified))

        write_atomically(path, write, durable=durable)

    def _write_events(self, *, name: str, offset: int, data: bytes) -> None:
        """Add to a file of TensorBoard; the same again changes nothing."""
        if not _EVENT_FILE.fullmatch(name):
            raise ArtifactDamaged("A node sent a file with the invalid name “{name}”.", name=name)
        path = self._store.tensorboard_folder(self._run_id) / name
        with storage_errors(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("r+b" if path.exists() else "w+b") as file:
                file.seek(offset)
                file.write(data)


def _valid_name(name: str) -> str:
    """Return the name of an artifact, which becomes a path."""
    if not _ARTIFACT.fullmatch(name):
        raise ArtifactDamaged("A node sent a file with the invalid name “{name}”.", name=name)
    return name
