"""What this process does to files and programs while an enemy's input is read."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

# Audit events that change a path: positions of their paths, and of descriptors of folders.
_CHANGES: Final[dict[str, tuple[tuple[int, ...], tuple[int, ...]]]] = {
    "os.chmod": ((0,), (2,)),
    "os.link": ((0, 1), (2, 3)),
    "os.mkdir": ((0,), (2,)),
    "os.remove": ((0,), (1,)),
    "os.rename": ((0, 1), (2, 3)),
    "os.rmdir": ((0,), (1,)),
    "os.symlink": ((1,), (2,)),
    "os.truncate": ((0,), ()),
    "shutil.rmtree": ((0,), ()),
    "sqlite3.connect": ((0,), ()),
}
_PROGRAMS: Final = ("os.system", "os.exec", "os.posix_spawn", "pty.spawn")
_SECRETS: Final = ("/etc/passwd", "/etc/shadow")


class FileWatch:
    """Collects what is done outside the folders that may be written; while ``watching``.

    ``violations``: a line for each thing that must not happen: a file of ``canary`` or a secret
    one is opened, something is written outside ``writable``, or a program is started that is not
    this Python.
    """

    def __init__(self, canary: Path, *writable: Path) -> None:
        self.violations: list[str] = []
        self._canary = os.path.realpath(canary)
        self._writable = [os.path.realpath(path) for path in writable]
        self._on = False
        # A hook cannot be removed again.
        sys.addaudithook(self._audit)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch during the body; on leaving it, look whether the canary has changed."""
        before = self._listing()
        self._on = True
        try:
            yield
        finally:
            self._on = False
        if self._listing() != before:
            self.violations.append(f"{self._canary} has changed")

    def _listing(self) -> list[tuple[str, bytes]]:
        files = sorted(path for path in Path(self._canary).rglob("*") if path.is_file())
        return [(str(path), path.read_bytes()) for path in files]

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._on:
            return
        if event == "open":
            path, mode, flags = arguments
            is_writing = bool((flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
            self._note(event, path, is_writing or bool(set(mode or "") & set("wax+")))
        elif event in _CHANGES:
            paths, descriptors = _CHANGES[event]
            # A name below an open folder, as shutil.rmtree uses it, says nothing of its place.
            if all(arguments[position] == -1 for position in descriptors):
                for position in paths:
                    self._note(event, arguments[position], is_writing=True)
        elif event in _PROGRAMS:
            self.violations.append(f"{event}: {arguments[0]!r}")
        elif event == "subprocess.Popen" and arguments[0] != sys.executable:
            self.violations.append(f"started {arguments[0]!r}")
        elif event == "pickle.find_class" and arguments[0] in ("os", "posix", "nt", "subprocess"):
            self.violations.append(f"unpickled {'.'.join(arguments)}")

    def _note(self, event: str, path: object, is_writing: bool) -> None:
        if not isinstance(path, str | bytes | os.PathLike):
            # A descriptor.
            return
        name = os.fsdecode(path)
        if "\0" in name or name == ":memory:":
            return
        real = os.path.realpath(name)
        if real.startswith(self._canary) or real in _SECRETS:
            self.violations.append(f"{event}: {name}")
        elif is_writing and not self._may_write(real):
            self.violations.append(f"{event}, writing: {name}")

    def _may_write(self, path: str) -> bool:
        return "__pycache__" in path or any(
            path == folder or path.startswith(folder + os.sep)
            for folder in (*self._writable, "/dev", "/proc")
        )
