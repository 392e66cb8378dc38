"""TensorBoard's event files, as Keras' callback of that name lays them out.

Below a run's folder, ``train`` and ``validation`` hold ``epoch_loss`` and ``epoch_accuracy``,
and ``train`` also ``epoch_learning_rate`` and a histogram of each weight, tagged
``conv2d_1/kernel/histogram``. The step is the number of the epoch, from 1 as everywhere in
cifarviz; Keras counts from 0.

``tf.summary.scalar`` and ``tf.summary.histogram`` need the ``tensorboard`` package, which is
needed only to view the files. So their records are made here, in the documented form: a tensor
with the name of the plugin that shows it.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from cifarviz.errors import StorageFull
from cifarviz.runs.records import Epoch

log = logging.getLogger(__name__)

_BUCKETS = 30
# The position in a file's name of the number of the attempt; TensorBoard reads in this order.
_ATTEMPT_PART = 3


class TensorBoardFiles:
    """Writes a run's epochs as they end; the data is on the disk when a call returns.

    A resumed run copies what earlier attempts wrote before ``first_epoch``; later epochs are
    written again.
    """

    def __init__(self, folder: Path, first_epoch: int) -> None:
        self._folder = folder
        self._first_epoch = first_epoch
        self._files: dict[str, _EventFile] = {}
        self._failed = False

    def write_if_possible(self, epoch: Epoch, model: keras.Model) -> str | None:
        """Add an epoch; returns a sentence if that fails, and writes nothing from then on.

        Training does not need the files, so it goes on.
        """
        if self._failed:
            return None
        try:
            self.write(epoch, model)
        except Exception as error:
            log.warning("TensorBoard files could not be written", exc_info=True)
            self._failed = True
            reason = error if isinstance(error, StorageFull) else f"{type(error).__name__}: {error}"
            return f"TensorBoard files end before epoch {epoch.epoch}: {reason}."
        return None

    def write(self, epoch: Epoch, model: keras.Model) -> None:
        """Add an epoch; raises ``StorageFull`` if the folder is full or read-only."""
        with self._errors():
            train = self._file("train")
            train.scalar("epoch_loss", epoch.epoch, epoch.loss)
            train.scalar("epoch_accuracy", epoch.epoch, epoch.accuracy)
            train.scalar("epoch_learning_rate", epoch.epoch, epoch.learning_rate)
            for layer in model.layers:
                for weight in layer.weights:
                    tag = f"{layer.name}/{weight.name}/histogram"
                    train.histogram(tag, epoch.epoch, weight.numpy())
            train.flush()
            if epoch.val_loss is not None and epoch.val_accuracy is not None:
                validation = self._file("validation")
                validation.scalar("epoch_loss", epoch.epoch, epoch.val_loss)
                validation.scalar("epoch_accuracy", epoch.epoch, epoch.val_accuracy)
                validation.flush()

    def _file(self, part: str) -> "_EventFile":
        if part not in self._files:
            self._files[part] = _EventFile(self._folder / part, self._first_epoch)
        return self._files[part]

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._refusal(error.strerror or str(error)) from error
        except tf.errors.OpError as error:
            raise self._refusal(error.message.rpartition("; ")[2]) from error

    def _refusal(self, reason: str) -> StorageFull:
        return StorageFull(
            "“{folder}” could not be written ({reason})", folder=self._folder, reason=reason
        )


class _EventFile:
    """The one file of events in a folder, with those before ``first_epoch`` of earlier ones."""

    def __init__(self, folder: Path, first_epoch: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        earlier = sorted(path for path in folder.glob(_name("*")) if path.is_file())
        attempt = 1 + (int(earlier[-1].name.split(".")[_ATTEMPT_PART]) if earlier else 0)
        self._path = folder / _name(f"{attempt:010d}")
        self._writer = tf.io.TFRecordWriter(str(self._path))
        self._add(file_version="brain.Event:2")
        # A running TensorBoard discards what it has read from the earlier files.
        start = tf.compat.v1.SessionLog(status=tf.compat.v1.SessionLog.START)
        self._add(step=0, session_log=start)
        for event in _events(earlier):
            if event.step < first_epoch:
                self._writer.write(event.SerializeToString())
        self._writer.flush()
        for path in earlier:
            path.unlink()

    def scalar(self, tag: str, step: int, value: float) -> None:
        self._tensor("scalars", tag, step, np.float32(value))

    def histogram(self, tag: str, step: int, values: np.ndarray) -> None:
        self._tensor("histograms", tag, step, histogram_buckets(values))

    def flush(self) -> None:
        self._writer.flush()
        if not self._path.exists():
            raise FileNotFoundError(f"{self._path.name} was removed")

    def _tensor(self, plugin: str, tag: str, step: int, value: np.ndarray | np.float32) -> None:
        metadata = tf.compat.v1.SummaryMetadata(plugin_data={"plugin_name": plugin})
        tensor = tf.make_tensor_proto(value)
        value_of_tag = {"tag": tag, "metadata": metadata, "tensor": tensor}
        self._add(step=step, summary=tf.compat.v1.Summary(value=[value_of_tag]))

    def _add(self, **fields: object) -> None:
        event = tf.compat.v1.Event(wall_time=time.time(), **fields)
        self._writer.write(event.SerializeToString())


def _name(attempt: str) -> str:
    return f"events.out.tfevents.{attempt}.cifarviz"


def _events(paths: list[Path]) -> list[tf.compat.v1.Event]:
    """Return the complete summaries in these files, one for each tag and step."""
    events: dict[tuple[str, int], tf.compat.v1.Event] = {}
    for path in paths:
        records = iter(tf.data.TFRecordDataset(str(path)))
        while True:
            try:
                event = tf.compat.v1.Event.FromString(next(records).numpy())
            except (StopIteration, tf.errors.DataLossError):
                break  # the end, or an incomplete record of a killed process
            for value in event.summary.value:
                events[value.tag, event.step] = event
    return list(events.values())


def histogram_buckets(values: np.ndarray) -> np.ndarray:
    """A histogram as TensorBoard takes it: rows of left edge, right edge, count: float64 (30, 3).

    Values that are no numbers are left out.
    """
    finite = values[np.isfinite(values)].astype(np.float64)
    if not finite.size:
        return np.zeros((_BUCKETS, 3))
    low, high = finite.min(), finite.max()
    if low == high:
        counts = np.zeros(_BUCKETS)
        counts[-1] = finite.size
        return np.stack([np.full(_BUCKETS, low), np.full(_BUCKETS, high), counts], axis=1)
    counts, edges = np.histogram(finite, _BUCKETS, (low, high))
    return np.stack([edges[:-1], edges[1:], counts], axis=1)
