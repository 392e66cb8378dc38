"""OS file locks: they vanish with the process that held them, however it died.

A lock file stays on disk; only whether somebody holds its lock means anything.
"""

from pathlib import Path

from filelock import FileLock, Timeout

from cifarviz.errors import StoreError

# Asking whether a lock is held takes it for an instant, so a taker tries for a little longer.
_TAKE_SECONDS = 0.5


def take(path: Path, seconds: float = _TAKE_SECONDS) -> FileLock | None:
    """Take the lock, or return ``None`` if somebody holds it for longer than ``seconds``.

    The lock may be released from another thread than the one that took it. Raises ``StoreError``
    where the system refuses, as it does when too many files are open.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, thread_local=False)
        lock.acquire(timeout=seconds, poll_interval=0.02)
    except Timeout:
        return None
    except OSError as error:
        raise StoreError(
            f"The lock {path} cannot be taken just now ({error.strerror or error}). Check that "
            "you may write to its folder and that not too many files are open."
        ) from error
    return lock


def is_held(path: Path) -> bool:
    """Whether some process, this one included, holds the lock."""
    if not path.exists():
        return False
    lock = take(path, 0)
    if lock is None:
        return True
    lock.release()
    return False
