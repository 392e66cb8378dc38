"""Paths on the command line: what no file system takes is refused in words, before any work."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cifarviz.errors import OutputPathInvalid

_NOTHING_THERE = frozenset({errno.ENOENT, errno.ENOTDIR})


def parse_path(given: str | Path) -> Path:
    """The path that is ``given``, whether or not anything is there; raises ``OutputPathInvalid``.

    Refused are an empty text, and what the system cannot even look for: a name that is too long,
    a NUL, a folder that may not be entered.
    """
    # An option's default comes here as well.
    text = os.fspath(given)
    if not text.strip():
        raise OutputPathInvalid("The path is empty: name a file or a folder.")
    with place_errors(text):
        try:
            os.lstat(text)
        except OSError as error:
            if error.errno not in _NOTHING_THERE:
                raise
    return Path(text)


@contextmanager
def place_errors(path: Path | str) -> Iterator[None]:
    """Turn the system's refusals to read or write ``path`` into ``OutputPathInvalid``."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputPathInvalid(
            "“{path}” cannot be used: {reason}.", path=path, reason=reason
        ) from error
    except ValueError as error:
        # A path with a NUL, or with letters that the system's encoding lacks.
        raise OutputPathInvalid(
            "“{path}” cannot be used: {error}.", path=path, error=error
        ) from error
