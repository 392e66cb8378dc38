"""A gateway with made-up trainers, which send what real ones would and calculate nothing.

Each actor stands for many trainers, since a process each would not fit on one machine.
"""

import json
import queue
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.page_client import PageClient
from cifarviz.cluster.files import ray_environment
from cifarviz.executors.gateway import Gateway
from cifarviz.executors.messages import Answer, Message, Outbox
from cifarviz.executors.ray_trainer import WAIT_SECONDS
from cifarviz.executors.remote_run import RemoteRun
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.leases import Attempt, cluster_owner
from cifarviz.runs.records import BatchPoints, Progress
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore, new_run_id
from cifarviz.settings import Settings
from scripts.app_server import ROOT, AppServer, serve_files

_INTERVAL = 0.25
_STEPS = 25
_TRAINERS_AN_ACTOR = 50
# Seconds at the beginning that do not count.
_WARM_UP = 5.0


@dataclass
class GatewayLoad:
    """What a number of trainers takes; delays in seconds, ``processor`` in cores."""

    trainers: int
    to_store: list[float] = field(default_factory=list)
    store_to_page: list[float] = field(default_factory=list)
    messages_per_second: float = 0.0
    processor: float = 0.0
    megabytes: float = 0.0
    written_per_second: float = 0.0

    def summary(self) -> dict[str, object]:
        """Return the values for the results, delays as their median and 95th percentile."""
        delays = {"to_store": self.to_store, "store_to_page": self.store_to_page}
        return vars(self) | {
            name: np.percentile(values, (50, 95)).round(3).tolist()
            for name, values in delays.items()
        }


class TrainerHost:
    """Many made-up trainers in one actor: each reports some steps four times per second."""

    def __init__(self, count: int) -> None:
        self._outboxes = [Outbox() for _ in range(count)]
        self._step = 0
        threading.Thread(target=self._report, daemon=True).start()

    def _report(self) -> None:
        due = time.monotonic()
        while True:
            # Spread over the interval, as trainers of different computers are.
            for outbox in self._outboxes:
                outbox.add(self._message())
                due += _INTERVAL / len(self._outboxes)
                time.sleep(max(due - time.monotonic(), 0.0))
            self._step += _STEPS

    def _message(self) -> Message:
        steps = np.arange(self._step + 1, self._step + _STEPS + 1)
        values = np.ones(_STEPS, np.float32)
        # The speed carries the time, which the store does not have otherwise.
        progress = Progress(
            "training", 1, self._step + _STEPS, 10**6, time.time(), 1000.0, time.time()
        )
        content = {
            "progress": progress,
            "batches": BatchPoints(steps, values, values),
            "epoch": None,
            "seconds": 1.0,
        }
        return Message("record", content)

    def exchange(self, number: int, acknowledged: int) -> Answer:
        """Answer as ``Trainer.exchange`` of a trainer."""
        return self._outboxes[number].after(acknowledged, WAIT_SECONDS)


class _Handle:
    """Stands for the handle of one trainer's actor."""

    def __init__(self, host: Any, number: int) -> None:
        self._host, self._number = host, number
        self.exchange = self

    def remote(self, acknowledged: int, _request: object, _pinned: object) -> Any:
        return self._host.exchange.remote(self._number, acknowledged)


class _TimedInbox:
    """An inbox that notes how long each message took to be stored."""

    def __init__(self, inbox: Any, delays: list[float], since: float) -> None:
        self._inbox, self._delays, self._since = inbox, delays, since

    @property
    def received(self) -> int:
        return int(self._inbox.received)

    @received.setter
    def received(self, number: int) -> None:
        self._inbox.received = number

    def take(self, message: Message) -> None:
        self._inbox.take(message)
        if time.monotonic() > self._since:
            self._delays.append(time.time() - message.content["progress"].images_per_second)


def measure_gateway(settings: Settings, trainers: int, seconds: float) -> GatewayLoad:
    """Run a gateway with so many trainers, watched by one page, for so many seconds."""
    store = RunStore(settings)
    run_ids = [_start_run(store, settings.cluster or "", number) for number in range(trainers)]
    serve_files()
    log = settings.home.parent / "server.log"
    with AppServer(ROOT / "app.py", settings.home, log) as server:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.made_up_trainers", str(seconds)],
            env=ray_environment(settings),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(run_ids))
        process.stdin.close()
        process.stdout.readline()
        query = f"view=watch&run={run_ids[0]}"
        with PageClient(server.url, "train", query, (run_ids[0], "status")) as page:
            page.wait()
            measured = json.loads(process.stdout.readline())
            process.wait()
    return GatewayLoad(trainers, store_to_page=page.delays[1:], **measured)


def _start_run(store: RunStore, address: str, number: int) -> str:
    run_id = new_run_id()
    store.create(run_id, PRESETS["cifar10-starter"].experiment, f"run {number}", "benchmark")
    store.transition(run_id, RunState.RUNNING, owner=cluster_owner(address))
    return run_id


def main() -> None:
    """Be the gateway of the runs on standard input; prints what was measured."""
    import ray

    run_ids = json.load(sys.stdin)
    settings, seconds = Settings.from_environment(), float(sys.argv[1])
    commands: queue.Queue[Any] = queue.Queue()
    gateway = Gateway(settings, commands, lambda _reply: None)
    gateway.connect()
    host = ray.remote(TrainerHost).options(num_cpus=0, max_concurrency=_TRAINERS_AN_ACTOR + 1)
    firsts = range(0, len(run_ids), _TRAINERS_AN_ACTOR)
    hosts = [host.remote(min(_TRAINERS_AN_ACTOR, len(run_ids) - first)) for first in firsts]
    delays: list[float] = []
    since = time.monotonic() + _WARM_UP
    store, attempt = RunStore(settings), Attempt(1, cluster_owner(settings.cluster or ""))
    for number, run_id in enumerate(run_ids):
        actor, place = divmod(number, _TRAINERS_AN_ACTOR)
        run = RemoteRun(gateway._cluster, store, run_id, attempt)
        run._trainer, run.phase = _Handle(hosts[actor], place), "training"
        run._inbox = _TimedInbox(run._inbox, delays, since)  # type: ignore[assignment]
        gateway._runs[run_id, 1] = run
    print("ready", flush=True)
    timer = threading.Timer(seconds + _WARM_UP, commands.put, (None,))
    timer.start()
    before, began = _usage(), time.monotonic()
    gateway.serve()
    elapsed = time.monotonic() - began
    after = _usage()
    print(
        json.dumps(
            {
                "to_store": delays,
                "messages_per_second": len(delays) / seconds,
                "processor": (after["processor"] - before["processor"]) / elapsed,
                "megabytes": after["megabytes"],
                "written_per_second": (after["written"] - before["written"]) / elapsed,
            }
        ),
        flush=True,
    )


def _usage() -> Mapping[str, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return {
        "processor": used.ru_utime + used.ru_stime,
        "megabytes": used.ru_maxrss / 1000,
        "written": float(fields["write_bytes"]),
    }


if __name__ == "__main__":
    main()
