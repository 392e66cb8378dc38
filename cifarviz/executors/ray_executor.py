"""The executor that trains on the computers of a cluster, by Ray Core.

Ray is not imported here: a process of its own, the gateway, is in touch with the cluster.
"""

import importlib.util
import json
import logging
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

from cifarviz.cluster.files import ray_environment
from cifarviz.errors import LeaseLost, SettingInvalid
from cifarviz.executors.executor import Job
from cifarviz.runs.leases import CLUSTER_LEASE_SECONDS, is_cluster
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.training.ending import Ending

log = logging.getLogger(__name__)

# Seconds before a gateway that ended is started again, doubled up to the second number.
_RESTART_SECONDS, _MAX_RESTART_SECONDS = 1.0, 15.0
_Key = tuple[str, int]


class RayPlace:
    """A place for a run on the cluster."""

    def __init__(self, executor: "RayExecutor", owner: str) -> None:
        self._executor = executor
        self.owner = owner

    def release(self) -> None:
        self._executor.free_place()


class RayExecutor:
    """Trains on the nodes of a cluster; starts the gateway, and again if it ends."""

    def __init__(self, store: RunStore) -> None:
        """Raises ``SettingInvalid`` without Ray; without a cluster, runs wait for one."""
        if importlib.util.find_spec("ray") is None:
            raise SettingInvalid(
                "CIFARVIZ_EXECUTOR is “ray”, but Ray is not installed. Install it with “pip "
                "install 'cifarviz[cluster]'”, or remove the setting to train on this computer."
            )
        self._settings = store.settings
        self._owner = ""
        self._lock = threading.Lock()
        self._taken = 0
        self._places = 0
        self._problem: str | None = None
        self._last_contact = 0.0
        self._waiting: dict[_Key, queue.SimpleQueue[Mapping[str, Any]]] = {}
        self._gateway: subprocess.Popen[str] | None = None
        self._closed = threading.Event()
        threading.Thread(target=self._run_gateways, name="cifarviz-gateway", daemon=True).start()

    @property
    def places(self) -> int:
        # One thread at least waits for the cluster.
        return max(self._places, 1)

    def reserve(self) -> RayPlace | None:
        with self._lock:
            if self._taken >= self._places:
                return None
            self._taken += 1
        return RayPlace(self, self._owner)

    def attach(self, owner: str) -> RayPlace | None:
        """Return the place of a run that trains on this cluster already."""
        if not is_cluster(owner):
            return None
        with self._lock:
            self._taken += 1
        return RayPlace(self, owner)

    def free_place(self) -> None:
        """Free a place; called once for each that was reserved."""
        with self._lock:
            self._taken -= 1

    def close(self) -> None:
        """End the gateway, and start no other; runs train on, and nothing is heard of them."""
        self._closed.set()
        with self._lock:
            if self._gateway is not None:
                self._gateway.kill()

    def train(self, job: Job) -> Ending:
        return self._train(job, attached=False)

    def watch(self, job: Job) -> Ending:
        """See a run that trains already to its end, as ``train`` does."""
        return self._train(job, attached=True)

    def _train(self, job: Job, *, attached: bool) -> Ending:
        key = (job.run.id, job.attempt.number)
        replies: queue.SimpleQueue[Mapping[str, Any]] = queue.SimpleQueue()
        with self._lock:
            self._waiting[key] = replies
            self._tell(key, attached=attached)
        try:
            reply = self._wait(replies)
        finally:
            with self._lock:
                del self._waiting[key]
        if reply is None:
            return Ending(RunState.INTERRUPTED, "The cluster did not answer for 15 minutes.")
        if reply["is"] == "lost":
            raise LeaseLost(
                "Run {run_id} has ended or was started again since attempt {attempt} began, so "
                "this attempt ends here.",
                run_id=key[0],
                attempt=key[1],
            )
        return Ending(RunState(reply["state"]), reply["message"], reply["stopped_early"])

    def _wait(self, replies: "queue.SimpleQueue[Mapping[str, Any]]") -> Mapping[str, Any] | None:
        """Return the reply on a run; ``None`` if no gateway reached the cluster for too long."""
        began = time.monotonic()
        while True:
            try:
                return replies.get(timeout=5.0)
            except queue.Empty:
                silent = time.monotonic() - max(began, self._last_contact)
                if silent > CLUSTER_LEASE_SECONDS:
                    return None

    def _tell(self, key: _Key, *, attached: bool) -> None:
        """Tell the gateway of a run; if there is none, the next one is told of all."""
        if self._gateway is None:
            return
        command = {"run": key[0], "attempt": key[1], "attached": attached}
        try:
            _write(self._gateway, command)
        except OSError:
            log.debug("the gateway has just ended", exc_info=True)

    def _run_gateways(self) -> None:
        """Start a gateway, read its replies until it ends, and start the next one."""
        pause = _RESTART_SECONDS
        while not self._closed.is_set():
            began = time.monotonic()
            try:
                self._run_gateway()
            except Exception:
                log.exception("the gateway to the cluster could not be used")
            with self._lock:
                self._gateway, self._places = None, 0
            is_quick = time.monotonic() - began < _MAX_RESTART_SECONDS
            pause = min(2 * pause, _MAX_RESTART_SECONDS) if is_quick else _RESTART_SECONDS
            self._closed.wait(pause)

    def _run_gateway(self) -> None:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "cifarviz.executors.gateway"],
            env=ray_environment(self._settings),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            # Ctrl-C stops the runs first, which needs the gateway.
            start_new_session=True,
        )
        try:
            with self._lock:
                if self._closed.is_set():
                    return
                self._gateway = process
                for key in self._waiting:
                    # A gateway before may have started it.
                    self._tell(key, attached=True)
            assert process.stdout is not None
            for line in process.stdout:
                self._take(json.loads(line))
        finally:
            process.kill()
            process.wait()

    def _take(self, reply: Mapping[str, Any]) -> None:
        with self._lock:
            if reply["is"] == "status":
                self._places, self._owner = reply["places"], reply["owner"]
                if reply["places"]:
                    self._last_contact = time.monotonic()
                if reply["problem"] not in (None, self._problem):
                    log.warning("%s", reply["problem"])
                self._problem = reply["problem"]
                return
            waiting = self._waiting.get((reply["run"], reply["attempt"]))
        if waiting is not None:
            waiting.put(reply)


def _write(process: "subprocess.Popen[str]", value: Mapping[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(value) + "\n")
    process.stdin.flush()
