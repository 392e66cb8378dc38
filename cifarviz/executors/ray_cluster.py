"""The gateway's connection to a cluster of Ray: nodes, data sets and trainers."""

import hashlib
import logging
import socket
from typing import Any

import numpy as np

from cifarviz.cluster.connection import connect, find_nodes
from cifarviz.cluster.files import ClusterStatus, Node, cluster_address, save_status
from cifarviz.cluster.versions import versions
from cifarviz.data.image_set import Dataset
from cifarviz.executors.ray_trainer import Trainer
from cifarviz.settings import Settings

log = logging.getLogger(__name__)


class RayCluster:
    """A connection, made by ``connect``; to be used by the thread that made it."""

    def __init__(self, settings: Settings) -> None:
        """Raises ``ClusterError`` where no cluster is named."""
        self._settings = settings
        self.address = cluster_address(settings)
        self.nodes: tuple[Node, ...] = ()
        # Nodes that a trainer found to be of other versions, with the reason.
        self._refused: dict[str, str] = {}
        self._data: dict[str, Any] = {}

    def connect(self) -> None:
        """Connect to the cluster by this computer's node; raises ``ClusterError``."""
        connect(self.address, namespace(self._settings))
        self.update()

    def update(self) -> None:
        """Look which nodes there are."""
        self.nodes = find_nodes(self._refused)

    def node_name(self, node_id: str) -> str:
        """Return the name of a node for people."""
        return next((node.name for node in self.nodes if node.id == node_id), node_id[:8])

    def refuse(self, node_id: str, reason: str) -> None:
        """Let no run train on a node from now on."""
        log.warning("node %s is refused: %s", self.node_name(node_id), reason)
        self._refused[node_id] = reason
        self.update()

    @property
    def usable(self) -> list[Node]:
        """The nodes on which a run fits."""
        cpus, gpus = self.cpus, self._settings.cluster_gpus
        return [
            node
            for node in self.nodes
            if node.refusal is None and node.cpus >= cpus and node.gpus >= gpus
        ]

    @property
    def cpus(self) -> int:
        """The cores that a run takes."""
        counts = [int(node.cpus) for node in self.nodes if node.refusal is None and node.cpus >= 1]
        return self._settings.cluster_cpus or min(counts, default=1)

    @property
    def places(self) -> int:
        """How many runs can train at once."""
        gpus = self._settings.cluster_gpus
        return sum(
            min(
                int(node.cpus // self.cpus),
                int(node.gpus / gpus + 1e-9) if gpus else 1_000,
            )
            for node in self.usable
        )

    def problem(self) -> str | None:
        """Return a sentence on why no run can train, if none can."""
        if self.usable:
            return None
        if refused := next((node for node in self.nodes if node.refusal), None):
            return f"No node can train: {refused.name} is refused. {refused.refusal}"
        if not self.nodes:
            return "The cluster has no computers. Start it with “cifarviz cluster start”."
        cores = "1 core" if self.cpus == 1 else f"{self.cpus} cores"
        gpus = self._settings.cluster_gpus
        takes = f"{cores} and {gpus:g} GPU" if gpus else cores
        return (
            f"No computer of the cluster has the {takes} that a run takes. Add one with “cifarviz "
            "cluster join”."
        )

    def save_status(self) -> None:
        """Save the status of the cluster for the pages."""
        status = ClusterStatus(self.address, self.nodes, self.places, self.problem())
        save_status(self._settings, status)

    def make_trainer(self, name: str) -> Any:
        """Make an actor that trains a run when there is a place for it; returns its handle."""
        import ray

        # One call waits for messages, while another may wake it.
        options: dict[str, Any] = {
            "name": name,
            "lifetime": "detached",
            "num_cpus": self.cpus,
            "num_gpus": self._settings.cluster_gpus,
            "max_restarts": 0,
            "max_task_retries": 0,
            "max_concurrency": 3,
        }
        refused = [node.id for node in self.nodes if node.refusal]
        if refused:
            options["label_selector"] = {"ray.io/node-id": f"!in({','.join(refused)})"}
        return ray.remote(Trainer).options(**options).remote(versions(), self.cpus)

    def find_trainer(self, name: str) -> Any | None:
        """Return the handle of a trainer that exists; ``None`` if it has ended."""
        import ray

        try:
            return ray.get_actor(name)
        except ValueError:
            return None

    def trainer_names(self) -> list[str]:
        """Return the names of the trainers of this home."""
        import ray

        return list(ray.util.list_named_actors())

    def end_trainer(self, trainer: Any) -> None:
        """End a trainer at once."""
        import ray

        try:
            ray.kill(trainer)
        except Exception:
            log.debug("the trainer has ended already", exc_info=True)

    def put_data(self, data: Dataset) -> Any:
        """Put a data set into the object store, from which each node gets it once."""
        import ray

        key = f"{data.info.name} {data.info.fingerprint} {data.variant}"
        if key not in self._data:
            # One at a time: the store is small.
            self._data.clear()
            self._data[key] = ray.put(
                {
                    f"{split}_{part}": np.asarray(getattr(data.split(split), part))
                    for split in ("train", "test")
                    for part in ("images", "labels", "indices")
                }
            )
        return self._data[key]


def namespace(settings: Settings) -> str:
    """Return the namespace of a home's trainers: several homes may share a cluster."""
    home = f"{socket.gethostname()}:{settings.home}"
    return f"cifarviz-{hashlib.sha256(home.encode()).hexdigest()[:16]}"
