"""Two fetches of the same data: the second waits, unless the first fails or dies."""

import multiprocessing
import threading

import filelock
import pytest

from cifarviz.data import library
from cifarviz.data.fetch import FetchProgress, fetch
from cifarviz.errors import DatasetNotFound, FetchCancelled


def test_two_threads_fetch_once_and_the_second_reports_waiting(toy, settings, tmp_path):
    mine = str(toy.binary(tmp_path / "mine"))
    reports: dict[str, list[FetchProgress]] = {"first": [], "second": []}
    first_is_in, second_waits = threading.Event(), threading.Event()

    def first(report):
        reports["first"].append(report)
        if report.stage == "decoding":
            first_is_in.set()
            assert second_waits.wait(10)

    def second(report):
        reports["second"].append(report)
        if report.stage == "waiting":
            second_waits.set()

    results = []

    def run(on_progress):
        results.append(fetch(toy.info, settings, mine, on_progress))

    one = threading.Thread(target=run, args=(first,))
    one.start()
    assert first_is_in.wait(10)
    two = threading.Thread(target=run, args=(second,))
    two.start()
    one.join(20)
    two.join(20)
    assert [status.full_available for status in results] == [True, True]
    stages = [report.stage for report in reports["second"]]
    assert "waiting" in stages
    assert "decoding" not in stages
    assert reports["second"][-1].stage == "done"


def _fetch_in_another_process(info, settings, source, queue):
    fetch(info, settings, source, lambda report: queue.put(report.stage))
    queue.put("returned")


def test_another_process_waits_too(toy, settings, tmp_path):
    mine = str(toy.binary(tmp_path / "mine"))
    settings.locks.mkdir(parents=True)
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    with library.fetch_lock(toy.info, settings):
        other = context.Process(
            target=_fetch_in_another_process, args=(toy.info, settings, mine, queue)
        )
        other.start()
        assert queue.get(timeout=120) == "waiting"
        assert not library.status(toy.info, settings).full_available
    stages = list(iter(lambda: queue.get(timeout=30), "returned"))
    other.join(10)
    assert stages[-1] == "done"
    assert library.status(toy.info, settings).full_available


def test_waiting_can_be_cancelled(toy, settings):
    settings.locks.mkdir(parents=True)
    replies = iter([False, False, False, True])
    # It is not asked again once it has said yes, though the lock is still held.
    with library.fetch_lock(toy.info, settings), pytest.raises(FetchCancelled):
        fetch(toy.info, settings, cancelled=lambda: next(replies))
    assert list(replies) == []


def test_the_lock_is_free_after_a_failure(toy, settings, tmp_path):
    with pytest.raises(DatasetNotFound):
        fetch(toy.info, settings, str(tmp_path))
    lock = library.fetch_lock(toy.info, settings)
    lock.acquire(timeout=0)
    lock.release()
    assert isinstance(lock, filelock.BaseFileLock)


def test_leftovers_of_a_killed_fetch_are_cleared(toy, settings, tmp_path):
    leftover = settings.datasets / ".cifar10-abc" / "download.tar.gz"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"half")
    fetch(toy.info, settings, str(toy.binary(tmp_path / "mine")))
    assert not leftover.parent.exists()
