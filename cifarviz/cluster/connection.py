"""Connecting to a cluster, and its nodes. Ray is imported inside the functions only."""

import importlib.util
import socket
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

from cifarviz.cluster.files import Node
from cifarviz.cluster.versions import label_refusal
from cifarviz.errors import ClusterError

# Words by which Ray says that the token is wrong or missing.
_TOKEN_WORDS = ("token", "unauthenticated", "authentication")
TOO_SLOW = "timed out during startup"
"""What Ray prints when a node was not up in 30 seconds, as on a busy computer."""
NODE_LABEL = "cifarviz-node"
"""The label by which a node knows itself among others of its host."""
_HEAD = "node:__internal_head__"


def check_ray() -> None:
    """Raise ``ClusterError`` unless this computer can be a node of a cluster."""
    if not sys.platform.startswith("linux"):
        raise ClusterError(
            "The computers of a cluster need Linux. This one trains by itself, as without a "
            "cluster."
        )
    if importlib.util.find_spec("ray") is None:
        raise ClusterError(
            "Ray is not installed. Install it with “pip install 'cifarviz[cluster]'”."
        )


def check_answers(address: str) -> None:
    """Raise ``ClusterError`` unless something listens there: Ray would wait for a minute."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ClusterError(
            "“{address}” is no address of a cluster. Give host and port, as the head printed them: "
            "192.168.1.20:6379.",
            address=address,
        )
    try:
        with socket.create_connection((host, int(port)), timeout=5):
            pass
    except OSError as error:
        raise ClusterError(
            "Nothing answers at {address} ({reason}). Start the head there with “cifarviz cluster "
            "start”, and let its firewall pass this computer.",
            address=address,
            reason=error.strerror or error,
        ) from error


def connect(address: str, namespace: str = "cifarviz") -> None:
    """Connect this process to a cluster by this computer's node; raises ``ClusterError``.

    To be called in the main thread of a process that does nothing else with Ray.
    """
    check_ray()
    check_answers(address)
    import ray

    try:
        ray.init(address=address, namespace=namespace, log_to_driver=False, configure_logging=False)
    except Exception as error:
        raise explain_failure(address, str(error)) from error


def find_nodes(refused: Mapping[str, str] | None = None) -> tuple[Node, ...]:
    """Return the nodes of the connected cluster, the head first; ``refused`` gives reasons by id.

    Two nodes of one name get different ones.
    """
    import ray

    alive = [node for node in ray.nodes() if node["Alive"]]
    names = Counter(node["NodeName"] for node in alive)
    nodes = [_make_node(node, names, refused or {}) for node in alive]
    return tuple(sorted(nodes, key=lambda node: (not node.is_head, node.name)))


def find_own_node(mark: str) -> tuple[Node, str | None]:
    """Return the node with this mark, and why the head refuses it, if it does."""
    import ray

    labels = {node["NodeID"]: node["Labels"] for node in ray.nodes()}
    own_id = next(node_id for node_id in labels if labels[node_id].get(NODE_LABEL) == mark)
    nodes = find_nodes()
    own = next(node for node in nodes if node.id == own_id)
    head = next((node for node in nodes if node.is_head), own)
    return own, label_refusal(labels[own_id], labels[head.id])


def _make_node(node: Mapping[str, Any], names: Counter[str], refused: Mapping[str, str]) -> Node:
    name, node_id, resources = node["NodeName"], node["NodeID"], node["Resources"]
    return Node(
        id=node_id,
        name=name if names[name] == 1 else f"{name}-{node_id[:4]}",
        cpus=resources.get("CPU", 0.0),
        gpus=resources.get("GPU", 0.0),
        is_head=_HEAD in resources,
        refusal=label_refusal(node["Labels"]) or refused.get(node_id),
    )


def explain_failure(address: str, text: str) -> ClusterError:
    """Return the error for what Ray printed when it could not start or connect."""
    if any(word in text.lower() for word in _TOKEN_WORDS):
        return ClusterError(
            "The cluster at {address} refuses this token. Join with the token in the file "
            "“cluster/token” of the head’s home.",
            address=address,
        )
    if "Version mismatch" in text:
        lines = text.partition("Version mismatch:")[2].splitlines()
        found = [line.strip() for line in lines if line.strip().startswith(("Ray:", "Python:"))]
        versions = [line.replace(":", "") for line in found]
        there, here = " and ".join(versions[:2]), " and ".join(versions[2:4])
        return ClusterError(
            "The head of the cluster at {address} has {there}, and this computer {here}. Install "
            "the head’s versions here, Python to the patch release.",
            address=address,
            there=there,
            here=here,
        )
    if TOO_SLOW in text:
        return ClusterError("Ray was not up within 30 seconds, so this computer is too busy now.")
    return ClusterError(
        "The cluster at {address} does not answer, or this computer is none of its nodes. Start it "
        "with “cifarviz cluster start”, or join it with “cifarviz cluster join {address}”.",
        address=address,
    )
