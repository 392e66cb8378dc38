"""The tune-up of this computer: the panel on Start, and the quiet one of a fresh home."""

import os
import threading
import time
from functools import partial
from typing import Any

import streamlit as st

from cifarviz import free_memory, processor
from cifarviz.analysis.background_job import BackgroundJob, ReportProgress
from cifarviz.errors import TuneUpGivenUp
from cifarviz.live.hub import hub
from cifarviz.live.items import Item
from cifarviz.processor import Tuned
from cifarviz.runs import locks
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.training.local_places import place_shares
from cifarviz.training.tune_up import BUDGET_SECONDS, TuneUpProgress, describe, tune_up
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items
from cifarviz.ui.errors import error_text

_FEED = "tune-up"
# Seconds after TensorFlow is loaded: the first pages go before.
_QUIET_DELAY = 5.0


class TuneUpJob(BackgroundJob[Tuned]):
    """A tune-up in the background; it starts on construction.

    ``quiet``: with the lowest priority, after the first page and TensorFlow are loaded.
    """

    def __init__(self, settings: Settings, after: threading.Thread | None, *, quiet: bool) -> None:
        self.quiet = quiet
        self.progress: TuneUpProgress | None = None
        self._settings = settings
        self._after = after
        super().__init__(self._tune_up, 1, "cifarviz-tune-up")
        self.start()

    def _tune_up(self, report: ReportProgress) -> Tuned:
        if self.quiet:
            if self._after is not None:
                self._after.join()
            time.sleep(_QUIET_DELAY)
        store = RunStore(self._settings)

        def given_up() -> bool:
            # Ends the work if the job was cancelled.
            report(self.progress.trial - 1 if self.progress else 0)
            return bool(store.active()) or locks.is_held(store.slot_path())

        return tune_up(self._settings.home, self._set_progress, given_up, quiet=self.quiet)

    def _set_progress(self, progress: TuneUpProgress) -> None:
        self.progress, self.total = progress, progress.trials


class _Jobs:
    """The newest tune-up of this server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.newest: TuneUpJob | None = None

    def start(self, settings: Settings, *, quiet: bool = False) -> None:
        """Start a tune-up; a quiet one only if there was none, another ends a quiet one."""
        with self._lock:
            if self.newest is not None:
                if quiet or not (self.newest.over or self.newest.quiet):
                    return
                self.newest.cancel()
                self.newest.wait(2.0)
            self.newest = TuneUpJob(settings, cache.warm_up() if quiet else None, quiet=quiet)


@st.cache_resource(show_spinner=False, hash_funcs={Settings: repr})
def _jobs(settings: Settings) -> _Jobs:
    return _Jobs()


def tune_up_quietly() -> None:
    """Start a tune-up in the background, once a server, where none has measured this computer."""
    settings = cache.settings()
    if not settings.tune_up or not settings.warm_up or _jobs(settings).newest is not None:
        return
    if processor.load_tuned(settings.home) is None:
        _jobs(settings).start(settings, quiet=True)


def render_this_computer() -> None:
    """Render how the processor is used, and the tune-up."""
    settings = cache.settings()
    job = _jobs(settings).newest
    st.header("This computer")
    with st.container(border=True, key="this-computer"):
        st.markdown(
            f":material/memory: **{escaped(processor.machine_name())}**, "
            f"{processor.instruction_set()}"
        )
        _render_use(processor.load_tuned(settings.home))
        _render_places(settings)
        if job is not None and not job.over:
            if not job.quiet:
                _render_progress(job)
                return
            st.caption("It is being measured in the background, unless a run begins.")
        if job is not None and job.failed and not job.quiet:
            try:
                job.result()
            except TuneUpGivenUp as error:
                st.info(escaped(str(error)), icon=":material/info:")
            except Exception as error:
                st.error(error_text(error), icon=":material/error:")
        training = bool(cache.store().active())
        st.button(
            "Tune up",
            icon=":material/speed:",
            key="tune-up",
            disabled=training,
            on_click=_jobs(settings).start,
            args=(settings,),
            help="Not while a run trains: it would be slowed, and the times would be wrong."
            if training
            else "Times a few training steps for each sensible use of the processor, in at most "
            f"{BUDGET_SECONDS:.0f} seconds, and keeps the fastest.",
        )


def _render_use(tuned: Tuned | None) -> None:
    in_use = processor.in_use()
    if tuned is None:
        st.caption(
            f"In use: {in_use.describe()}. Chosen by what the processor can do; not measured yet."
        )
        return
    st.caption(escaped(f"{describe(tuned)} Measured on {tuned.date}."))
    if tuned.use != in_use:
        st.caption(f"In use: {in_use.describe()}. The choice takes effect at the next start.")
    if given := processor.given_variables():
        names = ", ".join(sorted(given)).replace("_", "\\_")
        st.caption(f"Set by the environment, which comes first: {names}.")


def _render_places(settings: Settings) -> None:
    """Show how many runs train at once, and which processes use how much memory."""
    places = place_shares(settings)
    if len(places) > 1:
        cores = "1 core" if len(places[0]) == 1 else f"{len(places[0])} cores"
        st.caption(f"Up to {len(places)} runs train at once, each in a process on {cores}.")
    processes = cache.worker().training_processes
    own, free = free_memory.used_bytes(os.getpid()), free_memory.available_bytes()
    if own is None or free is None:
        return
    text = f"Memory: this program uses {own / 1e9:.1f} GB"
    if processes:
        theirs = sum(free_memory.used_bytes(process) or 0 for process in processes)
        count = "1 process" if len(processes) == 1 else f"{len(processes)} processes"
        text += f", {count} for training {theirs / 1e9:.1f} GB"
    text += f"; {free / 1e9:.1f} GB are free."
    if len(places) > 1:
        text += f" Another run needs {free_memory.RUN_BYTES / 1e9:.1f} GB."
    st.caption(text)


def _render_progress(job: TuneUpJob) -> None:
    hub().register(_FEED, partial(_message, job))
    live_items({"tune-up": _item(job)}, key="tune-up-progress", live=Live(_FEED, _mark(job)))
    st.button("Cancel", key="cancel-tune-up", icon=":material/close:", on_click=job.cancel)


def _message(job: TuneUpJob) -> dict[str, Any]:
    return {"mark": _mark(job), "items": {"tune-up": _item(job).values()}}


def _mark(job: TuneUpJob) -> str:
    return f"{id(job)} {job.over}"


def _item(job: TuneUpJob) -> Item:
    progress = job.progress
    if progress is None:
        return Item(text="Starting …", share=0.0)
    return Item(
        text=f"Trial {progress.trial} of at most {progress.trials}",
        share=(progress.trial - 1) / progress.trials,
        note=progress.text,
    )
