import threading
from collections.abc import Callable

import numpy as np
import pytest

from cifarviz.analysis.background_job import EvaluationJob
from cifarviz.data.image_set import ImageSet
from cifarviz.errors import ArtifactDamaged, StorageFull
from cifarviz.runs.log_probabilities import Predictions

LABELS = np.array([0, 1, 2, 2], np.uint8)
IMAGES = ImageSet(np.zeros((4, 2, 2, 3), np.uint8), LABELS, np.arange(4))
PREDICTIONS = Predictions.from_probabilities(np.eye(3, dtype=np.float32)[[0, 1, 2, 0]])
CLASSES = ("a", "b", "c")
SOON = 5.0


class Network:
    """Answers image by image, and waits before each until it may."""

    def __init__(self) -> None:
        self.may = threading.Semaphore(0)
        self.said = threading.Semaphore(0)
        self.asked = 0

    def __call__(self, tell: Callable[[int], None]) -> Predictions:
        self.asked += 1
        for done in range(1, 5):
            assert self.may.acquire(timeout=SOON)
            tell(done)
            self.said.release()
        return PREDICTIONS


def test_an_evaluation_job_reports_progress_and_returns_the_evaluation() -> None:
    network = Network()
    kept: list[Predictions] = []
    job = EvaluationJob(network, IMAGES, CLASSES, kept.append)
    assert not job.wait(0.01)
    before = job.seconds_left
    assert before is None
    assert job.result() is None

    network.may.release()
    assert network.said.acquire(timeout=SOON)
    assert (job.done, job.total) == (1, 4)
    assert (job.seconds_left or -1) > 0

    network.may.release(3)
    assert job.wait(SOON)
    result = job.result()
    assert result is not None
    assert result.accuracy == 0.75
    assert kept == [PREDICTIONS]
    assert job.note is None


def test_all_waiting_threads_get_the_same_evaluation() -> None:
    network = Network()
    job = EvaluationJob(network, IMAGES, CLASSES)
    found: list[object] = []
    watchers = [
        threading.Thread(target=lambda: found.append(job.wait(SOON) and job.result()))
        for _ in range(3)
    ]
    for watcher in watchers:
        watcher.start()
    job.start()
    network.may.release(4)
    for watcher in watchers:
        watcher.join()
    assert found == [job.result()] * 3
    job.start()
    assert network.asked == 1


def test_an_evaluation_job_can_be_cancelled_and_restarted() -> None:
    network = Network()
    kept: list[Predictions] = []
    job = EvaluationJob(network, IMAGES, CLASSES, kept.append)
    network.may.release()
    assert network.said.acquire(timeout=SOON)
    job.cancel()
    network.may.release()
    assert job.wait(SOON)
    assert job.result() is None
    assert not kept

    job.start()
    network.may.release(4)
    assert job.wait(SOON)
    assert job.result() is not None
    assert network.asked == 2


def test_an_error_is_raised_to_all_callers() -> None:
    broken = Predictions(np.full((4, 3), np.nan, np.float32))
    job = EvaluationJob(lambda tell: broken, IMAGES, CLASSES)
    assert job.wait(SOON)
    for _ in range(2):
        with pytest.raises(ArtifactDamaged, match="are not numbers"):
            job.result()


@pytest.mark.parametrize(
    "error",
    [StorageFull("The disk is full."), OSError(5, "I/O error"), KeyError("x"), MemoryError()],
    ids=repr,
)
def test_a_result_that_cannot_be_saved_is_still_returned(error: Exception) -> None:
    def refuse(_answers: object) -> None:
        raise error

    job = EvaluationJob(lambda tell: PREDICTIONS, IMAGES, CLASSES, refuse)
    assert job.wait(SOON)
    assert job.result() is not None
    assert job.note is not None
    assert "could not be saved" in job.note
