"""Measuring a network on many images in a thread: whoever asks looks at the same work."""

import logging
from collections.abc import Callable, Sequence

from cifarviz.analysis.background_job import BackgroundJob, Tell
from cifarviz.analysis.evaluation import Evaluation, evaluate
from cifarviz.data.image_set import ImageSet
from cifarviz.errors import CifarvizError
from cifarviz.runs.log_probabilities import Predictions

log = logging.getLogger(__name__)

Answers = Callable[[Tell], Predictions]
"""Gives the predictions for a job's images, and meanwhile says how many are done; what that call
raises ends the work."""


class EvaluationJob(BackgroundJob[Evaluation]):
    """One evaluation, under way or over; any number of threads may look at it and steer it.

    It starts when it is made. ``keep`` is given the predictions to store; where it cannot,
    ``note`` says so in a sentence, and the result is none the worse.
    """

    def __init__(
        self,
        answers: Answers,
        images: ImageSet,
        classes: Sequence[str],
        keep: Callable[[Predictions], None] | None = None,
    ) -> None:
        def work(tell: Tell) -> Evaluation:
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
