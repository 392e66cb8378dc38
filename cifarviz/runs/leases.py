"""Leases: who owns a run that is being trained, and until when.

The owner of a run renews its lease with everything it writes to the store, by the clock of the
store's host. A process on that host also holds the run's file lock, which ends with the process:
for such an owner only the lock counts. Any other owner, which never opens the store itself, is lost
when its lease has expired. Nodes of a cluster go on training while the process at the head that
takes their messages is away, so their leases are longer.
"""

import os
from typing import Any, Final, NamedTuple

LEASE_SECONDS: Final = 30.0
"""Seconds after which a lease that was not renewed expires."""

CLUSTER_LEASE_SECONDS: Final = 900.0
"""As ``LEASE_SECONDS``, for a run that trains on a node of a cluster."""

_PROCESS = "process "
_CLUSTER = "cluster "


def this_process() -> str:
    """Return the name of this process as an owner of leases; it holds its runs' locks."""
    return f"{_PROCESS}{os.getpid()}"


def cluster_owner(address: str) -> str:
    """Return the name of a cluster as an owner of leases."""
    return f"{_CLUSTER}{address}"


def is_cluster(owner: Any) -> bool:
    """Whether an owner is a cluster, whose nodes train on when the process that asked has ended."""
    return isinstance(owner, str) and owner.startswith(_CLUSTER)


def lease_seconds(owner: str) -> float:
    """Return for how many seconds a new lease of this owner is valid."""
    return CLUSTER_LEASE_SECONDS if is_cluster(owner) else LEASE_SECONDS


def is_leased(owner: Any, expires: Any, now: float) -> bool:
    """Whether a stored lease is valid by itself, without a lock.

    ``expires`` and ``now`` are Unix seconds. A lease that expires later than a new lease would
    was made before the clock was set back, and is not valid.
    """
    if not isinstance(owner, str) or not isinstance(expires, int | float):
        return False
    return not owner.startswith(_PROCESS) and now < expires <= now + lease_seconds(owner)


class Attempt(NamedTuple):
    """One attempt to train a run; its reports count until the run ends or starts again."""

    number: int
    owner: str
    """The owner of the run during the attempt."""
    message: int | None = None
    """The number of the message that reports, from 1; each is taken once, in order."""
