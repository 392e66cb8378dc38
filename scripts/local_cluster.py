"""A cluster of Ray on this machine, for tests and benchmarks: a head and nodes, each by itself."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from cifarviz.cluster import node_process
from cifarviz.cluster.files import read_own_node, save_token, token_path
from cifarviz.settings import Settings


@dataclass
class LocalCluster:
    """The cluster; each node has a home of its own below ``folder``."""

    folder: Path
    address: str = ""
    nodes: dict[str, Settings] = field(default_factory=dict)

    def settings_of(self, name: str) -> Settings:
        """Return the settings of a node."""
        return Settings.from_environment({"CIFARVIZ_HOME": str(self.folder / name)})

    @property
    def token(self) -> str:
        """The secret that the nodes share."""
        return token_path(self.settings_of("head")).read_text()

    def start(self) -> None:
        """Start the head, on which no run trains."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.nodes["head"] = self.settings_of("head")
        self.address = node_process.start_head(self.nodes["head"], port=port, cpus=0)

    def join(self, *names: str, cpus: int = 1) -> None:
        """Add nodes."""
        for name in names:
            self.nodes[name] = settings = self.settings_of(name)
            node_process.join(settings, self.address, self.token, cpus=cpus, name=name)

    def kill(self, name: str) -> None:
        """Kill all processes of a node at once, as a power cut would."""
        with suppress(ProcessLookupError, KeyError):
            os.killpg(read_own_node(self.nodes[name])["pid"], signal.SIGKILL)

    def connected(self, settings: Settings) -> Settings:
        """Return the settings of a home whose runs train on this cluster."""
        save_token(settings, self.token)
        return replace(settings, executor="ray", cluster=self.address)


@contextmanager
def local_cluster(folder: Path) -> Iterator[LocalCluster]:
    """Start a head; all nodes are stopped at the end."""
    made = LocalCluster(folder)
    try:
        made.start()
        yield made
    finally:
        for name in reversed(made.nodes):
            # Without waiting for what trains there.
            made.kill(name)
            node_process.stop(made.nodes[name])
