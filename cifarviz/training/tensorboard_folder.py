"""Check whether TensorBoard files can be written, before a run is queued."""

import tempfile
from pathlib import Path

from cifarviz.errors import StorageFull


def check_tensorboard_folder(folder: Path) -> None:
    """Raise ``StorageFull`` if the folder can't be created or written; does not create it."""
    existing = folder
    try:
        # The nearest folder above that exists, or a file in its place.
        while not existing.exists() and existing != existing.parent:
            existing = existing.parent
        if not existing.is_dir():
            raise _refusal(folder, "a file has that name")
        # It has no name, and is gone as soon as it is closed.
        with tempfile.TemporaryFile(dir=existing):
            return
    except OSError as error:
        raise _refusal(folder, error.strerror or "permission denied") from error


def _refusal(folder: Path, reason: str) -> StorageFull:
    return StorageFull(
        "TensorBoard files cannot be written to “{folder}”: {reason}. Set "
        "CIFARVIZ_TENSORBOARD_DIR to a folder you may write to, or switch them off on the Train "
        "page, under Training.",
        folder=folder,
        reason=reason,
    )
