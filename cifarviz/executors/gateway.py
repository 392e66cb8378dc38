"""The gateway: a process that is in touch with a cluster, and alone writes for its nodes.

``RayExecutor`` starts it, tells it on standard input which runs to train, one JSON value a line,
and reads on standard output how they end. It ends when its standard input does; trainers go on,
and another gateway attaches to them. Ray is imported here and on the nodes only.
"""

import json
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from cifarviz.cluster.files import ClusterStatus, save_status
from cifarviz.datasets.registry import find_dataset
from cifarviz.errors import CifarvizError, ClusterError
from cifarviz.executors.failure import failed_ending
from cifarviz.executors.ray_cluster import RayCluster
from cifarviz.executors.remote_run import RemoteRun, stray_trainers
from cifarviz.runs.database_rows import IS_ACTIVE
from cifarviz.runs.leases import Attempt, cluster_owner
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.training.ending import Ending

log = logging.getLogger(__name__)

Reply = Callable[[Mapping[str, Any]], None]

# Seconds the loop waits for answers, and between two looks at nodes, requests and pins.
_WAIT_SECONDS = 0.02
_REQUEST_SECONDS = 0.1
_NODE_SECONDS = 2.0
_PIN_SECONDS = 2.0
_STRAY_SECONDS = 30.0
# Seconds until this process has ended, once its standard input has.
_END_SECONDS = 5.0
# Seconds to connect; a busy computer needs ten.
_CONNECT_SECONDS = 120.0


class Gateway:
    """Sees the runs that it is told of to their ends; single-threaded."""

    def __init__(self, settings: Settings, commands: "queue.Queue[Any]", reply: Reply) -> None:
        self._settings, self._commands, self._reply = settings, commands, reply
        self._store = RunStore(settings)
        self._cluster = RayCluster(settings)
        self._runs: dict[tuple[str, int], RemoteRun] = {}
        self._next: dict[str, float] = {}
        self._actions: dict[str, list[str]] = {}

    def connect(self) -> None:
        """Connect to the cluster; raises ``ClusterError``."""
        self._cluster.connect()

    def serve(self) -> None:
        """Work until ``None`` comes as a command."""
        with self._store.database.keep_open():
            while self._read_commands():
                self._work()

    def _work(self) -> None:
        """Do what is due, and wait a little for answers."""
        if self._is_due("nodes", _NODE_SECONDS):
            self._look_at_nodes()
        if self._is_due("requests", _REQUEST_SECONDS):
            self._read_requests()
        if self._is_due("pins", _PIN_SECONDS):
            self._send_pins()
        if self._is_due("strays", _STRAY_SECONDS):
            self._end_strays()
        for run in list(self._runs.values()):
            self._guarded(run, partial(run.step, self._actions.get(run.run_id, ())))
        self._wait_for_answers()
        self._end_runs()

    def _is_due(self, name: str, seconds: float) -> bool:
        now = time.monotonic()
        if now < self._next.get(name, 0.0):
            return False
        self._next[name] = now + seconds
        return True

    def _read_commands(self) -> bool:
        """Do what came on the standard input; returns whether it is still open."""
        while True:
            try:
                command = self._commands.get_nowait()
            except queue.Empty:
                return True
            if command is None:
                return False
            self._begin(command["run"], command["attempt"], attached=command["attached"])

    def _begin(self, run_id: str, number: int, *, attached: bool) -> None:
        attempt = Attempt(number, cluster_owner(self._cluster.address))
        try:
            run = RemoteRun(self._cluster, self._store, run_id, attempt)
        except CifarvizError as error:
            ending = Ending(RunState.FAILED, str(error))
            self._reply(_ended(run_id, number, ending))
            return
        self._runs[run_id, number] = run
        self._guarded(run, run.attach if attached else run.begin)

    def _guarded(self, run: RemoteRun, work: Callable[[], None]) -> None:
        """Do work for a run; an error ends that run only."""
        try:
            work()
        except Exception as error:
            run.end(failed_ending(run.run_id, error))

    def _look_at_nodes(self) -> None:
        self._cluster.update()
        try:
            self._cluster.save_status()
        except (CifarvizError, OSError):
            log.warning("the status of the cluster could not be saved", exc_info=True)
        problem = self._cluster.problem()
        self._reply(_status(self._cluster.places, problem, self._cluster.address))

    def _read_requests(self) -> None:
        """Look what is requested of all runs, in one query."""
        with self._store.database.connect() as connection:
            rows = connection.execute("SELECT run, action FROM controls WHERE done IS NULL")
            self._actions = {}
            for row in rows:
                self._actions.setdefault(row["run"], []).append(row["action"])

    def _end_strays(self) -> None:
        """End trainers whose run was interrupted while no gateway was there, or deleted."""
        names = self._cluster.trainer_names()
        with self._store.database.connect() as connection:
            rows = connection.execute(f"SELECT id, attempt FROM runs WHERE {IS_ACTIVE}")  # noqa: S608 - constants only
            attempts = {row["id"]: row["attempt"] for row in rows}
        for name in stray_trainers(names, attempts):
            log.warning("%s is ended, since its attempt is over", name)
            self._cluster.end_trainer(self._cluster.find_trainer(name))

    def _send_pins(self) -> None:
        pins: dict[tuple[str, str | None], Sequence[int]] = {}
        for run in self._runs.values():
            key = run.dataset, run.job.run.owner
            if key not in pins:
                pins[key] = run.job.pinned_images(find_dataset(run.dataset))
            run.pin(pins[key])

    def _wait_for_answers(self) -> None:
        import ray

        calls = {run.call: run for run in self._runs.values() if run.call is not None}
        if not calls:
            time.sleep(_WAIT_SECONDS)
            return
        began = time.monotonic()
        ready, _ = ray.wait(list(calls), num_returns=len(calls), timeout=_WAIT_SECONDS)
        for call in ready:
            self._guarded(calls[call], partial(_deliver, calls[call], call))
        # Answers that are all there must not keep a core busy.
        time.sleep(max(_WAIT_SECONDS - (time.monotonic() - began), 0.0))

    def _end_runs(self) -> None:
        """Report endings, and end trainers whose ending is recorded."""
        for (run_id, number), run in list(self._runs.items()):
            if run.phase != "over":
                continue
            if run.outcome is not None:
                lost = {"is": "lost", "run": run_id, "attempt": number}
                outcome, run.outcome = run.outcome, None
                self._reply(lost if outcome == "lost" else _ended(run_id, number, outcome))
            elif self._is_due(f"{run_id} {number}", 0.2) and run.is_recorded():
                run.end_trainer()
                del self._runs[run_id, number], self._next[f"{run_id} {number}"]


