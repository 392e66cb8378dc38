"""Bar 8: the disk is full at ten different writes, and open files are exhausted.

The home is a small file system in memory, mounted in a user namespace of this process (``unshare
--user --mount``), which needs no privilege: what is written meets a real ENOSPC. It is filled
before each of seven commands, and while a run trains in a server, up to different numbers of bytes
so that different writes are the first to fail. Then the message says it in words, pages are drawn,
the last checkpoint loads, and all goes on when there is room. The memory limit is in bar 13.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from websockets.exceptions import WebSocketException

from benchmarks.page_client import PageClient
from benchmarks.reliability.check import Check, none_of, print_checks
from benchmarks.reliability.home_files import saved_step, unreadable_files
from benchmarks.reliability.programs import (
    Dashboard,
    Program,
    fresh_home,
    open_store,
    queue_run,
    short_experiment,
    visit,
    wait_for,
)
from cifarviz.cli.dashboard import is_serving
from cifarviz.errors import CifarvizError
from cifarviz.runs.artifacts import checkpoint_path, load_arrays
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from tests.picture_sources import fruits, write_folder

_MEGABYTES = 60
_SAYS = ("is full", "is too full")
# What is left: nothing; room for rows; for a checkpoint but not for two; for a snapshot, too.
_LEFT = (0, 100_000, 700_000, 2_000_000)
# Longer than the worker tries at once to record how a run ends.
_FULL_SECONDS = 10.0
_OPEN_FILES = 110
_TRAIN = ("train", "cifar10-starter", "--data", "sample", "--train-images", "256", "--epochs", "2")


def run() -> list[Check]:
    """Measure in a namespace of its own."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        command = [sys.executable, "-m", "benchmarks.reliability.bar_08_disk_full", str(results)]
        done = subprocess.run(
            ["unshare", "--user", "--map-root-user", "--mount", *command], check=False
        )
        if not results.exists():
            problem = f"unshare ended with {done.returncode}: no file system could be filled"
            return [Check(8, "the disk full", problem, "measured", False)]
        return [Check(**one) for one in json.loads(results.read_text())]


def run_inside() -> list[Check]:
    """Measure; this process may mount file systems that no other process sees."""
    with _small_home() as home:
        commands, count = list(_fill_before_commands(home)), 7
    with _small_home() as home:
        training = list(_fill_while_training(home))
    with fresh_home() as home:
        files = list(_exhaust_open_files(home))
    return [
        none_of(8, "a command on a full disk: not in words, or not later", commands, count),
        none_of(8, "the disk full while a run trains", training, len(_LEFT)),
        none_of(8, "open files exhausted in the server", files, 1),
    ]


@contextmanager
def _small_home() -> Iterator[Path]:
    with fresh_home() as home:
        home.mkdir()
        size = f"size={_MEGABYTES}m"
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", str(home)], check=True)
        try:
            yield home
        finally:
            subprocess.run(["umount", "--lazy", str(home)], check=True)


@contextmanager
def _full(home: Path, left: int = 0) -> Iterator[None]:
    """Fill the file system up to ``left`` bytes, and make room again."""
    filler = home / "filler"
    with filler.open("wb") as file:
        facts = os.statvfs(home)
        with suppress(OSError):
            os.posix_fallocate(file.fileno(), 0, max(facts.f_bavail * facts.f_frsize - left, 1))
    try:
        yield
    finally:
        filler.unlink()


def _fill_before_commands(home: Path) -> Iterator[str]:
    store = open_store(home)
    with Program(home, *_TRAIN) as program:
        program.process.wait()
    [run] = store.all()
    pictures = write_folder(fruits(30), home.parent / "pictures")
    packed, report = home.parent / "packed.zip", home / "report.html"
    with Program(home, "export", run.id, "--as", "run", "--out", str(packed)) as program:
        program.process.wait()
    commands: tuple[tuple[str, ...], ...] = (
        _TRAIN,
        ("fork", run.id, "--epoch", "2", "--epochs", "1"),
        ("tune", *_TRAIN[1:], "--param", "batch_size=16,32", "--trials", "1"),
        ("data", "import", str(pictures), "--name", "fruits"),
        ("data", "derive", "cifar10", "--name", "pets", "--class", "cat", "--class", "dog"),
        ("import", str(packed)),
        ("export", run.id, "--as", "report", "--out", str(report)),
    )
    for command in commands:
        name = " ".join(command[:2])
        with _full(home), Program(home, *command) as program:
            code = program.process.wait()
        if code == 0 or not any(words in program.log() for words in _SAYS):
            yield f"{name} on a full disk: exit code {code}, {program.log()[-300:]}"
        if "Traceback" in program.log():
            yield f"{name} on a full disk: a traceback"
        yield from (f"{name}: {problem}" for problem in unreadable_files(home))
        with Program(home, *command) as program:
            if program.process.wait() != 0:
                yield f"{name} when there was room again: {program.log()[-300:]}"


