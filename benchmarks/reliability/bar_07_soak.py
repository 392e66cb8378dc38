"""Bar 7: 5,000 refreshes of pages, 100 short runs and 300 connects, in one server.

Its memory then grows by less than 1 MB per 1,000 refreshes (the slope of a line through its sizes
after the warm-up), and threads and open files are as many at the end as after the warm-up. A
refresh is a link to the address at which the page was opened: Train fills its form anew.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.page_client import PageClient
from benchmarks.reliability.check import Check, at_most, none_of, print_checks
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

_GROWTH_MB = 1.0
# Threads and files come and go with connections that just end.
_SPARE = 4
# In how many parts each kind of work is measured, and how many of them are its warm-up. Streamlit
# keeps the last 128 sessions that have ended, for two minutes: half of 300 connects are more.
_PARTS = {"refreshes": (20, 5), "runs": (8, 2), "connects": (8, 4)}
_PAGES = ("", "train", "runs", "evaluate", "inside", "predict", "samples", "present")


@dataclass
class _Sizes:
    server_id: int
    megabytes: list[float] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)

    def take(self) -> None:
        """Note what the server takes now, once connections that end are gone."""
        time.sleep(1)
        folder = Path(f"/proc/{self.server_id}")
        status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
        self.megabytes.append(int(status["VmRSS"].split()[0]) / 1024)
        self.threads.append(int(status["Threads"]))
        self.files.append(len(list((folder / "fd").iterdir())))


def run(refreshes: int = 5000, runs: int = 100, connects: int = 300) -> list[Check]:
    """Do so many of each and measure."""
    problems: list[str] = []
    with fresh_home() as home, Dashboard(home) as dashboard:
        store = open_store(home)
        run_id = queue_run(store, short_experiment(1, 64), "first")
        visit(dashboard)
        wait_for(lambda: not store.active(), "the first run")
        sizes = {name: _Sizes(dashboard.server_id) for name in _PARTS}
        with ExitStack() as stack:
            pages = [
                stack.enter_context(PageClient(dashboard.url, name, f"run={run_id}"))
                for name in _PAGES
            ]
            for page in pages:
                page.wait()
            _in_parts(sizes, "refreshes", refreshes, lambda count: _refresh(pages, count))
            _in_parts(sizes, "runs", runs, lambda count: _train(store, pages[0], count))
            for page in pages:
                problems += page.problems
                page.expect_end()
        _in_parts(sizes, "connects", connects, lambda count: _connect(run_id, dashboard, count))
        problems += [one.name for one in store.all() if one.state is not RunState.FINISHED]
    megabytes = sizes["refreshes"].megabytes
    warm_up = _PARTS["refreshes"][1]
    growth = 1000 * _slope(megabytes, warm_up, refreshes)
    return [
        Check(
            7,
            f"memory per 1,000 refreshes, of {refreshes:,}",
            f"{growth:.2f} MB (from {megabytes[warm_up]:,.0f} to {megabytes[-1]:,.0f} MB)",
            f"< {_GROWTH_MB:g} MB",
            growth < _GROWTH_MB,
        ),
        *(
            at_most(
                7,
                f"{what} more after {name}",
                _growth(getattr(one, what), _PARTS[name][1]),
                _SPARE,
                what,
            )
            for name, one in sizes.items()
            for what in ("threads", "files")
        ),
        none_of(7, "errors of pages, and runs that did not finish", problems, refreshes + runs),
    ]


def _in_parts(
    sizes: Mapping[str, _Sizes], name: str, count: int, work: Callable[[int], None]
) -> None:
    parts, _ = _PARTS[name]
    for part in range(parts):
        work(count * (part + 1) // parts - count * part // parts)
        sizes[name].take()


def _slope(sizes: Sequence[float], warm_up: int, count: int) -> float:
    """Return the growth for each of ``count``, after so many of the sizes."""
    done = count / len(sizes) * np.arange(1, len(sizes) + 1)
    return float(np.polyfit(done[warm_up:], sizes[warm_up:], 1)[0])


def _growth(counts: Sequence[int], warm_up: int) -> float:
    return float(counts[-1] - max(counts[:warm_up]))


def _refresh(pages: Sequence[PageClient], count: int) -> None:
    """Draw pages again in sessions that stay, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(PageClient.refresh, (pages[number % len(pages)] for number in range(count))))


def _connect(run_id: str, dashboard: Dashboard, count: int) -> None:
    """Open pages with their feeds, as often, and leave them."""
    for _ in range(count):
        query = f"view=watch&run={run_id}"
        with PageClient(dashboard.url, "train", query, (run_id, "status")) as page:
            page.wait()
            page.expect_end()


def _train(store: RunStore, page: PageClient, count: int) -> None:
    for _ in range(count):
        queue_run(store, short_experiment(1, 64), "short")
    page.refresh()
    wait_for(lambda: not store.active(), "the runs", 600)


if __name__ == "__main__":
    print_checks(run())
