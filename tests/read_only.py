"""Run a program that may not write to a folder, also where the tests run as root."""

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PR_CAPBSET_DROP = 24
_CAP_DAC_OVERRIDE = 1


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Take the permission to write to a folder and all that is below it."""
    paths = [folder, *folder.rglob("*")]
    modes = [path.stat().st_mode for path in paths]
    for path, mode in zip(paths, modes, strict=True):
        path.chmod(mode & 0o555)
    try:
        yield
    finally:
        for path, mode in zip(paths, modes, strict=True):
            path.chmod(mode)


def run_without_privileges(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command for which permissions count, also if the user is root."""
    return subprocess.run(
        [sys.executable, *command],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        preexec_fn=drop_privileges if sys.platform == "linux" else None,
    )


def drop_privileges() -> None:
    """Let permissions count for this process, also if the user is root (Linux)."""
    ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE, 0, 0, 0)
