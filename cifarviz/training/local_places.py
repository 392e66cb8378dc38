"""The places of this computer, in each of which a run can train: how many, and on what.

One place has all cores. Of more, each has a share of them, and a process (``executors``).
"""

from cifarviz import free_memory, processor
from cifarviz.settings import LOCAL, Settings


def place_shares(settings: Settings) -> tuple[tuple[int, ...], ...]:
    """Return the numbers of the cores of each place; no more places than cores."""
    wanted = settings.runs_at_once if settings.executor == LOCAL else 1
    return processor.core_shares(wanted)


def place_count(settings: Settings) -> int:
    """Return how many runs train at once on this computer at most."""
    return len(place_shares(settings))


def place_machine(settings: Settings) -> str:
    """Return the processor and the cores of each place, as runs store it in ``machine``."""
    return processor.machine_name(len(place_shares(settings)[0]))


def lacks_memory(needed: int = free_memory.RUN_BYTES) -> bool:
    """Whether so many bytes are not free; where that is unknown they are taken to be."""
    free = free_memory.available_bytes()
    return free is not None and free < needed
