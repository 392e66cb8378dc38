"""Work in the background that reports how far it is, and can be cancelled."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from cifarviz.analysis.evaluation import Evaluation, evaluate
from cifarviz.data.image_set import ImageSet
from cifarviz.errors import CifarvizError
from cifarviz.runs.log_probabilities import Predictions

JobResult = TypeVar("JobResult")
ReportProgress = Callable[[int], None]
"""Is told how many images are done; what it raises ends the work, and is passed on."""


class _Cancelled(Exception):
    """Raised inside the work to end it."""


class BackgroundJob(Generic[JobResult]):
    """One piece of work, yet to begin, under way or over; any number of threads may look at it.

    ``work`` is called in a thread of its own with a ``Tell``; it does ``total`` images. It is let
    go of once there is a result, as the network behind it may be large.
    """

    def __init__(self, work: Callable[[ReportProgress], JobResult], total: int, name: str) -> None:
        self.total = total
        self.done = 0
        self._work: Callable[[ReportProgress], JobResult] | None = work
        self._name = name
        self._result: JobResult | None = None
        self._error: Exception | None = None
        self._began = 0.0
        self._lock = threading.Lock()
        self._cancel = threading.Event()
        self._ended = threading.Event()
        self._ended.set()

    def start(self) -> None:
        """Begin, or begin again after it was cancelled or broke off; otherwise nothing happens."""
        with self._lock:
            if not self._ended.is_set() or self._result is not None:
                return
            self.done, self._error, self._began = 0, None, time.monotonic()
            self._cancel.clear()
            self._ended.clear()
            try:
                threading.Thread(target=self._run, name=self._name, daemon=True).start()
            except Exception as error:
                # As where there are too many threads: it broke off before it began.
                self._error = error
                self._ended.set()

    def cancel(self) -> None:
        """End it after the batch under way; nothing is kept."""
        self._cancel.set()

    def wait(self, seconds: float) -> bool:
        """Block until it is over, or for so many seconds; tells whether it is not under way."""
        return self._ended.wait(seconds)

    @property
    def over(self) -> bool:
        """Whether it is not under way: yet to begin, done, cancelled or broken off."""
        return self._ended.is_set()

    @property
    def failed(self) -> bool:
        """Whether it broke off: ``result`` raises then."""
        return self._error is not None

    @property
    def seconds_left(self) -> float | None:
        """How long it still takes at its speed so far; ``None`` before the first batch."""
        if not self.done:
            return None
        elapsed = time.monotonic() - self._began
        return elapsed / self.done * (self.total - self.done)

    def result(self) -> JobResult | None:
        """What came of it once it is over; ``None`` before, and if it was cancelled.

        Raises what went wrong.
        """
        if self._error is not None:
            raise self._error
        return self._result

    def _run(self) -> None:
        assert self._work is not None  # there is no result yet
        try:
            self._result = self._work(self._advance)
            self._work = None
        except _Cancelled:
            self.done = 0
        except Exception as error:
            # Raised again by result(), where somebody is told.
            self._error = error
        finally:
            self._ended.set()

    def _advance(self, done: int) -> None:
        if self._cancel.is_set():
            raise _Cancelled
        self.done = done


class BackgroundJobs(Generic[JobResult]):
    """Jobs by a key that says what they are about; any number of threads may use it.

    Beyond ``most`` of them, the one that nobody has asked for longest is ended and forgotten.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._jobs: OrderedDict[Hashable, BackgroundJob[JobResult]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> BackgroundJob[JobResult] | None:
        """The job about this, if there has been one."""
        with self._lock:
            if key in self._jobs:
                self._jobs.move_to_end(key)
            return self._jobs.get(key)

    def begun(
        self, key: Hashable, make: Callable[[], BackgroundJob[JobResult]]
    ) -> BackgroundJob[JobResult]:
        """The job about this; where there is none, the one that ``make`` makes, and it starts."""
        with self._lock:
            job = self._jobs.get(key)
            if job is None:
                job = self._jobs[key] = make()
                job.start()
            self._jobs.move_to_end(key)
            while len(self._jobs) > self._most:
                self._jobs.popitem(last=False)[1].cancel()
            return job


log = logging.getLogger(__name__)
PredictImages = Callable[[ReportProgress], Predictions]
"""Gives the predictions for a job's images, and meanwhile says how many are done; what that call
raises ends the work."""


class EvaluationJob(BackgroundJob[Evaluation]):
    """One evaluation, under way or over; any number of threads may look at it and steer it.

    It starts when it is made. ``keep`` is given the predictions to store; where it cannot,
    ``note`` says so in a sentence, and the result is none the worse.
    """

    def __init__(
        self,
        answers: PredictImages,
        images: ImageSet,
        classes: Sequence[str],
        keep: Callable[[Predictions], None] | None = None,
    ) -> None:
        def work(tell: ReportProgress) -> Evaluation:
            predictions = answers(tell)
            found = evaluate(images.labels, predictions, images.indices, classes)
            self._store(keep, predictions)
            return found

        super().__init__(work, len(images), "cifarviz-evaluation")
        self.note: str | None = None
        self.start()

    def _store(self, keep: Callable[[Predictions], None] | None, predictions: Predictions) -> None:
        try:
            if keep is not None:
                keep(predictions)
        except Exception as error:
            log.warning("an evaluation could not be kept", exc_info=True)
            reason = error if isinstance(error, CifarvizError) else _reason(error)
            self.note = f"This evaluation could not be kept for the next time: {reason}"


def _reason(error: Exception) -> str:
    strerror = error.strerror if isinstance(error, OSError) else None
    return strerror or str(error) or type(error).__name__
