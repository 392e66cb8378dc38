"""Measuring a network on many images in a thread: whoever asks looks at the same work."""

import threading
import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.evaluation import Evaluation, evaluate
from cifarviz.data.datasets import ImageSet
from cifarviz.errors import CifarvizError, StorageFull

Probabilities = NDArray[np.float32]
Answers = Callable[[Callable[[int], None]], Probabilities]
"""Gives the probabilities, float32 (n, classes), of a job's images, and meanwhile says how many
are done; what that call raises ends the work."""


class _Cancelled(Exception):
    """Raised inside the work to end it."""


class EvaluationJob:
    """One evaluation, under way or over; any number of threads may look at it and steer it.

    It starts when it is made. ``keep`` is given the probabilities to store; where it cannot,
    ``note`` says so in a sentence, and the result is none the worse.
    """

    def __init__(
        self,
        answers: Answers,
        images: ImageSet,
        classes: Sequence[str],
        keep: Callable[[Probabilities], None] | None = None,
    ) -> None:
        self.total = len(images)
        self.done = 0
        self.note: str | None = None
        self._answers: Answers | None = answers
        self._images, self._classes, self._keep = images, classes, keep
        self._result: Evaluation | None = None
        self._error: Exception | None = None
        self._began = 0.0
        self._lock = threading.Lock()
        self._cancel = threading.Event()
        self._ended = threading.Event()
        self._ended.set()
        self.start()

    def start(self) -> None:
        """Begin again after it was cancelled or broke off; otherwise nothing happens."""
        with self._lock:
            if not self._ended.is_set() or self._result is not None:
                return
            self.done, self._error, self._began = 0, None, time.monotonic()
            self._cancel.clear()
            self._ended.clear()
            threading.Thread(target=self._work, name="cifarviz-evaluation", daemon=True).start()

    def cancel(self) -> None:
        """End it after the batch under way; nothing is kept."""
        self._cancel.set()

    def wait(self, seconds: float) -> bool:
        """Block until it is over, or for so many seconds; tells whether it is over."""
        return self._ended.wait(seconds)

    @property
    def seconds_left(self) -> float | None:
        """How long it still takes at its speed so far; ``None`` before the first batch."""
        if not self.done:
            return None
        elapsed = time.monotonic() - self._began
        return elapsed / self.done * (self.total - self.done)

    def result(self) -> Evaluation | None:
        """The evaluation once it is over; ``None`` if it was cancelled. Raises what went wrong."""
        if self._error is not None:
            raise self._error
        return self._result

    def _work(self) -> None:
        assert self._answers is not None  # there is no result yet
        try:
            probabilities = self._answers(self._advance)
            images = self._images
            result = evaluate(images.labels, probabilities, images.indices, self._classes)
            self._store(probabilities)
            self._result = result
            # The network behind it may be large, and is not needed any more.
            self._answers = None
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

    def _store(self, probabilities: Probabilities) -> None:
        try:
            if self._keep is not None:
                self._keep(probabilities)
        except (StorageFull, OSError) as error:
            reason = error if isinstance(error, CifarvizError) else error.strerror or error
            self.note = f"This evaluation could not be kept for the next time: {reason}"
