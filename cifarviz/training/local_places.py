"""The places of this computer, in each of which a run can train: how many, and on what.

One place has all cores. Of more, each has a share of them, and a process (``executors``).
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from filelock import BaseFileLock

from cifarviz import free_memory, processor
from cifarviz.people.person import current_person
from cifarviz.runs import locks
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import LOCAL, Settings
from cifarviz.storage import atomic_write

MEASURED_FILE = "runs-at-once.json"
"""The name of the file in the home with runs an hour by how many train at once."""
# More at once must be worth it, and fewer are preferred where the difference may be due to other
# programs.
_MIN_GAIN = 1.05


def place_shares(settings: Settings) -> tuple[tuple[int, ...], ...]:
    """Return the numbers of the cores of each place; no more places than cores."""
    if settings.executor != LOCAL:
        return processor.core_shares(1)
    return processor.core_shares(settings.runs_at_once or _measured_number(settings.home))


def place_count(settings: Settings) -> int:
    """Return how many runs train at once on this computer at most."""
    return len(place_shares(settings))


def acquire_slot(store: RunStore) -> BaseFileLock | None:
    """Acquire a free slot for work that is no run; ``None`` if runs train in all of them."""
    slots = (locks.acquire(path) for path in _slot_paths(store))
    return next((slot for slot in slots if slot is not None), None)


OTHERS_FIRST: Final = (
    "Somebody else’s run trains or waits, and goes first. Try again when nobody else’s does, or "
    "train a short run: the queue takes turns."
)
"""Why no learning rate is found in a class now."""


def has_runs_of_others(store: RunStore) -> bool:
    """Whether another person's run trains or waits on this computer; paused ones do neither.

    What is not in the queue would hold it up, or slow it.
    """
    owner = current_person().owner
    return store.settings.executor == LOCAL and any(
        run.owner != owner and not run.orphaned and run.state is not RunState.PAUSED
        for run in store.active()
    )


def has_free_slot(store: RunStore) -> bool:
    """Whether a run could train on this computer now, besides those that do."""
    return not all(locks.is_held(path) for path in _slot_paths(store))


def _slot_paths(store: RunStore) -> list[Path]:
    return [store.slot_path(slot) for slot in range(place_count(store.settings))]


def place_machine(settings: Settings) -> str:
    """Return the processor and the cores of each place, as runs store it in ``machine``."""
    return processor.machine_name(len(place_shares(settings)[0]))


def lacks_memory(needed: int = free_memory.RUN_BYTES) -> bool:
    """Whether so many bytes are not free; where that is unknown they are taken to be."""
    free = free_memory.available_bytes()
    return free is not None and free < needed


def best_number(runs_an_hour: Mapping[int, float]) -> int:
    """Return how many runs at once to train: the fewest that are nearly the quickest."""
    quickest = max(runs_an_hour.values())
    if quickest < _MIN_GAIN * runs_an_hour[1]:
        return 1
    return min(n for n, rate in runs_an_hour.items() if rate * _MIN_GAIN >= quickest)


def save_runs_an_hour(home: Path, runs_an_hour: Mapping[int, float]) -> None:
    """Save what was measured on this computer; raises ``StorageFull``.

    It takes effect at the next start.
    """
    content = {"measured_with": processor.measured_with(), "runs_an_hour": dict(runs_an_hour)}
    home.mkdir(parents=True, exist_ok=True)
    with atomic_write(home / MEASURED_FILE) as part:
        part.write_text(json.dumps(content, indent=1), "utf-8")


def load_runs_an_hour(home: Path) -> dict[int, float] | None:
    """Return what was measured on this processor with these versions; ``None`` if nothing was."""
    try:
        content = json.loads((home / MEASURED_FILE).read_text("utf-8"))
        if content["measured_with"] != processor.measured_with():
            return None
        rates = {int(n): float(rate) for n, rate in content["runs_an_hour"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return rates if rates.get(1) else None


# Once, so that a process stays with the places that it began with.
@cache
def _measured_number(home: Path) -> int:
    measured = load_runs_an_hour(home)
    return 1 if measured is None else best_number(measured)
