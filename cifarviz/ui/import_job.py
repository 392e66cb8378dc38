"""An import in the background of the server: read, then kept or discarded by a person."""

import atexit
import logging
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from cifarviz.data.importing.importer import PreparedImport, prepare_import
from cifarviz.data.importing.options import ImportOptions
from cifarviz.data.progress import FetchProgress, ProgressReporter
from cifarviz.datasets.info import DatasetInfo
from cifarviz.errors import CifarvizError, FetchCancelled
from cifarviz.settings import Settings

_LOG = logging.getLogger(__name__)
# Seconds for the clean-up of an import when the server ends.
_CLEANUP_SECONDS = 2.0

Source = Path | tuple[str, bytes]
"""A path on this machine, or an uploaded file's name and content."""


class ImportJob:
    """An import in the background; when it is prepared, it waits to be kept or discarded."""

    def __init__(
        self,
        source: Source,
        name: str,
        settings: Settings,
        options: ImportOptions,
        on_kept: Callable[[], None] | None = None,
    ) -> None:
        self._on_kept = on_kept
        self.name = name
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
        threading.Thread(
            target=self._run, args=(source, options), name="cifarviz-import", daemon=True
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

    def _run(self, source: Source, options: ImportOptions) -> None:
        try:
            with tempfile.TemporaryDirectory(prefix="cifarviz-upload-") as folder:
                if isinstance(source, Path):
                    path = source
                else:
                    file_name, content = source
                    path = Path(folder) / file_name
                    path.write_bytes(content)
                self._import(path, options)
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

    def _import(self, path: Path, options: ImportOptions) -> None:
        with prepare_import(
            path,
            self.name,
            self._settings,
            options,
            on_progress=self._report,
            cancelled=self._cancelled.is_set,
        ) as prepared:
            self.prepared = prepared
            self._decided.wait()
            with self._deciding:
                cancelled = self.cancelling
            if not cancelled:
                watch = ProgressReporter(self._report)
                self.kept = prepared.store(self._settings, watch)
                if self._on_kept is not None:
                    self._on_kept()

    def _report(self, progress: FetchProgress) -> None:
        self.progress = progress


class _Imports:
    """The newest import of this server; a new one discards the one before."""

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
        with self._lock:
            self._discard()
            self.newest = ImportJob(source, name, settings, options, on_kept)

    def clear(self) -> None:
        """Discard what is not kept, and forget it."""
        with self._lock:
            self._discard()
            self.newest = None

    def _discard(self) -> None:
        if self.newest is not None and not self.newest.over:
            self.newest.discard()
            self.newest.wait(_CLEANUP_SECONDS)


@st.cache_resource(show_spinner=False, hash_funcs={Settings: repr})
def imports(settings: Settings) -> _Imports:
    """The imports of this server into this home."""
    return _Imports()
