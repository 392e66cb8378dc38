"""Whether TensorBoard files can be written, asked before a run is queued."""

import tempfile
from pathlib import Path

from cifarviz.errors import StorageFull


def check_tensorboard_folder(folder: Path) -> None:
    """Make the folder of all TensorBoard files; raise ``StorageFull`` if it can't be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return
    except (FileExistsError, NotADirectoryError) as error:
        raise _refusal(folder, "a file is in the way") from error
    except OSError as error:
        raise _refusal(folder, error.strerror or "it was refused") from error


def _refusal(folder: Path, reason: str) -> StorageFull:
    return StorageFull(
        f"TensorBoard files cannot be written to “{folder}”: {reason}. Set "
        "CIFARVIZ_TENSORBOARD_DIR to a folder you may write to, or switch them off on the Train "
        "page, under Training."
    )
