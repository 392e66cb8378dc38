"""An import in the background of the server: read, then kept or discarded by a person."""

import atexit
import logging
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import streamlit as st

from cifarviz.data.importing.importer import PreparedImport, prepare_import
from cifarviz.data.importing.options import ImportOptions
from cifarviz.data.progress import FetchProgress, ProgressReporter
from cifarviz.datasets.info import DatasetInfo
from cifarviz.errors import CifarvizError, FetchCancelled
from cifarviz.people.person import current_person, for_current_person, require_maker
from cifarviz.runs.limits import check_disk_limit
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings

_LOG = logging.getLogger(__name__)
# Seconds for the clean-up of an import when the server ends.
_CLEANUP_SECONDS = 2.0

Source = Path | tuple[str, bytes]
"""A path on this machine, or an uploaded file's name and content."""

OnProgress = Callable[[FetchProgress], None]
Cancelled = Callable[[], bool]
Prepare = Callable[[OnProgress, Cancelled], AbstractContextManager[PreparedImport]]
"""Reads and examines pictures, as ``prepare_import`` does."""


class ImportJob:
    """An import in the background; when it is prepared, it waits to be kept or discarded."""

    def __init__(
        self,
        prepare: Prepare,
        name: str,
        settings: Settings,
        *,
        on_kept: Callable[[], None] | None = None,
        derived: bool = False,
    ) -> None:
        """``on_kept`` is called by its thread when the data set is stored.

        ``derived``: made of another data set, and kept without being looked at.
        """
        self._on_kept = on_kept
        self.name = name
        self.derived = derived
        self.progress: FetchProgress | None = None
        self.prepared: PreparedImport | None = None
        self.problem: str | None = None
        """Why it did not work out; ``None`` while it runs and when all went well."""
        self.kept: DatasetInfo | None = None
        self._deciding = threading.Lock()
        self._settings = settings
        self._cancelled = threading.Event()
        self._decided = threading.Event()
        self._over = threading.Event()
        if derived:
            self._decided.set()
        threading.Thread(
            target=for_current_person(self._run),
            args=(prepare,),
            name="cifarviz-import",
            daemon=True,
        ).start()

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._over.is_set()

    @property
    def decided(self) -> bool:
        """Whether it was kept, discarded or cancelled."""
        return self._decided.is_set()

    @property
    def cancelling(self) -> bool:
        """Whether it was discarded or cancelled."""
        return self._cancelled.is_set()

    @property
    def state(self) -> str:
        """A text that changes with what the page shows."""
        return f"{id(self)} {self.prepared is not None} {self.decided} {self.over}"

    def keep(self) -> None:
        """Store what was prepared, unless it was discarded."""
        self._decided.set()

    def discard(self) -> None:
        """Cancel it, or remove what was prepared, unless it was kept."""
        with self._deciding:
            if self.prepared is None or not self.decided:
                self._cancelled.set()
                self._decided.set()

    def wait(self, seconds: float) -> bool:
        """Wait up to so many seconds for its end; returns whether it ended."""
        return self._over.wait(seconds)

    def _run(self, prepare: Prepare) -> None:
        try:
            self._import(prepare)
        except FetchCancelled:
            pass
        except CifarvizError as error:
            self.problem = str(error)
        except Exception as error:
            _LOG.exception("An import failed")
            self.problem = f"The import failed: {str(error) or type(error).__name__}. Try again."
        finally:
            self.prepared = None
            self._over.set()

    def _import(self, prepare: Prepare) -> None:
        with prepare(self._report, self._cancelled.is_set) as prepared:
            self.prepared = prepared
            self._decided.wait()
            with self._deciding:
                cancelled = self.cancelling
            if not cancelled:
                watch = ProgressReporter(self._report)
                check_disk_limit(RunStore(self._settings), prepared.info.nbytes)
                self.kept = prepared.store(self._settings, watch)
                if self._on_kept is not None:
                    self._on_kept()

    def _report(self, progress: FetchProgress) -> None:
        self.progress = progress


class _Imports:
    """The newest import of a person by this server; a new one discards the one before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.newest: ImportJob | None = None
        atexit.register(self.clear)

    def start(
        self,
        source: Source,
        name: str,
        settings: Settings,
        options: ImportOptions,
        on_kept: Callable[[], None] | None = None,
    ) -> None:
        """Start an import; ``on_kept`` is called by its thread when the data set is stored."""

        @contextmanager
        def prepare(on_progress: OnProgress, cancelled: Cancelled) -> Iterator[PreparedImport]:
            with tempfile.TemporaryDirectory(prefix="cifarviz-upload-") as folder:
                if isinstance(source, Path):
                    path = source
                else:
                    file_name, content = source
                    path = Path(folder) / file_name
                    path.write_bytes(content)
                with prepare_import(
                    path, name, settings, options, on_progress=on_progress, cancelled=cancelled
                ) as prepared:
                    yield prepared

        require_maker()
        with self._lock:
            self._discard()
            self.newest = ImportJob(prepare, name, settings, on_kept=on_kept)

    def start_derived(self, name: str, settings: Settings, prepare: Prepare) -> None:
        """Start a data set made of another one, which is kept when it is ready."""
        require_maker()
        with self._lock:
            self._discard()
            self.newest = ImportJob(prepare, name, settings, derived=True)

    def clear(self) -> None:
        """Discard what is not kept, and forget it."""
        with self._lock:
            self._discard()
            self.newest = None

    def _discard(self) -> None:
        if self.newest is not None and not self.newest.over:
            self.newest.discard()
            self.newest.wait(_CLEANUP_SECONDS)


def imports(settings: Settings) -> _Imports:
    """Return the current person's imports by this server into this home."""
    return _imports(settings, current_person().id)


@st.cache_resource(show_spinner=False, hash_funcs={Settings: repr})
def _imports(settings: Settings, person: str) -> _Imports:
    return _Imports()
