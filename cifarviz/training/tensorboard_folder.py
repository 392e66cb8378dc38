"""Whether TensorBoard files can be written, asked before a run is queued."""

import tempfile
from pathlib import Path

from cifarviz.errors import StorageFull


def check_tensorboard_folder(folder: Path) -> None:
    """Raise ``StorageFull`` if the folder can't be written to, or made. It is not made here."""
    there = folder
    try:
        # A file has nothing below it, so this looks on above it.
        while not there.exists() and there != there.parent:
            there = there.parent
        if not there.is_dir():
            raise _refusal(folder, "a file is in the way")
        # It has no name, and is gone as soon as it is closed.
        with tempfile.TemporaryFile(dir=there):
            return
    except OSError as error:
        raise _refusal(folder, error.strerror or "it was refused") from error


def _refusal(folder: Path, reason: str) -> StorageFull:
    return StorageFull(
        "TensorBoard files cannot be written to “{folder}”: {reason}. Set "
        "CIFARVIZ_TENSORBOARD_DIR to a folder you may write to, or switch them off on the Train "
        "page, under Training.",
        folder=folder,
        reason=reason,
    )
