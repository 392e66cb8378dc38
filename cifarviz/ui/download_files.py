"""Keeps what download buttons offer until a browser has had the time to fetch it.

After each run of a page or of a part of it, in any session, Streamlit removes what no page refers
to: at once what a button of the run before would have made, and after a second run the file that
a press has made, which no page refers to at all. Parts of a page run once a second while a network
trains. A browser that is a second late is then told that the download failed, or is answered 404
and cancels it. Streamlit has no setting for it.
"""

import threading
import time
from typing import Final

from streamlit import runtime
from streamlit.runtime.media_file_manager import MediaFileManager

KEEP_SECONDS: Final = 60.0
"""Everything stays for at least so long after the last page that referred to it."""


class _PatientMediaFiles(MediaFileManager):
    """Looks for what can be removed once in ``KEEP_SECONDS``, and removes it at the second look."""

    _looking = threading.Lock()
    _looked = 0.0
    _found_before: frozenset[str] = frozenset()

    def remove_orphaned_files(self) -> None:
        with self._looking:
            if time.monotonic() - self._looked < KEEP_SECONDS:
                return
            self._looked = time.monotonic()
        super().remove_orphaned_files()

    # Files have a mark of their own for the second look; what makes them has none.
    def _remove_orphaned_deferred_callables(self) -> None:
        referred = {
            file_id
            for file_ids in self._files_by_session_and_coord.values()
            for file_id in file_ids.values()
        }
        found = frozenset(self._deferred_callables) - referred
        for file_id in found & self._found_before:
            self._drop_deferred_id(file_id)
        self._found_before = found


def keep_downloads() -> None:
    """Have this server keep what its download buttons offer; harmless when it does already."""
    if runtime.exists():
        runtime.get_instance().media_file_mgr.__class__ = _PatientMediaFiles
