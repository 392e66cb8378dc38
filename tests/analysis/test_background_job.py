"""Background jobs, identified by a key."""

import threading

import pytest

from cifarviz.analysis.background_job import BackgroundJob, BackgroundJobs, ReportProgress

SOON = 5.0


def counting_job(number: int, until: threading.Event | None = None) -> BackgroundJob[int]:
    def work(tell: ReportProgress) -> int:
        while until is not None and not until.wait(0.01):
            tell(1)
        return number

    return BackgroundJob(work, 2, "test")


def test_a_job_runs_when_it_is_started() -> None:
    job = counting_job(3)
    assert (job.over, job.failed, job.result()) == (True, False, None)
    job.start()
    assert job.wait(SOON)
    assert (job.over, job.result()) == (True, 3)


def test_a_failed_job_can_be_restarted() -> None:
    faults = [KeyError("no")]

    def work(tell: ReportProgress) -> int:
        if faults:
            raise faults.pop()
        return 1

    job = BackgroundJob(work, 1, "test")
    job.start()
    assert job.wait(SOON)
    assert job.failed
    job.start()
    assert job.wait(SOON)
    assert (job.failed, job.result()) == (False, 1)


def test_a_job_without_a_thread_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_arguments: object) -> None:
        raise RuntimeError("can't start new thread")

    job = counting_job(1)
    with monkeypatch.context() as limited:
        limited.setattr("threading.Thread.start", refused)
        job.start()
    assert (job.over, job.failed) == (True, True)
    with pytest.raises(RuntimeError, match="new thread"):
        job.result()
    job.start()
    assert job.wait(SOON)
    assert job.result() == 1


def test_a_job_is_started_once_per_key() -> None:
    jobs = BackgroundJobs[int](2)
    assert jobs.get("a") is None
    first = jobs.get_or_start("a", lambda: counting_job(1))
    assert jobs.get_or_start("a", lambda: counting_job(2)) is first is jobs.get("a")
    assert first.wait(SOON)
    assert first.result() == 1


def test_the_least_recently_used_job_is_cancelled_and_removed() -> None:
    jobs, never = BackgroundJobs[int](2), threading.Event()
    oldest, kept = (jobs.get_or_start(name, lambda: counting_job(0, never)) for name in "ab")
    jobs.get("a")
    jobs.get_or_start("c", lambda: counting_job(3))
    assert kept.wait(SOON)  # b, which nobody has asked for since
    assert jobs.get("b") is None
    assert jobs.get("a") is oldest
    assert not oldest.over
    never.set()
    assert oldest.wait(SOON)
