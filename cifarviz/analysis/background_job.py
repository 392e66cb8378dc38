"""Background jobs that report their progress and can be cancelled."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from cifarviz.analysis.evaluation import Evaluation, evaluate
from cifarviz.data.image_set import ImageSet
from cifarviz.errors import CifarvizError
from cifarviz.people.person import for_current_person
from cifarviz.runs.log_probabilities import Predictions

JobResult = TypeVar("JobResult")
ReportProgress = Callable[[int], None]
"""Called with the number of images done; an exception that it raises ends the work."""


class _Cancelled(Exception):
    """Raised inside the work to cancel it."""


class BackgroundJob(Generic[JobResult]):
    """A job for one background thread; safe to use from several threads.

    ``work`` is called in its own thread with a ``ReportProgress``, for ``total`` images; it may
    set ``total`` once it knows their number. It is released once there is a result, since the
    network behind it may be large.
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
        """Start, or restart after it was cancelled or failed; otherwise do nothing."""
        with self._lock:
            if not self._ended.is_set() or self._result is not None:
                return
            self.done, self._error, self._began = 0, None, time.monotonic()
            self._cancel.clear()
            self._ended.clear()
            try:
                run = for_current_person(self._run)
                threading.Thread(target=run, name=self._name, daemon=True).start()
            except Exception as error:
                # No thread could be started, as when there are too many.
                self._error = error
                self._ended.set()

    def cancel(self) -> None:
        """Cancel after the current batch, without a result."""
        self._cancel.set()

    def wait(self, seconds: float) -> bool:
        """Block until it is over, at most ``seconds``; returns whether it is over."""
        return self._ended.wait(seconds)

    @property
    def over(self) -> bool:
        """Whether it is not running: not started, done, cancelled or failed."""
        return self._ended.is_set()

    @property
    def failed(self) -> bool:
        """Whether it failed; then ``result`` raises."""
        return self._error is not None

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds to the end at the speed so far; ``None`` before the first batch."""
        if not self.done:
            return None
        elapsed = time.monotonic() - self._began
        return elapsed / self.done * (self.total - self.done)

    def result(self) -> JobResult | None:
        """The result once the job is done; ``None`` before, and if it was cancelled.

        Raises the error of a failed job.
        """
        if self._error is not None:
            raise self._error
        return self._result

    def _run(self) -> None:
        assert self._work is not None  # it is released only with a result
        try:
            self._result = self._work(self._advance)
            self._work = None
        except _Cancelled:
            self.done = 0
        except Exception as error:
            # Raised again by result().
            self._error = error
        finally:
            self._ended.set()

    def _advance(self, done: int) -> None:
        if self._cancel.is_set():
            raise _Cancelled
        self.done = done


class BackgroundJobs(Generic[JobResult]):
    """Jobs by key; safe to use from several threads.

    With more than ``max_jobs``, the least recently used one is cancelled and removed.
    """

    def __init__(self, max_jobs: int) -> None:
        self._max_jobs = max_jobs
        self._jobs: OrderedDict[Hashable, BackgroundJob[JobResult]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> BackgroundJob[JobResult] | None:
        """The job with this key, if there is one."""
        with self._lock:
            if key in self._jobs:
                self._jobs.move_to_end(key)
            return self._jobs.get(key)

    def get_or_start(
        self, key: Hashable, make: Callable[[], BackgroundJob[JobResult]]
    ) -> BackgroundJob[JobResult]:
        """The job with this key; if there is none, start the one that ``make`` returns."""
        with self._lock:
            job = self._jobs.get(key)
            if job is None:
                job = self._jobs[key] = make()
                job.start()
            self._jobs.move_to_end(key)
            while len(self._jobs) > self._max_jobs:
                self._jobs.popitem(last=False)[1].cancel()
            return job


log = logging.getLogger(__name__)
PredictImages = Callable[[ReportProgress], Predictions]
"""Returns the predictions for a job's images, and reports progress meanwhile."""


class EvaluationJob(BackgroundJob[Evaluation]):
    """A job that evaluates a network on ``images``; it starts on construction.

    ``save`` stores the predictions. If it fails, the result is still valid, and ``note`` explains
    the failure in a sentence.
    """

    def __init__(
        self,
        predict: PredictImages,
        images: ImageSet,
        classes: Sequence[str],
        save: Callable[[Predictions], None] | None = None,
    ) -> None:
        def work(report: ReportProgress) -> Evaluation:
            predictions = predict(report)
            evaluation = evaluate(images.labels, predictions, images.indices, classes)
            if save is not None:
                self._save(save, predictions)
            return evaluation

        super().__init__(work, len(images), "cifarviz-evaluation")
        self.note: str | None = None
        self.start()

    def _save(self, save: Callable[[Predictions], None], predictions: Predictions) -> None:
        try:
            save(predictions)
        except Exception as error:
            log.warning("predictions could not be saved", exc_info=True)
            reason = error if isinstance(error, CifarvizError) else _reason(error)
            self.note = f"The predictions could not be saved: {reason}"


def _reason(error: Exception) -> str:
    strerror = error.strerror if isinstance(error, OSError) else None
    return strerror or str(error) or type(error).__name__
