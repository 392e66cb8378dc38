"""Download buttons work after the script run that drew them."""

import pytest
from streamlit import runtime
from streamlit.runtime import media_file_manager
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.media_file_storage import MediaFileStorageError
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage

from cifarviz.ui import streamlit_patches
from cifarviz.ui.streamlit_patches import KEEP_SECONDS, keep_downloads


class _Server:
    def __init__(self) -> None:
        self.media_file_mgr = MediaFileManager(MemoryMediaFileStorage("/media"))


class _Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    made = _Clock()
    monkeypatch.setattr(streamlit_patches, "time", made)
    return made


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> MediaFileManager:
    """The files of a server on which one session shows a page."""
    server = _Server()
    monkeypatch.setattr(runtime, "exists", lambda: True)
    monkeypatch.setattr(runtime, "get_instance", lambda: server)
    monkeypatch.setattr(media_file_manager, "_get_session_id", lambda: "session")
    keep_downloads()
    keep_downloads()
    return server.media_file_mgr


def offer(files: MediaFileManager) -> str:
    """What a run of the page does with its button."""
    return files.add_deferred(lambda: b"made", "text/plain", "0.1", "file.txt")


def stored(files: MediaFileManager, url: str) -> bool:
    return files.read_file(url.rpartition("/")[2].partition(".")[0]) is not None


def test_a_download_button_of_the_previous_script_run_works(
    files: MediaFileManager, clock: _Clock
) -> None:
    pressed = offer(files)
    for _ in range(5):
        clock.now += 1
        offer(files)
        files.remove_orphaned_files()
    assert stored(files, files.execute_deferred(pressed))


def test_a_generated_file_waits_for_a_slow_browser(files: MediaFileManager, clock: _Clock) -> None:
    files.remove_orphaned_files()
    url = files.execute_deferred(offer(files))
    for _ in range(int(KEEP_SECONDS)):
        files.remove_orphaned_files()
        assert stored(files, url)
        clock.now += 1


def test_old_files_are_removed(files: MediaFileManager, clock: _Clock) -> None:
    old = offer(files)
    url = files.execute_deferred(old)
    new = offer(files)
    for _ in range(3):
        clock.now += KEEP_SECONDS + 1
        files.remove_orphaned_files()
    assert not stored(files, url)
    with pytest.raises(MediaFileStorageError, match="not found"):
        files.execute_deferred(old)
    # The one that the page shows is still good.
    assert stored(files, files.execute_deferred(new))
