"""Measuring a network on many images in a thread: whoever asks looks at the same work."""

import logging
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.background_job import BackgroundJob, Tell
from cifarviz.analysis.evaluation import Evaluation, evaluate
from cifarviz.data.datasets import ImageSet
from cifarviz.errors import CifarvizError

log = logging.getLogger(__name__)

Probabilities = NDArray[np.float32]
Answers = Callable[[Tell], Probabilities]
"""Gives the probabilities, float32 (n, classes), of a job's images, and meanwhile says how many
are done; what that call raises ends the work."""


class EvaluationJob(BackgroundJob[Evaluation]):
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
        def work(tell: Tell) -> Evaluation:
            probabilities = answers(tell)
            found = evaluate(images.labels, probabilities, images.indices, classes)
            self._store(keep, probabilities)
            return found

        super().__init__(work, len(images), "cifarviz-evaluation")
        self.note: str | None = None
        self.start()

    def _store(
        self, keep: Callable[[Probabilities], None] | None, probabilities: Probabilities
    ) -> None:
        try:
            if keep is not None:
                keep(probabilities)
        except Exception as error:
            log.warning("an evaluation could not be kept", exc_info=True)
            reason = error if isinstance(error, CifarvizError) else _reason(error)
            self.note = f"This evaluation could not be kept for the next time: {reason}"


def _reason(error: Exception) -> str:
    strerror = error.strerror if isinstance(error, OSError) else None
    return strerror or str(error) or type(error).__name__
