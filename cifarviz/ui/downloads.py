"""Downloads of published data sets in the background, shared by all sessions."""

import atexit
import logging
import threading
from collections.abc import Callable
from typing import Any, Final

import streamlit as st

from cifarviz.data.fetch import fetch
from cifarviz.data.progress import FetchProgress
from cifarviz.errors import CifarvizError, FetchCancelled
from cifarviz.people.person import for_current_person, require_teacher
from cifarviz.runs.run_headline import format_time_left
from cifarviz.settings import Settings

_LOG = logging.getLogger(__name__)
_STAGE_LABELS: Final = {
    "waiting": "Waiting for",
    "looking": "Checking",
    "connecting": "Connecting to",
    "downloading": "Downloading from",
    "decoding": "Decoding",
    "verifying": "Verifying",
    "writing": "Writing",
    "done": "Finished",
}

# Seconds for the cleanup of a download when the server ends.
_CLEANUP_SECONDS = 2.0
Fetch = Callable[..., Any]


class Download:
    """A download in the background, safe to read from every session."""

    def __init__(self, name: str, settings: Settings, source: str, fetch: Fetch) -> None:
        self.progress: FetchProgress | None = None
        self.problem: str | None = None
        """Why it did not work out, in a sentence; None while it runs and when all went well."""
        self.cancelled = False
        self._over = threading.Event()
        self._cancelled = threading.Event()
        # A daemon, so that a stuck download does not keep the server alive.
        threading.Thread(
            target=for_current_person(self._run),
            args=(name, settings, source, fetch),
            name=f"cifarviz-fetch-{name}",
            daemon=True,
        ).start()

    @property
    def running(self) -> bool:
        """Whether it is running."""
        return not self._over.is_set()

    @property
    def cancelling(self) -> bool:
        """Whether it was cancelled and is still running."""
        return self.running and self._cancelled.is_set()

    def cancel(self) -> None:
        """Cancel it; it stops within a fraction of a second. Raises ``AccessRefused``."""
        require_teacher("cancel a download")
        self._cancelled.set()

    def wait(self, seconds: float) -> bool:
        """Wait up to so many seconds for its end; returns whether it ended."""
        return self._over.wait(seconds)

    def _run(self, name: str, settings: Settings, source: str, fetch: Fetch) -> None:
        try:
            fetch(
                name,
                settings,
                source=source,
                on_progress=self._report,
                cancelled=self._cancelled.is_set,
            )
        except FetchCancelled as error:
            self.cancelled = True
            self.problem = str(error)
        except CifarvizError as error:
            self.problem = str(error)
        except Exception as error:
            _LOG.exception("The download of %s failed", name)
            self.problem = f"The download failed: {str(error) or type(error).__name__}. Try again."
        finally:
            self._over.set()

    def _report(self, progress: FetchProgress) -> None:
        self.progress = progress


class Downloads:
    """At most one download per data set, shared by all sessions."""

    def __init__(self, settings: Settings, fetch: Fetch = fetch) -> None:
        self._settings = settings
        self._fetch = fetch
        self._lock = threading.Lock()
        self._latest: dict[str, Download] = {}
        # Also ends npm, which would continue without the server.
        atexit.register(self.close)

    def start(self, name: str, source: str = "auto") -> Download:
        """Start a download from ``source`` (see ``data.fetch``), unless one is running."""
        with self._lock:
            latest = self._latest.get(name)
            if latest is None or not latest.running:
                latest = Download(name, self._settings, source, self._fetch)
                self._latest[name] = latest
            return latest

    def latest(self, name: str) -> Download | None:
        """The running or last download; ``None`` if there was none."""
        return self._latest.get(name)

    def close(self) -> None:
        """Cancel running downloads, and wait a moment for their cleanup."""
        running = [download for download in self._latest.values() if download.running]
        for download in running:
            download.cancel()
        for download in running:
            download.wait(_CLEANUP_SECONDS)


@st.cache_resource(show_spinner=False, hash_funcs={Settings: repr})
def downloads(settings: Settings) -> Downloads:
    """The downloads of this server into this home."""
    return Downloads(settings)


def progress_share(progress: FetchProgress | None) -> float:
    """The completed share of the stage, 0 to 1; 0 while the size is unknown."""
    if progress is None or not progress.total_bytes:
        return 0.0
    return min(1.0, progress.done_bytes / progress.total_bytes)


def format_progress(progress: FetchProgress | None) -> str:
    """The stage, the megabytes done and the remaining time."""
    if progress is None:
        return "Starting …"
    text = f"{_STAGE_LABELS[progress.stage]} {progress.source}"
    if progress.total_bytes:
        done, total = progress.done_bytes / 1e6, progress.total_bytes / 1e6
        text += f": {done:,.0f} of {total:,.0f} MB"
    elif progress.done_bytes:
        text += f": {progress.done_bytes / 1e6:,.0f} MB"
    if progress.seconds_left:
        text += f", {format_time_left(progress.seconds_left)}"
    return text
