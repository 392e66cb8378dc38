"""Compile the installed packages to bytecode, once, while the dashboard is in use.

``scripts/setup_environment.sh`` installs without compiling, so that the first page appears
sooner, and leaves a mark in the environment. The dashboard compiles after its first page.
"""

import compileall
import contextlib
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import filelock

MARK = "not-compiled"
"""The file in the environment's folder that marks missing bytecode."""


def compile_missing() -> None:
    """Compile what this environment lacks, in a process of the lowest priority, and wait for it.

    If it is killed, it goes on the next time.
    """
    if (Path(sys.prefix) / MARK).exists():
        subprocess.run(  # noqa: S603 - a fixed program, no shell
            [sys.executable, "-P", __file__],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )


def main() -> None:
    """Compile all packages of this environment, then remove the mark; once at a time."""
    if hasattr(os, "nice"):
        os.nice(19)
    mark = Path(sys.prefix) / MARK
    lock = filelock.FileLock(f"{mark}.lock", blocking=False)
    with contextlib.suppress(filelock.Timeout), lock:
        # compileall writes each file atomically, and skips those that are up to date.
        compileall.compile_dir(sysconfig.get_path("purelib"), quiet=2)
        mark.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
