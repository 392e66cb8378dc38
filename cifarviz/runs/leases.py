"""Leases: who looks after a run, and until when its word for it holds.

Whoever looks after a run renews its lease in the store with whatever it writes, by the clock of the
store's host. A process on that host also holds the run's file lock, which the system takes from it
however it dies: of such an owner the lock alone tells, at once. Of any other owner, who never opens
the store itself, the lease tells: when it has expired, the owner is taken for dead.
"""

import os
from typing import Any, Final, NamedTuple

LEASE_SECONDS: Final = 30.0
"""A lease that was not renewed for so long has expired."""

_PROCESS = "process "


def this_process() -> str:
    """The name, as an owner of leases, of this process: it holds the locks of its runs."""
    return f"{_PROCESS}{os.getpid()}"


def is_leased(owner: Any, expires: Any, now: float) -> bool:
    """Whether a stored lease says by itself, without a lock, that its owner looks after the run.

    ``expires`` and ``now`` are Unix seconds. One that expires later than any could that is made
    now was made before the clock was put back, and says nothing.
    """
    if not isinstance(owner, str) or not isinstance(expires, int | float):
        return False
    return not owner.startswith(_PROCESS) and now < expires <= now + LEASE_SECONDS


class Attempt(NamedTuple):
    """One try to train a run: what it reports counts until the run ends or is begun again."""

    number: int
    owner: str
    """Who looks after the run meanwhile."""
