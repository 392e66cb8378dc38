"""Numbered messages about a run from the node that trains it, as values and as an outbox.

A trainer adds what happens to its ``Outbox``, which numbers the messages from 1 in the order of the
engine's calls. The gateway at the head asks for the messages after the last it has taken, and is
answered when there is one. A message is kept until it is acknowledged, so that a gateway that was
away misses nothing; meanwhile, those that were never sent are merged where nobody could tell.
"""

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from cifarviz.runs.records import BatchPoints

MAX_ANSWER_BYTES = 32_000_000
"""Files of more bytes in all are sent in several answers; one file is never divided."""

Kind = Literal["describe", "record", "rewind", "transition", "save", "remove", "events", "end"]


@dataclass(frozen=True)
class Message:
    """One event of a run; ``content`` are the arguments of the call that it stands for."""

    kind: Kind
    content: Mapping[str, Any]
    number: int = 0
    """From 1; 0 until it is sent."""

    @property
    def size(self) -> int:
        """Bytes of the file that it carries."""
        return len(self.content["data"]) if self.kind in ("save", "events") else 0


@dataclass(frozen=True)
class Answer:
    """What a trainer answers when it is asked for messages."""

    messages: tuple[Message, ...]
    more: bool = False
    """Whether further messages wait, so that it should be asked again at once."""


def file_message(name: str, data: bytes, modified: int, *, durable: bool) -> Message:
    """Return the message that carries the file of an artifact.

    ``modified`` is its modification time in nanoseconds, which is a part of its stamp.
    """
    return Message(
        "save",
        {
            "name": name,
            "data": data,
            "sha256": hashlib.sha256(data).hexdigest(),
            "modified": modified,
            "durable": durable,
        },
    )


class Outbox:
    """The messages of a trainer that are not acknowledged; safe to share between threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._woken = False
        self._sent: list[Message] = []
        self._waiting: list[Message] = []
        self._last_number = 0

    def add(self, message: Message) -> None:
        """Add a message after all others."""
        with self._changed:
            if message.kind in ("save", "remove"):
                # Only the newest of a file is wanted. The history that it follows stays, so that a
                # checkpoint is never ahead of it.
                self._waiting = [
                    waiting for waiting in self._waiting if not _is_superseded(waiting, message)
                ]
            merged = _merge(self._waiting[-1], message) if self._waiting else None
            if merged is None:
                self._waiting.append(message)
            else:
                self._waiting[-1] = merged
            self._changed.notify_all()

    def wake(self) -> None:
        """Have ``after`` return at once, now or the next time."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def after(self, acknowledged: int, wait: float = 0.0) -> Answer:
        """Return the messages after the last one that the gateway has taken, and forget others.

        Where there are none, waits for one for so many seconds.
        """
        with self._changed:
            self._sent = [message for message in self._sent if message.number > acknowledged]
            if not self._sent:
                self._changed.wait_for(lambda: self._waiting or self._woken, wait)
            self._woken = False
            size = sum(message.size for message in self._sent)
            while self._waiting:
                size += self._waiting[0].size
                if self._sent and size > MAX_ANSWER_BYTES:
                    break
                self._last_number += 1
                self._sent.append(replace(self._waiting.pop(0), number=self._last_number))
            return Answer(tuple(self._sent), bool(self._waiting))


def _is_superseded(waiting: Message, newer: Message) -> bool:
    return waiting.kind == "save" and waiting.content["name"] == newer.content["name"]


def _merge(earlier: Message, later: Message) -> Message | None:
    """Return one message with the effect of two in succession; ``None`` where there is none."""
    if earlier.kind != later.kind:
        return None
    if earlier.kind == "describe":
        return Message("describe", {**earlier.content, **later.content})
    if earlier.kind == "record" and earlier.content["epoch"] is None:
        points = _join(earlier.content["batches"], later.content["batches"])
        return Message("record", {**later.content, "batches": points})
    return None


def _join(first: BatchPoints | None, second: BatchPoints | None) -> BatchPoints | None:
    if first is None or second is None:
        return second if first is None else first
    return BatchPoints(
        np.concatenate([first.steps, second.steps]),
        np.concatenate([first.loss, second.loss]),
        np.concatenate([first.accuracy, second.accuracy]),
    )
