"""Bar 4: stop and pause, 50 times at random moments, watched by several browsers.

A stop is measured from the request to the state *stopped* with the weights saved, a pause to
*paused*; and every browser has the right state in the end.
"""

import random
import time
from contextlib import ExitStack

from benchmarks.page_client import PageClient
from benchmarks.reliability.check import Check, none_of, p95_at_most, print_checks
from benchmarks.reliability.home_files import last_step, saved_step
from benchmarks.reliability.programs import (
    Dashboard,
    fresh_home,
    open_store,
    queue_run,
    short_experiment,
    visit,
    wait_for,
)
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore

_BROWSERS = 3
_LIMIT_SECONDS = 1.0
_LATEST_SECONDS = 0.8
_SOON = 5.0


def run(tries: int = 50) -> list[Check]:
    """Measure; every other one of ``tries`` is a pause."""
    random.seed(4)
    stops: list[float] = []
    pauses: list[float] = []
    problems: list[str] = []
    with fresh_home() as home, Dashboard(home) as dashboard:
        store = open_store(home)
        run_id = queue_run(store, short_experiment(1000, 2000), "stopped")
        visit(dashboard)
        with ExitStack() as stack:
            browsers = [
                stack.enter_context(
                    PageClient(dashboard.url, "train", f"view=watch&run={run_id}", (run_id,))
                )
                for _ in range(_BROWSERS)
            ]
            for browser in browsers:
                browser.wait()
            for number in range(tries):
                if number % 2:
                    pauses.append(_pause(store, run_id, browsers, problems))
                else:
                    stops.append(_stop(store, run_id, dashboard, browsers, problems))
            store.request(run_id, Action.STOP)
            wait_for(lambda: not store.get(run_id).state.active, "the end")
    return [
        p95_at_most(4, "a stop to stopped, with the weights saved", stops, _LIMIT_SECONDS, "s"),
        p95_at_most(4, "a pause to paused", pauses, _LIMIT_SECONDS, "s"),
        none_of(4, f"a wrong state, in the store or in {_BROWSERS} browsers", problems, tries),
    ]


def _pause(store: RunStore, run_id: str, browsers: list[PageClient], problems: list[str]) -> float:
    _wait_for_a_moment(store, run_id)
    seconds = _request(store, run_id, Action.PAUSE, RunState.PAUSED)
    problems += _wrong_states(browsers, RunState.PAUSED)
    _request(store, run_id, Action.RESUME, RunState.RUNNING)
    problems += _wrong_states(browsers, RunState.RUNNING)
    return seconds


def _stop(
    store: RunStore,
    run_id: str,
    dashboard: Dashboard,
    browsers: list[PageClient],
    problems: list[str],
) -> float:
    _wait_for_a_moment(store, run_id)
    seconds = _request(store, run_id, Action.STOP, RunState.STOPPED)
    if saved_step(store, run_id) < last_step(store, run_id):
        problems.append(f"stopped without the weights of step {last_step(store, run_id)}")
    problems += _wrong_states(browsers, RunState.STOPPED)
    store.transition(run_id, RunState.QUEUED)
    # The next page takes it up.
    visit(dashboard)
    return seconds


def _wait_for_a_moment(store: RunStore, run_id: str) -> None:
    step = last_step(store, run_id)
    wait_for(lambda: last_step(store, run_id) > step, "a step")
    time.sleep(random.uniform(0, _LATEST_SECONDS))


def _request(store: RunStore, run_id: str, action: Action, to: RunState) -> float:
    store.request(run_id, action)
    return wait_for(lambda: store.get(run_id).state is to, to)


def _wrong_states(browsers: list[PageClient], state: RunState) -> list[str]:
    """Return what browsers show some seconds later, where it is another state."""
    try:
        wait_for(lambda: all(one.state == state for one in browsers), "the browsers", _SOON)
    except TimeoutError:
        return [f"a browser has {one.state}, not {state}" for one in browsers if one.state != state]
    return []


if __name__ == "__main__":
    print_checks(run())