def _fill_while_training(home: Path) -> Iterator[str]:
    store = open_store(home)
    with Dashboard(home) as dashboard:
        for left in _LEFT:
            yield from (f"{left:,} bytes left: {one}" for one in _fill_once(store, dashboard, left))


def _fill_once(store: RunStore, dashboard: Dashboard, left: int) -> Iterator[str]:
    home = store.settings.home
    run_id = queue_run(store, short_experiment(8, 1000), f"with {left} bytes")
    after = queue_run(store, short_experiment(1), f"after {left} bytes")
    visit(dashboard)
    # It is written after its epoch is recorded.
    wait_for(lambda: saved_step(store, run_id) > 0, "a checkpoint")
    with _full(home, left):
        time.sleep(_FULL_SECONDS)
        yield from _open_pages(dashboard, run_id)
        if not is_serving(dashboard.url):
            yield "the server has ended"
    # With room for a row it has ended; without, it does now.
    wait_for(lambda: not store.get(run_id).state.active, "the end of the run", 60)
    yield from _without_checkpoint(store, run_id)
    # What waits goes on by itself, or has failed for the same reason.
    visit(dashboard)
    wait_for(lambda: not store.active(), "the next run", 90)
    for one in (run_id, after):
        ended = store.get(one)
        if ended.state is RunState.FINISHED:
            continue
        if not any(words in (ended.message or "") for words in _SAYS):
            yield f"“{ended.name}” is {ended.state} and says “{ended.message}”"
        with Program(home, "resume", one) as program:
            program.process.wait()
        if (resumed := store.get(one)).state is not RunState.FINISHED:
            yield f"“{ended.name}” resumed with room: {resumed.state}, {resumed.message}"
    yield from unreadable_files(home)


def _open_pages(dashboard: Dashboard, run_id: str) -> Iterator[str]:
    for page in ("", "train", "runs", "evaluate"):
        with PageClient(dashboard.url, page, f"run={run_id}") as client:
            client.wait()
            client.expect_end()
            yield from (f"page {page or 'start'}: {problem}" for problem in client.problems)


def _without_checkpoint(store: RunStore, run_id: str) -> Iterator[str]:
    if saved_step(store, run_id) == 0:
        yield "there is no checkpoint"
        return
    try:
        load_arrays(checkpoint_path(store.folder(run_id), "last"))
    except CifarvizError as error:
        yield str(error)


def _exhaust_open_files(home: Path) -> Iterator[str]:
    """Connect until no file can be opened, then let go: what waited trains, pages are drawn."""
    limits = {resource.RLIMIT_NOFILE: _OPEN_FILES}
    store = open_store(home)
    with Dashboard(home, limits=limits) as dashboard:
        run_id = queue_run(store, short_experiment(30, 1000), "without files")
        visit(dashboard)
        wait_for(lambda: len(store.batch_points(run_id)) > 0, "the first step")
        with ExitStack() as stack, suppress(OSError, RuntimeError, WebSocketException):
            for _ in range(_OPEN_FILES):
                client = PageClient(dashboard.url, "train", f"view=watch&run={run_id}")
                stack.enter_context(client)
                stack.callback(client.expect_end)
        second = queue_run(store, short_experiment(1), "afterwards")
        wait_for(lambda: _is_alive_again(dashboard), "the server's pages", 180)
        wait_for(lambda: not store.get(run_id).state.active, "the end of the run", 120)
        first = store.get(run_id)
        if first.state is not RunState.FINISHED:
            if not first.message:
                yield f"the run is {first.state} without a word"
            store.transition(run_id, RunState.QUEUED)
            visit(dashboard)
        wait_for(lambda: not store.active(), "what waits", 240)
        for one in (run_id, second):
            if (found := store.get(one)).state is not RunState.FINISHED:
                yield f"{found.name} is {found.state}: {found.message}"


def _is_alive_again(dashboard: Dashboard) -> bool:
    try:
        visit(dashboard)
    except Exception:
        return False
    return True


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(json.dumps([asdict(check) for check in run_inside()]))
    else:
        print_checks(run())
