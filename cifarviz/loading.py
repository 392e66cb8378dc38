"""What is held around the import of a heavy library: TensorFlow, Keras or scikit-learn.

TensorFlow and scikit-learn have circular imports. Two threads that start at different ends wait
for each other's half-loaded modules, which Python ends with an error. In a server, the warm-up and
the first run could do so.
"""

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from cifarviz import processor
from cifarviz.errors import LibraryHalfLoaded

# Python removes the library itself from its modules when its import fails, but not its parts.
_PARTS = {"tensorflow": "python", "keras": "src"}


class _HeavyImports:
    """A reentrant lock; once TensorFlow is loaded, its objects are exempt from collection."""

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
                # are never freed would make that 0.1 s each time.
                self._is_frozen = True
                gc.collect()
                gc.freeze()
        finally:
            self._lock.release()


HEAVY_IMPORTS = _HeavyImports()
"""Hold it around ``import`` of scikit-learn inside a function."""


@contextmanager
def tensorflow_imports(home: Path) -> Iterator[None]:
    """Hold it around ``import`` of what needs TensorFlow or Keras, inside a function.

    It decides how TensorFlow will use the processor, by what ``home`` knows of it. Raises
    ``LibraryHalfLoaded`` if an import fails in the middle, as for want of memory or open files, and
    from then on.
    """
    processor.configure(home)
    with HEAVY_IMPORTS:
        _check_loaded("the error output of this program says why", None)
        try:
            yield
        except Exception as error:
            _check_loaded(f"{type(error).__name__}: {error}", error)
            raise


def _check_loaded(reason: str, error: Exception | None) -> None:
    """Raise ``LibraryHalfLoaded`` if a library was left half loaded, which no new try can mend."""
    for name in ("tensorflow", "keras"):
        if name not in sys.modules and f"{name}.{_PARTS[name]}" in sys.modules:
            raise LibraryHalfLoaded(
                "TensorFlow could be loaded only in part ({reason}), and a process can load it "
                "only once. Restart cifarviz.",
                reason=reason,
            ) from error
