"""How much memory is free on this computer, and how much a process uses.

Linux tells both, within the limits of a container. Elsewhere they are unknown.
"""

from collections.abc import Iterator
from pathlib import Path

RUN_BYTES = 900_000_000
"""What a process needs that trains a run: measured with TensorFlow loaded and a small network."""

_MEMINFO = Path("/proc/meminfo")
# Of the container that this process is in, as it is seen from within (version 2, then 1).
_CONTAINERS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        "/sys/fs/cgroup/memory/memory.stat",
    ),
)
# Files in memory that can be dropped, in either version.
_RECLAIMABLE = ("inactive_file", "total_inactive_file")


def available_bytes() -> int | None:
    """Return how much memory new processes can take without swapping; ``None`` if unknown."""
    free = _first_kilobytes(_MEMINFO, "MemAvailable:")
    if free is None:
        return None
    return max(min([free, *_free_in_containers()]), 0)


def used_bytes(process: int) -> int | None:
    """Return the resident memory of a process; ``None`` if unknown, or if it has ended."""
    return _first_kilobytes(Path(f"/proc/{process}/status"), "VmRSS:")


def _first_kilobytes(path: Path, name: str) -> int | None:
    for words in _lines(path):
        if words[0] == name and len(words) > 1 and words[1].isdecimal():
            return 1024 * int(words[1])
    return None


def _free_in_containers() -> Iterator[int]:
    for limit_path, used_path, facts_path in _CONTAINERS:
        limit, used = _number(Path(limit_path)), _number(Path(used_path))
        if limit is None or used is None:
            continue
        facts = {words[0]: int(words[1]) for words in _lines(Path(facts_path)) if len(words) == 2}
        yield limit - used + max(facts.get(name, 0) for name in _RECLAIMABLE)


def _number(path: Path) -> int | None:
    """Return the number in a file; ``None`` without one, such as for ``max``."""
    text = next((words[0] for words in _lines(path)), "")
    return int(text) if text.isdecimal() else None


def _lines(path: Path) -> Iterator[list[str]]:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return
    yield from filter(None, map(str.split, lines))