def _deliver(run: RemoteRun, call: Any) -> None:
    """Give a run the answer of its trainer, or the error in its place."""
    import ray
    from ray.exceptions import ActorUnavailableError, RayActorError, RayError

    try:
        answer = ray.get(call)
    except ActorUnavailableError as error:
        run.fail(error, unavailable=True, died=False)
    except RayActorError as error:
        # Where a trainer cannot be made, as without cifarviz on its node, another could neither.
        run.fail(error, unavailable=False, died="creation task" not in str(error))
    except ray.exceptions.RayTaskError as error:
        run.fail(error, unavailable=False, died=False)
    except RayError as error:
        # An answer was lost on its way; the trainer still has the messages.
        run.fail(error, unavailable=True, died=False)
    else:
        run.receive(answer)


def _status(places: int, problem: str | None, address: str) -> Mapping[str, Any]:
    return {
        "is": "status",
        "places": places,
        "problem": problem,
        "owner": cluster_owner(address),
    }


def _ended(run_id: str, number: int, ending: Ending) -> Mapping[str, Any]:
    return {
        "is": "ended",
        "run": run_id,
        "attempt": number,
        "state": ending.state,
        "message": ending.message,
        "stopped_early": ending.stopped_early,
    }


def main() -> None:
    """Run the gateway of the home that the environment names."""
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    # What Ray prints must not come between the replies.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def reply(value: Mapping[str, Any]) -> None:
        # The process that started this one may have ended.
        with suppress(BrokenPipeError):
            replies.write(json.dumps(value) + "\n")
            replies.flush()

    settings = Settings.from_environment()
    commands: queue.Queue[Any] = queue.Queue()

    def read() -> None:
        for line in sys.stdin:
            commands.put(json.loads(line))
        commands.put(None)
        # Ray may wait for a cluster that is gone.
        time.sleep(_END_SECONDS)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    try:
        gateway = Gateway(settings, commands, reply)
        # Ray waits for ever where something else answers. Another gateway tries again.
        too_long = threading.Timer(_CONNECT_SECONDS, os._exit, (1,))
        too_long.daemon = True
        too_long.start()
        gateway.connect()
        too_long.cancel()
        gateway.serve()
    except ClusterError as error:
        save_status(settings, ClusterStatus(settings.cluster or "", problem=str(error)))
        reply(_status(0, str(error), ""))
        sys.exit(1)


if __name__ == "__main__":
    main()
