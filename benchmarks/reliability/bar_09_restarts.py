"""Bar 9: 50 reloads and 5 restarts of the server while runs wait.

Each run is trained by one process at a time and once only, and every link comes back: each page
with each run in its address is drawn without an error after each restart.
"""

import random
import signal

from benchmarks.page_client import PageClient
from benchmarks.reliability.check import Check, none_of, print_checks
from benchmarks.reliability.programs import (
    Dashboard,
    fresh_home,
    open_store,
    queue_run,
    short_experiment,
    visit,
    wait_for,
)
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore

_RUNS, _EPOCHS, _IMAGES = 6, 4, 1000
_PAGES = ("train?view=watch", "runs", "evaluate", "inside", "predict", "present")


def run(reloads: int = 50, restarts: int = 5) -> list[Check]:
    """Reload and restart so often."""
    random.seed(9)
    broken: list[str] = []
    with fresh_home() as home:
        store = open_store(home)
        runs = [
            queue_run(store, short_experiment(_EPOCHS, _IMAGES, seed=number + 1), f"run {number}")
            for number in range(_RUNS)
        ]
        for restart in range(restarts):
            with Dashboard(home) as dashboard:
                for number in range(reloads // restarts):
                    broken += _open(dashboard, runs[number % _RUNS])
                _resume_interrupted(store, dashboard)
                if restart < restarts - 1:
                    # Half of them as a service manager does, half as a power cut.
                    if restart % 2:
                        dashboard.kill()
                    else:
                        dashboard.process.send_signal(signal.SIGTERM)
                        dashboard.process.wait()
                    continue
                wait_for(lambda: not store.active(), "the runs", 300)
                links = [_open(dashboard, run_id, page) for run_id in runs for page in _PAGES]
        broken += [problem for link in links for problem in link]
        twice = [problem for run_id in runs for problem in _twice(store, run_id)]
    return [
        none_of(9, "a run not trained, or an epoch or step trained twice", twice, _RUNS),
        none_of(9, "a page that did not come back", broken, reloads + len(links)),
    ]


def _open(dashboard: Dashboard, run_id: str, page: str | None = None) -> list[str]:
    name, _, query = (page or random.choice(_PAGES)).partition("?")
    address = "&".join(filter(None, (query, f"run={run_id}")))
    with PageClient(dashboard.url, name, address) as client:
        client.wait()
        client.expect_end()
        return [f"{name}?{address}: {problem}" for problem in client.problems]


def _resume_interrupted(store: RunStore, dashboard: Dashboard) -> None:
    """Queue what the last end of the server has interrupted, as Resume does."""
    for one in store.all():
        if one.state is RunState.INTERRUPTED:
            store.transition(one.id, RunState.QUEUED)
    visit(dashboard)


def _twice(store: RunStore, run_id: str) -> list[str]:
    found = store.get(run_id)
    epochs = [epoch.epoch for epoch in store.epochs(run_id)]
    steps = store.batch_points(run_id).steps.tolist()
    problems = []
    if found.state is not RunState.FINISHED:
        problems.append(f"{found.name} is {found.state}: {found.message}")
    if epochs != list(range(1, _EPOCHS + 1)):
        problems.append(f"{found.name} has the epochs {epochs}")
    if steps != list(range(1, len(steps) + 1)):
        problems.append(f"{found.name} has steps twice or not at all")
    return problems


if __name__ == "__main__":
    print_checks(run())
