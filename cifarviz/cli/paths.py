"""Parse paths on the command line; unusable paths are refused before any work starts."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cifarviz.errors import OutputPathInvalid

_NOT_FOUND = frozenset({errno.ENOENT, errno.ENOTDIR})


def parse_path(value: str | Path) -> Path:
    """Return ``value`` as a path, which need not exist; raises ``OutputPathInvalid``.

    Refused are an empty text and paths that the system cannot look up: a name that is too long,
    a NUL character, a folder without permission.
    """
    # Typer passes an option's default, a Path, too.
    text = os.fspath(value)
    if not text.strip():
        raise OutputPathInvalid("The path is empty: give a file or a folder.")
    with place_errors(text):
        try:
            os.lstat(text)
        except OSError as error:
            if error.errno not in _NOT_FOUND:
                raise
    return Path(text)


@contextmanager
def place_errors(path: Path | str) -> Iterator[None]:
    """Turn errors of reading or writing ``path`` into ``OutputPathInvalid``."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputPathInvalid(
            "“{path}” cannot be used: {reason}.", path=path, reason=reason
        ) from error
    except ValueError as error:
        # A path with a NUL character, or with characters that the file system's encoding lacks.
        raise OutputPathInvalid(
            "“{path}” cannot be used: {error}.", path=path, error=error
        ) from error
