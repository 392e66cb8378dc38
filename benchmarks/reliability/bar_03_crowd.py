"""Bar 3: a class of 30 on live pages while a run trains; then all press Train at once.

Each joins with the code and a name, and watches a run that the teacher shows to all. The browsers
receive everything and draw nothing (``benchmarks/page_client.py``), so that the server's cost is
measured; they take their share of the same cores, which is told. While they watch, one of them
presses every two seconds. Training is measured in windows, alternately watched and not. Runs of 30
people who queue one each take turns in the order of the presses.
"""

import os
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
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
    ClassDashboard,
    fresh_home,
    open_store,
    queue_run,
    short_experiment,
    visit,
    wait_for,
)
from benchmarks.watched_run import WatchedRun
from cifarviz.experiment.choices import Data, NoValidation
from cifarviz.runs.members import class_members
from cifarviz.runs.states import Action
from cifarviz.runs.store import RunStore

_PEOPLE = 30
_PRESS_SECONDS, _POINT_SECONDS, _SPEED = 0.5, 1.0, 0.85
_BETWEEN_PRESSES = 2.0


def run(people: int = _PEOPLE, windows: int = 4, seconds: float = 45.0) -> list[Check]:
    """Watch for so many windows; before each is a shorter one in which nobody watches."""
    with fresh_home() as home, ClassDashboard(home) as dashboard:
        store = open_store(home)
        cookies = [dashboard.join(f"Student {number}") for number in range(1, people + 1)]
        run_id = _begin(store, dashboard)
        watched = WatchedRun(dashboard.url, store, run_id, (run_id, "status"), cookies)
        nobody, crowd = _Window(dashboard.server_id), _Window(dashboard.server_id)
        failures: list[str] = []
        for _ in range(windows):
            watched.measure(0, lambda clients: nobody.let_pass(clients, seconds / 4))
            clients = watched.measure(people, lambda clients: crowd.let_pass(clients, seconds))
            failures += [problem for client in clients for problem in client.problems]
            failures += ["a session received no points" for one in clients if not one.delays]
        store.request(run_id, Action.STOP)
        wait_for(lambda: not store.active(), "the end of the run")
        unfair, together = _press_at_once(store, dashboard, cookies)
    # What training takes of the server's time is in proportion to its speed.
    speed = sum(watched.speeds[people]) / sum(watched.speeds[0])
    server = crowd.server / crowd.seconds - speed * nobody.server / nobody.seconds
    return [
        none_of(3, f"failures of {people} browsers that watch", failures, people * windows),
        p95_at_most(3, "a press answered meanwhile", crowd.presses, _PRESS_SECONDS, "s"),
        p95_at_most(
            3,
            "a live point, from the store to the browser",
            watched.delays[people],
            _POINT_SECONDS,
            "s",
        ),
        at_least(3, "training, of the speed when nobody watches", watched.ratio(people), _SPEED),
        Check(
            3,
            "processor time for these, of a core: the server, the browsers",
            f"{server:.2f}, {crowd.browsers / crowd.seconds:.2f}",
            "–",
            True,
        ),
        none_of(3, f"{people} press Train at once: not queued once, in order", unfair, people),
        Check(3, "the last of these is answered", f"{max(together):.1f} s", "–", True),
    ]


@dataclass
class _Window:
    """Seconds of windows, of processor time in them, and those until each press was answered."""

    server_id: int
    seconds: float = 0.0
    server: float = 0.0
    browsers: float = 0.0
    presses: list[float] = field(default_factory=list)

    def let_pass(self, clients: Sequence[PageClient], seconds: float) -> None:
        """Let a window pass; one of the clients presses every two seconds."""
        began, server, browsers = time.monotonic(), self._server_time(), time.process_time()
        end = began + seconds
        while (left := end - time.monotonic()) > 0:
            if clients:
                pressed = time.monotonic()
                clients[len(self.presses) % len(clients)].refresh()
                self.presses.append(time.monotonic() - pressed)
            time.sleep(min(_BETWEEN_PRESSES, left))
        self.seconds += time.monotonic() - began
        self.server += self._server_time() - server
        self.browsers += time.process_time() - browsers

    def _server_time(self) -> float:
        """Return the processor time of the server so far, in seconds."""
        text = Path(f"/proc/{self.server_id}/stat").read_text()
        user, system = text.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _begin(store: RunStore, dashboard: ClassDashboard) -> str:
    """Train a run of the teacher that all see; returns its id after two epochs."""
    changes: dict[str, Any] = {"data": Data(), "batch_size": 32}
    changes |= {"validation": NoValidation(), "monitor": "loss"}
    run_id = queue_run(store, short_experiment(1000, **changes), "watched")
    store.set_shown(run_id, True)
    visit(dashboard, cookie=dashboard.sign_in())
    wait_for(lambda: len(store.epochs(run_id)) > 1, "two epochs")
    return run_id


def _press_at_once(
    store: RunStore, dashboard: ClassDashboard, cookies: Sequence[str]
) -> tuple[list[str], list[float]]:
    """Let each student press Train; returns what went wrong, and the seconds of each."""
    before = {one.id for one in store.all()}
    with ExitStack() as stack:
        clients = [
            stack.enter_context(PageClient(dashboard.url, "train", "view=setup", cookie=cookie))
            for cookie in cookies
        ]
        for client in clients:
            client.wait()

        def press(client: PageClient) -> float:
            began = time.monotonic()
            client.press("Train")
            return time.monotonic() - began

        with ThreadPoolExecutor(len(clients)) as pool:
            seconds = list(pool.map(press, clients))
        queued = [one for one in store.all() if one.id not in before]
        problems = [problem for client in clients for problem in client.problems]
        for client in clients:
            client.expect_end()
    students = Counter(member.id for member in class_members(store))
    if Counter(one.owner for one in queued) != students:
        problems.append(f"{len(queued)} runs are queued for {len(students)} people")
    waiting = [one.id for one in sorted(queued, key=lambda one: (one.created, one.id))]
    if [run_id for run_id in waiting if run_id in store.queue()] != store.queue():
        problems.append("they do not wait in the order of the presses")
    store.stop_all([one.id for one in queued])
    wait_for(lambda: not store.active(), "the end of these runs")
    return problems, seconds


if __name__ == "__main__":
    print_checks(run())
