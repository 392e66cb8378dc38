"""Collecting pictures with the camera of this computer, for an import."""

import atexit
import threading
from typing import Any

import streamlit as st

from cifarviz.data.importing.camera_pictures import CameraPictures, unreadable_error
from cifarviz.errors import CifarvizError, ImportRefused
from cifarviz.settings import Settings
from cifarviz.storage import remove_leftovers
from cifarviz.ui import cache, state
from cifarviz.ui.address import escaped
from cifarviz.ui.components.camera import CameraPart, camera, parse_part
from cifarviz.ui.import_job import imports


class _Collections:
    """The newest pictures from a camera on this server; new ones replace those before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parts = 0
        self.newest: CameraPictures | None = None
        atexit.register(self.discard)

    def add(self, part: CameraPart, settings: Settings) -> None:
        """Store a part; raises ``ImportRefused`` and ``StorageFull``, then all of it is deleted."""
        with self._lock:
            job = imports(settings).newest
            if job is not None and not job.over:
                raise ImportRefused("An import is under way. Keep or discard it first.")
            if part.number == 0:
                self._close()
                self.newest, self._parts = CameraPictures(part.capture, part.names, settings), 0
            found = self.newest
            if found is None or found.id != part.capture or self._parts != part.number:
                raise unreadable_error()
            try:
                for picture in part.pictures:
                    found.add(*picture)
                self._parts += 1
                if self._parts == part.count:
                    found.finish()
            except CifarvizError:
                self._close()
                raise

    def discard(self) -> None:
        """Delete them, unless they were deleted before."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self.newest is not None:
            self.newest.close()
            self.newest = None


@st.cache_resource(show_spinner=False, hash_funcs={Settings: repr})
def _collections(settings: Settings) -> _Collections:
    # Of a server that was killed.
    remove_leftovers(settings.datasets)
    return _Collections()


def collected_pictures() -> CameraPictures | None:
    """Return the pictures that have arrived and were neither kept nor given back."""
    newest = _collections(cache.settings()).newest
    return newest if newest is not None and newest.complete else None


def render_camera() -> None:
    """Show the camera, after what becomes of the pictures."""
    settings = cache.settings()
    st.markdown(
        ":material/lock: **Your pictures stay on this computer.** Until you press *Use these "
        "pictures*, they are in this browser tab only. Then they are in "
        f"{escaped(str(settings.datasets))} until you delete the data set; if you keep none, until "
        "you go back to the camera, or cifarviz ends. Nothing is sent anywhere else."
    )
    st.markdown(
        "Name what you want to tell apart, switch the camera on, and hold a button: it takes ten "
        "pictures a second. Hold it several times, each time with the thing or the camera moved: "
        "whole holds become test images, so that the network is tested on views it has not seen. "
        "Press a picture to delete it."
    )
    newest = _collections(settings).newest
    camera(
        key="camera",
        memory=state.camera_memory(),
        forget=newest.id if newest is not None and newest.kept else "",
        on_part=_receive,
    )


def render_collected_pictures(pictures: CameraPictures) -> None:
    """Show what has arrived, with a way back."""
    listed = ", ".join(pictures.names)
    left, right = st.columns([4, 1], vertical_alignment="center")
    left.markdown(
        f":material/photo_camera: **{len(pictures):,} pictures** from the camera, in "
        f"{len(pictures.names)} classes: {escaped(listed)}."
    )
    right.button(
        "Back to the camera",
        key="back-to-camera",
        icon=":material/arrow_back:",
        on_click=_collections(cache.settings()).discard,
        help="Deletes the copies on this computer’s disk. The tab that took the pictures still has "
        "them, until it is closed or reloaded.",
    )


def _receive(value: Any) -> None:
    memory = state.camera_memory()
    memory.problem = None
    try:
        part = parse_part(value)
        memory.capture, memory.received = part.capture, part.number
        _collections(cache.settings()).add(part, cache.settings())
        memory.received = part.number + 1
    except CifarvizError as error:
        memory.problem = str(error)
