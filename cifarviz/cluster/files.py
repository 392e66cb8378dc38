"""The files of a home that belong to its cluster: token, address and status."""

import json
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cifarviz.errors import ClusterError
from cifarviz.settings import Settings
from cifarviz.storage import atomic_write, storage_errors

_ROOT = Path(__file__).resolve().parents[2]
# Seconds after which a status that nobody renewed is out of date.
_STATUS_SECONDS = 15.0


@dataclass(frozen=True)
class Node:
    """A computer of a cluster; ``cpus`` and ``gpus`` are what it offers to runs."""

    id: str
    name: str
    cpus: float
    gpus: float
    is_head: bool = False
    refusal: str | None = None
    """Why no run trains there."""


@dataclass(frozen=True)
class ClusterStatus:
    """The cluster as the gateway last saw it."""

    address: str
    nodes: tuple[Node, ...] = ()
    places: int = 0
    """How many runs can train at once."""
    problem: str | None = None
    """A sentence on why the cluster cannot be used."""


def cluster_folder(settings: Settings) -> Path:
    """Return the folder of a home with what belongs to its cluster."""
    return settings.home / "cluster"


def token_path(settings: Settings) -> Path:
    """Return the file with the secret that every node of the cluster shares."""
    return cluster_folder(settings) / "token"


def ensure_token(settings: Settings) -> Path:
    """Return ``token_path``, made with a new token if there is none; only its owner may read it."""
    path = token_path(settings)
    if not path.exists():
        save_token(settings, secrets.token_hex(32))
    return path


def save_token(settings: Settings, token: str) -> None:
    """Save the token of a cluster; raises ``StorageFull``."""
    path = token_path(settings)
    with storage_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as temporary:
            temporary.chmod(0o600)
            temporary.write_text(token)


def ray_environment(settings: Settings) -> dict[str, str]:
    """Return the environment for a process of Ray: settings, no usage statistics, and the token.

    What the environment says of authentication comes first, for a cluster that others set up.
    """
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        **os.environ,
        **settings.environment(),
        "PYTHONPATH": os.pathsep.join(paths),
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    has_own = any(name in os.environ for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN"))
    if token_path(settings).exists() and not has_own:
        environment |= {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(token_path(settings)),
        }
    return environment


def cluster_address(settings: Settings) -> str:
    """Return the address of the cluster that trains the runs of this home.

    Raises ``ClusterError`` if none is named, and none was started here.
    """
    address = settings.cluster or read_own_node(settings).get("address")
    if not address:
        raise ClusterError(
            "No cluster was started here. Start one with “cifarviz cluster start”, or set "
            "CIFARVIZ_CLUSTER to the address of another."
        )
    return str(address)


def read_own_node(settings: Settings) -> Mapping[str, Any]:
    """Return the facts of the node that was started here: ``address`` and ``pid``; or nothing."""
    return _read(cluster_folder(settings) / "node.json")


def save_own_node(settings: Settings, facts: Mapping[str, Any] | None) -> None:
    """Save the facts of the node that was started here; ``None`` removes them."""
    path = cluster_folder(settings) / "node.json"
    if facts is None:
        path.unlink(missing_ok=True)
    else:
        _write(path, facts)


def save_status(settings: Settings, status: ClusterStatus) -> None:
    """Save the status of the cluster for the pages."""
    _write(cluster_folder(settings) / "status.json", {"time": time.time(), **asdict(status)})


def load_status(settings: Settings) -> ClusterStatus | None:
    """Return the status of the cluster; ``None`` if no process of this home is in touch with it."""
    stored = dict(_read(cluster_folder(settings) / "status.json"))
    try:
        if not 0 <= time.time() - stored.pop("time") < _STATUS_SECONDS:
            return None
        nodes = tuple(Node(**node) for node in stored.pop("nodes"))
        return ClusterStatus(**stored, nodes=nodes)
    except (KeyError, TypeError):
        return None


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write(path: Path, content: Mapping[str, Any]) -> None:
    with storage_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path, durable=False) as temporary:
            temporary.write_text(json.dumps(content), encoding="utf-8")
