"""Bar 3: 30 browsers on live pages while a run trains; then 30 people press Train at once.

The browsers receive everything and draw nothing (``benchmarks/page_client.py``), so that the
server's cost is measured. While they watch, one of them presses every two seconds. Training is
measured in windows, alternately watched and not. Without sign-in each session is a person; a fair
order is then that of the presses.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from statistics import median
from typing import Any

from benchmarks.page_client import PageClient
from benchmarks.reliability.check import (
    Check,
    at_least,
    none_of,
    p95_at_most,
    print_checks,
)
from benchmarks.reliability.programs import (
    Dashboard,
    fresh_home,
    open_store,
    queue_run,
    short_experiment,
    visit,
    wait_for,
)
from cifarviz.experiment.choices import Data, NoValidation
from cifarviz.runs.states import Action
from cifarviz.runs.store import RunStore

_PEOPLE = 30
_PRESS_SECONDS, _POINT_SECONDS, _SPEED = 0.5, 1.0, 0.85
_BETWEEN_PRESSES = 2.0


def run(people: int = _PEOPLE, windows: int = 4, seconds: float = 45.0) -> list[Check]:
    """Watch for so many windows; before each is a shorter one in which nobody watches."""
    with fresh_home() as home, Dashboard(home) as dashboard:
        store = open_store(home)
        run_id = _begin(store, dashboard)
        speeds: dict[int, list[float]] = {0: [], people: []}
        presses: list[float] = []
        delays: list[float] = []
        failures: list[str] = []
        for window in range(2 * windows):
            count, length = (people, seconds) if window % 2 else (0, seconds / 4)
            with ExitStack() as stack:
                query, feeds = f"view=watch&run={run_id}", (run_id, "status")
                clients = [
                    stack.enter_context(PageClient(dashboard.url, "train", query, feeds))
                    for _ in range(count)
                ]
                for client in clients:
                    client.wait()
                # Until the sessions have started.
                time.sleep(3)
                speeds[count].append(_watch(store, run_id, clients, presses, length))
                # The first message contains all earlier points.
                delays += [delay for client in clients for delay in client.delays[1:]]
                failures += [problem for client in clients for problem in client.problems]
                failures += ["a session received no points" for one in clients if not one.delays]
        ratio = median(a / b for a, b in zip(speeds[people], speeds[0], strict=True))
        store.request(run_id, Action.STOP)
        wait_for(lambda: not store.active(), "the end of the run")
        unfair, together = _press_at_once(store, dashboard, people)
    return [
        none_of(3, f"failures of {people} browsers that watch", failures, people * windows),
        p95_at_most(3, "a press answered meanwhile", presses, _PRESS_SECONDS, "s"),
        p95_at_most(3, "a live point, from the store to the browser", delays, _POINT_SECONDS, "s"),
        at_least(3, "training, of the speed when nobody watches", ratio, _SPEED),
        none_of(3, f"{people} press Train at once: not queued once, in order", unfair, people),
        Check(3, "the last of these is answered", f"{max(together):.1f} s", "–", True),
    ]


def _begin(store: RunStore, dashboard: Dashboard) -> str:
    changes: dict[str, Any] = {"data": Data(), "batch_size": 32}
    changes |= {"validation": NoValidation(), "monitor": "loss"}
    run_id = queue_run(store, short_experiment(1000, **changes), "watched")
    visit(dashboard)
    wait_for(lambda: len(store.epochs(run_id)) > 1, "two epochs")
    return run_id


def _watch(
    store: RunStore,
    run_id: str,
    clients: Sequence[PageClient],
    presses: list[float],
    seconds: float,
) -> float:
    """Let a window pass, with presses; returns the steps per second between two heartbeats."""
    first, since = _next_step(store, run_id)
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if clients:
            began = time.monotonic()
            clients[len(presses) % len(clients)].refresh()
            presses.append(time.monotonic() - began)
        time.sleep(min(_BETWEEN_PRESSES, left))
    last, until = _next_step(store, run_id)
    return (last - first) / (until - since)


def _next_step(store: RunStore, run_id: str) -> tuple[int, float]:
    before = store.get(run_id).progress
    while True:
        now = store.get(run_id).progress
        if now is not None and before is not None and now.heartbeat > before.heartbeat:
            return now.step, now.heartbeat
        time.sleep(0.01)


def _press_at_once(
    store: RunStore, dashboard: Dashboard, people: int
) -> tuple[list[str], list[float]]:
    """Press Train in as many sessions; returns what went wrong, and the seconds of each."""
    before = {one.id for one in store.all()}
    with ExitStack() as stack:
        clients = [
            stack.enter_context(PageClient(dashboard.url, "train", "view=setup"))
            for _ in range(people)
        ]
        for client in clients:
            client.wait()

        def press(client: PageClient) -> float:
            began = time.monotonic()
            client.press("Train")
            return time.monotonic() - began

        with ThreadPoolExecutor(people) as pool:
            seconds = list(pool.map(press, clients))
        queued = [one for one in store.all() if one.id not in before]
        problems = [problem for client in clients for problem in client.problems]
        for client in clients:
            client.expect_end()
    if len(queued) != people:
        problems.append(f"{len(queued)} runs are queued")
    if len({one.name for one in queued}) != len(queued):
        problems.append("runs have the same name")
    waiting = [one.id for one in sorted(queued, key=lambda one: (one.created, one.id))]
    if [run_id for run_id in waiting if run_id in store.queue()] != store.queue():
        problems.append("they do not wait in the order of the presses")
    store.stop_all([one.id for one in queued])
    wait_for(lambda: not store.active(), "the end of these runs")
    return problems, seconds


if __name__ == "__main__":
    print_checks(run())
