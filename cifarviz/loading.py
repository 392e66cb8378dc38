"""One thread at a time imports a heavy library.

TensorFlow and scikit-learn import parts of themselves in circles. Two threads that begin at
different ends wait for each other's half-loaded modules, and Python breaks that off with an
error: in a server, the warm-up and the first run could meet so.
"""

import gc
import sys
import threading
from types import TracebackType


class _HeavyImports:
    """A lock that a thread may take again; after TensorFlow has come, its objects stay for good."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._is_frozen = False

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None and not self._is_frozen and "tensorflow" in sys.modules:
                # Streamlit collects garbage after each run of a page: half a million objects that
                # never go would make that a tenth of a second each time.
                self._is_frozen = True
                gc.collect()
                gc.freeze()
        finally:
            self._lock.release()


HEAVY_IMPORTS = _HeavyImports()
"""Hold it around ``import`` of TensorFlow, Keras or scikit-learn inside a function."""
